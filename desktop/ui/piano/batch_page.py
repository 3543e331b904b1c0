"""The page of a batch: its songs, where results go, start and stop."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QCheckBox, QFileDialog, QGridLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from desktop.errors import UserError
from desktop.piano.batch.naming import FIELDS
from desktop.piano.batch.songs import LISTS, Entry
from desktop.piano.names import SOUNDS
from desktop.ui import theme
from desktop.ui.batches.options import BatchChoices
from desktop.ui.batches.outlook_line import OutlookLine
from desktop.ui.icons import Button
from desktop.ui.panels import Services
from desktop.ui.piano.batch import Batch, problem_of
from desktop.ui.piano.batch_table import BatchTable
from desktop.ui.widgets.elided import ElidedLabel
from desktop.ui.widgets.parts import DropArea, label, line

EXTRAS = (("audio", "Audio (WAV)"), ("musicxml", "Score (MusicXML)"), ("pdf", "Score (PDF)"), ("mp4", "Falling notes (MP4)"))


class BatchPage(QWidget):
    """Shows a ``Batch``.

    Signals:
        left: the user wants back to the single song.
    """

    left = Signal()

    def __init__(self, batch: Batch, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.batch, self._state, self._prefs = batch, services.state, services.prefs
        self.choices = BatchChoices(services.state, "piano", parent=self)
        self.choices.chosen.connect(self._choose_way)
        self.outlook = OutlookLine(batch.batching)
        self.setProperty("surface", "canvas")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addLayout(self._make_head())
        whole.addWidget(line())
        self.table = BatchTable(batch)
        self.empty = DropArea("piano", "Drop songs, folders or lists here", "Lists: .txt and .m3u, or .csv with a column “song”")
        whole.addWidget(self.table, 1)
        hold = QHBoxLayout()
        hold.setContentsMargins(theme.S6, theme.S6, theme.S6, theme.S6)
        self.empty.setFixedHeight(220)
        hold.addWidget(self.empty)
        self._empty_row = QWidget()
        self._empty_row.setLayout(hold)
        whole.addWidget(self._empty_row, 1)
        whole.addWidget(line())
        whole.addWidget(self._make_foot())
        for signal in (batch.listed, batch.changed, batch.batching.looked):
            signal.connect(self.refresh)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self.refresh())
        self._choose_way()
        self.refresh()

    def common(self) -> Entry:
        """Settings for songs that are added now."""
        now = self._prefs.now
        chosen = {name for name, box in self._also.items() if box.isChecked()}
        return Entry(
            style=now.style,
            difficulty=now.difficulty,
            audio="audio" in chosen,
            also=tuple(name for name, _ in EXTRAS if name in chosen and name != "audio"),
        )

    def add(self, paths: list[Path]) -> None:
        """Add songs, folders, lists."""
        self.batch.add(paths, self.common())

    def refresh(self) -> None:
        """Show the batch as it is."""
        batch, any_songs = self.batch, bool(self.batch.entries)
        self.table.setVisible(any_songs)
        self._empty_row.setVisible(not any_songs)
        counts = batch.counts()
        words = [f"{count:,} {word}" for word, count in counts.items() if count and (word != "left" or batch.running)]
        total = f"{len(batch.entries):,} song{'s' if len(batch.entries) != 1 else ''}" if any_songs else ""
        self._facts.setText("  ·  ".join([total, *words]) if any_songs else "")
        self._show_name()
        running, reason = batch.running, problem_of(batch)
        outlook = batch.batching.outlook
        if not reason and outlook is not None and outlook.jobs and not outlook.waiting:
            reason = "All songs are done already"
        self.start.setEnabled(not (running or reason))
        self.start.setToolTip("It is running" if running else reason or "Make the covers")
        chosen = self.table.selectionModel().hasSelection()
        self.remove.setEnabled(any_songs and not running)
        self.remove.setText("Remove" if chosen else "Clear")
        self.remove.setToolTip("Not while it runs" if running else "Take songs off the list; files stay")
        # What cannot be changed now would only take the songs' room.
        self._options.setVisible(not running)
        self.start.setVisible(not running)
        self.stop.setVisible(running)
        report = batch.batching.report
        self.report.setEnabled(report is not None)
        self.report.setToolTip(
            str(report) if report is not None else "Table and report are written to the results' folder while songs are made"
        )
        self._where.setText(batch.output or "Beside each song")
        self._beside.setEnabled(bool(batch.output))

    def _make_head(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setContentsMargins(theme.S4, theme.S3, theme.S4, theme.S3)
        row.setSpacing(theme.S2)
        back = Button("Back")
        back.setToolTip("Back to the single song (Ctrl+B)")
        back.clicked.connect(lambda _on=False: self.left.emit())
        row.addWidget(back)
        self._facts = label("", tone="secondary", tabular=True)
        row.addSpacing(theme.S2)
        row.addWidget(self._facts)
        row.addStretch(1)
        songs = Button("Add songs…", icon_name="open")
        songs.clicked.connect(lambda _on=False: self.ask_songs())
        folder = Button("Add a folder…", icon_name="folder")
        folder.clicked.connect(lambda _on=False: self.ask_folder())
        self.remove = Button("Clear", icon_name="remove")
        self.remove.clicked.connect(lambda _on=False: self._remove())
        for button in (songs, folder, self.remove):
            row.addWidget(button)
        return row

    def _make_foot(self) -> QWidget:
        foot = QWidget()
        foot.setProperty("surface", "window")
        foot.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        whole = QVBoxLayout(foot)
        whole.setContentsMargins(theme.S4, theme.S3, theme.S4, theme.S3)
        whole.setSpacing(theme.S2)
        whole.addLayout(self._make_buttons())
        self._options = QWidget()
        whole.addWidget(self._options)
        grid = QGridLayout(self._options)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(theme.S3)
        grid.setVerticalSpacing(theme.S2)
        grid.setColumnStretch(1, 1)
        rows = (("Results", self._make_where()), ("Names", self._make_names()), ("Also", self._make_also()))
        for number, (text, part) in enumerate(rows):
            grid.addWidget(label(text, tone="secondary"), number, 0)
            grid.addLayout(part, number, 1)
        for number, (text, box) in enumerate((("If a song fails", self.choices.failing), ("Order", self.choices.order)), 1):
            grid.addWidget(label(text, tone="secondary"), number, 2, Qt.AlignmentFlag.AlignRight)
            grid.addWidget(box, number, 3)
        where = QHBoxLayout()
        where.setSpacing(theme.S2)
        where.addStretch(1)
        where.addWidget(self._folder)
        where.addWidget(self._beside)
        grid.addLayout(where, 0, 2, 1, 2)
        return foot

    def _make_where(self) -> QHBoxLayout:
        where = QHBoxLayout()
        self._where = ElidedLabel()
        where.addWidget(self._where)
        self._folder = Button("Folder…", icon_name="folder")
        self._folder.clicked.connect(lambda _on=False: self._ask_output())
        self._beside = Button("Beside each song")
        self._beside.clicked.connect(lambda _on=False: self.batch.choose(output=""))
        return where

    def _make_names(self) -> QHBoxLayout:
        self.template = QLineEdit(self.batch.template)
        self.template.setAccessibleName("Names of the results")
        self.template.setToolTip("Filled in: " + ", ".join(f"{{{field}}}" for field in FIELDS))
        self.template.setFixedWidth(200)
        self.template.textChanged.connect(lambda text: self.batch.choose(template=text))
        self._name = ElidedLabel()
        self._name.setProperty("tone", "secondary")
        names = QHBoxLayout()
        names.setSpacing(theme.S3)
        names.addWidget(self.template)
        names.addWidget(self._name, 1)
        return names

    def _make_also(self) -> QHBoxLayout:
        also = QHBoxLayout()
        also.setSpacing(theme.S3)
        self._also: dict[str, QCheckBox] = {}
        kept = self._state.text("batch/also").split()
        for name, text in EXTRAS:
            box = QCheckBox(text)
            box.setChecked(name in kept)
            box.toggled.connect(partial(self._also_changed, name))
            self._also[name] = box
            also.addWidget(box)
        also.addStretch(1)
        return also

    def _make_buttons(self) -> QHBoxLayout:
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.S2)
        self.start = Button("Start", kind="primary", icon_name="play")
        self.start.clicked.connect(lambda _on=False: self.batch.start())
        self.stop = Button("Stop", icon_name="stop")
        self.stop.setToolTip("Cancel what waits and what is being made")
        self.stop.clicked.connect(lambda _on=False: self.batch.stop())
        self.report = Button("Open the report", icon_name="table")
        self.report.clicked.connect(lambda _on=False: self.open_report())
        buttons.addWidget(self.outlook, 1)
        for button in (self.report, self.stop, self.start):
            buttons.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        return buttons

    def open_report(self) -> None:
        """Show the report in the browser."""
        report = self.batch.batching.report
        if report is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(report)))

    def _show_name(self) -> None:
        """Show what the first song's results will be called, or why that cannot be."""
        text = ""
        if self.batch.entries:
            try:
                text = f"{self.batch.first_name()}.mid"
            except UserError as error:
                text = " ".join(part for part in (error.message, error.remedy) if part)
        self._name.setText(text)

    def _choose_way(self) -> None:
        self.batch.choose_way(self.choices.order_now, self.choices.failing_now)

    def _also_changed(self, name: str, on: bool) -> None:
        self._state.keep("batch/also", " ".join(one for one, box in self._also.items() if box.isChecked()))
        common = self.common()
        if self.batch.entries:
            self.batch.set(range(len(self.batch.entries)), audio=common.audio, also=common.also)

    def _remove(self) -> None:
        self.batch.remove(self.table.chosen() or range(len(self.batch.entries)))

    def ask_songs(self) -> None:
        """Choose songs or lists to add."""
        patterns = " ".join(f"*{suffix}" for suffix in (*SOUNDS, *LISTS))
        chosen, _ = QFileDialog.getOpenFileNames(
            self, "Add songs", self._state.text("piano/folder", str(Path.home())), f"Songs and lists ({patterns});;All files (*)"
        )
        if chosen:
            self._state.keep("piano/folder", str(Path(chosen[0]).parent))
            self.add([Path(name) for name in chosen])

    def ask_folder(self) -> None:
        """Choose a folder whose songs are added."""
        chosen = QFileDialog.getExistingDirectory(
            self, "Add a folder of songs", self._state.text("piano/folder", str(Path.home()))
        )
        if chosen:
            self._state.keep("piano/folder", chosen)
            self.add([Path(chosen)])

    def _ask_output(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Where the results go", self.batch.output or str(Path.home()))
        if chosen:
            self.batch.choose(output=chosen)

    def use_template(self, text: str) -> None:
        """Show another template."""
        with QSignalBlocker(self.template):
            self.template.setText(text)
        self.batch.choose(template=text)
