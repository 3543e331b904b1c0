"""Job kinds that write some bars of a saved cover anew."""

from __future__ import annotations

import math
from pathlib import Path
from typing import ClassVar

from desktop.errors import UsageError
from desktop.jobs.base import Job, choose, require
from desktop.jobs.piano_choices import choices_of
from desktop.jobs.piano_jobs import COMPOSERS, DIFFICULTIES, ENGINES, STYLES, check_composer


class TakeJob(Job, frozen=True, kw_only=True, tag="take"):
    """Write a stretch of a saved cover (``.reprise``) anew, on its own grid; the file stays as it is.

    The result has "notes" [[start, end, pitch, velocity, hand], ...] that start in the stretch and "pedals" [[down, up], ...],
    all in beats of the cover's grid.

    Attributes:
        first, last: beats from and to (exclusive).
    """

    runner: ClassVar[str] = "desktop.piano.takes:run_take"
    cover: str
    first: float
    last: float
    engine: str = "sketch"
    style: str = "pop"
    difficulty: str = "medium"
    composer: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        require("cover", self.cover)
        check_stretch(self.first, self.last)
        choose("engine", self.engine, ENGINES)
        choose("style", self.style, STYLES)
        choose("difficulty", self.difficulty, DIFFICULTIES)
        check_composer(self.composer)

    @property
    def title(self) -> str:
        return f"A take for {Path(self.cover).stem}"


class AuditionJob(Job, frozen=True, kw_only=True, tag="audition"):
    """Let several choices of an engine play the same stretch of a saved cover, to choose by ear.

    The result has "takes": for each choice {"choice", "notes", "pedals" (as in ``TakeJob``), "audio": a WAV in ``folder``}.

    Attributes:
        choices: numbers of composers ("1" .. "21") with Pop2Piano, names of styles with Sketch, difficulties with Songbook.
        difficulty: of no use to Songbook, whose choices are difficulties.
        folder: where the sounds go; made when absent.
    """

    runner: ClassVar[str] = "desktop.piano.takes:run_audition"
    cover: str
    folder: str
    first: float
    last: float
    engine: str = "pop2piano"
    choices: tuple[str, ...] = tuple(map(str, COMPOSERS))
    difficulty: str = "medium"
    soundfont: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        require("cover", self.cover)
        require("folder", self.folder)
        check_stretch(self.first, self.last)
        choose("engine", self.engine, ENGINES)
        choose("difficulty", self.difficulty, DIFFICULTIES)
        for choice in self.choices:
            choose("choices", choice, choices_of(self.engine))

    @property
    def title(self) -> str:
        return f"Auditions for {Path(self.cover).stem}"


def check_stretch(first: float, last: float) -> None:
    """Raise UsageError unless ``first`` .. ``last`` is a stretch of beats."""
    if not (math.isfinite(first) and math.isfinite(last) and last > first):
        raise UsageError(f"first, last: {first:g} to {last:g} is not a stretch of beats")
