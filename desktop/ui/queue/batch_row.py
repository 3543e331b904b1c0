"""A batch in the list of jobs, and the reasons why files of it failed."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QWidget

from desktop.jobs.batches import Batch, FailureGroup
from desktop.jobs.states import State
from desktop.ui import theme
from desktop.ui.icons import Button, IconButton, IconLabel
from desktop.ui.queue_row import MARKS, RowButtons, when
from desktop.ui.topbar import remaining
from desktop.ui.widgets.elided import ElidedLabel
from desktop.ui.widgets.parts import label, restyle

BUTTONS = (
    ("pause", "pause", "Pause the batch"),
    ("resume", "play", "Go on with the batch"),
    ("cancel", "close", "Cancel the batch"),
    ("retry", "retry", "Retry the failed ones"),
    ("report", "table", "Open the report"),
    ("folder", "folder", "Show the results in their folder"),
    ("remove", "remove", "Remove the batch from the history"),
)


NOUNS = {"cover": ("song", "songs"), "restore": ("clip", "clips"), "label": ("table", "tables")}
"""What a batch's files are, by the kind of its jobs."""


def report_of(batch: Batch) -> Path | None:
    """The page that tells of the batch, if it has been written."""
    path = Path(f"{batch.spec.report}.html") if batch.spec.report else None
    return path if path is not None and path.is_file() else None


def totals(batch: Batch) -> str:
    """How many files are in which state, in words."""
    one, many = NOUNS.get(batch.spec.kind, ("file", "files"))
    noun = one if batch.total == 1 else many
    over = sum(count for state, count in batch.counts.items() if state.is_over) + batch.skipped
    done = batch.counts.get(State.DONE, 0) + batch.skipped
    words = [f"{done:,} of {batch.total:,} {noun} done" if batch.is_over else f"{over:,} of {batch.total:,} {noun}"]
    named = ((State.FAILED, "failed"), (State.INTERRUPTED, "interrupted"), (State.CANCELLED, "cancelled"))
    words += [f"{batch.counts[state]:,} {name}" for state, name in named if batch.counts.get(state)]
    if batch.skipped:
        words.append(f"{batch.skipped:,} done before")
    if batch.rate_per_h and not batch.is_over:
        words.append(f"{batch.rate_per_h:,.0f} an hour")
    return "  ·  ".join((["Paused"] if batch.state is State.PAUSED else []) + words)


class BatchRow(QWidget):
    """Arrow, name, totals, bar, time left, buttons.

    Signals:
        asked: what (a name of ``BUTTONS``, or "open") and the batch's number.
    """

    asked = Signal(str, int)

    def __init__(self, batch: Batch, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._batch = batch
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(theme.S2)
        self._arrow = IconButton("right", "Show the files", size=14)
        # So wide that icon and name stand above those of the files.
        self._arrow.setFixedWidth(theme.S6)
        self._arrow.clicked.connect(lambda _on=False: self.asked.emit("open", self._batch.id))
        self._mark = IconLabel("queue")
        self._name = ElidedLabel()
        self._name.setFont(theme.font(self._name, bold=True))
        self._what = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self._bar = QProgressBar(maximum=1000, textVisible=False)
        self._bar.setFixedWidth(120)
        policy = self._bar.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self._bar.setSizePolicy(policy)
        self._left = label(tone="secondary", tabular=True)
        self._left.setFixedWidth(96)
        self._left.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for part, stretch in (
            (self._arrow, 0),
            (self._mark, 0),
            (self._name, 3),
            (self._what, 4),
            (self._bar, 0),
            (self._left, 0),
        ):
            line.addWidget(part, stretch)
        self._buttons = RowButtons(BUTTONS)
        self._buttons.asked.connect(lambda what: self.asked.emit(what, self._batch.id))
        line.addWidget(self._buttons)

    def mouseDoubleClickEvent(self, event: object) -> None:
        self.asked.emit("open", self._batch.id)

    def show_batch(self, batch: Batch, is_open: bool) -> None:
        """Show the batch as it is now."""
        self._batch = batch
        state, title = batch.state, batch.spec.title
        self._arrow.set_icon("down" if is_open else "right", "Hide the files" if is_open else "Show the files")
        self._arrow.setAccessibleName(f"{self._arrow.toolTip()}: {title}")
        nothing = not batch.skipped and not batch.counts.get(State.DONE)
        self._mark.show_icon(*_mark(state, nothing=nothing))
        self._name.setText(title)
        self._what.setText(totals(batch))
        restyle(self._what, tone="error" if nothing and state is State.FAILED else "secondary")
        self._bar.setVisible(not batch.is_over)
        self._bar.setValue(round(batch.fraction * 1000))
        restyle(self._bar, state=state.value)
        self._bar.setAccessibleName(f"Progress of {title}")
        self._left.setText(when(batch.ended) if batch.is_over else remaining(batch.remaining_s))
        visible = {
            "pause": not batch.is_over and state is not State.PAUSED,
            "resume": state is State.PAUSED,
            "cancel": not batch.is_over,
            "retry": any(batch.counts.get(state) for state in (State.FAILED, State.INTERRUPTED)),
            "report": report_of(batch) is not None,
            "folder": batch.is_over and bool(batch.spec.output),
            "remove": batch.is_over,
        }
        self._buttons.offer(visible, title)
        self.setAccessibleName(f"{title}: {totals(batch)}")


def _mark(state: State, *, nothing: bool) -> tuple[str, str]:
    """Icon and tone; a batch of which something was done has not failed as a whole."""
    if state is State.QUEUED:
        return "queue", "secondary"
    return ("warning", "warning") if state is State.FAILED and not nothing else MARKS[state]


class GroupRow(QWidget):
    """Why some files of a batch failed, what to do, and the button that tries them again.

    Signals:
        asked: "retry" and the batch's number; ``jobs`` are the files' numbers, None for all that failed.
    """

    asked = Signal(str, int, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        line = QHBoxLayout(self)
        line.setContentsMargins(theme.S6 + theme.S2, 0, 0, 0)
        line.setSpacing(theme.S2)
        self._count = label(tabular=True, bold=True, tone="error")
        self._why = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self._remedy = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self._remedy.setProperty("tone", "secondary")
        self._again = Button("Retry the failed ones", kind="link")
        # Of one width in all rows, so that the texts stand in columns.
        self._count.setFixedWidth(56)
        box = QWidget()
        box.setFixedWidth(176)
        inner = QHBoxLayout(box)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addStretch(1)
        inner.addWidget(self._again)
        line.addWidget(IconLabel("error", "error"))
        line.addWidget(self._count)
        line.addWidget(self._why, 4)
        line.addWidget(self._remedy, 3)
        line.addWidget(box)
        self._number, self._jobs = 0, None
        self._again.clicked.connect(lambda _on=False: self.asked.emit("retry", self._number, self._jobs))

    def show_group(self, group: FailureGroup, batch: Batch) -> None:
        """Show the reason. When the group lists all of its files and there are others, only its own are tried again."""
        self._number = batch.id
        is_part = group.count < batch.counts.get(State.FAILED, 0) and group.count == len(group.jobs)
        self._jobs = group.jobs if is_part else None  # type: ignore[assignment]
        self._again.setText(
            f"Retry these {group.count}"
            if is_part and group.count > 1
            else "Retry this one"
            if is_part
            else "Retry the failed ones"
        )
        self._again.setAccessibleName(f"{self._again.text()}: {group.reason}")
        self._count.setText(f"{group.count:,} ×")
        self._why.setText(group.reason)
        self._remedy.setText(group.remedy)
        self.setAccessibleName(f"{group.count} failed: {group.reason}")
