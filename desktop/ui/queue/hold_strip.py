"""The line above the queue that says why nothing goes on, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from desktop.jobs.guards.rules import Guard
from desktop.ui import theme
from desktop.ui.guarding import OVERRULED
from desktop.ui.icons import Button, IconLabel
from desktop.ui.widgets.elided import ElidedLabel

HEIGHT = 36
GOES_ON = {
    Guard.DISK: "Goes on by itself when there is space again.",
    Guard.BATTERY: "Goes on by itself when it is charged or on mains.",
    Guard.HOURS: "Goes on by itself after that.",
}


def hold_text(holds: Mapping[str, str], *, is_begun: bool) -> str:
    """Why work stands still, and when it goes on; "" when nobody holds it.

    Args:
        is_begun: whether work was begun that stands still now.
    """
    if not holds:
        return ""
    reasons = "; ".join(holds.values())
    goes_on = [GOES_ON[Guard(source)] for source in holds if source in GOES_ON]
    return f"{'Paused' if is_begun else 'Waiting'}: {reasons}.{f' {goes_on[0]}' if len(goes_on) == 1 else ''}"


class HoldStrip(QWidget):
    """Shown while somebody holds work that there is.

    Signals:
        overruled: the guard that is to let the work go on.
        settings_asked: the limits are to be shown.
    """

    overruled = Signal(str)
    settings_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._holds: dict[str, str] = {}
        self.setFixedHeight(HEIGHT)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.S4, 0, theme.S2, 0)
        row.setSpacing(theme.S2)
        row.addWidget(IconLabel("pause", "warning"))
        self._text = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        row.addWidget(self._text, 1)
        self.anyway = Button("Go on anyway", kind="link")
        self.anyway.clicked.connect(self._overrule)
        limits = Button("Limits", kind="link")
        limits.setToolTip("The limits of unattended work, in the preferences")
        limits.clicked.connect(lambda: self.settings_asked.emit())
        row.addWidget(self.anyway)
        row.addWidget(limits)
        self.hide()

    def show_holds(self, holds: Mapping[str, str], *, is_begun: bool, is_work: bool) -> None:
        """Say who holds the work, if there is any."""
        self._holds = dict(holds)
        text = hold_text(holds, is_begun=is_begun)
        self._text.setText(text)
        self.setAccessibleName(text)
        self.anyway.setVisible(bool(holds) and all(source in tuple(OVERRULED) for source in holds))
        self.setVisible(bool(holds) and is_work)

    def _overrule(self) -> None:
        for source in self._holds:
            self.overruled.emit(source)
