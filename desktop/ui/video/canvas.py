"""Picture, numbers, timeline and transport of the open clip."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.ui.video import facts
from desktop.ui.video.metrics import MetricsStrip
from desktop.ui.video.open_clip import OpenClip
from desktop.ui.video.shown import After
from desktop.ui.video.transport import Transport
from desktop.ui.video.view_bar import ViewBar
from desktop.ui.widgets.compare_view import CompareView
from desktop.ui.widgets.filmstrip import Filmstrip
from desktop.ui.widgets.parts import line


class Canvas(QWidget):
    """Shows an ``OpenClip``.

    Signals:
        asked: id of an action.
        part_chosen: in and out point.
    """

    asked = Signal(str)
    part_chosen = Signal(float, float)

    def __init__(self, clip: OpenClip, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.clip = clip
        self.view, self.strip = CompareView(), Filmstrip()
        self.bar, self.metrics, self.transport = ViewBar(self.view), MetricsStrip(), Transport()
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        self._controls: list[QWidget] = [self.bar, line()]
        for part in self._controls:
            whole.addWidget(part)
        whole.addWidget(self.view, 1)
        self._foot = [line(), self.metrics, line(), self.strip, line(), self.transport]
        for part in self._foot:
            whole.addWidget(part)
        self.bar.asked.connect(self.asked)
        self.transport.asked.connect(self.asked)
        self.view.full_asked.connect(lambda: self.asked.emit("video.full"))
        self.strip.scrubbed.connect(clip.scrub)
        self.strip.part_changed.connect(self.part_chosen)
        clip.replaced.connect(self._replaced)
        clip.shown.changed.connect(self.show_picture)
        clip.look.changed.connect(self.show_facts)
        clip.look.thumb_added.connect(self.strip.add_thumb)
        clip.status_changed.connect(self.show_status)
        clip.playback.playing_changed.connect(self.transport.show_playing)
        clip.sound.changed.connect(lambda: self.transport.show_silent(clip.sound.silent))
        self._replaced()

    def show_alone(self, on: bool) -> None:
        """Leave all of the place to the picture and its timeline, or not."""
        for part in (*self._controls, *self._foot[:2]):
            part.setVisible(not on)

    def _replaced(self) -> None:
        clip = self.clip
        self.strip.clear()
        for second, thumb in clip.look.thumbs:
            self.strip.add_thumb(second, thumb)
        self.view.set_size(0, 0)
        self.view.fit()
        self.transport.show_clip(timed=clip.is_timed, still=not clip.is_timed and not clip.is_folder)
        for part in self._foot[3:5]:
            part.setVisible(clip.is_timed)
        self.transport.show_silent(clip.sound.silent)
        self.show_facts()
        self.show_picture()
        self.show_status()

    def show_facts(self) -> None:
        """Take over what is known of the clip as a whole."""
        look = self.clip.look
        if any(look.size):
            self.view.set_size(*look.size)
        self.strip.set_length(look.duration, look.rate)
        self.strip.set_shots(look.shots)
        self.strip.set_message("Making thumbnails…" if look.filming else "")
        self.transport.show_time(self.clip.shown.time, look.duration, look.rate)

    def show_picture(self) -> None:
        """Show the frame."""
        clip, shown = self.clip, self.clip.shown
        before, after = shown.before, shown.after
        names = clip.names
        if after is None and before is not None and shown.rendering:
            # The line stays where it is while the frame is restored; nothing jumps.
            after = before
            names = (names[0], "Restoring…")
        self.view.set_names(*names)
        self.view.set_message("" if before is not None else "Opening the clip…")
        self.view.set_pictures(before, after)
        self.view.set_marks(shown.preview.marks if shown.preview is not None else [])
        self.view.setAccessibleDescription(f"{names[0]}, {names[1]}" if after is not None else names[0])
        self.bar.set_comparing(before is not None and after is not None)
        self.bar.say("Restoring this frame…" if shown.rendering and shown.kind is After.PREVIEW else "")
        self.bar.refresh()
        self.metrics.refresh(shown, facts.outcome(clip.item) if clip.compares_own else "")
        self.strip.set_playhead(shown.time)
        self.transport.show_time(shown.time, clip.look.duration, clip.look.rate)

    def show_status(self) -> None:
        """Take over choices and job."""
        clip = self.clip
        choices = clip.choices
        limited = choices.start is not None or choices.end is not None
        self.strip.set_part((choices.start or 0.0, choices.end or clip.look.duration) if limited else None)
        self.strip.set_done(clip.done)
        self.transport.show_follow(clip.running is not None, clip.following)

    @property
    def foot(self) -> int:
        """Height of what is under the picture."""
        return sum(part.sizeHint().height() if part.layout() else part.height() for part in self._foot if part.isVisibleTo(self))
