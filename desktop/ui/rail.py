"""The rail at the left: one button for each panel, icon over label."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from desktop.ui import icons, theme
from desktop.ui.panels import PanelKind

WIDTH = 92


class Rail(QWidget):
    """Signals:
    chosen: id of the panel that the user wants to see.
    """

    chosen = Signal(str)

    def __init__(self, kinds: tuple[PanelKind, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedWidth(WIDTH)
        self.setAccessibleName("Panels")
        self._kinds = {kind.id: kind for kind in kinds}
        self._buttons: dict[str, QToolButton] = {}
        self._group = QButtonGroup(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, theme.S2, 0, theme.S2)
        column.setSpacing(theme.S1)
        ordered = sorted(kinds, key=lambda kind: kind.at_end)
        spaced = False
        for number, kind in enumerate(ordered, 1):
            if kind.at_end and not spaced:
                column.addStretch(1)
                spaced = True
            button = QToolButton()
            button.setText(kind.title)
            button.setCheckable(True)
            button.setProperty("kind", "rail")
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
            button.setIconSize(QSize(20, 20))
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setAccessibleName(kind.title)
            button.setToolTip(f"{kind.title} (Ctrl+{number})")
            button.clicked.connect(lambda _on=False, name=kind.id: self.chosen.emit(name))
            self._buttons[kind.id] = button
            self._group.addButton(button)
            column.addWidget(button)
        self._tint()

    def show_chosen(self, name: str) -> None:
        """Mark a panel as the one in front."""
        self._buttons[name].setChecked(True)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in theme.RESTYLED:
            self._tint()

    def _tint(self) -> None:
        tokens = theme.tokens()
        for name, button in self._buttons.items():
            button.setIcon(icons.icon(self._kinds[name].icon, tokens, size=20))
