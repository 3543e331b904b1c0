"""One record as the model sees it: coloured pieces of text and their counts."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QHBoxLayout, QTextEdit, QVBoxLayout, QWidget

from desktop.ui import theme
from desktop.ui.tuning.seen import Record
from desktop.ui.tuning.tints import answer_tint, cut_tint, prompt_tint
from desktop.ui.tuning.words import count
from desktop.ui.widgets.parts import label, restyle

KINDS = (("prompt", "Prompt"), ("answer", "Answer"), ("cut", "Cut off"))
LONGEST = 20_000
"""Characters that are shown of a record."""


class _Patch(QWidget):
    """A square of a kind's colour, for the legend."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self._kind = kind
        self.setFixedSize(10, 10)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_tint(self._kind, theme.tokens(), 0.6))
        painter.drawRoundedRect(self.rect(), 3, 3)


class SeenView(QWidget):
    """The text of a record over a legend with counts."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._record: Record | None = None
        self._fallback: tuple[str, str] = ("", "")
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(theme.S2)
        self.text = QTextEdit(readOnly=True)
        self.text.setAccessibleName("What the model sees")
        self.text.setProperty("kind", "seen")
        self.text.setTabChangesFocus(True)
        self.text.setMinimumHeight(96)
        whole.addWidget(self.text, 1)
        legend = QHBoxLayout()
        legend.setSpacing(theme.S1)
        self._counts = {}
        self._patches = {}
        for kind, _word in KINDS:
            self._patches[kind] = _Patch(kind)
            self._counts[kind] = label(size=theme.CAPTION, tone="secondary", tabular=True)
            legend.addWidget(self._patches[kind])
            legend.addWidget(self._counts[kind])
            legend.addSpacing(theme.S2)
        legend.addStretch(1)
        whole.addLayout(legend)

    def show_record(self, record: Record | None, prompt: str = "", answer: str = "") -> None:
        """Show a record; ``prompt`` and ``answer`` stand in when no base has said how it sees it."""
        if record == self._record and (prompt, answer) == self._fallback:
            return
        self._record, self._fallback = record, (prompt, answer)
        self._draw()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in theme.RESTYLED:
            self._draw()

    def _draw(self) -> None:
        seen = self._record.seen if self._record is not None else None
        pieces = seen.pieces if seen is not None else self._plain()
        if seen is not None and not any(kind == "answer" for _, kind in pieces):
            # A classifier reads the prompt alone; its answer is a label, not text of its own.
            pieces = (*pieces, ("\n→ ", "special"), (self._fallback[1], "answer"))
        self.text.clear()
        cursor = QTextCursor(self.text.document())
        tokens, room = theme.tokens(), LONGEST
        for text, kind in pieces:
            if room <= 0:
                break
            cursor.insertText(text[:room], _format(kind, tokens, self.text))
            room -= len(text)
        if room <= 0:
            cursor.insertText(" …", _format("special", tokens, self.text))
        self.text.moveCursor(QTextCursor.MoveOperation.Start)
        numbers = (seen.prompt_tokens, seen.answer_tokens, seen.cut_tokens) if seen is not None else (0, 0, 0)
        for (kind, word), number in zip(KINDS, numbers, strict=True):
            self._counts[kind].setText(f"{word} {count(number)}" if number else word)
            shown = kind != "cut" or number > 0
            self._counts[kind].setVisible(shown)
            self._patches[kind].setVisible(shown)
            self._counts[kind].setToolTip("Tokens, as the base model counts" if seen is not None else "")
        restyle(self._counts["cut"], tone="warning")

    def _plain(self) -> tuple[tuple[str, str], ...]:
        prompt, answer = self._fallback
        return ((prompt, "prompt"), ("\n", "special"), (answer, "answer")) if self._record is not None else ()


def _tint(kind: str, tokens: theme.Tokens, more: float = 0.0) -> QColor:
    if kind == "answer":
        return answer_tint(tokens, 0.22 + more)
    return cut_tint(tokens, 0.18 + more) if kind == "cut" else prompt_tint(tokens, 0.14 + more)


def _format(kind: str, tokens: theme.Tokens, widget: QWidget) -> QTextCharFormat:
    made = QTextCharFormat()
    made.setFont(theme.font(widget))
    made.setForeground(QColor(tokens.secondary if kind == "special" else tokens.text))
    if kind == "special":
        small = theme.font(widget, theme.CAPTION)
        small.setFamilies(["JetBrains Mono", "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", "monospace"])
        made.setFont(small)
        return made
    made.setBackground(_tint(kind, tokens))
    if kind == "answer":
        made.setFontWeight(QFont.Weight.DemiBold)
    made.setFontStrikeOut(kind == "cut")
    return made
