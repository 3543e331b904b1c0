"""The second step: which model is tuned, and how."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QProgressBar, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from desktop.errors import UserError
from desktop.ui import theme
from desktop.ui.icons import Button
from desktop.ui.notify import from_error
from desktop.ui.panels import Services
from desktop.ui.tuning.base_cards import BaseCards
from desktop.ui.tuning.bases import memory_need
from desktop.ui.tuning.dial import Dial
from desktop.ui.tuning.draft import Draft
from desktop.ui.tuning.estimate_box import EstimateBox
from desktop.ui.tuning.fields import captioned
from desktop.ui.tuning.makers import BaseFetcher
from desktop.ui.tuning.recipe_more import RecipeMore
from desktop.ui.tuning.words import count, rate
from desktop.ui.widgets.elided import ElidedLabel
from desktop.ui.widgets.parts import Section, Segments, label, line, sized

SIDE = 300
WIDEST = 860
METHODS = {
    "head": ("Classifier", "A classifier on the encoder, which stays as it is: minutes, and hard to beat for sorting texts."),
    "lora": ("Adapters (LoRA)", "Small adapters learn, the model stays as it is: little memory, little to go wrong."),
    "full": ("All weights", "Everything learns: the most memory and time; for many rows that are unlike common text."),
}
EPOCHS = (1, 2, 3, 4, 5, 8, 10, 15, 20, 30, 50, 100, 200, 300, 500)
RATES = (1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 3e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 1e-1)
BATCHES = tuple(2**n for n in range(15))


class RecipePage(QWidget):
    """Signals:
    start_asked: train.
    hub_asked: a base of the hub, by its name.
    back_asked: to the records.
    """

    start_asked = Signal()
    hub_asked = Signal()
    back_asked = Signal()

    def __init__(self, services: Services, draft: Draft, fetcher: BaseFetcher, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services, self._draft, self._fetcher = services, draft, fetcher
        self.setProperty("surface", "canvas")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self._make_choices(), 1)
        row.addWidget(line(vertical=True))
        row.addWidget(self._make_side())
        draft.changed.connect(self.refresh)
        draft.opened.connect(self.refresh)
        fetcher.changed.connect(self._show_fetching)
        self.refresh()
        self._show_fetching()

    # Layout

    def _make_choices(self) -> QWidget:
        scroll = QScrollArea(widgetResizable=True)
        scroll.setAccessibleName("Recipe")
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inner = QWidget()
        inner.setProperty("surface", "plain")
        scroll.setWidget(inner)
        sides = QHBoxLayout(inner)
        sides.setContentsMargins(theme.S6, theme.S4, theme.S6, theme.S4)
        middle = QWidget()
        middle.setMaximumWidth(WIDEST)
        sides.addWidget(middle, 1000)
        sides.addStretch(1)
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.S6)
        base = Section("Start from")
        self.cards = BaseCards(self._draft.bases)
        self.cards.chosen.connect(self._draft.choose_base)
        self.cards.folder_asked.connect(self._ask_folder)
        self.cards.hub_asked.connect(self.hub_asked)
        base.body.addWidget(self.cards)
        base.body.addWidget(self._make_fetching())
        column.addWidget(base)
        self._method_section = Section("How it learns")
        self._method_row = QHBoxLayout()
        self._method_row.addStretch(1)
        self._method_section.body.addLayout(self._method_row)
        self.methods: Segments | None = None
        self._offered: tuple[str, ...] = ()
        self._available = 0.0
        self._method_words = label(tone="secondary", wrap=True)
        self._method_section.body.addWidget(self._method_words)
        column.addWidget(self._method_section)
        column.addWidget(self._make_dials())
        state = self._services.state
        more = Section("More settings", folds=True, folded=state.flag("tuning/more_folded", True))
        more.folded.connect(lambda folded: state.keep("tuning/more_folded", folded))
        self.more = RecipeMore()
        self.more.changed.connect(self._choose)
        more.body.addWidget(self.more)
        column.addWidget(more)
        column.addStretch(1)
        return scroll

    def _make_fetching(self) -> QWidget:
        self._fetching = QWidget()
        row = QHBoxLayout(self._fetching)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.S2)
        self._fetched = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self._fetch_bar = QProgressBar(maximum=1000, textVisible=False)
        self._fetch_bar.setFixedWidth(160)
        self._fetch_bar.setAccessibleName("Fetching the base model")
        stop = Button("Stop", kind="link")
        stop.setAccessibleName("Stop fetching the base model")
        stop.clicked.connect(self._fetcher.stop)
        row.addWidget(self._fetched, 1)
        row.addWidget(self._fetch_bar)
        row.addWidget(stop)
        return self._fetching

    def _make_dials(self) -> QWidget:
        section = Section("Main settings")
        self.epochs = Dial("Epochs", "Passes over the training rows", EPOCHS, lambda value: f"{value:g}")
        self.rate = Dial(
            "Learning rate", "How far each step goes: too much and it forgets, too little and it learns nothing", RATES, rate
        )
        self.batch = Dial("Batch", "Rows of a step", BATCHES, lambda value: count(round(value)), whole=True)
        self.epochs.chosen.connect(lambda value: self._choose({"epochs": value}))
        self.rate.chosen.connect(lambda value: self._choose({"learning_rate": value}))
        self.batch.chosen.connect(lambda value: self._choose({"batch": int(value)}))
        row = QHBoxLayout()
        row.setSpacing(theme.S4)
        for dial in (self.epochs, self.rate, self.batch):
            row.addWidget(dial, 1)
        section.body.addLayout(row)
        return section

    def _make_side(self) -> QWidget:
        side = QWidget()
        side.setFixedWidth(SIDE)
        side.setProperty("surface", "window")
        side.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        side.setAccessibleName("What it needs")
        whole = QVBoxLayout(side)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        scroll = QScrollArea(widgetResizable=True)
        scroll.setAccessibleName("Estimate")
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inner = QWidget()
        inner.setProperty("surface", "plain")
        scroll.setWidget(inner)
        column = QVBoxLayout(inner)
        column.setContentsMargins(theme.S4, theme.S4, theme.S4, theme.S4)
        column.setSpacing(theme.S4)
        self.estimate = EstimateBox()
        column.addWidget(self.estimate)
        column.addStretch(1)
        whole.addWidget(scroll, 1)
        whole.addWidget(line())
        whole.addWidget(self._make_foot())
        return side

    def _make_foot(self) -> QWidget:
        foot = QWidget()
        column = QVBoxLayout(foot)
        column.setContentsMargins(theme.S4, theme.S3, theme.S4, theme.S3)
        column.setSpacing(theme.S2)
        self.name = QLineEdit()
        self.name.setMaxLength(120)
        self.name.editingFinished.connect(lambda: self._draft.choose_name(self.name.text().strip()))
        column.addWidget(captioned("Name of the run", self.name))
        self.reason = label(size=theme.CAPTION, tone="secondary", wrap=True)
        self.reason.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        column.addWidget(self.reason)
        self.start = Button("Start training", kind="primary", icon_name="play")
        self.start.clicked.connect(lambda: self.start_asked.emit())
        column.addWidget(sized(self.start, height=36))
        return foot

    # What the user does

    def _choose(self, values: dict[str, Any]) -> None:
        try:
            self._draft.choose_recipe(**values)
        except UserError as error:
            self._services.say(from_error(error))
            self.refresh()

    def _ask_folder(self) -> None:
        state = self._services.state
        chosen = QFileDialog.getExistingDirectory(
            self, "Folder of a base model", state.text("tuning/base_folder", str(Path.home()))
        )
        if chosen:
            state.keep("tuning/base_folder", str(Path(chosen).parent))
            self.add_folder(Path(chosen))

    def add_folder(self, folder: Path) -> None:
        """Offer a folder as a base, and choose it."""
        try:
            self._draft.choose_base(self._draft.bases.add_folder(folder))
        except UserError as error:
            self._services.say(from_error(error))

    # What is shown

    def refresh(self) -> None:
        """Show the draft."""
        draft = self._draft
        recipe, settled = draft.recipe, dict(draft.estimate.get("recipe") or {})
        self.cards.show_base(recipe.base)
        self._show_needs()
        self._show_methods()
        self.epochs.show_value(recipe.epochs, float(settled.get("epochs") or 0.0))
        self.rate.show_value(recipe.learning_rate, float(settled.get("learning_rate") or 0.0))
        self.batch.show_value(recipe.batch, float(settled.get("batch") or 0.0))
        self.more.show_recipe(recipe, settled, draft.method)
        self.estimate.show_estimate(draft.estimate, busy=draft.estimating)
        with QSignalBlocker(self.name):
            if not self.name.hasFocus():
                self.name.setText(draft.name)
        self.name.setPlaceholderText(draft.path.stem if draft.path is not None else "")
        reason = draft.blocked
        self.start.setEnabled(not reason)
        self.start.setToolTip(reason or "Start training (Ctrl+R)")
        remedy = draft.estimate_problem.remedy if draft.estimate_problem is not None else ""
        self.reason.setText(f"{reason}. {remedy}".strip().rstrip(" ") if reason else self._hint())
        self.reason.setVisible(bool(self.reason.text()))

    def _show_fetching(self) -> None:
        name, row = self._fetcher.name, self._fetcher.row
        self._fetching.setVisible(bool(name))
        said = row.message if row is not None and row.message else "Waiting for its turn"
        self._fetched.setText(f"{name}: {said}")
        self._fetch_bar.setValue(round(row.fraction * 1000) if row is not None else 0)

    def _show_needs(self) -> None:
        draft, estimate = self._draft, self._draft.estimate
        available = float(estimate.get("available") or self._available)
        self._available = available
        device = "cuda" if "cuda" in str(estimate.get("device") or "").lower() else "cpu"
        if draft.found is None:
            return
        facts = draft.found.facts
        cards = draft.bases.cards if available else []
        needs = {card.id: memory_need(card, draft.recipe_of(card.id), facts, device) for card in cards}
        chosen = int((estimate.get("memory") or {}).get("total") or 0)
        self.cards.show_needs(
            {**needs, draft.recipe.base: chosen or needs.get(draft.recipe.base, 0)}, available, labels=draft.labels
        )

    def _hint(self) -> str:
        if self._draft.estimate and not self._draft.estimate.get("fits", True):
            return "It may still run: a batch that does not fit is halved. A smaller batch or adapters need less."
        return ""

    def _show_methods(self) -> None:
        draft = self._draft
        offered = draft.methods
        if offered != self._offered:
            self._offered = offered
            if self.methods is not None:
                self._method_row.removeWidget(self.methods)
                self.methods.deleteLater()
                self.methods = None
            if offered:
                self.methods = Segments("How it learns", [(name, METHODS[name][0], METHODS[name][1]) for name in offered])
                self.methods.chosen.connect(lambda method: self._choose({"method": method}))
                self.methods.setFixedWidth(180 * len(offered))
                self._method_row.insertWidget(0, self.methods)
        self._method_section.setVisible(bool(offered))
        if self.methods is not None:
            method = draft.method if draft.method in offered else offered[0]
            self.methods.set_value(method)
            self._method_words.setText(METHODS[method][1])
