"""Small parts that every page is built from: lines, captions, segments, sections that fold, drop areas."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.ui import icons, theme


def line(*, vertical: bool = False) -> QFrame:
    """A hairline."""
    frame = QFrame()
    frame.setProperty("line", "vertical" if vertical else "horizontal")
    return frame


def label(
    text: str = "", *, size: int = theme.BODY, tone: str = "", bold: bool = False, wrap: bool = False, tabular: bool = False
) -> QLabel:
    """A label in one of the sizes; ``tone`` is "secondary", "good", "warning", "error" or "accent"."""
    made = QLabel(text)
    made.setFont(theme.font(made, size, bold=bold, tabular=tabular))
    made.setWordWrap(wrap)
    if tone:
        made.setProperty("tone", tone)
    return made


def restyle(widget: QWidget, **properties: object) -> None:
    """Set properties that the stylesheet looks at, and let it look again."""
    if all(widget.property(name) == value for name, value in properties.items()):
        return
    for name, value in properties.items():
        widget.setProperty(name, value)
    widget.style().unpolish(widget)
    widget.style().polish(widget)
    widget.update()


def clear(layout: object) -> None:
    """Remove all widgets of a layout."""
    while (item := layout.takeAt(0)) is not None:  # type: ignore[attr-defined]
        if (widget := item.widget()) is not None:
            widget.hide()
            widget.deleteLater()


def scrolled_column(page: QWidget, name: str, width: int) -> QVBoxLayout:
    """Fill ``page`` with a column in its middle, at most ``width`` wide, that scrolls; returns the column's layout."""
    whole = QVBoxLayout(page)
    whole.setContentsMargins(0, 0, 0, 0)
    scroll = QScrollArea(widgetResizable=True)
    scroll.setAccessibleName(name)
    whole.addWidget(scroll)
    inner = QWidget()
    inner.setProperty("surface", "plain")
    scroll.setWidget(inner)
    sides = QHBoxLayout(inner)
    sides.setContentsMargins(theme.S6, theme.S6, theme.S6, theme.S6)
    sides.addStretch(1)
    middle = QWidget()
    middle.setMaximumWidth(width)
    sides.addWidget(middle, 1000)
    sides.addStretch(1)
    column = QVBoxLayout(middle)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(theme.S2)
    return column


