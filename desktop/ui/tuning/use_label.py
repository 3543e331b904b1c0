"""Bulk labelling: files in, the same files with the model's answers out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QScrollArea,
    QStackedWidget,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from desktop.batch.plan import LABELLED, NOWHERE
from desktop.batch.sources import ENDINGS, Source, gather
from desktop.errors import UserError
from desktop.jobs.events import Failed, Previewed
from desktop.jobs.job import AnyJob, LabelJob, Records, RecordsJob
from desktop.jobs.rows import Row
from desktop.jobs.tuning_jobs import EXPORT_PRECISIONS
from desktop.tuning.runs import Run
from desktop.ui import theme
from desktop.ui.asks import Newest
from desktop.ui.background import Op
from desktop.ui.files import show_in_folder
from desktop.ui.icons import Button
from desktop.ui.notify import Note, Severity, from_error, from_failed
from desktop.ui.panels import Services
from desktop.ui.tuning.evaluate_classes import name_parts
from desktop.ui.tuning.evaluate_progress import ProgressLine
from desktop.ui.tuning.evaluate_result import FactsRow
from desktop.ui.tuning.evaluate_setup import PRECISION_WORDS
from desktop.ui.tuning.fields import Choice, FileField, Real, captioned
from desktop.ui.tuning.use_columns import columns_of, matched
from desktop.ui.tuning.use_label_batch import LabelBatch, Wish
from desktop.ui.tuning.use_order import reach_after
from desktop.ui.tuning.use_said import counts_bars, label_facts, troubles
from desktop.ui.watched import Watched
from desktop.ui.widgets.bar_chart import BarChart
from desktop.ui.widgets.elided import ElidedLabel
from desktop.ui.widgets.parts import Section, clear, label
from desktop.ui.widgets.quiet_page import QuietPage

WIDTH = 300
RECENT = 5


class LabelPage(QWidget):
    """See the module's docstring."""

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._run: Run | None = None
        self._blocked = ""
        self._wanted: tuple[str, ...] = ()
        self.columns: list[str] | None = None
        self.output = ""
        self.sources: list[Source] = []
        self._given: list[Path] = []
        self.folder = ""
        self.batch = LabelBatch(services)
        self.batch.changed.connect(self._show_soon)
        self.watched = Watched(services.bridge, self)
        self._look = Newest(services.bridge, 5, self)
        self._look.answered.connect(self._looked)
        self._look.failed.connect(lambda _job, failed: services.say(from_failed(failed)))
        sides = QHBoxLayout(self)
        sides.setContentsMargins(0, 0, 0, 0)
        sides.setSpacing(theme.S6)
        sides.addWidget(self._make_setup())
        sides.addWidget(self._make_result(), 1)
        self.watched.changed.connect(self._show)
        self.watched.previewed.connect(self._previewed)
        self.watched.done.connect(self._done)
        self.watched.failed.connect(lambda _row, failed: self._failed(failed))
        self._show()

    # Parts

    def _make_setup(self) -> QWidget:
        side = QWidget()
        side.setFixedWidth(WIDTH)
        whole = QVBoxLayout(side)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(theme.S2)
        scroll = QScrollArea(widgetResizable=True)
        scroll.setAccessibleName("What is labelled, and how")
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inner = QWidget()
        inner.setProperty("surface", "plain")
        scroll.setWidget(inner)
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, theme.S3, 0)
        column.setSpacing(theme.S3)
        self.file = FileField("File to label", "No file chosen")
        self.file.chosen.connect(self.choose)
        column.addWidget(captioned("Files to label", self.file, "CSV, TSV, JSONL or Parquet; it is never written to"))
        many = QHBoxLayout()
        many.setSpacing(theme.S2)
        for text, tip, ask in (
            ("Several files…", "Label several files as one batch", self._ask_files),
            ("A folder…", "Label all files of a folder, and of those below it, as one batch", self._ask_folder),
        ):
            button = Button(text, kind="link")
            button.setToolTip(tip)
            button.clicked.connect(lambda _on=False, ask=ask: ask())
            many.addWidget(button)
        many.addStretch(1)
        column.addLayout(many)
        self._mapping = QWidget()
        self._map = QGridLayout(self._mapping)
        self._map.setColumnStretch(1, 1)
        self._map.setContentsMargins(0, 0, 0, 0)
        self._map.setHorizontalSpacing(theme.S2)
        self._map.setVerticalSpacing(theme.S2)
        self.inputs: list[Choice] = []
        column.addWidget(self._mapping)
        self._matched = label(size=theme.CAPTION, tone="secondary", wrap=True)
        column.addWidget(self._matched)
        place = QWidget()
        row = QHBoxLayout(place)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.S1)
        self.target = ElidedLabel("–")
        self.change = Button("Change…")
        self.change.setAccessibleName("Change where the result goes")
        self.change.clicked.connect(self._ask_output)
        row.addWidget(self.target, 1)
        row.addWidget(self.change)
        column.addWidget(captioned("Result", place, "The rows as they are, with two more columns"))
        state = self._services.state
        more = Section("More", folds=True, folded=state.flag("tuning/label_more_folded", True))
        more.folded.connect(lambda on: state.keep("tuning/label_more_folded", on))
        self.column, self.sure, self.other = QLineEdit("label"), QLineEdit("confidence"), QLineEdit()
        self.labels = QLineEdit(placeholderText="any text")
        self.threshold = Real(-0.01, 1.0, step=0.05, decimals=2, word="Automatic")
        self.threshold.set_value(-0.01)
        self.weights = Choice("Weights", (("best", "Best on validation"), ("last", "Last step")))
        self.precision = Choice("Precision", tuple((name, PRECISION_WORDS[name]) for name in EXPORT_PRECISIONS))
        self.weights.set_value("best")
        self.precision.set_value("fp32")
        self.template = QLineEdit(LABELLED)
        self._batch_boxes = (
            captioned("Names of the results", self.template, "Filled in: {title}, {number}, {folder}, {model}"),
            captioned("Order", self.batch.choices.order),
            captioned("If a file fails", self.batch.choices.failing),
        )
        self._labels_box = captioned(
            "Only these answers", self.labels, "With commas between them; empty for any text, or the run's own labels"
        )
        boxes = (
            captioned("Column of the answer", self.column),
            captioned("Column of the confidence", self.sure),
            captioned(
                "Least confidence",
                self.threshold,
                "Rows with less get the label of unsure rows; automatic: the run's own when there is one",
            ),
            captioned("Label of unsure rows", self.other, "Empty gives every row its best label"),
            self._labels_box,
            captioned("Weights", self.weights),
            captioned("Precision", self.precision, "Lower is faster and a little less exact"),
        )
        for box in (*self._batch_boxes, *boxes):
            more.body.addWidget(box)
        for field in (self.template, self.column, self.sure, self.other, self.labels):
            field.editingFinished.connect(self._show)
        for chosen in (self.weights, self.precision):
            chosen.chosen.connect(lambda _value: self._show())
        column.addWidget(more)
        column.addStretch(1)
        whole.addWidget(scroll, 1)
        self.go = Button("Label the file", kind="primary")
        self.go.clicked.connect(self.start)
        whole.addWidget(self.go)
        return side

    def _make_result(self) -> QWidget:
        page = QWidget()
        whole = QVBoxLayout(page)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(theme.S2)
        self.progress = ProgressLine(self.watched)
        whole.addWidget(self.progress)
        self.facts = FactsRow()
        whole.addWidget(self.facts)
        self.trouble = label(size=theme.CAPTION, tone="warning", wrap=True)
        whole.addWidget(self.trouble)
        self._stack = QStackedWidget()
        self.quiet = QuietPage()
        self.quiet.say(
            "import",
            "Label a file",
            "Every row gets the model's answer and how sure it is. Tens of thousands of rows an hour on a processor.",
        )
        self.recent = QTableWidget(0, 3)
        self.recent.setAccessibleName("Rows labelled just now")
        self.recent.setHorizontalHeaderLabels(["Input", "Answer", "Sure"])
        name_parts(self.recent)
        self.recent.verticalHeader().hide()
        self.recent.setShowGrid(False)
        self.recent.setWordWrap(False)
        self.recent.setTabKeyNavigation(False)
        self.recent.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.recent.setSelectionMode(QTableWidget.SelectionMode.NoSelection)
        self.recent.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        for number, mode in ((0, "Stretch"), (1, "Interactive"), (2, "Interactive")):
            self.recent.horizontalHeader().setSectionResizeMode(number, getattr(self.recent.horizontalHeader().ResizeMode, mode))
        self.recent.setColumnWidth(1, 180)
        self.recent.setColumnWidth(2, 64)
        self.counts = BarChart("Rows of each label")
        for part in (self.quiet, self.recent, self.counts, self.batch):
            self._stack.addWidget(part)
        whole.addWidget(self._stack, 1)
        foot = QHBoxLayout()
        self.reveal = Button("Show in folder", icon_name="folder")
        self.reveal.clicked.connect(self._show_folder)
        foot.addWidget(self.reveal)
        foot.addStretch(1)
        whole.addLayout(foot)
        return page

    # What the user does

    def show_run(self, run: Run | None, columns: tuple[str, ...], blocked: str) -> None:
        """Label with this run; ``columns`` make its prompts, ``blocked`` says why it cannot be used."""
        changed = (run.id if run else "") != (self._run.id if self._run else "")
        self._run, self._blocked = run, blocked
        if columns != self._wanted or changed:
            self._wanted = columns
            self._map_columns()
        if changed:
            self._clear_result()
            self.watched.find(lambda job: isinstance(job, LabelJob) and run is not None and job.model == run.id)
        self._labels_box.setVisible(run is not None and run.method != "head")
        self._show()

    def choose(self, path: str) -> None:
        """Label this file; "" for none."""
        self.sources, self._given = [], []
        self._take_file(path)

    def choose_all(self, paths: list[Path]) -> None:
        """Label files, and all of folders, as one batch."""

        def found(sources: list[Source]) -> None:
            if len(sources) == 1:
                self.choose(str(sources[0].path))
                return
            self._take_file(str(sources[0].path))
            self.sources, self._given = sources, paths
            self._clear_result()
            self.file.say(f"{len(sources):,} files", "\n".join(str(one.path) for one in sources[:20]))
            self._show()

        Op(self, lambda: gather(paths, "label")).success(found).failure(lambda e: self._services.say(from_error(e))).start()

    def _take_file(self, path: str) -> None:
        self.file.set_value(path)
        self.columns, self.output = None, ""
        if path:
            source = Path(path)
            self.output = str(source.with_name(f"{source.stem}-labelled{source.suffix}"))
            # A network folder may take its time.
            Op(self, lambda: columns_of(source)).success(self._found).failure(self._unreadable).start()
        self._map_columns()
        self._show()

    def start(self) -> None:
        """Begin."""
        if self.blocked or self._run is None:
            return
        try:
            if self.is_batch:
                self.batch.show_wish(self._wish())
                self.batch.start()
                return
            self._clear_result()
            self.watched.start(self.job())
        except UserError as error:
            self._services.say(from_error(error))

    def job(self) -> LabelJob:
        """The job as it is chosen; raises UserError when it cannot be."""
        assert self._run is not None
        threshold = self.threshold.value()
        chosen = tuple(str(choice.currentData() or "") for choice in self.inputs)
        return LabelJob(
            model=self._run.id, source=self.file.value, output=self.output,
            inputs=chosen if chosen != self._wanted else (), column=self.column.text().strip(),
            confidence=self.sure.text().strip(), threshold=None if threshold < 0 else threshold, other=self.other.text().strip(),
            labels=_words(self.labels.text()) if self._run.method != "head" else (),
            weights=str(self.weights.currentData()), precision=str(self.precision.currentData()),
        )  # fmt: skip

    @property
    def is_batch(self) -> bool:
        """Whether several files are chosen."""
        return len(self.sources) > 1

    def _wish(self) -> Wish:
        """What is to be labelled as a batch; raises UserError when it cannot be."""
        pattern = msgspec.structs.replace(self.job(), source=NOWHERE, output=NOWHERE)
        return Wish(self._given, self.sources, pattern, self.folder, self.template.text().strip())

    @property
    def blocked(self) -> str:
        """Why nothing can be labelled now."""
        if self._blocked:
            return self._blocked
        if self.watched.going:
            return "A file is being labelled"
        if not self.file.value:
            return "Choose a file to label"
        if self._look.busy:
            return "The file's columns are being looked up"
        if self.inputs and not all(choice.currentData() for choice in self.inputs):
            return "Say which of the file's columns the model reads"
        return self.batch.blocked if self.is_batch or self.batch.batching.running else ""

    def leave(self) -> None:
        """The window closes."""
        self._look.leave()
        self.batch.leave()

    # What happens

    def _found(self, columns: list[str] | None) -> None:
        if columns is None and self.file.value:
            # Only reading it properly can tell.
            self._look.ask(RecordsJob(records=Records(source=self.file.value), rows=1))
            self._show()
            return
        self.columns = columns
        self._map_columns()
        self._show()

    def _looked(self, job: AnyJob, result: dict[str, Any]) -> None:
        if isinstance(job, RecordsJob) and job.records.source == self.file.value:
            self._found([str(column["name"]) for column in (result.get("facts") or {}).get("columns") or []])

    def _unreadable(self, error: Exception) -> None:
        self._services.say(from_error(error))
        self.choose("")

    def _map_columns(self) -> None:
        """A choice for each column that the model reads; all is said in a line where the names fit."""
        clear(self._map)
        self.inputs = []
        columns = self.columns
        self._mapping.setVisible(bool(columns))
        self._matched.setVisible(bool(columns))
        if not columns:
            return
        found = matched(self._wanted, columns)
        for number, (wanted, name) in enumerate(zip(self._wanted, found, strict=True)):
            choice = Choice(f"Column for {wanted}", [("", "Choose…"), *((column, column) for column in columns)])
            choice.set_value(name)
            choice.chosen.connect(lambda _value: self._show())
            self._map.addWidget(label(wanted, tone="secondary"), number, 0)
            self._map.addWidget(choice, number, 1)
            self.inputs.append(choice)
        reach_after(self, self.file, self.inputs)
        self._matched.setText(
            "The columns were found by their names."
            if all(found)
            else "Choose the column that holds what the model was trained to read."
        )

    def _ask_files(self) -> None:
        patterns = " ".join(f"*{suffix}" for suffix in sorted(ENDINGS["label"]))
        start = str(Path(self.file.value).parent) if self.file.value else str(Path.home())
        chosen, _ = QFileDialog.getOpenFileNames(self, "Files to label", start, f"Tables ({patterns});;All files (*)")
        if chosen:
            self.choose_all([Path(one) for one in chosen])

    def _ask_folder(self) -> None:
        start = str(Path(self.file.value).parent) if self.file.value else str(Path.home())
        chosen = QFileDialog.getExistingDirectory(self, "Folder of files to label", start)
        if chosen:
            self.choose_all([Path(chosen)])

    def _ask_output(self) -> None:
        if self.is_batch:
            self.folder = QFileDialog.getExistingDirectory(self, "Folder for the results", self.folder or str(Path.home()))
            self._show()
            return
        chosen, _ = QFileDialog.getSaveFileName(self, "Where the result goes", self.output or str(Path.home()))
        if chosen:
            path = Path(chosen)
            if self.file.value and path.resolve() == Path(self.file.value).resolve():
                self._services.say(
                    Note(Severity.ERROR, "The result cannot replace the file itself", chosen, "Choose another name.")
                )
                return
            self.output = str(path if path.suffix else path.with_suffix(Path(self.file.value).suffix))
            self._show()

    def _show(self) -> None:
        several = self.is_batch
        if several and self._run is not None and not self._blocked and all(choice.currentData() for choice in self.inputs):
            try:
                self.batch.show_wish(self._wish())
            except UserError as error:
                self._services.say(from_error(error))
        elif not several:
            self.batch.show_wish(None)
        if several:
            self._stack.setCurrentWidget(self.batch)
        elif self._stack.currentWidget() is self.batch:
            self._stack.setCurrentWidget(self.quiet)
        for box in self._batch_boxes:
            box.setVisible(several)
        reason = self.blocked
        self.go.setText(f"Label {len(self.sources):,} files" if several else "Label the file")
        self.go.setEnabled(not reason)
        self.go.setToolTip(reason or "Label every row; what is done is kept when it is stopped")
        self.change.setEnabled(bool(self.file.value))
        single = Path(self.output).name if self.output else "–"
        self.target.setText((f"in {self.folder}" if self.folder else "beside each file") if several else single)
        self.target.setToolTip(self.folder if several else self.output)
        row = self.watched.row
        done = row is not None and bool(row.result)
        self.reveal.setVisible(done)
        self.facts.setVisible(bool(self.facts.facts) and (done or self.watched.going))
        self.trouble.setVisible(bool(self.trouble.text()))

    def _show_soon(self) -> None:
        # The batch tells of changes while it is shown itself.
        QTimer.singleShot(0, self, self._show)

    def _clear_result(self) -> None:
        self.facts.show_facts({})
        self.trouble.setText("")
        self.recent.setRowCount(0)
        self._stack.setCurrentIndex(0)
        self.watched.follow(None)

    def _previewed(self, event: Previewed) -> None:
        if event.kind != "labels":
            return
        rows = list(event.data.get("recent") or [])[-RECENT:]
        self.recent.setRowCount(len(rows))
        for number, (text, answer, sure) in enumerate(rows):
            shown = "" if sure is None else f"{float(sure):.2f}"
            for column, value in enumerate((" ".join(str(text).split()), str(answer), shown)):
                item = QTableWidgetItem(value)
                item.setToolTip(str(text)[:1000] if column == 0 else "")
                self.recent.setItem(number, column, item)
        self.facts.show_facts({"Rows so far": (f"{int(event.data.get('rows', 0)):,}", "Rows labelled")})
        self._stack.setCurrentIndex(1)
        self._show()

    def _done(self, row: Row) -> None:
        result = row.result or {}
        self.facts.show_facts(label_facts(result))
        self.trouble.setText(troubles(result))
        bars = counts_bars(result)
        self.counts.show_bars(bars, maximum=max((bar.value for bar in bars), default=1.0))
        self._stack.setCurrentIndex(2)
        target = Path(str((result.get("files") or {}).get("rows") or self.output))
        actions = [("Show in folder", lambda: show_in_folder(target))]
        self._services.say(Note(Severity.GOOD, f"Labelled {int(result.get('labelled', 0)):,} rows", str(target), actions=actions))
        self._show()

    def _failed(self, failed: Failed) -> None:
        self._stack.setCurrentIndex(0)
        self._services.say(from_failed(failed, [("Try again", self.start)]))

    def _show_folder(self) -> None:
        row = self.watched.row
        if row is not None and row.result:
            show_in_folder(Path(str((row.result.get("files") or {}).get("rows") or self.output)))


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())
