"""The bar at the top: open, what is open, run or progress, device."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QStackedWidget, QVBoxLayout, QWidget

from desktop.ui import theme
from desktop.ui.icons import Button, IconButton
from desktop.ui.panels import Heading
from desktop.ui.widgets.elided import ElidedLabel
from desktop.ui.widgets.parts import label


class TopBar(QWidget):
    """Signals:
    open_asked, run_asked, cancel_asked.
    """

    open_asked = Signal()
    run_asked = Signal()
    cancel_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(56)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.S4, 0, theme.S4, 0)
        row.setSpacing(theme.S2)
        self.menu = IconButton("menu", "Menu (F10)")
        self.menu.setPopupMode(IconButton.ToolButtonPopupMode.InstantPopup)
        self.open = Button("Open", icon_name="open")
        self.open.setToolTip("Open a file (Ctrl+O)")
        self.open.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.open.clicked.connect(lambda: self.open_asked.emit())
        row.addWidget(self.menu)
        row.addWidget(self.open)
        row.addSpacing(theme.S2)
        names = QVBoxLayout()
        names.setSpacing(0)
        names.setContentsMargins(0, 0, 0, 0)
        self.title = ElidedLabel()
        self.title.setFont(theme.font(self.title, theme.BODY, bold=True))
        self.facts = label(size=theme.CAPTION, tone="secondary", tabular=True)
        names.addStretch(1)
        names.addWidget(self.title)
        names.addWidget(self.facts)
        names.addStretch(1)
        row.addLayout(names, 1)
        self._right = QStackedWidget()
        self._right.addWidget(QWidget())
        self._right.addWidget(self._make_run())
        self._right.addWidget(self._make_progress())
        self._right.setFixedWidth(248)
        row.addWidget(self._right)
        self.device = label(size=theme.CAPTION)
        self.device.setProperty("chip", "true")
        self.device.setAccessibleName("Device")
        row.addWidget(self.device)
        self.device.hide()

    def show_heading(self, heading: Heading, run_tip: str, can_run: bool, held: str = "") -> None:
        """Show what the panel says; ``held``: why the queue begins nothing."""
        self.title.setText(heading.title or "Reprise")
        self.facts.setText(heading.facts)
        self.facts.setVisible(bool(heading.facts))
        self.device.setText(heading.device)
        self.device.setToolTip(f"The last result was made on: {heading.device}" if heading.device else "")
        self.device.setVisible(bool(heading.device))
        job = heading.running
        if job is not None:
            self._right.setCurrentIndex(2)
            waits = f"Waiting: {held}" if held and job.priority <= 0 else "Waiting for its turn"
            text = job.message or (waits if job.state == "queued" else "Starting")
            if held and job.state == "paused" and job.priority <= 0:
                text = f"Paused: {held}"
            self.message.setText(text)
            self.left.setText(remaining(job.remaining_s))
            self.bar.setValue(round(job.fraction * 1000))
            self.bar.setAccessibleName(f"{text}, {job.fraction:.0%}")
        else:
            self._right.setCurrentIndex(1 if heading.run else 0)
            self.run.setEnabled(can_run)
            self.run.setToolTip(run_tip)

    def _make_run(self) -> QWidget:
        page = QWidget()
        row = QHBoxLayout(page)
        row.setContentsMargins(0, 0, 0, 0)
        row.addStretch(1)
        self.run = Button("Run", kind="primary", icon_name="play")
        self.run.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.run.clicked.connect(lambda: self.run_asked.emit())
        row.addWidget(self.run)
        return page

    def _make_progress(self) -> QWidget:
        page = QWidget()
        row = QHBoxLayout(page)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.S2)
        column = QVBoxLayout()
        column.setSpacing(theme.S1)
        words = QHBoxLayout()
        self.message = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self.message.setFont(theme.font(self.message, theme.CAPTION))
        self.left = label(size=theme.CAPTION, tone="secondary", tabular=True)
        words.addWidget(self.message, 1)
        words.addWidget(self.left)
        self.bar = QProgressBar(maximum=1000, textVisible=False)
        self.bar.setAccessibleName("Progress")
        column.addStretch(1)
        column.addLayout(words)
        column.addWidget(self.bar)
        column.addStretch(1)
        row.addLayout(column, 1)
        cancel = IconButton("close", "Cancel (Ctrl+.)")
        cancel.clicked.connect(lambda: self.cancel_asked.emit())
        row.addWidget(cancel)
        return page


def remaining(seconds: float | None) -> str:
    """Time left in words, "" while it is not known."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{max(1, round(seconds))} s left"
    minutes = round(seconds / 60)
    return f"{minutes} min left" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min left"