class Segments(QWidget):
    """A row of buttons of which one is chosen.

    Signals:
        chosen: value of the one that the user chose.
    """

    chosen = Signal(str)

    def __init__(self, name: str, choices: Sequence[tuple[str, str, str]], parent: QWidget | None = None) -> None:
        """``choices``: (value, text, tooltip) of each button."""
        super().__init__(parent)
        self.setAccessibleName(name)
        self._buttons: dict[str, QToolButton] = {}
        self._group = QButtonGroup(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for number, (value, text, tip) in enumerate(choices):
            button = QToolButton()
            button.setText(text)
            button.setCheckable(True)
            button.setToolTip(tip)
            button.setProperty("kind", "segment")
            place = "first" if number == 0 else "last" if number == len(choices) - 1 else "middle"
            button.setProperty("place", place)
            button.setAccessibleName(f"{name}: {text}")
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            button.clicked.connect(lambda _on=False, v=value: self.chosen.emit(v))
            self._group.addButton(button)
            self._buttons[value] = button
            row.addWidget(button, 1)

    @property
    def value(self) -> str:
        """What is chosen."""
        return next((value for value, button in self._buttons.items() if button.isChecked()), "")

    def set_value(self, value: str) -> None:
        """Choose without a signal."""
        if value in self._buttons:
            self._buttons[value].setChecked(True)


class Section(QWidget):
    """A part of the inspector with a heading; one that folds remembers how it was through ``folded``."""

    folded = Signal(bool)

    def __init__(self, title: str, parent: QWidget | None = None, *, folds: bool = False, folded: bool = False) -> None:
        super().__init__(parent)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(theme.S2)
        self._head: QToolButton | None = None
        if folds:
            head = icons.IconButton("right" if folded else "down", title, text=title, size=14)
            head.setProperty("kind", "section")
            head.setToolTip("")
            head.setCheckable(True)
            head.setChecked(not folded)
            head.toggled.connect(self._fold)
            head.setFont(theme.font(head, theme.BODY, bold=True))
            self._head = head
            whole.addWidget(head)
        else:
            whole.addWidget(label(title, bold=True))
        self._body = QWidget()
        self.body = QVBoxLayout(self._body)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(theme.S2)
        self._body.setVisible(not folded)
        whole.addWidget(self._body)

    def _fold(self, opened: bool) -> None:
        self._body.setVisible(opened)
        assert isinstance(self._head, icons.IconButton)
        self._head.set_icon("down" if opened else "right")
        self.folded.emit(not opened)


class DropArea(QFrame):
    """A large dashed field that says what may be dropped on it; lights up while something hangs over the window."""

    def __init__(self, icon: str, title: str, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon, self._lit = icon, False
        self.setMinimumSize(320, 176)
        self.setAccessibleName(title)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(24, 72, 24, 24)
        whole.setSpacing(theme.S2)
        head = label(title, size=theme.SECTION, bold=True)
        head.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        tail = label(text, tone="secondary", wrap=True)
        tail.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        whole.addWidget(head)
        whole.addWidget(tail)
        whole.addStretch(1)
        self.foot = QHBoxLayout()
        self.foot.setSpacing(theme.S2)
        whole.addLayout(self.foot)

    def light(self, on: bool) -> None:
        """Show that letting go here opens the file."""
        if on != self._lit:
            self._lit = on
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        edge = QColor(tokens.accent) if self._lit else theme.mix(tokens.hairline, tokens.text, 0.2)
        pen = QPen(edge, 1.5, Qt.PenStyle.CustomDashLine)
        pen.setDashPattern([4, 4])
        painter.setPen(pen)
        painter.setBrush(theme.mix(tokens.canvas, tokens.accent, 0.10 if self._lit else 0.025))
        painter.drawRoundedRect(self.rect().adjusted(1, 1, -1, -1), 10, 10)
        size = 32
        colour = tokens.accent if self._lit else tokens.secondary
        mark = icons.pixmap(self._icon, colour, size, self.devicePixelRatioF())
        painter.drawPixmap((self.width() - size) // 2, 28, mark)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in theme.RESTYLED:
            self.update()


class Fact(QWidget):
    """A caption over a value: "Tempo" over "120 BPM"."""

    def __init__(self, caption: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        self._caption = caption
        whole.addWidget(label(caption, size=theme.CAPTION, tone="secondary"))
        self._value = label("–", tabular=True)
        whole.addWidget(self._value)

    def say(self, value: str, tone: str = "", tip: str = "") -> None:
        """Show a value."""
        self._value.setText(value)
        restyle(self._value, tone=tone)
        self.setToolTip(tip)
        self.setAccessibleName(f"{self._caption}: {value}")

    @property
    def value(self) -> str:
        """What is shown."""
        return self._value.text()


def sized(widget: QWidget, width: int = 0, height: int = 0) -> QWidget:
    """The widget with a fixed width or height."""
    if width:
        widget.setFixedWidth(width)
    if height:
        widget.setFixedHeight(height)
    return widget


def on_click(button: QToolButton, function: Callable[[], None]) -> QToolButton:
    """Connect a button's click to a function without arguments."""
    button.clicked.connect(lambda _on=False: function())
    return button


def came_by_key(event: QFocusEvent) -> bool:
    """Whether the focus came by Tab: then a ring shows where it is; a click has shown that itself."""
    return event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)


def slider(value: int) -> QSlider:
    """A slider from 0 to 100."""
    made = QSlider(Qt.Orientation.Horizontal)
    made.setRange(0, 100)
    made.setValue(value)
    made.setSingleStep(5)
    made.setPageStep(25)
    return made
