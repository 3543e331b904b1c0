"""The steps along the top: Records → Recipe → Run → Evaluate → Use."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QWidget

from desktop.ui import theme

HEIGHT = 48
CIRCLE = 22


class Step(StrEnum):
    """A page of the panel, in order."""

    RECORDS = "records"
    RECIPE = "recipe"
    RUN = "run"
    EVALUATE = "evaluate"
    USE = "use"

    @property
    def word(self) -> str:
        """As the bar says it."""
        return self.value.capitalize()


TIPS = {
    Step.RECORDS: "The examples, as the model will see them",
    Step.RECIPE: "Which model is tuned, and how",
    Step.RUN: "How training goes",
    Step.EVALUATE: "How good the tuned model is",
    Step.USE: "Ask it, label files with it, export it",
}


class StepButton(QAbstractButton):
    """A number in a circle and a word."""

    def __init__(self, number: int, step: Step, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._number = number
        self.setText(step.word)
        self.setAccessibleName(f"Step {number}: {step.word}")
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def sizeHint(self) -> QSize:
        width = self.fontMetrics().horizontalAdvance(self.text())
        return QSize(CIRCLE + theme.S2 + width + 2 * theme.S2 + 2, 34)

    def nextCheckState(self) -> None:
        """The panel decides which step is shown."""

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in theme.RESTYLED:
            self.update()

    def enterEvent(self, event: object) -> None:
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        now, usable = self.isChecked(), self.isEnabled()
        area = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        if usable and self.underMouse() and not now:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.mix(tokens.window, tokens.text, 0.07))
            painter.drawRoundedRect(area, theme.RADIUS, theme.RADIUS)
        if self.hasFocus():
            painter.setPen(QPen(QColor(tokens.accent), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(area, theme.RADIUS, theme.RADIUS)
        faint = theme.mix(tokens.secondary, tokens.window, 0.35)
        circle = QRectF(theme.S2, (self.height() - CIRCLE) / 2, CIRCLE, CIRCLE)
        edge = QColor(tokens.accent) if now else QColor(tokens.secondary) if usable else faint
        painter.setPen(QPen(edge, 1.5))
        painter.setBrush(QColor(tokens.accent) if now else Qt.BrushStyle.NoBrush)
        painter.drawEllipse(circle.adjusted(0.75, 0.75, -0.75, -0.75))
        painter.setFont(theme.font(self, theme.CAPTION, bold=True, tabular=True))
        painter.setPen(QColor(tokens.on_accent) if now else edge)
        painter.drawText(circle, Qt.AlignmentFlag.AlignCenter, str(self._number))
        painter.setFont(theme.font(self, theme.BODY, bold=now))
        painter.setPen(QColor(tokens.text) if usable else faint)
        words = QRectF(circle.right() + theme.S2, 0, self.width() - circle.right() - theme.S2, self.height())
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self.text())


class _Way(QWidget):
    """The line between two steps."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedSize(20, 34)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        tokens = theme.tokens()
        painter.fillRect(2, self.height() // 2, self.width() - 4, 1, theme.mix(tokens.hairline, tokens.text, 0.15))


class Steps(QWidget):
    """Signals:
    chosen: the Step that the user clicked.
    """

    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(HEIGHT)
        self.setAccessibleName("Steps")
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(theme.S2, 0, theme.S3, 0)
        self.row.setSpacing(0)
        self.buttons: dict[Step, StepButton] = {}
        for number, step in enumerate(Step, 1):
            if number > 1:
                self.row.addWidget(_Way())
            button = self.buttons[step] = StepButton(number, step)
            button.clicked.connect(lambda _on=False, s=step: self.chosen.emit(s))
            self.row.addWidget(button)
        self.row.addStretch(1)

    def show_steps(self, now: Step | None, blocked: Mapping[Step, str]) -> None:
        """Mark the step that is shown; ``blocked`` says why a step cannot be gone to yet."""
        for step, button in self.buttons.items():
            reason = blocked.get(step, "")
            button.setEnabled(not reason or step is now)
            button.setToolTip(reason or TIPS[step])
            button.setChecked(step is now)
