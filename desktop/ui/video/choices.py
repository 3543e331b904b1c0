"""How a clip is to be restored, and what is remembered of it between starts."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from desktop.errors import UserError
from desktop.jobs.job import RestoreJob, RestoreOptions
from desktop.jobs.video_jobs import ENCODERS
from desktop.malformed import MALFORMED
from desktop.ui.state import State

KEPT = 200
"""Clips whose choices are remembered."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Choices:
    """What the inspector shows.

    Attributes:
        options: how pictures are restored.
        start, end: part of the clip, in seconds; None for its start or end.
        container: extension of the result; "" for what suits the source.
        encoder, quality: as in ``RestoreJob``.
        output: where the user wants the result; "" for the usual place.
    """

    options: RestoreOptions = field(default_factory=RestoreOptions)
    start: float | None = None
    end: float | None = None
    container: str = ""
    encoder: str = "auto"
    quality: int | None = None
    output: str = ""

    @property
    def for_others(self) -> Choices:
        """What of it is a good start for another clip: all but the part and the place."""
        return replace(self, start=None, end=None, output="")

    def job(self, source: Path, output: Path, device: str = "auto") -> RestoreJob:
        """The job that does it; raises UserError when that cannot be."""
        return RestoreJob(
            source=str(source), output=str(output), options=self.options, start=self.start, end=self.end,
            encoder=self.encoder, quality=self.quality, device=device,
        )  # fmt: skip


def of_job(job: RestoreJob) -> Choices:
    """The choices that a job was made with."""
    return Choices(job.options, job.start, job.end, Path(job.output).suffix.lower(), job.encoder, job.quality, job.output)


class Memory:
    """Choices by clip in the window's state; a clip that is new gets those that were used last."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._clips = _table(state.text("video/clips", "{}"))

    def of(self, clip: Path) -> Choices:
        """The choices of a clip."""
        kept = self._clips.get(str(clip))
        return _read(kept) if kept is not None else self.last

    @property
    def last(self) -> Choices:
        """What was chosen last, for any clip."""
        return _read(_table(self._state.text("video/last", "{}")))

    def keep(self, clip: Path, choices: Choices) -> None:
        """Remember."""
        self.keep_all({clip: choices})
        self._state.keep("video/last", json.dumps(_plain(choices.for_others)))

    def keep_all(self, choices: Mapping[Path, Choices]) -> None:
        """Remember those of many clips."""
        for clip, chosen in list(choices.items())[-KEPT:]:
            self._clips.pop(str(clip), None)
            self._clips[str(clip)] = _plain(chosen)
        for old in list(self._clips)[:-KEPT]:
            del self._clips[old]
        self._state.keep("video/clips", json.dumps(self._clips))


def _table(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except MALFORMED:
        return {}
    return found if isinstance(found, dict) else {}


def _plain(choices: Choices) -> dict[str, Any]:
    return {
        "options": msgspec.to_builtins(choices.options), "start": choices.start, "end": choices.end,
        "container": choices.container, "encoder": choices.encoder, "quality": choices.quality, "output": choices.output,
    }  # fmt: skip


def _read(kept: Any) -> Choices:
    """What was kept, as far as this version understands it."""
    default = Choices()
    if not isinstance(kept, dict):
        return default
    try:
        options = msgspec.convert(kept.get("options", {}), RestoreOptions)
    except (msgspec.ValidationError, UserError) as error:
        log.warning("choices of another version are not used: %s", error)
        options = default.options
    start, end = _second(kept.get("start")), _second(kept.get("end"))
    encoder, quality = kept.get("encoder"), kept.get("quality")
    return Choices(
        options,
        start,
        end if end is None or end > (start or 0.0) else None,
        str(kept.get("container") or ""),
        encoder if encoder in ENCODERS else "auto",
        quality if isinstance(quality, int) and 0 <= quality <= 63 else None,
        str(kept.get("output") or ""),
    )


def _second(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 else None
