"""What a batch will be, in words: what is done already, time and room, and a warning where there is too little of that."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QVBoxLayout, QWidget

from desktop.batch.outlook import Outlook
from desktop.jobs.batches import Batch
from desktop.jobs.guards.space import MB, amount
from desktop.ui import theme
from desktop.ui.batches.batching import Batching
from desktop.ui.icons import Button, IconLabel
from desktop.ui.queue.batch_row import totals
from desktop.ui.topbar import remaining
from desktop.ui.widgets.elided import ElidedLabel
from desktop.ui.widgets.parts import label
from desktop.ui.widgets.timecode import about

WORTH_SAYING = 50 * MB


def facts(outlook: Outlook) -> str:
    """How long the batch takes and how much it writes, as far as that is known."""
    words = []
    if outlook.seconds is not None:
        words.append(about(outlook.seconds))
    if outlook.bytes >= WORTH_SAYING:
        words.append(f"writes about {amount(outlook.bytes)}")
    if not words:
        return ""
    text = "  ·  ".join(words)
    return f"{text[0].upper()}{text[1:]}"


def done_words(outlook: Outlook) -> str:
    """How many are done already."""
    done, total = len(outlook.done), len(outlook.jobs)
    if not done:
        return ""
    if outlook.again:
        return (
            f"{done:,} of {total:,} {'is' if done == 1 else 'are'} made again"
            if done < total
            else f"All {total:,} are made again"
        )
    if done == total:
        return "Done already" if total == 1 else f"All {total:,} are done already"
    return f"{done:,} of {total:,} {'is' if done == 1 else 'are'} done already"


def _going(batch: Batch | None, *, narrow: bool) -> str:
    """How far a batch is."""
    if batch is None:
        return "Starting…"
    if not batch.total:
        return "Waiting for new files"
    left = remaining(batch.remaining_s)
    over = totals(batch)
    return (over.split("  ·  ")[0] if narrow and left else over) + (f"  ·  {left}" if left else "")


class OutlookLine(QWidget):
    """Shows the outlook of a ``Batching``; narrow puts one below the other."""

    def __init__(self, batching: Batching, parent: QWidget | None = None, *, narrow: bool = False) -> None:
        super().__init__(parent)
        self._batching, self._narrow = batching, narrow
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(theme.S1)
        row: QBoxLayout = QVBoxLayout() if narrow else QHBoxLayout()
        row.setSpacing(theme.S1 if narrow else theme.S3)
        self.facts = ElidedLabel(mode=Qt.TextElideMode.ElideRight) if narrow else label(tone="secondary", tabular=True)
        self.facts.setProperty("tone", "secondary")
        done = QHBoxLayout()
        done.setSpacing(theme.S2)
        self.done = label(tabular=True)
        self.again = Button("Do them again", kind="link")
        self.again.clicked.connect(lambda _on=False: batching.choose_again(not batching.again))
        done.addWidget(self.done)
        done.addWidget(self.again)
        done.addStretch(1)
        row.addLayout(done)
        row.addWidget(self.facts)
        if not narrow:
            row.addStretch(1)
        whole.addLayout(row)
        warning = QHBoxLayout()
        warning.setSpacing(theme.S2)
        self._mark = IconLabel("warning", "warning", 16)
        self.warning = label(size=theme.CAPTION, tone="warning", wrap=True)
        warning.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignTop)
        warning.addWidget(self.warning, 1)
        whole.addLayout(warning)
        for signal in (batching.looked, batching.changed, batching.started):
            signal.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show what is known now."""
        batching = self._batching
        outlook = batching.outlook
        if outlook is None and not batching.running:
            # What was said before stays until more is known, so that nothing jumps while a setting is changed.
            self.again.setEnabled(False)
            return
        outlook, on = outlook or Outlook(), not batching.running
        done, told = (done_words(outlook), facts(outlook)) if on else ("", _going(batching.batch, narrow=self._narrow))
        self.done.setText(done)
        self.done.setVisible(bool(done))
        self.again.setText("Leave them" if outlook.again else "Do it again" if len(outlook.done) == 1 else "Do them again")
        self.again.setToolTip(
            "Leave alone what is done already" if outlook.again else "Make anew what is done already; results are replaced"
        )
        self.again.setVisible(bool(done) and on)
        self.again.setEnabled(True)
        self.facts.setText(told)
        self.facts.setVisible(bool(told))
        sentences = " ".join(outlook.shortages) if on else ""
        self.warning.setText(sentences)
        self.warning.setVisible(bool(sentences))
        self._mark.setVisible(bool(sentences))
        if self._narrow:
            self.setVisible(bool(done or told or sentences))
