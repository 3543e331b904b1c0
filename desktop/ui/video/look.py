"""What is known of the open clip as a whole: its facts, its thumbnails, where its shots begin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from desktop.jobs.events import Failed, Previewed
from desktop.jobs.job import FilmstripJob, InspectJob, RestoreOptions
from desktop.ui.asks import Newest
from desktop.ui.bridge import QueueBridge
from desktop.ui.video import files
from desktop.ui.widgets.picture import Picture

ESTIMATE_AFTER_MS = 700
"""The estimate follows a change of options when nothing else was changed for so long."""
THUMBS = 60


class Look(QObject):
    """See the module's docstring.

    Attributes:
        info: what an InspectJob found, {} before.
        thumbs: (second, picture), in the order of their coming.
        shots: seconds at which shots begin.
        duration, rate, size: of the clip; 0 while unknown. ``size`` is upright and in square pixels.
        estimated: the options that the estimate in ``info`` is for.
        problem: why the clip cannot be looked at.

    Signals:
        changed: facts or shots.
        thumb_added: second and picture.
        failed: Failed; the clip cannot be read.
    """

    changed = Signal()
    thumb_added = Signal(float, object)
    failed = Signal(object)

    def __init__(self, bridge: QueueBridge, parent: QObject) -> None:
        super().__init__(parent)
        self._inspect, self._film = Newest(bridge, 4, self), Newest(bridge, 3, self)
        self._again = QTimer(self, singleShot=True, interval=ESTIMATE_AFTER_MS)
        self._again.timeout.connect(self._ask)
        self._inspect.answered.connect(self._inspected)
        self._inspect.failed.connect(self._inspect_failed)
        self._film.answered.connect(self._filmed)
        self._film.previewed.connect(self._filming)
        self._film.failed.connect(lambda _job, _failed: self.changed.emit())
        self._film.busy_changed.connect(self.changed)
        self._blocked = True
        self._forget()

    def _forget(self) -> None:
        self.path: Path | None = None
        self.options = RestoreOptions()
        self.info: dict[str, Any] = {}
        self.thumbs: list[tuple[float, Picture]] = []
        self.shots: list[float] = []
        self.duration, self.rate, self.size = 0.0, 0.0, (0, 0)
        self.estimated: RestoreOptions | None = None
        self.problem: Failed | None = None

    @property
    def filming(self) -> bool:
        """Whether thumbnails are still being made."""
        return self._film.busy

    @property
    def inspecting(self) -> bool:
        """Whether facts are awaited, or an estimate for other options."""
        return self._inspect.busy or self._again.isActive()

    def open(self, path: Path, options: RestoreOptions) -> None:
        """Look at a clip."""
        self.close()
        self.path, self.options = path, options
        self._ask()
        if path.is_file() and not files.is_still(path):
            self._film.ask(FilmstripJob(source=str(path), count=THUMBS))

    def close(self) -> None:
        """Forget the clip."""
        self._again.stop()
        self._inspect.drop()
        self._film.drop()
        self._forget()

    def leave(self) -> None:
        """The window closes."""
        self._again.stop()
        self._inspect.leave()
        self._film.leave()

    def set_options(self, options: RestoreOptions) -> None:
        """Estimate for other options, soon."""
        if options != self.options:
            self.options = options
            if self.path is not None and not self._blocked:
                self._again.start()
                self.changed.emit()

    def set_blocked(self, blocked: bool) -> None:
        """Whether the options name models that are not here: then nothing is estimated, as that would fetch them."""
        if blocked != self._blocked:
            self._blocked = blocked
            if self.path is not None and not blocked and self.estimated != self.options:
                self._ask()

    def learn(self, duration: float, width: int, height: int) -> None:
        """Facts that came with a picture, before the others."""
        before = (self.duration, self.size)
        self.duration = self.duration or max(0.0, duration)
        self.size = self.size if any(self.size) else (width, height)
        if before != (self.duration, self.size):
            self.changed.emit()

    def _ask(self) -> None:
        if self.path is not None:
            options = RestoreOptions(deinterlace=self.options.deinterlace) if self._blocked else self.options
            self._inspect.ask(InspectJob(source=str(self.path), options=options))

    def _inspected(self, job: InspectJob, result: dict[str, Any]) -> None:
        if self.path is None or job.source != str(self.path):
            return
        self.info, self.estimated = result, job.options
        self.duration = float(result.get("duration") or self.duration)
        self.rate = float(result.get("rate") or self.rate)
        size = tuple(int(v) for v in result.get("display_size") or ())
        if len(size) == 2 and all(size):
            self.size = (size[0], size[1])
        self.changed.emit()

    def _inspect_failed(self, job: InspectJob, failed: Failed) -> None:
        if self.path is not None and job.source == str(self.path):
            # Known facts stay when only a new estimate failed.
            if not self.info:
                self.problem = failed
                self.failed.emit(failed)
            self.changed.emit()

    def _filming(self, job: FilmstripJob, event: Previewed) -> None:
        if event.kind == "thumb" and self.path is not None and job.source == str(self.path):
            height, width = int(event.data["height"]), int(event.data["width"])
            rgb = np.frombuffer(bytes(event.data["rgb"]), np.uint8)
            if rgb.size == height * width * 3:
                self._add(float(event.data["time"]), Picture.of(rgb.reshape(height, width, 3)))

    def _filmed(self, job: FilmstripJob, result: dict[str, Any]) -> None:
        if self.path is None or job.source != str(self.path):
            return
        self.duration = float(result.get("duration") or self.duration)
        self.rate = self.rate or float(result.get("rate") or 0.0)
        self.shots = [float(second) for second in result.get("shots") or ()]
        known = {second for second, _ in self.thumbs}
        missing = [(n, float(s)) for n, s in enumerate(result.get("times") or ()) if float(s) not in known]
        if missing:
            try:
                thumbs = np.load(str(result.get("thumbs", "")), mmap_mode="r")
            except (OSError, ValueError):
                thumbs = np.zeros((0, 1, 1, 3), np.uint8)
            for n, second in missing:
                if n < len(thumbs):
                    self._add(second, Picture.of(thumbs[n]))
        self.changed.emit()

    def _add(self, second: float, picture: Picture) -> None:
        self.thumbs.append((second, picture))
        self.thumb_added.emit(second, picture)
