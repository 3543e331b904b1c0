"""Practice playback in the transport: how fast, with clicks or without."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QWheelEvent
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QMenu, QSlider, QToolButton, QVBoxLayout, QWidget, QWidgetAction

from desktop.ui import theme
from desktop.ui.icons import IconButton
from desktop.ui.widgets.parts import label, slider

LEAST, MOST, STEP = 25, 100, 5
PRESETS = (25, 50, 60, 75, 90, 100)


class SpeedButton(QToolButton):
    """Shows the speed in percent; a click opens a slider with presets, the wheel changes it.

    Signals:
        changed: 0.25..1.
    """

    changed = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.percent = MOST
        self.setFixedSize(QSize(62, 32))
        self.setFont(theme.font(self, theme.BODY, tabular=True))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCheckable(True)
        self._panel = QWidget()
        column = QVBoxLayout(self._panel)
        column.setContentsMargins(theme.S3, theme.S2, theme.S3, theme.S3)
        column.setSpacing(theme.S2)
        column.addWidget(label("Speed, at the same pitch", size=theme.CAPTION, tone="secondary"))
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(LEAST, MOST)
        self.slider.setSingleStep(STEP)
        self.slider.setPageStep(25)
        self.slider.setValue(MOST)
        self.slider.setAccessibleName("Speed in percent")
        self.slider.valueChanged.connect(self.choose)
        column.addWidget(self.slider)
        row = QHBoxLayout()
        row.setSpacing(theme.S1)
        self.presets: dict[int, QToolButton] = {}
        for percent in PRESETS:
            button = QToolButton()
            button.setText(f"{percent}")
            button.setFixedSize(QSize(36, 28))
            button.setCheckable(True)
            button.setProperty("kind", "segment")
            button.setProperty("place", "alone")
            button.setAccessibleName(f"Speed {percent} percent")
            button.clicked.connect(lambda _on=False, value=percent: self.choose(value))
            self.presets[percent] = button
            row.addWidget(button)
        column.addLayout(row)
        menu = QMenu(self)
        action = QWidgetAction(menu)
        action.setDefaultWidget(self._panel)
        menu.addAction(action)
        self._menu = menu
        self.clicked.connect(self._open)
        self._show()

    def choose(self, percent: int) -> None:
        """Set the speed, 25..100 percent."""
        percent = min(MOST, max(LEAST, percent))
        if percent != self.percent:
            self.percent = percent
            self.changed.emit(percent / 100)
        self._show()

    def step(self, steps: int) -> None:
        """Faster (or slower) by steps of five percent."""
        self.choose((self.percent // STEP + steps) * STEP)

    def _show(self) -> None:
        self.setText(f"{self.percent} %")
        self.setAccessibleName(f"Speed: {self.percent} percent")
        self.setToolTip("Speed, at the same pitch (, slower, . faster; wheel)")
        self.setChecked(self.percent < MOST)
        self.slider.blockSignals(True)
        self.slider.setValue(self.percent)
        self.slider.blockSignals(False)
        for percent, button in self.presets.items():
            button.setChecked(percent == self.percent)

    def _open(self) -> None:
        # The click has turned the mark that tells slow playback; it stays as it was.
        self._show()
        self._menu.popup(_above(self, self._menu.sizeHint()))

    def wheelEvent(self, event: QWheelEvent) -> None:
        self.step(1 if event.angleDelta().y() > 0 else -1)
        event.accept()


class MetronomeButton(IconButton):
    """Clicks on or off; a right click opens their volume and the bar that is counted in.

    Signals:
        changed: on, volume (0..1) or counting in has changed.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("metronome", "Metronome (K; right click: volume, count in)", parent)
        self.setCheckable(True)
        self.setFixedSize(QSize(32, 32))
        self._panel = QWidget()
        column = QVBoxLayout(self._panel)
        column.setContentsMargins(theme.S3, theme.S2, theme.S3, theme.S3)
        column.setSpacing(theme.S2)
        column.addWidget(label("Metronome", size=theme.CAPTION, tone="secondary"))
        self.volume_slider = slider(70)
        self.volume_slider.setMinimumWidth(180)
        self.volume_slider.setAccessibleName("Volume of the metronome")
        self.count_in = QCheckBox("Count one bar in (Shift+K)")
        column.addWidget(self.volume_slider)
        column.addWidget(self.count_in)
        self._menu = QMenu(self)
        action = QWidgetAction(self._menu)
        action.setDefaultWidget(self._panel)
        self._menu.addAction(action)
        for signal in (self.toggled, self.volume_slider.valueChanged, self.count_in.toggled):
            signal.connect(lambda _value: self.changed.emit())

    @property
    def on(self) -> bool:
        """Whether it clicks."""
        return self.isChecked()

    @property
    def counts_in(self) -> bool:
        """Whether a bar is clicked before playing starts."""
        return self.count_in.isChecked()

    @property
    def volume(self) -> float:
        """0..1."""
        return self.volume_slider.value() / 100

    def toggle_count_in(self) -> None:
        """With the bar before, or without."""
        self.count_in.toggle()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self._menu.popup(_above(self, self._menu.sizeHint()))


def _above(button: QWidget, size: QSize) -> QPoint:
    """Where a panel of a size stands over a button of the bar at the window's foot."""
    return button.mapToGlobal(QPoint((button.width() - size.width()) // 2, -size.height() - theme.S1))
