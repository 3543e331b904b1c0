"""What a recipe needs: memory by parts against what is free, time, and numbers of the network."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from desktop.ui import theme
from desktop.ui.library.shelf import bytes_text
from desktop.ui.tuning import words
from desktop.ui.tuning.base_cards import parameters_text
from desktop.ui.widgets.parts import Fact, label, restyle

PARTS = (
    ("weights", "Weights"),
    ("adapters", "Adapters"),
    ("gradients", "Gradients"),
    ("optimiser", "Optimiser"),
    ("activations", "Activations"),
    ("overhead", "Program"),
)


def part_colour(tokens: theme.Tokens, number: int) -> QColor:
    """Colour of a part of the memory bar: one hue from strong to soft, told apart by lightness and by the gaps."""
    return theme.mix(tokens.accent, tokens.canvas, 0.13 * number)


class MemoryBar(QWidget):
    """Parts of the need, as a bar as wide as what is available; what is beyond has the colour of a warning."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parts: list[float] = []
        self._available = 0.0
        self.setFixedHeight(22)
        self.setAccessibleName("Memory")

    def show_memory(self, parts: list[float], available: float) -> None:
        """Bytes of each part, and of what is available."""
        self._parts, self._available = parts, available
        self.setAccessibleDescription(f"{bytes_text(int(sum(parts)))} of {bytes_text(int(available))}")
        self.update()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in theme.RESTYLED:
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        whole = QRectF(0, 2, self.width(), self.height() - 4)
        path = QPainterPath()
        path.addRoundedRect(whole, 4, 4)
        painter.setClipPath(path)
        painter.fillRect(whole, theme.mix(tokens.window, tokens.text, 0.1))
        total = sum(self._parts)
        scale = whole.width() / (max(total, self._available) or 1.0)
        left = 0.0
        for number, size in enumerate(self._parts):
            width = size * scale
            if width > 0.5:
                painter.fillRect(QRectF(left, whole.top(), max(1.0, width - 1), whole.height()), part_colour(tokens, number))
            left += width
        if self._available and total > self._available:
            start = self._available * scale
            painter.fillRect(QRectF(start, whole.top(), whole.right() - start, whole.height()), QColor(tokens.warning))
            painter.fillRect(QRectF(start - 1, 0, 2, self.height()), QColor(tokens.text))


class _Dot(QWidget):
    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number
        self.setFixedSize(10, 10)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(part_colour(theme.tokens(), self._number))
        painter.drawRoundedRect(self.rect(), 3, 3)


class EstimateBox(QWidget):
    """An EstimateJob's result."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.S2)
        head = QHBoxLayout()
        head.addWidget(label("Memory", bold=True))
        head.addStretch(1)
        self.verdict = label(size=theme.CAPTION, tabular=True)
        head.addWidget(self.verdict)
        column.addLayout(head)
        self.bar = MemoryBar()
        column.addWidget(self.bar)
        legend = QGridLayout()
        legend.setHorizontalSpacing(theme.S1)
        legend.setVerticalSpacing(2)
        legend.setColumnStretch(1, 1)
        self._legend: dict[str, tuple[QWidget, QWidget, Any]] = {}
        for number, (part, word) in enumerate(PARTS):
            dot, name, size = _Dot(number), label(word, size=theme.CAPTION), label(size=theme.CAPTION, tabular=True)
            restyle(name, tone="secondary")
            self._legend[part] = (dot, name, size)
            legend.addWidget(dot, number, 0)
            legend.addWidget(name, number, 1)
            legend.addWidget(size, number, 2, Qt.AlignmentFlag.AlignRight)
        column.addLayout(legend)
        grid = QGridLayout()
        grid.setContentsMargins(0, theme.S2, 0, 0)
        grid.setHorizontalSpacing(theme.S3)
        grid.setVerticalSpacing(theme.S2)
        self.facts = {name: Fact(name) for name in ("Time", "Steps", "Tokens", "Trained")}
        for number, fact in enumerate(self.facts.values()):
            grid.addWidget(fact, number // 2, number % 2)
        column.addLayout(grid)
        self.warnings = label(size=theme.CAPTION, tone="warning", wrap=True)
        column.addWidget(self.warnings)

    def show_estimate(self, estimate: dict[str, Any], *, busy: bool) -> None:
        """Show what is needed; {} while it is not known."""
        memory, available = dict(estimate.get("memory") or {}), float(estimate.get("available") or 0.0)
        sizes = [float(memory.get(part) or 0.0) for part, _ in PARTS]
        total = float(memory.get("total") or sum(sizes))
        self.bar.show_memory(sizes, available)
        for (part, _), size in zip(PARTS, sizes, strict=True):
            for widget in self._legend[part]:
                widget.setVisible(size > 0 or not memory)
            self._legend[part][2].setText(bytes_text(int(size)) if memory else "–")
        if memory:
            fits = bool(estimate.get("fits"))
            free = f"{bytes_text(int(total))} of {bytes_text(int(available))}"
            self.verdict.setText(f"Fits: {free}" if fits else f"Does not fit: {free}")
            restyle(self.verdict, tone="good" if fits else "warning")
        else:
            self.verdict.setText("Being estimated" if busy else "")
            restyle(self.verdict, tone="secondary")
        self._show_facts(estimate)
        self.warnings.setText("\n".join(str(text) for text in estimate.get("warnings") or ()))
        self.warnings.setVisible(bool(self.warnings.text()))

    def _show_facts(self, estimate: dict[str, Any]) -> None:
        seconds, device = estimate.get("seconds"), str(estimate.get("device") or "")
        self.facts["Time"].say(f"about {words.seconds(float(seconds))}" if seconds else "–", tip=f"On {device}" if device else "")
        steps, tokens = int(estimate.get("steps") or 0), int(estimate.get("tokens") or 0)
        self.facts["Steps"].say(words.count(steps) if steps else "–")
        self.facts["Tokens"].say(parameters_text(tokens) if tokens else "–", tip=words.count(tokens) if tokens else "")
        trained, whole = int(estimate.get("trainable") or 0), int(estimate.get("parameters") or 0)
        part = trained / whole if whole else 1.0
        share = "" if part >= 1.0 else f"  ·  {100 * part:.1f} %" if part >= 0.001 else "  ·  < 0.1 %"
        self.facts["Trained"].say(f"{parameters_text(trained)}{share}" if trained else "–", tip="Parameters that change")
