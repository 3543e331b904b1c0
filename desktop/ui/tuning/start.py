"""What the Tuning panel shows while nothing is open: a place to drop a file, the demo, three jobs to start from."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QAbstractButton,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.jobs.rows import Row
from desktop.tuning.recipes import STARTS, Start
from desktop.ui import theme
from desktop.ui.icons import Button, IconLabel
from desktop.ui.prefs import Prefs
from desktop.ui.tuning import files
from desktop.ui.widgets.parts import label
from desktop.ui.widgets.start_page import StartPage, StartWords

WORDS = StartWords(
    "Teach a small model one job, with your own examples.",
    "table",
    "Drop a file of examples here",
    "CSV, TSV, JSONL, JSON or Parquet: a column that the model reads, a column with the answer",
)
WIDTH = 744
ICONS = {"route": "route", "enrich": "enrich", "commits": "commit"}


class StartCard(QAbstractButton):
    """A job to start from."""

    def __init__(self, start: Start, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.start = start
        self.setText(start.title)
        self.setAccessibleName(f"Start from: {start.title}")
        self.setAccessibleDescription(start.sentence)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(theme.S3, theme.S3, theme.S3, theme.S2)
        whole.setSpacing(theme.S1)
        whole.addWidget(IconLabel(ICONS.get(start.id, "tuning"), "accent"))
        whole.addWidget(_words(label(start.title, bold=True, wrap=True)))
        sentence = label(start.sentence, size=theme.CAPTION, tone="secondary", wrap=True)
        sentence.setAlignment(Qt.AlignmentFlag.AlignTop)
        whole.addWidget(_words(sentence), 1)
        self.foot = QHBoxLayout()
        whole.addLayout(self.foot)

    def enterEvent(self, event: object) -> None:
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        edge = QColor(tokens.accent) if self.hasFocus() else theme.mix(tokens.hairline, tokens.text, 0.12)
        painter.setPen(QPen(edge, 2 if self.hasFocus() else 1))
        painter.setBrush(theme.mix(tokens.raised, tokens.text, 0.05 if self.underMouse() else 0.0))
        painter.drawRoundedRect(self.rect().adjusted(1, 1, -1, -1), theme.RADIUS, theme.RADIUS)


class TuningStart(QStackedWidget):
    """The start page, or what is going on before a file can be opened.

    Signals:
        start_asked: a Start; demo_of: a Start whose sample is to be opened.
        stop_asked: no file is to be made of the repository.
    """

    start_asked = Signal(object)
    sample_asked = Signal(object)
    stop_asked = Signal()

    def __init__(self, prefs: Prefs, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cards = [StartCard(start) for start in STARTS]
        self.page = StartPage(prefs, WORDS, files.takes, width=WIDTH, middle=self._make_cards(self.cards))
        self.busy = self._make_busy()
        self.addWidget(self.page)
        self.addWidget(self.busy)

    def show_busy(self, row: Row | None) -> None:
        """A job that makes the file, or the start page again."""
        self.setCurrentWidget(self.busy if row is not None else self.page)
        if row is not None:
            self._what.setText(row.job.title)
            self._message.setText(row.message or "Starting")
            self._bar.setRange(0, 1000 if row.fraction > 0 else 0)
            self._bar.setValue(round(row.fraction * 1000))

    def _make_cards(self, cards: Sequence[StartCard]) -> QWidget:
        box = QWidget()
        column = QVBoxLayout(box)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.S2)
        column.addWidget(label("Or start from a job like yours", size=theme.CAPTION, tone="secondary"))
        row = QHBoxLayout()
        row.setSpacing(theme.S3)
        for card in cards:
            card.clicked.connect(lambda _on=False, s=card.start: self.start_asked.emit(s))
            if card.start.from_commits and card.start.demo:
                sample = Button("Try our sample", kind="link")
                sample.setProperty("tight", True)
                sample.clicked.connect(lambda _on=False, s=card.start: self.sample_asked.emit(s))
                card.foot.addWidget(sample)
                card.foot.addStretch(1)
            row.addWidget(card, 1)
        column.addLayout(row)
        return box

    def _make_busy(self) -> QWidget:
        page = QWidget()
        page.setProperty("surface", "canvas")
        page.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        column = QVBoxLayout(page)
        column.setSpacing(theme.S3)
        middle = Qt.AlignmentFlag.AlignHCenter
        self._what, self._message = label(size=theme.TITLE, bold=True), label(tone="secondary", tabular=True)
        self._bar = QProgressBar(textVisible=False)
        self._bar.setFixedWidth(360)
        self._bar.setAccessibleName("Progress")
        stop = Button("Stop", icon_name="stop")
        stop.clicked.connect(lambda: self.stop_asked.emit())
        column.addStretch(2)
        for part in (self._what, self._message, self._bar, stop):
            column.addWidget(part, 0, middle)
        column.addStretch(3)
        return page


def _words(made: QLabel) -> QLabel:
    """A label inside a button lets clicks through."""
    made.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
    return made
