"""The bar over the picture: how before and after are shown, faces, zoom."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from desktop.ui import theme
from desktop.ui.icons import IconButton
from desktop.ui.widgets.compare_view import CompareView, Mode
from desktop.ui.widgets.parts import label, line

MODES = (
    (Mode.SPLIT, "split", "Split: before and after under one line (W; hold X to swap them)", "video.split"),
    (Mode.SIDE, "side", "Side by side (S)", "video.side"),
    (Mode.DIFFERENCE, "difference", "Difference, amplified (D)", "video.difference"),
)
HEIGHT = 40


class ViewBar(QWidget):
    """Shows how the view is set, and says what the user wants.

    Signals:
        asked: id of an action.
    """

    asked = Signal(str)

    def __init__(self, view: CompareView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._view = view
        self.setProperty("surface", "window")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(HEIGHT)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.S3, 0, theme.S3, 0)
        row.setSpacing(theme.S1)
        self.modes: dict[Mode, IconButton] = {}
        for mode, icon, tip, action in MODES:
            button = self.modes[mode] = self._button(icon, tip, action)
            button.setCheckable(True)
            row.addWidget(button)
        row.addWidget(line(vertical=True))
        self.faces = self._button("face", "Outline the faces (T)", "video.faces")
        self.pixels = self._button("pixels", "Show enlarged pixels as squares instead of blending them (N)", "video.pixels")
        for button in (self.faces, self.pixels):
            button.setCheckable(True)
            row.addWidget(button)
        row.addStretch(1)
        self.state = label(size=theme.CAPTION, tone="secondary")
        row.addWidget(self.state)
        row.addStretch(1)
        row.addWidget(self._button("zoom-out", "Zoom out (-)", "video.zoom_out"))
        self.zoom = label(tabular=True)
        self.zoom.setFixedWidth(56)
        self.zoom.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.zoom.setToolTip("Pixels of the screen for one of the clip")
        row.addWidget(self.zoom)
        row.addWidget(self._button("zoom-in", "Zoom in (+)", "video.zoom_in"))
        row.addWidget(self._button("fit", "Show the whole picture (F)", "video.fit"))
        row.addWidget(self._button("actual", "One to one (1; 2: twice as large)", "video.actual"))
        row.addWidget(self._button("full", "Full screen (Ctrl+F, or a double click)", "video.full"))
        view.view_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the view's mode and zoom."""
        view = self._view
        for mode, button in self.modes.items():
            button.setChecked(view.mode is mode)
        self.faces.setChecked(view.show_marks)
        self.pixels.setChecked(view.as_pixels)
        zoom = view.viewport.zoom
        self.zoom.setText(f"{zoom:.0%}" if zoom < 9.995 else f"{zoom:.0f}×")

    def set_comparing(self, on: bool) -> None:
        """Whether there are two pictures; else the ways to compare them cannot be chosen."""
        for (mode, _, tip, _), button in zip(MODES, self.modes.values(), strict=True):
            button.setEnabled(on)
            button.setToolTip(tip if on else "There is nothing to compare with yet")
            button.setChecked(self._view.mode is mode)

    def say(self, text: str) -> None:
        """A few words in the middle."""
        self.state.setText(text)

    def _button(self, icon: str, tip: str, action: str) -> IconButton:
        button = IconButton(icon, tip)
        button.setFixedSize(QSize(30, 30))
        button.clicked.connect(lambda _on=False: self.asked.emit(action))
        return button
