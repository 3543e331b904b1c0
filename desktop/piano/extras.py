"""Further results of a cover: its score and its video, made along with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from desktop.jobs.events import AnyEvent, Produced, Progressed
from desktop.jobs.job import ScoreJob, WaterfallJob
from desktop.jobs.progress import Progress

_WEIGHTS = {"musicxml": 1, "pdf": 4, "mp4": 40}


def make_extras(
    project: Path, endings: Sequence[str], folder: Path, progress: Progress, *, soundfont: str = ""
) -> dict[str, Path]:
    """Write the results with ``endings`` (of ``EXTRAS``) of a saved cover into ``folder``; the files by ending.

    Raises UserError as the jobs that make them do.
    """
    # The encoder and the engraver are loaded for those who ask for them only.
    from desktop.piano.score.job import run_score
    from desktop.piano.waterfall.job import run_waterfall

    made: dict[str, Path] = {}
    whole, done = sum(_WEIGHTS[ending] for ending in endings), 0
    for ending in endings:
        target = folder / f"extra.{ending}"
        part = _Inner(progress.part(done / whole, (done + _WEIGHTS[ending]) / whole))
        if ending == "mp4":
            run_waterfall(WaterfallJob(cover=str(project), output=str(target), soundfont=soundfont), part)
        else:
            run_score(ScoreJob(cover=str(project), output=str(target)), part)
        made[ending] = target
        done += _WEIGHTS[ending]
    return made


class _Inner(Progress):
    """Passes everything on but the files, which are not in their place yet, and the end, after which others follow."""

    def __init__(self, outer: Progress) -> None:
        self._outer = outer

    def emit(self, event: AnyEvent) -> None:
        if not isinstance(event, Produced) and not (isinstance(event, Progressed) and event.fraction >= 1.0):
            self._outer.emit(event)

    def checkpoint(self) -> None:
        self._outer.checkpoint()

    def will_stop(self) -> bool:
        return self._outer.will_stop()

    def scratch(self) -> Path:
        return self._outer.scratch()
