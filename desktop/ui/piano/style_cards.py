"""Choice of a style by pictures: the left hand's real pattern of the style under a line of melody."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QGridLayout, QSizePolicy, QWidget

from desktop.jobs.job import STYLES
from desktop.piano.arranging.patterns import STYLES as PATTERNS
from desktop.ui import theme

WORDS = {
    "pop": ("Pop", "Steady broken chords that push forward"),
    "ballad": ("Ballad", "Slow wide chords, room for the tune"),
    "arpeggio": ("Arpeggio", "Flowing sixteenths over two octaves"),
    "stride": ("Stride", "Bass and chord in turns, ragtime fashion"),
    "rock": ("Rock", "Driving eighths on root and fifth"),
    "chorale": ("Chorale", "Four still voices, like a hymn"),
}
MELODY = ((0, 1.5, 5), (1.5, 0.5, 6), (2, 1, 7), (3, 1, 6))
"""Start and length in beats and height of the notes drawn above every pattern."""
HEIGHT = 7
"""Height of the chord's ladder in rows: steps above are drawn at its top."""
Mark = tuple[float, float, float, int]


def pattern(style: str) -> list[Mark]:
    """The left hand of a bar: (start in beats, length, height in rows, rows thick)."""
    cell = PATTERNS[style].levels[2][4][0]
    unit = 4 / len(cell)
    marks: list[Mark] = []
    for n, what in enumerate(cell):
        length = unit * next((k for k in range(1, len(cell) - n) if cell[n + k] != "."), len(cell) - n)
        rows = {"B": (0, 3), "P": (0, 2), "C": (2, 4, 6), "V": (0, 4), "-": (), ".": ()}.get(what)
        for row in (int(what),) if rows is None else rows:
            marks.append((n * unit, length, min(row, HEIGHT), 1))
    return marks


class StyleCard(QAbstractButton):
    """One style: its picture and its name."""

    def __init__(self, style: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.style_name = style
        self._marks = pattern(style)
        title, tip = WORDS.get(style, (style.capitalize(), ""))
        self.setText(title)
        self.setToolTip(tip)
        self.setAccessibleName(f"Style {title}")
        self.setAccessibleDescription(tip)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def sizeHint(self) -> QSize:
        return QSize(128, 76)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        on, over = self.isChecked(), self.underMouse() and self.isEnabled()
        edge = QColor(tokens.accent) if on or self.hasFocus() else theme.mix(tokens.hairline, tokens.text, 0.25 if over else 0.12)
        painter.setPen(QPen(edge, 1.5 if on or self.hasFocus() else 1.0))
        painter.setBrush(theme.mix(tokens.raised, tokens.accent, 0.10 if on else 0.0))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), theme.RADIUS, theme.RADIUS)
        painter.setOpacity(1.0 if self.isEnabled() else 0.45)
        self._draw_picture(painter, tokens, QRectF(10, 9, self.width() - 20, self.height() - 36))
        painter.setPen(QColor(tokens.accent if on else tokens.text))
        painter.setFont(theme.font(self, theme.BODY, bold=on))
        painter.drawText(QRectF(10, self.height() - 26, self.width() - 20, 20), Qt.AlignmentFlag.AlignVCenter, self.text())
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(tokens.accent), 2))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), theme.RADIUS, theme.RADIUS)

    def _draw_picture(self, painter: QPainter, tokens: theme.Tokens, area: QRectF) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        rows = HEIGHT + 7
        row, beat = area.height() / rows, area.width() / 4
        for colour, marks, base in (
            (tokens.left, self._marks, 0.0),
            (tokens.right, [(s, d, h, 1) for s, d, h in MELODY], float(HEIGHT - 1)),
        ):
            painter.setBrush(QColor(colour))
            for start, length, height, _ in marks:
                top = area.bottom() - (base + height + 1) * row
                painter.drawRoundedRect(
                    QRectF(area.left() + start * beat, top, max(2.5, length * beat - 1.5), max(2.2, row * 1.1)), 1, 1
                )

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        self.update()


class StyleCards(QWidget):
    """All styles, two in a row; arrow keys move between them.

    Signals:
        chosen: the style that the user chose.
    """

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Style")
        self._group = QButtonGroup(self)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(theme.S2)
        self.cards: dict[str, StyleCard] = {}
        for number, style in enumerate(s for s in STYLES if s in PATTERNS):
            card = StyleCard(style)
            card.clicked.connect(lambda _on=False, s=style: self.chosen.emit(s))
            self._group.addButton(card)
            grid.addWidget(card, number // 2, number % 2)
            self.cards[style] = card

    def set_value(self, style: str) -> None:
        """Choose without a signal."""
        if style in self.cards:
            self.cards[style].setChecked(True)
