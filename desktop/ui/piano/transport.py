"""The bar under the views: play, loop, where we are, speed, metronome, original against cover, volume, zoom."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from desktop.ui import theme
from desktop.ui.icons import IconButton
from desktop.ui.piano.beats_practice import MetronomeButton, SpeedButton
from desktop.ui.player import Obstacle
from desktop.ui.widgets.parts import label, line, slider
from desktop.ui.widgets.timecode import clock

NARROW = 900
"""Pixels under which the buttons for zooming go: wheel and keys do the same."""


class Transport(QWidget):
    """Shows the player's state and says what the user wants; it plays nothing itself.

    Attributes:
        speed, metronome: the controls of practice playback, with signals of their own.

    Signals:
        asked: id of an action ("play.toggle", "view.fit", ...).
        balance_changed: 0 (original) .. 1 (cover).
        volume_changed: 0..1.
    """

    asked = Signal(str)
    balance_changed = Signal(float)
    volume_changed = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("surface", "window")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(56)
        self.reason, self.silence = "", ""
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.S3, theme.S2, theme.S3, theme.S2)
        row.setSpacing(theme.S1)
        self.back = self._button("return", "Back to the start (Home)", "play.start")
        self.play = self._button("play", "Play (Space)", "play.toggle")
        self.play.setFixedSize(QSize(40, 36))
        self.loop = self._button("loop", "Loop the range (L); set its ends with [ and ], or drag on the waveform", "play.loop")
        self.loop.setCheckable(True)
        for button in (self.back, self.play, self.loop):
            row.addWidget(button)
        row.addSpacing(theme.S1)
        row.addLayout(self._make_clock())
        row.addWidget(line(vertical=True))
        self.speed, self.metronome = SpeedButton(), MetronomeButton()
        row.addWidget(self.speed)
        row.addWidget(self.metronome)
        row.addSpacing(theme.S1)
        row.addWidget(line(vertical=True))
        row.addSpacing(theme.S2)
        self._make_balance(row)
        row.addSpacing(theme.S1)
        row.addWidget(line(vertical=True))
        self._make_volume(row)
        row.addStretch(1)
        self._zooms: list[QWidget] = []
        for icon, tip, action in (
            ("zoom-out", "Zoom out (-)", "view.zoom_out"),
            ("fit", "Show the whole song (F)", "view.fit"),
            ("zoom-in", "Zoom in (+)", "view.zoom_in"),
        ):
            button = self._button(icon, tip, action)
            row.addWidget(button)
            if icon != "fit":
                self._zooms.append(button)
        self._tips: dict[QWidget, str] = {
            w: w.toolTip() for w in (self.play, self.loop, self.back, self.balance, self.volume, self.mute)
        }

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        for button in self._zooms:
            button.setVisible(self.width() >= NARROW)

    # What is shown

    def show_position(self, place: str, second: float, duration: float) -> None:
        """Show a place as bar.beat.part and as time."""
        self.place.setText(place)
        self.time.setText(f"{clock(second)} / {clock(duration)}")

    def show_playing(self, playing: bool) -> None:
        """Turn the play button into a pause button and back."""
        self.play.set_icon("pause" if playing else "play", "Pause (Space)" if playing else "Play (Space)")
        self._tips[self.play] = self.play.toolTip()

    def show_obstacle(self, obstacle: Obstacle | None, *, sounds: bool) -> None:
        """Say why nothing is heard; disable what cannot be used. ``sounds``: something is there to be played.

        Without a sound device it plays on in silence: the views move, MIDI ports sound.
        """
        self.reason = "" if sounds else "The sound is not ready yet."
        for button in (self.play, self.back):
            button.setEnabled(not self.reason)
            tip = self._tips[button]
            button.setToolTip(self.reason or (f"{tip}\nNo sound: {obstacle.reason}. {obstacle.remedy}" if obstacle else tip))
        self.silence = f"{obstacle.reason}. {obstacle.remedy}" if obstacle else ""
        loudness: tuple[QWidget, ...] = (self.volume, self.mute)
        for widget in loudness:
            widget.setEnabled(not self.reason and not self.silence)
            widget.setToolTip(self.reason or self.silence or self._tips[widget])

    def show_balance(self, reason: str) -> None:
        """Disable the crossfade for a reason, or enable it with "" (not while nothing can be played)."""
        reason = self.reason or self.silence or reason
        self.balance.setEnabled(not reason)
        self.balance.setToolTip(reason or self._tips[self.balance])
        for name in (self._original, self._cover):
            name.setEnabled(not reason)

    def _make_clock(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(0)
        self.place = label("1.1.1", size=theme.SECTION, bold=True, tabular=True)
        self.place.setFixedWidth(84)
        self.place.setToolTip("Bar, beat, quarter of the beat")
        self.time = label("0:00 / 0:00", size=theme.CAPTION, tone="secondary", tabular=True)
        column.addWidget(self.place)
        column.addWidget(self.time)
        return column

    def _make_balance(self, row: QHBoxLayout) -> None:
        self._original, self._cover = QLabel("Original"), QLabel("Cover")
        self.balance = slider(100)
        self.balance.setMinimumWidth(56)
        self.balance.setMaximumWidth(180)
        self.balance.setAccessibleName("Crossfade from original to cover")
        self.balance.setToolTip("Crossfade between the original and the cover (C flips)")
        self.balance.valueChanged.connect(lambda value: self.balance_changed.emit(value / 100))
        row.addWidget(self._original)
        row.addWidget(self.balance, 4)
        row.addWidget(self._cover)

    def _make_volume(self, row: QHBoxLayout) -> None:
        self.mute = self._button("volume", "Mute (M)", "play.mute")
        self.volume = slider(80)
        self.volume.setMinimumWidth(40)
        self.volume.setMaximumWidth(96)
        self.volume.setAccessibleName("Volume")
        self.volume.setToolTip("Volume")
        self.volume.valueChanged.connect(lambda value: self.volume_changed.emit(value / 100))
        row.addWidget(self.mute)
        row.addWidget(self.volume, 2)

    def _button(self, icon: str, tip: str, action: str) -> IconButton:
        button = IconButton(icon, tip)
        button.setFixedSize(QSize(32, 32))
        button.clicked.connect(lambda _on=False: self.asked.emit(action))
        return button
