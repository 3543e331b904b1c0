"""The clip that is open: what is known of it, what is shown of it, how it is to be restored. No widgets here."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from desktop.jobs.events import Failed, Previewed
from desktop.jobs.rows import Row
from desktop.ui.bridge import QueueBridge
from desktop.ui.player import Player
from desktop.ui.video import files
from desktop.ui.video.choices import Choices
from desktop.ui.video.clips import Clips, Item
from desktop.ui.video.look import Look
from desktop.ui.video.playback import Playback
from desktop.ui.video.reel import Frame
from desktop.ui.video.shown import After, Result, Shown
from desktop.ui.video.sound import Sound
from desktop.ui.widgets.picture import Picture


class OpenClip(QObject):
    """See the module's docstring.

    Attributes:
        item: the clip, None when none is open.
        look, shown, playback, sound: its parts.
        following: frames of the running job are shown as they come.
        error: why the clip cannot be opened.
        side: longest side of pictures that are worth decoding while playing, in pixels.

    Signals:
        replaced: another clip, or none, is open.
        status_changed: choices, job or result.
        failed: Failed; the clip cannot be opened.
    """

    replaced = Signal()
    status_changed = Signal()
    failed = Signal(object)

    def __init__(self, bridge: QueueBridge, clips: Clips, parent: QObject) -> None:
        super().__init__(parent)
        self._clips = clips
        self.player = Player(self)
        self.look, self.shown = Look(bridge, self), Shown(bridge, self)
        self.playback, self.sound = Playback(bridge, self.player, self), Sound(bridge, self.player, self)
        self.item: Item | None = None
        self.following = False
        self.error: Failed | None = None
        self.side = 0
        self._stills: list[Path] = []
        self._foreign: Result | None = None
        self.look.changed.connect(self._looked)
        self.look.failed.connect(self._broken)
        self.shown.failed.connect(self._broken)
        self.shown.learned.connect(self.look.learn)
        self.playback.shown.connect(self._played)
        self.playback.playing_changed.connect(self._playing)
        self.sound.ready.connect(self.playback.join_sound)
        clips.item_changed.connect(self._item_changed)
        clips.heard.connect(self._heard)
        clips.ended.connect(self._ended)

    # What it is now

    @property
    def path(self) -> Path | None:
        """The clip's file."""
        return self.item.path if self.item is not None else None

    @property
    def is_open(self) -> bool:
        """Whether there is a clip."""
        return self.item is not None

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder of images."""
        return bool(self._stills)

    @property
    def count(self) -> int:
        """Images in the folder; 1 for anything else."""
        return max(1, len(self._stills))

    @property
    def is_timed(self) -> bool:
        """Whether it has a time line (no image)."""
        return self.path is not None and not self.is_folder and not files.is_still(self.path)

    @property
    def choices(self) -> Choices:
        """How it is to be restored."""
        return self.item.choices if self.item is not None else Choices()

    @property
    def running(self) -> Row | None:
        """Its job while that is not over."""
        return self.item.running if self.item is not None else None

    @property
    def result(self) -> Result | None:
        """What it is compared with: a file the user chose, or the finished result."""
        if self._foreign is not None or self.item is None:
            return self._foreign
        return self._still_result() if self._stills else self.item.result

    @property
    def compares_own(self) -> bool:
        """Whether it is its own result that it is compared with."""
        return self._foreign is None and self.result is not None

    @property
    def part(self) -> tuple[float, float]:
        """What is restored, in seconds."""
        choices = self.choices
        return (choices.start or 0.0, choices.end if choices.end is not None else self.look.duration)

    @property
    def done(self) -> list[tuple[float, float]]:
        """What of it has been restored with the choices as they are."""
        item = self.item
        if item is None or not self.is_timed or self.look.duration <= 0:
            return []
        row = item.running
        if row is not None:
            start, end = self.part
            reached = item.reached if item.reached is not None else start + row.fraction * (end - start)
            return [(start, min(end, reached))] if reached > start else []
        result = item.result
        if result is None or result.options != item.choices.options:
            again = item.goes_on_at
            return [(self.part[0], again)] if again is not None else []
        return [(result.offset, result.end if result.end is not None else self.look.duration)]

    @property
    def names(self) -> tuple[str, str]:
        """What stands under the two pictures."""
        shown = self.shown
        if self._foreign is not None:
            return (self.path.name if self.path else "", self._foreign.path.name)
        after = {After.PREVIEW: "After (preview)", After.RESULT: "After (result)", After.RUNNING: "After"}
        return ("Before", after.get(shown.kind, "After"))

    # What the user does

    def open(self, item: Item, *, beside: Result | None = None) -> None:
        """Open a clip, beside a file that it is to be compared with."""
        self.close()
        self.item, self._foreign = item, beside
        path = item.path
        self._stills = sorted(child for child in path.iterdir() if files.is_still(child)) if path.is_dir() else []
        seen = self._stills[0] if self._stills else path
        self.look.open(seen, item.choices.options)
        self.sound.open(path if self.is_timed else None)
        self.shown.file = seen
        self.shown.result = self.result
        self.shown.open(seen, item.choices.options)
        if self.result is not None and self.result.offset > 0:
            self.shown.seek(self.result.offset)
        self.following = item.running is not None
        self.replaced.emit()

    def close(self) -> None:
        """Open nothing."""
        self.playback.pause()
        self.sound.open(None)
        self.look.close()
        self.shown.close()
        was_open = self.item is not None
        self.item, self.error, self._foreign, self._stills, self.following = None, None, None, [], False
        if was_open:
            self.replaced.emit()

    def leave(self) -> None:
        """The window closes."""
        for part in (self.playback, self.sound, self.look, self.shown):
            part.leave()

    def compare_with(self, result: Result | None) -> None:
        """Show a file at the right, whatever it is; None for the clip's own result or preview."""
        self._foreign = result
        self.shown.set_result(self.result)
        self.status_changed.emit()

    def choose(self, choices: Choices) -> None:
        """Restore it another way: the frame that is shown follows at once."""
        if self.item is None or choices == self.item.choices:
            return
        self._clips.choose(self.item, choices)
        self.shown.set_options(choices.options)
        self.look.set_options(choices.options)
        self.status_changed.emit()

    def seek(self, second: float, *, dragging: bool = False) -> None:
        """Go to a moment."""
        self.playback.pause()
        self._stop_following()
        thumb = min(self.look.thumbs, key=lambda one: abs(one[0] - second), default=(0.0, None))[1]
        self.shown.seek(second, thumb, dragging=dragging)

    def scrub(self, second: float, dragging: bool) -> None:
        """Go to a moment with the mouse."""
        self.seek(second, dragging=dragging)

    def step(self, way: int) -> None:
        """One frame, or image of a folder, on or back."""
        if self._stills:
            self._turn(way)
            return
        self.playback.pause()
        self._stop_following()
        self.shown.step(way)

    def shot(self, way: int) -> None:
        """To the beginning of the next shot, or of this or the one before."""
        now, edge = self.shown.time, 0.5 / max(1.0, self.look.rate)
        shots = sorted({0.0, *self.look.shots})
        if way > 0:
            target = next((s for s in shots if s > now + edge), self.look.duration)
        else:
            target = next((s for s in reversed(shots) if s < now - edge), 0.0)
        self.seek(target)

    def toggle_play(self) -> None:
        """Play from here to the end (of the part, when we are in it), or pause."""
        if self.playback.playing:
            self.playback.pause()
        elif self.path is not None and self.is_timed and self.look.duration > 0:
            self._stop_following()
            start, end = self.part
            second = self.shown.time
            until = end if start <= second < end - 0.5 / max(1.0, self.look.rate) else self.look.duration
            if second >= self.look.duration - 1.5 / max(1.0, self.look.rate):
                second, until = start, end
            result = self.result if self.shown.result_fits else None
            beside = (result.path, result.offset) if result is not None else None
            self.sound.want()
            self.playback.start(
                self.path, beside, second, until, self.look.rate or 25.0, self.side, self.choices.options.deinterlace
            )

    def follow(self, on: bool) -> None:
        """Show the frames of the running job as they come, or stay."""
        self.following = on and self.running is not None
        if self.following:
            self.playback.pause()
        self.status_changed.emit()

    # What happens

    def _turn(self, way: int) -> None:
        now = self._stills.index(self.shown.file) if self.shown.file in self._stills else 0
        there = min(len(self._stills) - 1, max(0, now + way))
        if there != now:
            self.shown.file = self._stills[there]
            self.shown.result = self.result
            self.shown.open(self._stills[there], self.choices.options)

    def _still_result(self) -> Result | None:
        """The result of the image of a folder that is shown."""
        made, file = self.item.output if self.item is not None else None, self.shown.file
        if made is None or file is None or self.item is None or self.item.row is None:
            return None
        there = made / file.name
        return Result(there, options=getattr(self.item.row.job, "options", None)) if there.is_file() else None

    def _stop_following(self) -> None:
        if self.following:
            self.following = False
            self.status_changed.emit()

    def _looked(self) -> None:
        look = self.look
        self.shown.set_clock(look.duration, look.rate)
        if look.info:
            self.sound.set_streams([str(s.get("kind", "")) for s in look.info.get("streams") or ()])
        if self.item is not None and self.is_timed:
            thumb = look.thumbs[len(look.thumbs) // 2][1] if look.thumbs else None
            self._clips.show_facts(self.item, duration=look.duration, rate=look.rate, thumb=thumb)

    def _broken(self, failed: Failed) -> None:
        # A clip of which something can be seen is shown; what is wrong with it is in its problems.
        if self.error is None and self.shown.before is None:
            self.error = failed
            self.failed.emit(failed)

    def _played(self, before: Frame, after: Frame | None) -> None:
        self.shown.show_playing(before, after)

    def _playing(self, on: bool) -> None:
        if not on and self.item is not None and self.shown.frame is None and not self.following:
            # What was played was of reduced size: now the frame is looked at.
            before = self.shown.before
            self.shown.seek(self.shown.time, before)

    def _item_changed(self, item: Item) -> None:
        if item is self.item:
            if item.running is None:
                self.following = False
            self.status_changed.emit()

    def _heard(self, item: Item, event: object) -> None:
        if not isinstance(event, Previewed) or event.kind != "frame":
            return
        second = float(event.data.get("time", 0.0))
        item.reached = second
        if item is not self.item:
            return
        if self.following:
            pictures = [Picture.decode(bytes(event.data.get(side, b""))) for side in ("before", "after")]
            if pictures[0] is not None and pictures[1] is not None:
                self.shown.show_running(second, pictures[0], pictures[1])
        self.status_changed.emit()

    def _ended(self, item: Item) -> None:
        if item is self.item:
            followed, self.following = self.following, False
            self.shown.set_result(self.result)
            if followed or self.shown.kind is After.RUNNING:
                self.shown.seek(self.shown.time, self.shown.before)
            self.status_changed.emit()
