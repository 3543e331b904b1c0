"""What the model answers to the same held-out prompts, evaluation by evaluation."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QScrollArea, QSlider, QVBoxLayout, QWidget

from desktop.tuning.runs import Sample
from desktop.ui import theme
from desktop.ui.icons import IconLabel
from desktop.ui.widgets.parts import label

LONGEST = 600
"""Characters of a text that are shown; the tooltip has more."""
TIP = 4000


class SampleCard(QFrame):
    """A prompt, the answer that was expected, and the one given."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("surface", "card")
        grid = QGridLayout(self)
        grid.setContentsMargins(theme.S3, theme.S2, theme.S3, theme.S2)
        grid.setHorizontalSpacing(theme.S3)
        grid.setVerticalSpacing(theme.S1)
        grid.setColumnStretch(1, 1)
        self.prompt, self.expected, self.answer = _text("secondary"), _text(), _text()
        self._mark = IconLabel("done", "good", 14)
        for row, (caption, text) in enumerate((("Prompt", self.prompt), ("Expected", self.expected), ("Answer", self.answer))):
            head = label(caption, size=theme.CAPTION, tone="secondary")
            head.setContentsMargins(0, 1, 0, 0)
            grid.addWidget(head, row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(text, row, 1)
        grid.addWidget(self._mark, 2, 2, Qt.AlignmentFlag.AlignTop)
        grid.setRowStretch(3, 1)

    def show_sample(self, sample: Sample) -> None:
        """Show another one."""
        for text, value in ((self.prompt, sample.prompt), (self.expected, sample.expected), (self.answer, sample.answer)):
            # Long prompts say most at their end, where the question is.
            shown = value.strip() or "(nothing)"
            text.setText(
                shown if len(shown) <= LONGEST else f"…{shown[-LONGEST:]}" if text is self.prompt else f"{shown[:LONGEST]}…"
            )
            text.setToolTip(value[:TIP] if len(shown) > LONGEST else "")
        right = " ".join(sample.answer.split()).casefold() == " ".join(sample.expected.split()).casefold()
        self._mark.show_icon("done" if right else "right", "good" if right else "secondary")
        self._mark.setVisible(right)
        self.setAccessibleName(f"Sample {sample.number + 1}: {'as expected' if right else 'not as expected'}")


class SamplesView(QWidget):
    """The samples of one evaluation; a slider goes through all of them. The newest stays in view until another is chosen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Samples")
        self._samples: list[Sample] = []
        self._steps: list[int] = []
        self.cards: list[SampleCard] = []
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(theme.S2)
        self._bar = QWidget()
        row = QHBoxLayout(self._bar)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.S2)
        self._at = label(size=theme.CAPTION, tone="secondary", tabular=True)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Evaluation")
        self.slider.setToolTip("Go through the evaluations: how the answers to the same prompts changed")
        self.slider.setPageStep(1)
        self.slider.valueChanged.connect(self._show)
        row.addWidget(self.slider, 1)
        row.addWidget(self._at)
        whole.addWidget(self._bar)
        scroll = QScrollArea(widgetResizable=True)
        scroll.setAccessibleName("Answers at this evaluation")
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inner = QWidget()
        inner.setProperty("surface", "plain")
        self._column = QVBoxLayout(inner)
        self._column.setContentsMargins(0, 0, theme.S1, 0)
        self._column.setSpacing(theme.S2)
        self._empty = label("", tone="secondary", wrap=True)
        self._column.addWidget(self._empty)
        self._column.addStretch(1)
        scroll.setWidget(inner)
        whole.addWidget(scroll, 1)

    @property
    def step(self) -> int | None:
        """Step of the evaluation that is shown."""
        return self._steps[self.slider.value()] if self._steps else None

    def show_samples(self, samples: Sequence[Sample], empty: str) -> None:
        """Show these; ``empty``: what to say when there are none."""
        if list(samples) == self._samples and self._empty.text() == empty:
            return
        was_last = not self._steps or self.slider.value() == len(self._steps) - 1
        at = self.step
        self._samples = list(samples)
        self._steps = sorted({sample.step for sample in samples})
        place = len(self._steps) - 1 if was_last or at not in self._steps else self._steps.index(at)
        with QSignalBlocker(self.slider):
            self.slider.setRange(0, max(0, len(self._steps) - 1))
            self.slider.setValue(max(0, place))
        self.slider.setEnabled(len(self._steps) > 1)
        self._bar.setVisible(bool(self._steps))
        self._empty.setText(empty)
        self._empty.setVisible(not self._steps)
        if self._steps:
            self._at.setMinimumWidth(self._at.fontMetrics().horizontalAdvance(f"Step {max(self._steps):,}") + 2)
        self._show()

    def _show(self) -> None:
        step = self.step
        shown = [sample for sample in self._samples if sample.step == step]
        while len(self.cards) < len(shown):
            card = SampleCard()
            self._column.insertWidget(self._column.count() - 1, card)
            self.cards.append(card)
        for number, card in enumerate(self.cards):
            card.setVisible(number < len(shown))
            if number < len(shown):
                card.show_sample(shown[number])
        self._at.setText(f"Step {step:,}" if step is not None else "")


def _text(tone: str = "") -> QLabel:
    made = label(tone=tone, wrap=True)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    made.setMinimumWidth(60)
    return made
