"""The frame that is shown: as it is in the clip, and restored. No widgets here."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from desktop.errors import UserError
from desktop.jobs.events import Failed
from desktop.jobs.job import FramesJob, PreviewJob, RestoreOptions
from desktop.ui.asks import Newest
from desktop.ui.bridge import QueueBridge
from desktop.ui.video.reel import EPSILON, Frame, Reel, Stretch
from desktop.ui.widgets.face_marks import FaceMark, marks_of
from desktop.ui.widgets.picture import Picture

SETTLE_MS = 120
"""A frame is restored when it has been looked at for so long."""
STRETCH_BYTES = 48_000_000
"""Pictures decoded at once while stepping take at most so much."""
KEPT_PREVIEWS = 8


class After(StrEnum):
    """Where the picture at the right comes from."""

    NONE = "none"
    PREVIEW = "preview"
    RESULT = "result"
    RUNNING = "running"


@dataclass(frozen=True)
class Result:
    """A finished file beside the clip it was made of.

    Attributes:
        path: the file.
        offset: second of the clip at which it begins.
        options: what it was made with; None for any other file that is compared.
        end: second of the clip at which it ends; None for its end.
    """

    path: Path
    offset: float = 0.0
    options: RestoreOptions | None = None
    end: float | None = None

    def holds(self, second: float) -> bool:
        """Whether a second of the clip is in it."""
        return self.offset - EPSILON <= second and (self.end is None or second < self.end - EPSILON)


@dataclass(frozen=True)
class Preview:
    """A restored frame and what was said about it."""

    picture: Picture
    marks: list[FaceMark]
    metrics: dict[str, Any]
    seconds: dict[str, Any]
    device: str


class Shown(QObject):
    """See the module's docstring.

    Attributes:
        time: where we are, in seconds; exactly that of ``frame`` once it is there.
        frame: the decoded picture, None while only a thumbnail can be shown.
        before, after: what is to be seen.
        kind: where ``after`` comes from.
        preview: what is known of the restored frame, when ``kind`` is PREVIEW.
        blocked: why frames cannot be restored now; "" when they can.
        problem: why the frame could not be restored.

    Signals:
        changed: anything of this.
        learned: duration, width and height that came with a picture.
        failed: Failed; the frame cannot be decoded.
        preview_failed: Failed; the frame cannot be restored.
    """

    changed = Signal()
    learned = Signal(float, int, int)
    failed = Signal(object)
    preview_failed = Signal(object)

    def __init__(self, bridge: QueueBridge, parent: QObject) -> None:
        super().__init__(parent)
        self._frames, self._results = Newest(bridge, 9, self), Newest(bridge, 8, self)
        self._render = Newest(bridge, 7, self)
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self._want_after)
        self._frames.answered.connect(self._decoded)
        self._frames.failed.connect(self._not_decoded)
        self._results.answered.connect(self._result_decoded)
        self._render.answered.connect(self._rendered)
        self._render.failed.connect(self._not_rendered)
        self._render.busy_changed.connect(self.changed)
        self._reel, self._result_reel = Reel(), Reel()
        self._forget()

    def _forget(self) -> None:
        self.file: Path | None = None
        self.rate, self.duration = 25.0, 0.0
        self.options = RestoreOptions()
        self.device = "auto"
        self.result: Result | None = None
        self.time = 0.0
        self.frame: Frame | None = None
        self.before: Picture | None = None
        self.after: Picture | None = None
        self.kind = After.NONE
        self.preview: Preview | None = None
        self.blocked = ""
        self.problem: Failed | None = None
        self._step = 0
        self._kept: OrderedDict[tuple[float, RestoreOptions], Preview] = OrderedDict()
        self._reel.clear()
        self._result_reel.clear()

    # What it is now

    @property
    def rendering(self) -> bool:
        """Whether the frame is being restored."""
        return self._render.busy or (self._settle.isActive() and self.kind is After.NONE and not self.blocked)

    @property
    def result_fits(self) -> bool:
        """Whether there is a finished file made as it would be made now (or one that was asked to be compared)."""
        return self.result is not None and self.result.options in (None, self.options)

    # What the user does

    def open(self, file: Path, options: RestoreOptions) -> None:
        """Show the first frame of a clip."""
        blocked, device, result = self.blocked, self.device, self.result
        self.close()
        self.file, self.options, self.blocked, self.device, self.result = file, options, blocked, device, result
        self.seek(0.0)

    def close(self) -> None:
        """Show nothing."""
        self._settle.stop()
        for asks in (self._frames, self._results, self._render):
            asks.drop()
        self._forget()
        self.changed.emit()

    def leave(self) -> None:
        """The window closes."""
        self._settle.stop()
        for asks in (self._frames, self._results, self._render):
            asks.leave()

    def set_clock(self, duration: float, rate: float) -> None:
        """How long the clip is, and its frames a second."""
        self.duration, self.rate = duration, rate if rate > 0 else 25.0

    def set_options(self, options: RestoreOptions) -> None:
        """Restore the frame with other options."""
        if options == self.options:
            return
        again = options.deinterlace != self.options.deinterlace
        self.options = options
        if again:
            self._reel.clear()
            self.seek(self.time)
        else:
            self._want_after()

    def set_blocked(self, reason: str) -> None:
        """Previews can be made ("" ) or not, for a reason."""
        if reason != self.blocked:
            self.blocked = reason
            self._want_after()
            self.changed.emit()

    def set_result(self, result: Result | None) -> None:
        """Compare with a finished file."""
        self.result = result
        self._result_reel.clear()
        self._results.drop()
        if self.kind is After.RESULT:
            self._lose_after()
        self._want_after()

    def seek(self, second: float, thumb: Picture | None = None, *, dragging: bool = False) -> None:
        """Go to a moment; ``thumb`` is shown until the frame is there."""
        last = max(0.0, self.duration - 0.5 / self.rate) if self.duration > 0 else math.inf
        self.time, self._step = min(max(0.0, second), last), 0
        frame = self._reel.at(self.time, length=1.0 / self.rate)
        if frame is not None:
            self._show(frame)
        else:
            self.frame = None
            if thumb is not None:
                self.before = thumb
                self._lose_after()
            self._ask(self.time, 1)
        if dragging:
            self._settle.stop()
        self.changed.emit()

    def step(self, way: int) -> None:
        """One frame on (1) or back (-1)."""
        frame = self.frame
        if frame is None:
            self.seek(self.time + way / self.rate)
            return
        beside = self._reel.beside(frame, way)
        if beside is not None:
            self._show(beside)
        else:
            self._step = way
            count = self._stretch(frame)
            start = frame.time if way > 0 else max(0.0, frame.time - (count - 1) / self.rate)
            self._ask(start, count + 1)

    def show_playing(self, before: Frame, after: Frame | None) -> None:
        """Show a frame of a clip that is being played."""
        self._settle.stop()
        self.time, self.frame = before.time, None
        self.before = before.picture()
        self.preview = None
        self.after, self.kind = (after.picture(), After.RESULT) if after is not None else (None, After.NONE)
        self.changed.emit()

    def show_running(self, second: float, before: Picture, after: Picture) -> None:
        """Show a frame that the running job has restored."""
        self._settle.stop()
        self.time, self.frame, self.preview = second, None, None
        self.before, self.after, self.kind = before, after, After.RUNNING
        self.changed.emit()

    def _stretch(self, frame: Frame) -> int:
        return int(min(8, max(2, STRETCH_BYTES // max(1, frame.rgb.nbytes))))

    # Decoding

    def _ask(self, start: float, count: int) -> None:
        if self.file is not None:
            self._frames.ask(FramesJob(source=str(self.file), start=start, count=count, deinterlace=self.options.deinterlace))

    def _decoded(self, job: FramesJob, result: dict[str, Any]) -> None:
        if self.file is None or job.source != str(self.file) or job.deinterlace != self.options.deinterlace:
            return
        try:
            stretch = Stretch.read(result, job.count)
        except UserError as error:
            self._not_decoded(job, Failed(error.message, error.path, error.remedy))
            return
        self._reel.add(stretch)
        self.learned.emit(float(result.get("duration") or 0.0), int(result.get("width") or 0), int(result.get("height") or 0))
        way, self._step = self._step, 0
        if way and self.frame is not None:
            frame = self._reel.beside(self.frame, way)
        else:
            frame = self._reel.at(self.time, length=1.0 / self.rate)
            if frame is None and stretch.times and not self._frames.busy:
                # A clip whose times do not say when its first or last picture is shown.
                frame = stretch.at(0)
        if frame is not None:
            self._show(frame)

    def _not_decoded(self, job: FramesJob, failed: Failed) -> None:
        if self.file is not None and job.source == str(self.file):
            self._step = 0
            self.failed.emit(failed)

    def _show(self, frame: Frame) -> None:
        same = frame.is_same(self.frame) and self.before is not None
        self.frame, self.time = frame, frame.time
        if not same:
            self.before = frame.picture()
            self._lose_after()
        self._settle.start()
        self._recall()
        self.changed.emit()

    def _lose_after(self) -> None:
        self.after, self.kind, self.preview, self.problem = None, After.NONE, None, None

    # Restoring

    def _want_after(self) -> None:
        """See to it that there is a restored picture of the frame that is shown."""
        frame = self.frame
        if frame is None or self.file is None:
            return
        result = self.result
        if result is not None and self._shows_result(frame):
            found = self._find_beside(frame, result)
            if found is not None:
                self._take_result(found)
            else:
                # A few, from a little before: which of them it is, their times tell.
                start = max(0.0, frame.time - result.offset - 0.5 / self.rate)
                self._results.ask(FramesJob(source=str(result.path), start=start, count=3, deinterlace="off"))
            return
        if self._recall() or self.blocked:
            self.changed.emit()
            return
        self._render.ask(PreviewJob(source=str(self.file), time=frame.time, options=self.options, device=self.device))
        self.changed.emit()

    def _shows_result(self, frame: Frame) -> bool:
        """Whether a frame is compared with the file; else it is restored for a preview."""
        result = self.result
        return result is not None and self.result_fits and (result.options is None or result.holds(frame.time))

    def _find_beside(self, frame: Frame, result: Result) -> Frame | None:
        """The picture of a file that belongs to a frame, if it has been decoded."""
        return self._result_reel.nearest(frame.time - result.offset, 0.75 / self.rate)

    def _recall(self) -> bool:
        """Show a preview that was made before."""
        frame = self.frame
        kept = self._kept.get((frame.time, self.options)) if frame is not None and not self._shows_result(frame) else None
        if kept is not None:
            self._take_preview(kept)
        return kept is not None

    def _take_preview(self, preview: Preview) -> None:
        self.preview, self.after, self.kind, self.problem = preview, preview.picture, After.PREVIEW, None
        self.changed.emit()

    def _take_result(self, frame: Frame) -> None:
        self.preview, self.after, self.kind = None, frame.picture(), After.RESULT
        self.changed.emit()

    def _result_decoded(self, job: FramesJob, result: dict[str, Any]) -> None:
        if self.result is None or job.source != str(self.result.path):
            return
        try:
            stretch = Stretch.read(result, job.count)
        except UserError:
            return
        self._result_reel.add(stretch)
        if self.frame is None or not self._shows_result(self.frame):
            return
        found = self._find_beside(self.frame, self.result)
        if found is None and stretch.times:
            # The file is shorter than the clip, or has fewer pictures.
            found = stretch.at(0)
        if found is not None:
            self._take_result(found)

    def _rendered(self, job: PreviewJob, result: dict[str, Any]) -> None:
        if self.file is None or job.source != str(self.file):
            return
        try:
            picture = Picture.of(np.load(str(result.get("after", "")), mmap_mode="r"))
        except (OSError, ValueError) as error:
            self._not_rendered(job, Failed(f"The restored frame cannot be read: {error}", str(self.file), "Go there again."))
            return
        preview = Preview(
            picture,
            marks_of(result.get("faces") or ()),
            dict(result.get("metrics") or {}),
            dict(result.get("seconds") or {}),
            str(result.get("device") or ""),
        )
        self._kept[job.time, job.options] = preview
        while len(self._kept) > KEPT_PREVIEWS:
            self._kept.popitem(last=False)
        # One with older options is still nearer to what is wanted than nothing, until the newest is there.
        if self.frame is not None and self.frame.time == job.time and not self._shows_result(self.frame):
            self._take_preview(preview)

    def _not_rendered(self, job: PreviewJob, failed: Failed) -> None:
        if self.file is not None and job.source == str(self.file) and job.options == self.options:
            self.problem = failed
            self.preview_failed.emit(failed)
            self.changed.emit()
