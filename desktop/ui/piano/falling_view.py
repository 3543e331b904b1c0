"""The cover as falling notes, live: the video's renderer, shown at the playhead."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QActionGroup,
    QColor,
    QContextMenuEvent,
    QFocusEvent,
    QHideEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QMenu, QWidget

from desktop.piano.cover import PEDAL
from desktop.piano.waterfall.looks import LOOKS
from desktop.piano.waterfall.renderer import Options, Renderer
from desktop.piano.waterfall.scene import Scene, scene_of, scene_of_notes
from desktop.piano.waterfall.surface import Bytes
from desktop.ui import theme
from desktop.ui.piano.falling_clock import Glide
from desktop.ui.piano.falling_letters import letters
from desktop.ui.piano.song import Song
from desktop.ui.widgets.parts import came_by_key

if TYPE_CHECKING:
    from desktop.ui.panels import Services

FRAME_MS = 16
SETTLE_MS = 90
"""A new size must stand this long before the picture is made for it; till then the old one is stretched."""
FASTEST, SLOWEST = 1.0, 8.0
"""Seconds that a note falls."""
LEAD = 3.0
FOLLOW = "theme"
_STYLES = {FOLLOW: "As the theme", "night": "Night", "paper": "Paper", "neon": "Neon", "plain": "Plain"}
_KEYS = {"auto": "Automatic", "all": "All 88 keys", "used": "Keys that are used"}
_LARGEST = 2560 * 1600
"""Pixels above which the picture is made smaller and scaled up: a frame must not take longer than it is shown."""


class FallingView(QWidget):
    """A ``View`` of the song (see ``desktop.ui.piano.canvas``).

    Signals:
        seek: second that was clicked.
    """

    seek = Signal(float)

    def __init__(self, song: Song, services: Services | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._song = song
        self._state = services.state if services is not None else None
        state = self._state
        self.style_choice = state.text("piano/falling_style", FOLLOW, tuple(_STYLES)) if state else FOLLOW
        self.keys_choice = state.text("piano/falling_keys", "auto", tuple(_KEYS)) if state else "auto"
        self.chords = state.flag("piano/falling_chords") if state else False
        lead = state.number("piano/falling_lead", LEAD) if state else LEAD
        self.lead = min(SLOWEST, max(FASTEST, lead))
        self._active = False
        self._second: float | None = None
        self._glide = Glide()
        self._pressed: dict[int, int] = {}
        self._scene: Scene | None = None
        self._renderer: Renderer | None = None
        self._frame: Bytes | None = None
        self._ringed = False
        self._clock = QTimer(self, interval=FRAME_MS, timerType=Qt.TimerType.PreciseTimer)
        self._clock.timeout.connect(self._tick)
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self._renew)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumHeight(160)
        self.setAccessibleName("Falling notes")
        self.setAccessibleDescription("Notes of the cover falling on the keys; click to go to a note, wheel to change the speed")

    # The view

    def show_song(self) -> None:
        """Notes or beats of the song have changed."""
        self._scene = None
        if self._active:
            self._take_scene()
            self.update()

    def set_playhead(self, second: float | None) -> None:
        """The playhead has moved; None takes it away."""
        self._second = second
        if second is not None:
            self._glide.tell(second, time.monotonic())
        if not self._active or not self.isVisible():
            return
        if self._glide.moving(time.monotonic()) and second is not None:
            if not self._clock.isActive():
                self._clock.start()
        else:
            self.update()

    def set_active(self, on: bool) -> None:
        """It is, or is no longer, the view in front; it costs nothing when it is not."""
        self._active = on
        if on:
            self._take_scene()
            self.update()
        else:
            self._rest()

    def set_pressed(self, pitches: Mapping[int, int]) -> None:
        """Keys that the user holds down: pitch -> hand (``RIGHT``, ``LEFT`` or ``looks.PLAYED`` for a colour of its own)."""
        if dict(pitches) != self._pressed:
            self._pressed = dict(pitches)
            if self._active:
                self.update()

    # Choices

    @property
    def style_now(self) -> str:
        """The look: the one chosen, else that of the theme."""
        if self.style_choice != FOLLOW:
            return self.style_choice
        return "night" if theme.tokens().dark else "paper"

    def choose_style(self, style: str) -> None:
        """Use another look, "theme" for that of the theme."""
        self.style_choice = style
        self._keep("piano/falling_style", style)
        self._renew()

    def choose_keys(self, keys: str) -> None:
        """Show "all" keys, those that are "used", or "auto"."""
        self.keys_choice = keys
        self._keep("piano/falling_keys", keys)
        self._renew()

    def show_chords(self, on: bool) -> None:
        """Let chord names fall along."""
        self.chords = on
        self._keep("piano/falling_chords", on)
        self._renew()

    def set_lead(self, seconds: float) -> None:
        """Let a note fall for so long."""
        self.lead = min(SLOWEST, max(FASTEST, seconds))
        self._keep("piano/falling_lead", self.lead)
        if self._renderer is not None:
            self._renderer.fall_in(self.lead)
            self.update()

    def menu(self) -> QMenu:
        """Choices of looks and keys."""
        made = QMenu(self)
        for title, choices, now, choose in (
            ("Look", _STYLES, self.style_choice, self.choose_style),
            ("Keys", _KEYS, self.keys_choice, self.choose_keys),
        ):
            part = made.addMenu(title)
            group = QActionGroup(part)
            for choice, words in choices.items():
                action = part.addAction(words)
                action.setCheckable(True)
                action.setChecked(choice == now)
                group.addAction(action)
                action.triggered.connect(lambda _checked=False, choose=choose, choice=choice: choose(choice))
        chords = made.addAction("Chord names")
        chords.setCheckable(True)
        chords.setChecked(self.chords)
        chords.triggered.connect(self.show_chords)
        made.addSeparator()
        made.addAction("Faster", lambda: self.set_lead(self.lead / 1.25)).setEnabled(self.lead > FASTEST)
        made.addAction("Slower", lambda: self.set_lead(self.lead * 1.25)).setEnabled(self.lead < SLOWEST)
        return made

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        frame = self._draw()
        if frame is None:
            self._paint_empty(painter)
            return
        height, width = frame.shape[:2]
        # The image looks at the frame's memory, which this object keeps.
        image = QImage(frame.data, width, height, width * 4, QImage.Format.Format_RGB32)
        whole = QRectF(self.rect())
        ratio = self.devicePixelRatioF()
        if abs(whole.width() * ratio - width) < 2 and abs(whole.height() * ratio - height) < 2:
            image.setDevicePixelRatio(ratio)
            painter.drawImage(QPointF(0, 0), image)
        else:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(whole, image)
        if self._ringed:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(theme.tokens().accent), 2))
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))

    def _draw(self) -> Bytes | None:
        if self._scene is None:
            self._take_scene()
        if self._scene is None:
            return None
        if self._renderer is None:
            self._make()
        if self._renderer is None:
            return None
        self._frame = self._renderer.frame(self._now(), self._pressed)
        return self._frame

    def _now(self) -> float:
        return self._glide.at(time.monotonic()) if self._second is not None else 0.0

    def _make(self) -> None:
        size = self.size() * self.devicePixelRatioF()
        width, height = size.width(), size.height()
        if self._scene is None or width < 16 or height < 16:
            return
        if width * height > _LARGEST:
            share = (_LARGEST / (width * height)) ** 0.5
            width, height = int(width * share), int(height * share)
        options = Options(lead=self.lead, keys=self.keys_choice, chords=self.chords, letters=letters)
        self._renderer = Renderer(self._scene, width, height, LOOKS[self.style_now], options=options)

    def _take_scene(self) -> None:
        """The song's notes as they are now: the finished ones, or those made so far."""
        if self._scene is not None:
            return
        roll, cover = self._song.roll, self._song.cover
        if not len(roll.notes) or roll.grid is None:
            self._renderer = self._frame = None
            return
        if cover is not None and len(cover.notes) == len(roll.notes):
            self._scene = scene_of(cover)
        else:
            self._scene = scene_of_notes(roll.notes, np.zeros(0, PEDAL), roll.grid)
        if self._renderer is not None:
            self._renderer.show(self._scene)

    def _paint_empty(self, painter: QPainter) -> None:
        tokens = theme.tokens()
        painter.fillRect(self.rect(), QColor(tokens.canvas))
        painter.setFont(theme.font(self, theme.BODY))
        painter.setPen(QColor(tokens.secondary))
        waiting = self._song.covering
        text = (waiting.message or "Waiting for its turn") if waiting is not None else "The notes will fall here"
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, text)

    def _tick(self) -> None:
        if not self._glide.moving(time.monotonic()):
            self._clock.stop()
        self.update()

    def _renew(self) -> None:
        """Make the picture anew."""
        self._renderer = None
        if self._active:
            self.update()

    def _rest(self) -> None:
        self._clock.stop()
        self._settle.stop()
        self._renderer = self._frame = self._scene = None

    def _keep(self, key: str, value: str | float | bool) -> None:
        if self._state is not None:
            self._state.keep(key, value)

    # What the user and the window do

    def second_at(self, y: float) -> float | None:
        """What sounds when it has fallen from a height of the view; None on the keys."""
        renderer = self._renderer
        if renderer is None or not self.height():
            return None
        row = y * renderer.height / self.height()
        return None if row >= renderer.fall else renderer.second_at(row, self._now())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        second = self.second_at(event.position().y()) if event.button() == Qt.MouseButton.LeftButton else None
        if second is None:
            super().mousePressEvent(event)
        else:
            self.seek.emit(max(0.0, second))

    def wheelEvent(self, event: QWheelEvent) -> None:
        delta = event.angleDelta()
        self.set_lead(self.lead * 1.0015 ** -(delta.y() or delta.x()))
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Plus, Qt.Key.Key_Minus):
            self.set_lead(self.lead * (0.8 if event.key() == Qt.Key.Key_Plus else 1.25))
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = self.menu()
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(event.globalPos())

    def resizeEvent(self, event: QResizeEvent) -> None:
        if self._renderer is not None:
            self._settle.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._rest()

    def focusInEvent(self, event: QFocusEvent) -> None:
        # The ring is for those who came by key; a click shows where it was.
        self._ringed = came_by_key(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._ringed = False
        self.update()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (*theme.RESTYLED, QEvent.Type.DevicePixelRatioChange):
            self._renew()
