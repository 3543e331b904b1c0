"""The bar under the timeline: play, frames, where we are, in and out point, volume."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from desktop.ui import theme
from desktop.ui.icons import IconButton
from desktop.ui.widgets.parts import label, line, slider
from desktop.ui.widgets.timecode import timecode

NARROW = 560


class Transport(QWidget):
    """Shows where we are and says what the user wants; it plays nothing itself.

    Signals:
        asked: id of an action.
        volume_changed: 0..1.
    """

    asked = Signal(str)
    volume_changed = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("surface", "window")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(48)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.S3, 0, theme.S3, 0)
        row.setSpacing(theme.S1)
        self.back = self._button("step-back", "One frame back (Left; Shift: one second)", "video.back")
        self.play = self._button("play", "Play (Space)", "video.play")
        self.play.setFixedSize(QSize(40, 36))
        self.on = self._button("step-on", "One frame on (Right; Shift: one second)", "video.on")
        for button in (self.back, self.play, self.on):
            row.addWidget(button)
        row.addSpacing(theme.S2)
        self.time = label("0:00:00.00", size=theme.SECTION, bold=True, tabular=True)
        self.time.setFixedWidth(104)
        self.time.setToolTip("Hours, minutes, seconds, frame")
        self.length = label("/ 0:00:00.00", size=theme.CAPTION, tone="secondary", tabular=True)
        row.addWidget(self.time)
        row.addWidget(self.length)
        row.addSpacing(theme.S2)
        row.addWidget(line(vertical=True))
        self.mark_in = self._button("mark-in", "The part to restore begins here (I)", "video.in")
        self.mark_out = self._button("mark-out", "The part to restore ends here (O)", "video.out")
        row.addWidget(self.mark_in)
        row.addWidget(self.mark_out)
        self.follow = self._button("film", "Show what is being restored (G)", "video.follow")
        self.follow.setCheckable(True)
        row.addWidget(self.follow)
        row.addStretch(1)
        self.mute = self._button("volume", "Mute (M)", "video.mute")
        self.volume = slider(80)
        self.volume.setMinimumWidth(40)
        self.volume.setMaximumWidth(96)
        self.volume.setAccessibleName("Volume")
        self.volume.setToolTip("Volume")
        self.volume.valueChanged.connect(self._turned)
        row.addWidget(self.mute)
        row.addWidget(self.volume, 1)

    def show_time(self, second: float, duration: float, rate: float) -> None:
        """Show where we are."""
        self.time.setText(timecode(second, rate))
        self.length.setText(f"/ {timecode(duration, rate)}")

    def show_playing(self, playing: bool) -> None:
        """Turn the play button into a pause button and back."""
        self.play.set_icon("pause" if playing else "play", "Pause (Space)" if playing else "Play (Space)")

    def show_clip(self, *, timed: bool, still: bool) -> None:
        """Disable what makes no sense for an image or a folder of images (``timed`` is false for both)."""
        for button in (self.play, self.mark_in, self.mark_out):
            button.setEnabled(timed)
        for button in (self.back, self.on):
            button.setEnabled(not still)
        self.time.setVisible(timed)
        self.length.setVisible(timed and self.width() >= NARROW)

    def show_follow(self, running: bool, following: bool) -> None:
        """Whether a job runs, and whether its frames are shown as they come."""
        self.follow.setVisible(running)
        self.follow.setChecked(following)

    def show_silent(self, reason: str) -> None:
        """Sound is heard (""), or not for a reason."""
        for widget, tip in ((self.mute, "Mute (M)"), (self.volume, "Volume")):
            widget.setEnabled(not reason)
            widget.setToolTip(f"{reason}: it plays silently" if reason else tip)

    def resizeEvent(self, event: object) -> None:
        # In a narrow window the ruler has to do for the length.
        self.length.setVisible(self.width() >= NARROW and self.time.isVisibleTo(self))

    def _turned(self, value: int) -> None:
        self.mute.set_icon("volume" if value else "mute")
        self.volume_changed.emit(value / 100)

    def _button(self, icon: str, tip: str, action: str) -> IconButton:
        button = IconButton(icon, tip)
        button.setFixedSize(QSize(32, 32))
        button.clicked.connect(lambda _on=False: self.asked.emit(action))
        return button
