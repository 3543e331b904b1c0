"""The playground: type something, and see what the run answers and what its base would have."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec
from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from desktop.errors import UserError
from desktop.jobs.events import Failed, Previewed
from desktop.jobs.job import AskJob
from desktop.jobs.rows import Row
from desktop.jobs.tuning_jobs import EXPORT_PRECISIONS
from desktop.tuning.runs import Run
from desktop.ui import theme
from desktop.ui.asks import Newest
from desktop.ui.icons import Button
from desktop.ui.notify import from_error, from_failed
from desktop.ui.panels import Services
from desktop.ui.tuning.evaluate_rows import one_line
from desktop.ui.tuning.evaluate_setup import PRECISION_WORDS
from desktop.ui.tuning.fields import Choice, Whole, captioned
from desktop.ui.tuning.use_answer import AnswerCard
from desktop.ui.tuning.use_order import reach_after
from desktop.ui.widgets.elided import ElidedLabel
from desktop.ui.widgets.parts import Section, clear, label

URGENT = 6
"""Priority of what the user waits for: it does not queue behind training."""
REMEMBERED = 50


@dataclass
class Asked:
    """A question and its answers: of the run, and of its base where that was asked."""

    values: dict[str, str]
    answer: dict[str, Any] = field(default_factory=dict)
    baseline: dict[str, Any] | None = None


class InputField(QPlainTextEdit):
    """A text of a row. Signals: sent: Ctrl and Return were pressed."""

    sent = Signal()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _sends(event):
            # In this field the keys are its own, whatever they mean in the window.
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if _sends(event):
            self.sent.emit()
        else:
            super().keyPressEvent(event)


def _sends(event: QKeyEvent) -> bool:
    return event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)


class Playground(QWidget):
    """See the module's docstring."""

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._run: Run | None = None
        self._blocked = ""
        self._columns: tuple[str, ...] = ()
        self._waiting: Asked | None = None
        self.asked: dict[str, list[Asked]] = {}
        self.newest = Newest(services.bridge, URGENT, self)
        self.newest.answered.connect(self._answered)
        self.newest.failed.connect(self._failed)
        self.newest.previewed.connect(self._previewed)
        self.newest.progressed.connect(self._progressed)
        self.newest.busy_changed.connect(self._show_busy)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(theme.S3)
        self._inputs = QGridLayout()
        self._inputs.setHorizontalSpacing(theme.S2)
        self._inputs.setVerticalSpacing(theme.S1)
        self._inputs.setColumnStretch(0, 1)
        self._inputs.setColumnStretch(1, 1)
        self.fields: dict[str, InputField] = {}
        whole.addLayout(self._inputs)
        row = QHBoxLayout()
        row.setSpacing(theme.S3)
        self.go = Button("Ask", kind="primary")
        self.go.clicked.connect(self.ask)
        self.baseline = QCheckBox("Ask the untuned base too")
        self.baseline.setChecked(services.state.flag("tuning/ask_baseline", True))
        self.baseline.toggled.connect(self._baseline_chosen)
        self._doing = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self._doing.setProperty("tone", "secondary")
        self._bar = QProgressBar(maximum=1000, textVisible=False)
        self._bar.setFixedWidth(120)
        self._bar.setAccessibleName("Progress of the answer")
        row.addWidget(self.go)
        row.addWidget(self.baseline)
        row.addWidget(self._doing, 1)
        row.addWidget(self._bar)
        whole.addLayout(row)
        self._cards = QHBoxLayout()
        self._cards.setSpacing(theme.S3)
        self.tuned, self.base = AnswerCard("Tuned"), AnswerCard("Untuned base")
        self._cards.addWidget(self.tuned, 1)
        self._cards.addWidget(self.base, 1)
        whole.addLayout(self._cards, 2)
        more = Section("More", folds=True, folded=services.state.flag("tuning/ask_more_folded", True))
        more.folded.connect(lambda on: services.state.keep("tuning/ask_more_folded", on))
        self.beams, self.max_answer = Whole(1, 16, word="1, greedy"), Whole(0, 4096, step=16, word="The run's own")
        self.weights = Choice("Weights", (("best", "Best on validation"), ("last", "Last step")))
        self.precision = Choice("Precision", tuple((name, PRECISION_WORDS[name]) for name in EXPORT_PRECISIONS))
        self.weights.set_value("best")
        self.precision.set_value("fp32")
        options = QHBoxLayout()
        options.setSpacing(theme.S3)
        self._writing = [
            captioned(
                "Beams", self.beams, "Ways of going on that are followed at once; more is slower and often a little better"
            ),
            captioned("Tokens at most", self.max_answer),
        ]
        for box in (*self._writing, captioned("Weights", self.weights), captioned("Precision", self.precision)):
            options.addWidget(box)
        options.addStretch(1)
        more.body.addLayout(options)
        whole.addWidget(more)
        self._past = QWidget()
        past = QVBoxLayout(self._past)
        past.setContentsMargins(0, 0, 0, 0)
        past.setSpacing(theme.S1)
        past.addWidget(label("Asked before", size=theme.CAPTION, tone="secondary"))
        self.history = QListWidget()
        self.history.setAccessibleName("Asked before")
        self.history.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.history.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.history.currentRowChanged.connect(self._again)
        past.addWidget(self.history, 1)
        whole.addWidget(self._past, 1)
        self._show_busy()

    def show_run(self, run: Run | None, columns: tuple[str, ...], blocked: str) -> None:
        """Ask this run, whose prompts are made of ``columns``; ``blocked``: why it cannot be asked, "" when it can."""
        changed = run is None or self._run is None or run.id != self._run.id
        self._run, self._blocked = run, blocked
        if columns != self._columns or changed:
            self._columns = columns
            self._make_fields()
        if changed:
            self.newest.drop()
            self._waiting = None
            self.tuned.say("The answer appears here.")
            self.base.say("What the model answered before it was tuned.")
            self._fill_history()
        gives_labels = run is not None and run.method == "head"
        self.baseline.setVisible(not gives_labels)
        self.base.setVisible(not gives_labels and self.baseline.isChecked())
        for box in self._writing:
            box.setVisible(not gives_labels)
        self._show_busy()

    def ask(self) -> None:
        """Ask what is typed."""
        values = {name: each.toPlainText().strip() for name, each in self.fields.items()}
        if self._run is None or self._blocked or not any(values.values()):
            return
        text = next(iter(values.values())) if len(values) == 1 else msgspec.json.encode(values).decode()
        wants_base = self._run.method != "head" and self.baseline.isChecked()
        try:
            job = AskJob(
                model=self._run.id, texts=(text,), baseline=wants_base, max_answer=self.max_answer.value(),
                beams=self.beams.value(), weights=str(self.weights.currentData()), precision=str(self.precision.currentData()),
            )  # fmt: skip
        except UserError as error:
            self._services.say(from_error(error))
            return
        self._waiting = Asked(values)
        self.tuned.say("…")
        self.base.say("…" if wants_base else "")
        self.newest.ask(job)

    def leave(self) -> None:
        """The window closes."""
        self.newest.leave()

    # What happens

    def _make_fields(self) -> None:
        clear(self._inputs)
        self.fields = {}
        several = len(self._columns) > 1
        for number, name in enumerate(self._columns):
            made = InputField()
            made.setPlaceholderText(f"{name.replace('_', ' ').capitalize()}…" if several else "Type what the model is to answer…")
            made.setTabChangesFocus(True)
            made.setProperty("kind", "field")
            made.setAccessibleName(name)
            made.setFixedHeight(58 if several else 84)
            made.sent.connect(self.ask)
            made.textChanged.connect(self._show_busy)
            self.fields[name] = made
            box = captioned(name, made) if several else made
            self._inputs.addWidget(box, number // 2, number % 2, 1, 1 if several else 2)
        reach_after(self, None, list(self.fields.values()))

    def _baseline_chosen(self, on: bool) -> None:
        self._services.state.keep("tuning/ask_baseline", on)
        self.base.setVisible(on and self._run is not None and self._run.method != "head")

    def _answered(self, _job: AskJob, result: dict[str, Any]) -> None:
        asked, self._waiting = self._waiting, None
        answers, baseline = result.get("answers") or [], result.get("baseline")
        if asked is None or not answers or self._run is None:
            return
        asked.answer = dict(answers[0])
        asked.baseline = dict(baseline[0]) if baseline else None
        past = self.asked.setdefault(self._run.id, [])
        past.insert(0, asked)
        del past[REMEMBERED:]
        self._fill_history()
        self._show(asked)

    def _show(self, asked: Asked) -> None:
        self.tuned.show_answer(asked.answer)
        if asked.baseline is not None:
            self.base.show_answer(asked.baseline)
        else:
            self.base.say("The base was not asked.")

    def _failed(self, _job: AskJob, failed: Failed) -> None:
        self._waiting = None
        self.tuned.say("No answer.")
        self.base.say("")
        self._services.say(from_failed(failed))

    def _previewed(self, _job: AskJob, event: Previewed) -> None:
        if event.kind == "answer" and self._waiting is not None:
            card = self.base if event.data.get("baseline") else self.tuned
            card.write(str(event.data.get("text", "")))

    def _progressed(self, row: Row) -> None:
        self._doing.setText(row.message)
        self._bar.setValue(round(1000 * row.fraction))

    def _show_busy(self) -> None:
        busy = self.newest.busy
        self._bar.setVisible(busy)
        if not busy:
            self._doing.setText(self._blocked)
            self._bar.setValue(0)
        typed = any(each.toPlainText().strip() for each in self.fields.values())
        self.go.setEnabled(typed and not self._blocked)
        self.go.setToolTip(self._blocked or ("Ask (Ctrl+Return)" if typed else "Type something first"))

    def _fill_history(self) -> None:
        past = self.asked.get(self._run.id, []) if self._run is not None else []
        self.history.blockSignals(True)
        self.history.clear()
        for asked in past:
            question = one_line(" · ".join(value for value in asked.values.values() if value))
            item = QListWidgetItem(f"{question}  →  {one_line(str(asked.answer.get('text', '')))}", self.history)
            item.setToolTip(question[:1000])
        self.history.blockSignals(False)
        self._past.setVisible(bool(past))

    def _again(self, place: int) -> None:
        past = self.asked.get(self._run.id, []) if self._run is not None else []
        if not 0 <= place < len(past):
            return
        asked = past[place]
        for name, value in asked.values.items():
            if name in self.fields:
                self.fields[name].setPlainText(value)
        self._show(asked)
