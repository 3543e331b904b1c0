"""The rest of a recipe, folded away; each field shows what "automatic" comes to."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QCheckBox, QGridLayout, QLineEdit, QVBoxLayout, QWidget

from desktop.jobs.job import Recipe
from desktop.jobs.tuning_jobs import PRECISIONS, SCHEDULES
from desktop.ui import theme
from desktop.ui.tuning.fields import Choice, Real, Whole, captioned
from desktop.ui.tuning.words import count
from desktop.ui.widgets.parts import label

MANY = 100_000_000
COLUMNS = 4
FROM_SETTLED = ("max_tokens", "max_answer", "eval_every", "checkpoint_every")
"""Whole numbers whose 0 is settled by the machine and the rows."""


class RecipeMore(QWidget):
    """Signals:
    changed: fields of Recipe with their new values.
    """

    changed = Signal(dict)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(theme.S4)
        self._wholes: dict[str, Whole] = {}
        self._reals: dict[str, Real] = {}
        self._groups: dict[str, list[QWidget]] = {}
        self.schedule = Choice("Schedule", [(name, name.capitalize()) for name in SCHEDULES])
        self.precision = Choice("Precision", [(name, name if name != "auto" else "Automatic") for name in PRECISIONS])
        self.targets = QLineEdit()
        self.targets.setAccessibleName("Adapted modules")
        self.targets.editingFinished.connect(self._targets_typed)
        self.lean = QCheckBox("Compute activations twice to save memory")
        self.lean.clicked.connect(lambda on: self.changed.emit({"gradient_checkpointing": on}))
        self.schedule.chosen.connect(lambda value: self.changed.emit({"schedule": value}))
        self.precision.chosen.connect(lambda value: self.changed.emit({"precision": value}))
        self._add(whole, "Length", [
            self._whole("max_tokens", "Tokens at most", "Prompt and answer; longer ones are cut", 0, 1_000_000, 64, "Auto"),
            self._whole("max_answer", "Answer's tokens", "Kept for the answer", 0, 100_000, 8, "Auto"),
            self._whole("max_steps", "Steps at most", "Ends training sooner than the epochs would", 0, MANY, 100, "By epochs"),
            self._whole("accumulation", "Accumulation", "So many batches make one step", 1, 4096, 1),
        ])  # fmt: skip
        self._add(whole, "Learning", [
            captioned("Schedule", self.schedule, "How the learning rate falls"),
            self._real("warmup", "Warm-up", "Share of the steps over which the rate rises", 0, 1, 0.01, 3),
            self._real("weight_decay", "Weight decay", "Keeps weights small", 0, 1, 0.01, 4),
            self._real("clip", "Gradient's bound", "Longer gradients are shortened", 0, 1000, 0.5, 3, "None"),
        ])  # fmt: skip
        self._add(whole, "Adapters", [
            self._whole("lora_rank", "Rank", "Larger learns more and takes more memory", 1, 1024, 4),
            self._whole("lora_alpha", "Alpha", "Strength; twice the rank is usual", 1, 4096, 4),
            self._real("lora_dropout", "Dropout", "Share of the adapter's inputs left out while training", 0, 0.9, 0.05, 3),
            captioned("Modules", self.targets, "Ends of the names of the modules that get adapters, with commas"),
        ])  # fmt: skip
        self._add(whole, "On the way", [
            self._whole("eval_every", "Evaluate every", "Steps", 0, MANY, 10, "Auto"),
            self._whole("checkpoint_every", "Checkpoint every", "Steps; a crash loses no more than that", 0, MANY, 10, "Auto"),
            self._whole("patience", "Patience", "Evaluations without a better one before training ends", 0, 1000, 1, "Endless"),
            self._whole("samples", "Sample answers", "Prompts answered at each evaluation", 0, 20, 1, "None"),
        ])  # fmt: skip
        self._add(whole, "Machine", [
            captioned("Precision", self.precision, "Of the numbers that training computes with"),
            self._whole("gpus", "GPUs", "Processes of distributed training", 1, 64, 1),
            self._whole("seed", "Seed", "Order of the rows, first weights", 0, 2**31 - 1, 1),
        ])  # fmt: skip
        whole.addWidget(self.lean)

    def _add(self, column: QVBoxLayout, title: str, fields: list[QWidget]) -> None:
        head = label(title, size=theme.CAPTION, bold=True)
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.S3)
        grid.setVerticalSpacing(theme.S2)
        for number, field in enumerate(fields):
            grid.addWidget(field, number // COLUMNS, number % COLUMNS, Qt.AlignmentFlag.AlignTop)
        for number in range(COLUMNS):
            grid.setColumnStretch(number, 1)
            grid.setColumnMinimumWidth(number, 1)
        for number in range(len(fields), COLUMNS):
            grid.addWidget(QWidget(), 0, number)
        box = QVBoxLayout()
        box.setSpacing(theme.S2)
        box.addWidget(head)
        box.addLayout(grid)
        column.addLayout(box)
        self._groups[title] = [head, *fields]

    def _whole(self, name: str, caption: str, tip: str, low: int, high: int, step: int, word: str = "") -> QWidget:
        field = self._wholes[name] = Whole(low, high, step=step, word=word)
        field.chosen.connect(lambda value: self.changed.emit({name: value}))
        return captioned(caption, field, tip)

    def _real(
        self, name: str, caption: str, tip: str, low: float, high: float, step: float, decimals: int, word: str = ""
    ) -> QWidget:
        field = self._reals[name] = Real(low, high, step=step, decimals=decimals, word=word)
        field.chosen.connect(lambda value: self.changed.emit({name: value}))
        return captioned(caption, field, tip)

    def show_recipe(self, recipe: Recipe, settled: dict[str, Any], method: str) -> None:
        """Show a recipe; ``settled``: its fields as the estimate settled them, {} while that is not known."""
        for name, whole in self._wholes.items():
            whole.set_value(getattr(recipe, name))
            if name in FROM_SETTLED:
                value = int(settled.get(name) or 0)
                whole.setSpecialValueText(f"Auto: {count(value)}" if value else "Auto")
        for name, real in self._reals.items():
            real.set_value(getattr(recipe, name))
        self.schedule.set_value(recipe.schedule)
        self.precision.set_value(recipe.precision)
        found = settled.get("precision")
        self.precision.setItemText(0, f"Auto: {found}" if found else "Automatic")
        with QSignalBlocker(self.targets):
            if not self.targets.hasFocus():
                self.targets.setText(", ".join(recipe.lora_targets))
        self.targets.setPlaceholderText(", ".join(settled.get("lora_targets") or ()) or "Automatic")
        self.lean.setChecked(recipe.gradient_checkpointing)
        for widget in self._groups["Adapters"]:
            widget.setVisible(method == "lora")
        self.lean.setVisible(method != "head")

    def _targets_typed(self) -> None:
        names = tuple(word.strip() for word in self.targets.text().split(",") if word.strip())
        self.changed.emit({"lora_targets": names})
