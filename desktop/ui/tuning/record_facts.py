"""What is known of the records as a whole: problems, balance of the answers, lengths; and the numbers below them."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from desktop.tuning.records.facts import Facts, Severity
from desktop.ui import theme
from desktop.ui.icons import IconLabel
from desktop.ui.tuning.balance_view import BalanceView
from desktop.ui.tuning.length_view import LengthView, told
from desktop.ui.tuning.problem_list import ProblemList
from desktop.ui.tuning.seen import Found
from desktop.ui.tuning.words import count, counted
from desktop.ui.widgets.elided import ElidedLabel
from desktop.ui.widgets.parts import Fact, label, line, restyle


class _Card(QWidget):
    """A heading, a remark beside it, and what is below."""

    def __init__(self, title: str, body: QWidget) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.S3, theme.S2, theme.S3, theme.S2)
        column.setSpacing(theme.S1)
        head = QHBoxLayout()
        head.setSpacing(theme.S2)
        head.addWidget(label(title, bold=True))
        self.remark = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self.remark.setFont(theme.font(self.remark, theme.CAPTION, tabular=True))
        head.addWidget(self.remark, 1)
        column.addLayout(head)
        column.addWidget(body, 1)

    def say(self, remark: str, tone: str = "secondary") -> None:
        """Show a remark."""
        self.remark.setText(remark)
        restyle(self.remark, tone=tone)


class RecordFacts(QWidget):
    """Three cards side by side."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.problems, self.balance, self.lengths = ProblemList(), BalanceView(), LengthView()
        self._good = _Remark("done", "good")
        self._problems_stack = QStackedWidget()
        self._problems_stack.addWidget(self.problems)
        self._problems_stack.addWidget(self._good)
        self._texts = _Remark("note", "secondary")
        self._balance_stack = QStackedWidget()
        self._balance_stack.addWidget(self.balance)
        self._balance_stack.addWidget(self._texts)
        self.cards = {
            "problems": _Card("Problems", self._problems_stack),
            "balance": _Card("Answers", self._balance_stack),
            "lengths": _Card("Lengths", self.lengths),
        }
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for number, card in enumerate(self.cards.values()):
            if number:
                row.addWidget(line(vertical=True))
            row.addWidget(card, 1)

    def show_found(self, found: Found) -> None:
        """Show what was found."""
        facts = found.facts
        self._show_problems(facts)
        self._show_balance(facts)
        lengths = found.lengths
        self.lengths.show_lengths(lengths)
        self.cards["lengths"].say(told(lengths), "warning" if lengths.cut_rows else "secondary")

    def _show_problems(self, facts: Facts) -> None:
        total = facts.problems_total
        self.problems.problems.show(facts.problems)
        self._problems_stack.setCurrentWidget(self.problems if total else self._good)
        self._good.say("Every row is good")
        bad = sum(problem.severity is Severity.BAD for problem in facts.problems)
        exact = total == len(facts.problems)
        left_out = counted(bad, "row") + " left out" if exact and bad else counted(total, "row") if total else ""
        self.cards["problems"].say(left_out, "warning" if total else "secondary")

    def _show_balance(self, facts: Facts) -> None:
        self.balance.show_classes(facts.classes)
        self._balance_stack.setCurrentWidget(self.balance if facts.is_classification else self._texts)
        card = self.cards["balance"]
        if not facts.is_classification:
            column = facts.column(facts.output)
            about = f"{counted(column.distinct, 'text')}, {column.mean_chars:.0f} letters on average" if column else ""
            self._texts.say(f"Each answer is a text of its own\n{about}".strip())
            card.say("")
            return
        smallest = min((parts.get("train", 0) for parts in facts.classes.values()), default=0)
        labels = counted(facts.classes_total, "label")
        card.say(f"{labels}, the rarest {count(smallest)}×", "warning" if smallest < 5 else "secondary")


class _Remark(QWidget):
    """A sentence where there is nothing to list."""

    def __init__(self, icon: str, tone: str) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.S1)
        self._words = label(tone="secondary", wrap=True)
        self._words.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        column.addWidget(IconLabel(icon, tone), 0, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self._words)
        column.addStretch(1)

    def say(self, text: str) -> None:
        """Show a sentence."""
        self._words.setText(text)


class SplitFacts(QWidget):
    """How many rows are for what, and what is suspicious about them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.S4)
        names = ("Training", "Validation", "Test", "Left out", "Duplicates", "Conflicts", "Leaks", "Unseen labels")
        self.facts = {name: Fact(name) for name in names}
        for fact in self.facts.values():
            row.addWidget(fact, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addStretch(1)

    def show_facts(self, facts: Facts, *, kept: bool) -> None:
        """Show them; ``kept``: duplicates are kept."""
        splits = facts.splits
        for name, split in (("Training", "train"), ("Validation", "validation"), ("Test", "test")):
            self.facts[name].say(count(splits.get(split, 0)))
        bad = sum(problem.severity is Severity.BAD for problem in facts.problems)
        left_out = bad + (0 if kept else facts.duplicates)
        more = facts.problems_total > len(facts.problems)
        self._say("Left out", left_out, "", "Bad rows, and rows that are there twice" + ("; at least" if more else ""))
        self._say("Duplicates", facts.duplicates, "", "Rows equal in what is read and answered" + (" (kept)" if kept else ""))
        self._say("Conflicts", facts.conflicts, "warning", "Texts that occur with more than one answer")
        leaks = sum(facts.leakage.values())
        self._say(
            "Leaks", leaks, "warning", "Held-out rows whose text is in training too: the score will be better than it should be"
        )
        unseen = len(facts.unseen)
        told = ", ".join(facts.unseen[:12])
        self._say("Unseen labels", unseen, "warning", f"Held-out labels that training never sees: {told}")

    def _say(self, name: str, value: int, tone: str, tip: str) -> None:
        self.facts[name].say(count(value), tone if value else "", tip)
        self.facts[name].setVisible(bool(value))
