"""Small fields that the pages share: a caption over a choice, a number or a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QFileDialog, QHBoxLayout, QSpinBox, QVBoxLayout, QWidget

from desktop.ui import theme
from desktop.ui.icons import Button, IconButton
from desktop.ui.tuning.files import RECORDS
from desktop.ui.widgets.elided import ElidedLabel
from desktop.ui.widgets.parts import label


def captioned(caption: str, widget: QWidget, tip: str = "", height: int = 0) -> QWidget:
    """A widget under its caption; ``height`` of both, 0 for what they need."""
    box = QWidget()
    if height:
        # The stylesheet has its own idea of a text field's least height.
        box.setFixedHeight(height)
    column = QVBoxLayout(box)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(2)
    head = label(caption, size=theme.CAPTION, tone="secondary")
    head.setToolTip(tip)
    column.addWidget(head)
    column.addWidget(widget)
    if not widget.accessibleName():
        widget.setAccessibleName(caption)
    if tip:
        widget.setToolTip(tip)
    return box


class Choice(QComboBox):
    """A combo box of values.

    Signals:
        chosen: the value that the user chose.
    """

    chosen = Signal(str)

    def __init__(self, name: str, choices: Sequence[tuple[str, str]] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(6)
        self.set_choices(choices)
        self.activated.connect(lambda _n: self.chosen.emit(str(self.currentData())))

    def set_choices(self, choices: Sequence[tuple[str, str]]) -> None:
        """Offer these (value, text)."""
        if choices != [(str(self.itemData(n)), self.itemText(n)) for n in range(self.count())]:
            with QSignalBlocker(self):
                now = self.currentData()
                self.clear()
                for value, text in choices:
                    self.addItem(text, value)
                self.setCurrentIndex(self.findData(now))

    def set_value(self, value: str) -> None:
        """Show a value without a signal; one that is not offered is added."""
        place = self.findData(value)
        if place < 0 and value:
            self.addItem(value, value)
            place = self.count() - 1
        self.setCurrentIndex(place)

    def wheelEvent(self, event: object) -> None:
        """A wheel that scrolls the page changes nothing on its way."""
        event.ignore()  # type: ignore[attr-defined]


class Whole(QSpinBox):
    """A whole number; the smallest one may stand for a word.

    Signals:
        chosen: the number, when the user has finished with it.
    """

    chosen = Signal(int)

    def __init__(self, low: int, high: int, *, step: int = 1, word: str = "", unit: str = "") -> None:
        super().__init__()
        self.setRange(low, high)
        self.setSingleStep(step)
        self.setSpecialValueText(word)
        self.setSuffix(unit)
        self.setGroupSeparatorShown(True)
        self.setKeyboardTracking(False)
        self.lineEdit().setTextMargins(theme.S2 - 2, 0, 0, 0)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.valueChanged.connect(self.chosen)

    def set_value(self, value: int) -> None:
        """Show a number without a signal."""
        with QSignalBlocker(self):
            self.setValue(value)

    def wheelEvent(self, event: object) -> None:
        """A wheel that scrolls the page changes nothing on its way."""
        event.ignore()  # type: ignore[attr-defined]


class Real(QDoubleSpinBox):
    """A number with decimals.

    Signals:
        chosen: the number, when the user has finished with it.
    """

    chosen = Signal(float)

    def __init__(self, low: float, high: float, *, step: float, decimals: int, word: str = "") -> None:
        super().__init__()
        self.setDecimals(decimals)
        self.setRange(low, high)
        self.setSingleStep(step)
        self.setSpecialValueText(word)
        self.setKeyboardTracking(False)
        self.lineEdit().setTextMargins(theme.S2 - 2, 0, 0, 0)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.valueChanged.connect(self.chosen)

    def set_value(self, value: float) -> None:
        """Show a number without a signal."""
        with QSignalBlocker(self):
            self.setValue(value)

    def textFromValue(self, value: float) -> str:
        return f"{value:.{self.decimals()}f}".rstrip("0").rstrip(".") or "0"

    def wheelEvent(self, event: object) -> None:
        """A wheel that scrolls the page changes nothing on its way."""
        event.ignore()  # type: ignore[attr-defined]


class FileField(QWidget):
    """A file that may be given.

    Signals:
        chosen: its path, "" for none.
    """

    chosen = Signal(str)

    def __init__(self, name: str, empty: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name, self._empty = name, empty
        self.value = ""
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.S1)
        self._words = ElidedLabel(empty)
        self._clear = IconButton("close", f"Take no file as the {name.lower()}", size=14)
        self._clear.clicked.connect(lambda: self.chosen.emit(""))
        browse = Button("Choose…")
        browse.setAccessibleName(f"Choose the {name.lower()}")
        browse.clicked.connect(self._ask)
        row.addWidget(self._words, 1)
        row.addWidget(self._clear)
        row.addWidget(browse)
        self.set_value("")

    def set_value(self, path: str) -> None:
        """Show a file."""
        self.value = path
        self._words.setText(Path(path).name if path else self._empty)
        self._words.setToolTip(path)
        self._clear.setVisible(bool(path))

    def say(self, text: str, tip: str) -> None:
        """Show other words than the file's name."""
        self._words.setText(text)
        self._words.setToolTip(tip)

    def _ask(self) -> None:
        patterns = " ".join(f"*{suffix}" for suffix in RECORDS)
        folder = str(Path(self.value).parent) if self.value else str(Path.home())
        path, _ = QFileDialog.getOpenFileName(self, self._name, folder, f"Files of examples ({patterns});;All files (*)")
        if path:
            self.chosen.emit(path)
