"""What the lanes below the roll have in common."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QResizeEvent
from PySide6.QtWidgets import QWidget

from desktop.ui import theme
from desktop.ui.piano.edit_editor import Editor
from desktop.ui.widgets import grid_lines
from desktop.ui.widgets.lane import Lane
from desktop.ui.widgets.timeline import GUTTER, Span, Timeline

GRIP = 4.0
"""Pixels on either side of what a lane shows that take hold of it."""


class EditLane(Lane):
    """A lane that shows something of the song's cover and changes it."""

    drag_pans = True
    caption = ""

    def __init__(self, timeline: Timeline, editor: Editor, height: int, parent: QWidget | None = None) -> None:
        super().__init__(timeline, parent)
        self._editor = editor
        self._value = ""
        self.setFixedHeight(height)
        self.setAccessibleName(f"{self.caption} lane")
        self.setToolTip("")

    def show_song(self) -> None:
        """Notes, pedal or beats have changed."""
        self._give_up()
        self.invalidate()

    def _give_up(self) -> None:
        """Forget what is being dragged."""

    def _beat(self, x: float) -> float:
        cover = self._editor.song.cover
        assert cover is not None
        return float(cover.grid.beats(self.timeline.start + (x - GUTTER) / self.timeline.scale))

    def draw(self, painter: QPainter, tokens: theme.Tokens, span: Span) -> None:
        painter.fillRect(QRectF(0, 0, span.width, self.height()), QColor(tokens.canvas))
        grid = self._editor.song.grid
        if grid is not None:
            grid_lines.draw(painter, tokens, span, grid, 0, self.height())
        painter.fillRect(QRectF(0, 0, span.width, 1), QColor(tokens.hairline))

    def draw_gutter(self, painter: QPainter, tokens: theme.Tokens) -> None:
        painter.fillRect(QRectF(0, 0, GUTTER, self.height()), QColor(tokens.window))
        painter.fillRect(QRectF(0, 0, GUTTER, 1), QColor(tokens.hairline))
        painter.fillRect(QRectF(GUTTER - 1, 0, 1, self.height()), QColor(tokens.hairline))
        painter.setFont(theme.font(self, theme.CAPTION, tabular=True))
        painter.setPen(QColor(tokens.secondary))
        box = QRectF(0, 0, GUTTER - 8, self.height())
        middle = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        painter.drawText(box, middle, f"{self.caption}\n{self._value}" if self._value else self.caption)

    def resizeEvent(self, event: QResizeEvent) -> None:
        # The roll says how wide the view is; a lane that is folded has no width that means anything.
        self.invalidate()

    def _say(self, value: str) -> None:
        if value != self._value:
            self._value = value
            self.update(QRect(0, 0, GUTTER, self.height()))
