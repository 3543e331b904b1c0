"""One of the main settings of a recipe: a large value, a slider, and "automatic"."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QDoubleValidator
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSlider, QVBoxLayout, QWidget

from desktop.ui import theme
from desktop.ui.icons import Button
from desktop.ui.widgets.parts import label


class Dial(QWidget):
    """A value on a scale of usual stops; any other can be typed.

    Args:
        stops: usual values, rising.
        text: a value as it is shown.
        whole: whole numbers only.

    Signals:
        chosen: the value; 0 for automatic.
    """

    chosen = Signal(float)

    def __init__(self, name: str, tip: str, stops: Sequence[float], text: Callable[[float], str], *, whole: bool = False) -> None:
        super().__init__()
        self._stops, self._text, self._whole = tuple(stops), text, whole
        self._value = self._settled = 0.0
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.S1)
        head = QHBoxLayout()
        caption = label(name, size=theme.CAPTION, tone="secondary")
        caption.setToolTip(tip)
        head.addWidget(caption)
        head.addStretch(1)
        self.auto = Button("Automatic", kind="link")
        self.auto.setAccessibleName(f"{name}: back to automatic")
        self.auto.setToolTip("Let the method and the rows decide")
        self.auto.clicked.connect(lambda: self.chosen.emit(0.0))
        policy = self.auto.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.auto.setSizePolicy(policy)
        head.addWidget(self.auto)
        column.addLayout(head)
        self.field = QLineEdit()
        self.field.setAccessibleName(name)
        self.field.setToolTip(tip)
        self.field.setFont(theme.font(self.field, theme.SECTION, bold=True, tabular=True))
        validator = QDoubleValidator(self)
        validator.setBottom(0.0)
        self.field.setValidator(validator)
        self.field.editingFinished.connect(self._typed)
        column.addWidget(self.field)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, len(self._stops) - 1)
        self.slider.setPageStep(1)
        self.slider.setAccessibleName(f"{name}, slider")
        self.slider.setToolTip(tip)
        self.slider.valueChanged.connect(lambda place: self.chosen.emit(self._stops[place]))
        column.addWidget(self.slider)

    def show_value(self, value: float, settled: float) -> None:
        """Show a value; 0 is automatic, for which ``settled`` is what it comes to (0 while that is not known)."""
        self._value, self._settled = value, settled
        now = value or settled
        if not self.field.hasFocus() or not self.field.isModified():
            self.field.setText(self._text(now) if now else "")
            self.field.setPlaceholderText("Automatic")
        self.auto.setVisible(bool(value))
        with QSignalBlocker(self.slider):
            if now:
                self.slider.setValue(min(range(len(self._stops)), key=lambda n: abs(self._stops[n] - now)))
        self.slider.setEnabled(bool(now))

    def wheelEvent(self, event: object) -> None:
        """A wheel that scrolls the page changes nothing on its way."""
        event.ignore()  # type: ignore[attr-defined]

    def _typed(self) -> None:
        if not self.field.isModified():
            return
        self.field.setModified(False)
        try:
            value = float(self.field.text().replace(",", ".") or 0)
        except ValueError:
            value = self._value
        value = float(round(value)) if self._whole else value
        if value != (self._value or self._settled):
            self.chosen.emit(value)
        self.show_value(self._value, self._settled)
