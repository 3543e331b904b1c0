"""One model's answer: text as it is written, or the likeliest labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QStackedWidget, QVBoxLayout, QWidget

from desktop.ui import theme
from desktop.ui.icons import IconButton
from desktop.ui.widgets.bar_chart import Bar, BarChart
from desktop.ui.widgets.elided import ElidedLabel
from desktop.ui.widgets.parts import label


class AnswerCard(QFrame):
    """See the module's docstring; ``title`` says whose answer it is."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = title
        self.text = ""
        self.setProperty("surface", "card")
        whole = QVBoxLayout(self)
        whole.setContentsMargins(theme.S3, theme.S2, theme.S2, theme.S3)
        whole.setSpacing(theme.S1)
        head = QHBoxLayout()
        head.addWidget(label(title, bold=True))
        self.told = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self.told.setProperty("tone", "secondary")
        self.told.setFont(theme.font(self.told, theme.CAPTION, tabular=True))
        self.told.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        head.addWidget(self.told, 1)
        self.copy = IconButton("copy", f"Copy the answer: {title}", size=14)
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.text))
        head.addWidget(self.copy)
        whole.addLayout(head)
        self._stack = QStackedWidget()
        self._empty = label(tone="secondary", wrap=True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self._written = QPlainTextEdit(readOnly=True)
        self._written.setAccessibleName(f"Answer: {title}")
        self._written.setFrameShape(QFrame.Shape.NoFrame)
        self._written.setStyleSheet("background: transparent; border: none; padding: 0;")
        self._written.setFont(theme.font(self._written, theme.SECTION))
        labelled = QWidget()
        column = QVBoxLayout(labelled)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.S2)
        self._label = label(size=theme.TITLE, bold=True, wrap=True)
        self._label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.bars = BarChart(f"Likeliest labels: {title}")
        column.addWidget(self._label)
        column.addWidget(self.bars, 1)
        for page in (self._empty, self._written, labelled):
            self._stack.addWidget(page)
        whole.addWidget(self._stack, 1)
        self.say("")

    def say(self, words: str) -> None:
        """Show no answer but a few words."""
        self.text = ""
        self._empty.setText(words)
        self._stack.setCurrentIndex(0)
        self.told.setText("")
        self.copy.setEnabled(False)

    def write(self, text: str) -> None:
        """Show what there is of a text."""
        self.text = text
        self._written.setPlainText(text)
        self._stack.setCurrentIndex(1)

    def show_answer(self, answer: Mapping[str, Any]) -> None:
        """Show a finished answer, as the job gives it."""
        self.text = str(answer.get("text", ""))
        scores = [(str(name), float(share)) for name, share in answer.get("scores") or []]
        if scores:
            self._label.setText(self.text)
            self.bars.show_bars([Bar(name, share, f"{100 * share:.1f} %") for name, share in scores])
            self._stack.setCurrentIndex(2)
        elif self.text.strip():
            self.write(self.text)
        else:
            self.say("An empty answer")
        self.told.setText(told(answer))
        self.copy.setEnabled(bool(self.text))
        self.setAccessibleName(f"{self._title}: {self.text}")


def told(answer: Mapping[str, Any]) -> str:
    """How sure, how long and how fast an answer was."""
    parts = []
    confidence, tokens, seconds = answer.get("confidence"), int(answer.get("tokens") or 0), float(answer.get("seconds") or 0.0)
    if confidence is not None and not answer.get("scores"):
        parts.append(f"sure {float(confidence):.2f}")
    if tokens:
        parts.append(f"{tokens} tokens")
    if seconds:
        parts.append(f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s")
    if tokens and seconds:
        parts.append(f"{tokens / seconds:.0f} a second")
    return "  ·  ".join(parts)
