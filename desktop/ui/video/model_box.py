"""Choice of a model: its terms, whether it is installed, and the button that installs it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from desktop.models.catalog import Commercial, Entry
from desktop.models.library import Status
from desktop.ui import theme
from desktop.ui.icons import Button, IconLabel
from desktop.ui.library.shelf import Shelf, bytes_text
from desktop.ui.widgets.elided import ElidedLabel
from desktop.ui.widgets.parts import restyle

HERE = (Status.INSTALLED, Status.BUNDLED)
TERMS = {Commercial.YES: "", Commercial.NO: "No commercial use", Commercial.UNCLEAR: "Commercial use unclear"}


class ModelBox(QWidget):
    """A combo box of models over a line about the chosen one.

    Args:
        extra: choices besides the models, as (value, text).

    Signals:
        chosen: a model's id, or the value of an extra choice.
    """

    chosen = Signal(str)

    def __init__(
        self, name: str, shelf: Shelf, task: str, extra: Sequence[tuple[str, str]] = (), parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._shelf, self._name, self._task, self._extra = shelf, name, task, tuple(extra)
        self.value = ""
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(theme.S1)
        self.combo = QComboBox()
        self.combo.setAccessibleName(name)
        self.combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.combo.activated.connect(self._activated)
        whole.addWidget(self.combo)
        row = QHBoxLayout()
        row.setSpacing(theme.S1)
        self._mark = IconLabel("info", "secondary", 14)
        self._words = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self._words.setFont(theme.font(self._words, theme.CAPTION))
        self.install = Button("Install", kind="link")
        self.install.clicked.connect(lambda: shelf.install(self.value))
        self._bar = QProgressBar(maximum=1000, textVisible=False)
        self._bar.setAccessibleName(f"Installing the {name.lower()}")
        row.addWidget(self._mark)
        row.addWidget(self._words, 1)
        row.addWidget(self.install)
        whole.addLayout(row)
        whole.addWidget(self._bar)
        shelf.changed.connect(self.refresh)
        self.set_value(next(iter([value for value, _ in self._extra] or self._entries), ""))

    @property
    def _entries(self) -> dict[str, Entry]:
        """The models of the task; the user may add some while the window is open."""
        return {entry.id: entry for entry in self._shelf.entries if entry.task == self._task}

    @property
    def entry(self) -> Entry | None:
        """The chosen model; None for an extra choice."""
        return self._entries.get(self.value)

    @property
    def missing(self) -> str:
        """Why the choice cannot be used: its model is not installed, or nobody has looked yet; "" when it can."""
        status = self._shelf.states.get(self.value)
        if self.value in dict(self._extra) or status in HERE:
            return ""
        if self.entry is None:
            return f"{self._name} “{self.value}” is not in the catalog"
        if status is None:
            return "Looking for the models…"
        return f"{self.entry.title} is {'damaged' if status is Status.CORRUPT else 'not installed'}"

    def set_value(self, value: str) -> None:
        """Choose without a signal."""
        if value != self.value:
            self.value = value
            self.refresh()

    def refresh(self) -> None:
        """Show what is known of the models."""
        with QSignalBlocker(self.combo):
            self.combo.clear()
            for value, text in self._extra:
                self.combo.addItem(text, value)
            for model, one in self._entries.items():
                here = self._shelf.states.get(model) in (*HERE, None)
                self.combo.addItem(one.title if here else f"{one.title} (not installed)", model)
                self.combo.setItemData(self.combo.count() - 1, one.description, Qt.ItemDataRole.ToolTipRole)
            self.combo.setCurrentIndex(self.combo.findData(self.value))
        entry = self.entry
        for part in (self._mark, self._words, self.install, self._bar):
            part.setVisible(False)
        self.combo.setToolTip(entry.description if entry is not None else "")
        if entry is not None:
            self._show(entry)

    def _show(self, entry: Entry) -> None:
        licence, job = entry.licence, self._shelf.jobs.get(entry.id)
        terms = TERMS[licence.commercial]
        self._words.setText(f"{terms}  ·  {licence.spdx}" if terms else licence.spdx)
        self._words.setToolTip("\n".join(part for part in (licence.attribution, licence.note, licence.text) if part))
        restyle(self._words, tone="warning" if terms else "secondary")
        self._mark.show_icon("warning" if terms else "info", "warning" if terms else "secondary")
        self._mark.setVisible(True)
        self._words.setVisible(True)
        running = job is not None and not job.state.is_over
        self._bar.setVisible(running)
        if running and job is not None:
            self._bar.setValue(round(job.fraction * 1000))
        needed = self._shelf.states.get(entry.id) in (Status.MISSING, Status.CORRUPT)
        self.install.setVisible(needed and not running)
        size = bytes_text(entry.download) if entry.download else ""
        self.install.setText(f"Install ({size})" if size else "Install")

    def _activated(self) -> None:
        self.value = str(self.combo.currentData())
        self.refresh()
        self.chosen.emit(self.value)
