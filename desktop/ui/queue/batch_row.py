"""A batch in the list of jobs, and the reasons why files of it failed."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QWidget

from desktop.jobs.batches import Batch
from desktop.jobs.states import State
from desktop.ui import theme
from desktop.ui.icons import Button, IconButton, IconLabel
from desktop.ui.queue import offers
from desktop.ui.queue.lines import Line
from desktop.ui.queue_row import BUTTONS_WIDTH, MARKS, MORE, RowButtons, when
from desktop.ui.topbar import remaining
from desktop.ui.widgets.elided import ElidedLabel
from desktop.ui.widgets.parts import label, restyle

_COUNT = 40
_RETRY = 48

NOUNS = {"cover": ("song", "songs"), "restore": ("clip", "clips"), "label": ("table", "tables")}
"""What a batch's files are, by the kind of its jobs."""


def totals(batch: Batch) -> str:
    """How many files are in which state, in words."""
    one, many = NOUNS.get(batch.spec.kind, ("file", "files"))
    noun = one if batch.total == 1 else many
    over = sum(count for state, count in batch.counts.items() if state.is_over) + batch.skipped
    done = batch.counts.get(State.DONE, 0) + batch.skipped
    words = [f"{done:,} of {batch.total:,} {noun} done" if batch.is_over else f"{over:,} of {batch.total:,} {noun}"]
    named = ((State.FAILED, "failed"), (State.INTERRUPTED, "interrupted"), (State.CANCELLED, "cancelled"))
    words += [f"{batch.counts[state]:,} {name}" for state, name in named if batch.counts.get(state)]
    if batch.rate_per_h and not batch.is_over:
        words.append(f"{batch.rate_per_h:,.0f} an hour")
    if batch.skipped:
        words.append(f"{batch.skipped:,} done before")
    return "  ·  ".join((["Paused"] if batch.state is State.PAUSED else []) + words)


class BatchRow(QWidget):
    """Arrow, name, totals, bar, time left, buttons.

    Signals:
        asked: what, the name of an offer or "menu".
    """

    asked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(theme.S2)
        self._arrow = IconButton("right", "Show the files", size=14)
        # So wide that icon and name stand above those of the files.
        self._arrow.setFixedWidth(theme.S6)
        self._arrow.clicked.connect(lambda _on=False: self.asked.emit("open"))
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
        head = QHBoxLayout()
        head.setSpacing(theme.S2)
        head.addWidget(self._arrow)
        head.addWidget(self._mark)
        head.addWidget(self._name, 1)
        line.addLayout(head, 5)
        line.addWidget(self._what, 4)
        line.addWidget(self._bar)
        line.addWidget(self._left)
        self._buttons = RowButtons(offers.BATCH)
        self._buttons.asked.connect(self.asked)
        line.addWidget(self._buttons)

    def show_line(self, line: Line) -> None:
        """Show the batch as it is now."""
        batch = line.batch
        assert batch is not None
        state, title = batch.state, batch.spec.title
        _point(self._arrow, line, title)
        self._arrow.setEnabled(bool(batch.counts))
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
        self._buttons.offer(offers.of_batch(batch), title)
        self.setAccessibleName(f"{title}: {totals(batch)}")


def _mark(state: State, *, nothing: bool) -> tuple[str, str]:
    """Icon and tone; a batch of which something was done has not failed as a whole."""
    if state is State.QUEUED:
        return "queue", "secondary"
    return ("warning", "warning") if state is State.FAILED and not nothing else MARKS[state]


class GroupRow(QWidget):
    """Why some files of a batch failed, what to do, an arrow to the files, and the button that tries them again.

    Signals:
        asked: what, the name of an offer or "menu".
    """

    asked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        line = QHBoxLayout(self)
        line.setContentsMargins(theme.S6, 0, 0, 0)
        line.setSpacing(theme.S2)
        self._arrow = IconButton("right", "Show the files", size=14)
        self._arrow.setFixedWidth(theme.S6)
        self._arrow.clicked.connect(lambda _on=False: self.asked.emit("open"))
        self._count = label(tabular=True, bold=True, tone="error")
        # Of one width in all rows, so that the texts stand in columns.
        self._count.setMinimumWidth(_COUNT)
        self._why = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self._remedy = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self._remedy.setProperty("tone", "secondary")
        box = QWidget()
        box.setFixedWidth(BUTTONS_WIDTH + _RETRY)
        inner = QHBoxLayout(box)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(0)
        self._again = Button("Retry these", kind="link")
        self._again.clicked.connect(lambda _on=False: self.asked.emit("retry"))
        self._more = IconButton(MORE.icon, MORE.text)
        self._more.clicked.connect(lambda _on=False: self.asked.emit("menu"))
        inner.addStretch(1)
        inner.addWidget(self._again)
        inner.addWidget(self._more)
        line.addWidget(self._arrow)
        line.addWidget(IconLabel("error", "error"))
        line.addWidget(self._count)
        line.addWidget(self._why, 4)
        line.addWidget(self._remedy, 3)
        line.addWidget(box)

    def show_line(self, line: Line) -> None:
        """Show the reason as it is now."""
        group = line.group
        assert group is not None
        _point(self._arrow, line, group.reason)
        retry = next(offer for offer in offers.of_group(group) if offer.what == "retry")
        self._again.setText(retry.text)
        self._again.setAccessibleName(f"{retry.text}: {group.reason}")
        self._more.setAccessibleName(f"{MORE.text}: {group.reason}")
        self._count.setText(f"{group.count:,} ×")
        self._why.setText(group.reason)
        self._remedy.setText(group.remedy)
        self.setAccessibleName(f"{group.count} failed: {group.reason}")


def _point(arrow: IconButton, line: Line, title: str) -> None:
    """Let the arrow show whether files are shown."""
    arrow.set_icon("down" if line.is_open else "right", "Hide the files" if line.is_open else "Show the files")
    arrow.setAccessibleName(f"{arrow.toolTip()}: {title}")
