"""The first start: what will be fetched, how large it is, under which terms; or work with what is here."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from desktop.models.library import Status
from desktop.paths import models_dir
from desktop.ui import theme
from desktop.ui.dialogs import _Dialog
from desktop.ui.icons import Button, IconLabel
from desktop.ui.library.card import COMMERCIAL
from desktop.ui.library.shelf import Shelf, bytes_text
from desktop.ui.widgets.elided import ElidedLabel
from desktop.ui.widgets.parts import label


class FirstRunDialog(_Dialog):
    """Signals:
    offline_chosen: the user wants no network.
    """

    offline_chosen = Signal()

    def __init__(self, shelf: Shelf, pack: str, parent: QWidget | None = None) -> None:
        super().__init__("Reprise needs a few models", parent, 760, 400)
        self._shelf = shelf
        self._entries = shelf.missing(pack)
        self._started = False
        total = bytes_text(sum(entry.download for entry in self._entries))
        intro = f"They are fetched once ({total} in all), checked, and stay on this computer. Nothing of yours is sent anywhere."
        self.body.addWidget(label(intro, wrap=True))
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.S4)
        grid.setVerticalSpacing(theme.S3)
        grid.setColumnStretch(1, 1)
        self._rows: dict[str, tuple[IconLabel, QProgressBar]] = {}
        for number, entry in enumerate(self._entries):
            mark, bar = IconLabel("install"), QProgressBar(maximum=1000, textVisible=False)
            bar.setAccessibleName(f"Progress of {entry.title}")
            bar.setFixedWidth(120)
            words = QVBoxLayout()
            words.setSpacing(0)
            words.addWidget(label(entry.title, bold=True))
            words.addWidget(label(entry.description, size=theme.CAPTION, tone="secondary", wrap=True))
            size = label(bytes_text(entry.download), tabular=True)
            licence = label(entry.licence.spdx)
            text, tone = COMMERCIAL[entry.licence.commercial]
            terms = label(text, size=theme.CAPTION, tone=tone)
            grid.addWidget(mark, number, 0, Qt.AlignmentFlag.AlignTop)
            grid.addLayout(words, number, 1)
            for column, widget in enumerate((size, licence, terms, bar), 2):
                grid.addWidget(widget, number, column)
            self._rows[entry.id] = (mark, bar)
        self.body.addLayout(grid)
        where = ElidedLabel(f"To {models_dir()}")
        where.setProperty("tone", "secondary")
        self.body.addWidget(where)
        self._problem = label(tone="error", wrap=True)
        self.body.addWidget(self._problem)
        self.body.addStretch(1)
        row = QHBoxLayout()
        row.setSpacing(theme.S2)
        self._offline = Button("Work offline with what is here")
        self._offline.clicked.connect(self._go_offline)
        self._later = Button("Later", kind="link")
        self._later.clicked.connect(self.reject)
        self._get = Button("Get the models", kind="primary", icon_name="install")
        self._get.setDefault(True)
        self._get.clicked.connect(self._start)
        row.addWidget(self._offline)
        row.addStretch(1)
        row.addWidget(self._later)
        row.addWidget(self._get)
        self.body.addLayout(row)
        shelf.changed.connect(self._refresh)
        shelf.failed.connect(lambda error, _model: self._problem.setText(str(error)))

    def _start(self) -> None:
        self._started = True
        self._problem.setText("")
        for entry in self._entries:
            if self._shelf.states.get(entry.id) is not Status.INSTALLED:
                self._shelf.install(entry.id)
        self._refresh()

    def _go_offline(self) -> None:
        self.offline_chosen.emit()
        self.accept()

    def _refresh(self) -> None:
        jobs, states = self._shelf.jobs, self._shelf.states
        running = False
        for name, (mark, bar) in self._rows.items():
            job = jobs.get(name)
            if states.get(name) in (Status.INSTALLED, Status.BUNDLED):
                mark.show_icon("done", "good")
                bar.setValue(1000)
            elif job is not None and job.state.is_over and self._started:
                mark.show_icon("error", "error")
                if job.error is not None:
                    self._problem.setText(f"{job.error.message} {job.error.remedy}")
            elif job is not None:
                running = True
                bar.setValue(round(job.fraction * 1000))
        self._get.setEnabled(not running)
        self._get.setText("Fetching…" if running else "Try again" if self._started else "Get the models")
        if self._started and all(states.get(name) in (Status.INSTALLED, Status.BUNDLED) for name in self._rows):
            self.accept()
