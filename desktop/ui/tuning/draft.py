"""What is about to be tuned: a file of examples, how it is read, the recipe, and what is known of all that. No widgets here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

from desktop.jobs.events import Failed
from desktop.jobs.job import EstimateJob, Recipe, Records, RecordsJob
from desktop.jobs.rows import Row
from desktop.tuning.records.facts import why_untrainable
from desktop.ui.asks import Newest
from desktop.ui.bridge import QueueBridge
from desktop.ui.tuning.bases import METHODS, Bases
from desktop.ui.tuning.memory import Kept, Memory
from desktop.ui.tuning.seen import Found, read

LOOK_AFTER_MS = 350
ESTIMATE_AFTER_MS = 450
ROWS = 100
"""Records that are shown."""


class Draft(QObject):
    """See the module's docstring.

    Attributes:
        records: None while nothing is open.
        recipe: what is chosen; zeros and "auto" are settled by the estimate.
        name: of the run; "" for one made of the file's.
        found: what the file holds, as it was read last; None before.
        problem: why the newest reading failed; None when it did not.
        reading: the job that reads, with its progress; None when nothing is read.
        estimate: what the recipe needs, {} while that is not known. estimate_problem: why that cannot be said.

    Signals:
        opened: another file, or none.
        changed: anything of the above.
    """

    opened = Signal()
    changed = Signal()

    def __init__(self, bridge: QueueBridge, bases: Bases, memory: Memory, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._memory, self.bases = memory, bases
        self._look, self._estimate = Newest(bridge, 5, self), Newest(bridge, 4, self)
        self._look_soon = QTimer(self, singleShot=True, interval=LOOK_AFTER_MS)
        self._look_soon.timeout.connect(self._ask_look)
        self._estimate_soon = QTimer(self, singleShot=True, interval=ESTIMATE_AFTER_MS)
        self._estimate_soon.timeout.connect(self._ask_estimate)
        self._look.answered.connect(self._looked)
        self._look.failed.connect(self._look_failed)
        self._look.progressed.connect(self._progressed)
        self._estimate.answered.connect(self._estimated)
        self._estimate.failed.connect(self._estimate_failed)
        self._estimate.busy_changed.connect(self.changed)
        bases.changed.connect(self._bases_changed)
        self.device = "auto"
        self.recipe = Recipe()
        self._forget()

    def _forget(self) -> None:
        self.records: Records | None = None
        self.name = ""
        self.base_chosen = False
        self.found: Found | None = None
        self.problem: Failed | None = None
        self.reading: Row | None = None
        self.estimate: dict[str, Any] = {}
        self.estimate_problem: Failed | None = None
        self._looked_at: RecordsJob | None = None
        self._estimated_for: EstimateJob | None = None

    # What there is

    @property
    def path(self) -> Path | None:
        """The file that is open."""
        return Path(self.records.source) if self.records is not None else None

    @property
    def looking(self) -> bool:
        """Whether the file is being read, or is about to be."""
        return self._look.busy or self._look_soon.isActive()

    @property
    def estimating(self) -> bool:
        """Whether an estimate is awaited."""
        return self._estimate.busy or self._estimate_soon.isActive()

    @property
    def inputs(self) -> tuple[str, ...]:
        """Columns of the prompt, chosen or found."""
        if self.records is not None and self.records.inputs:
            return self.records.inputs
        return tuple(self.found.facts.inputs) if self.found is not None else ()

    @property
    def output(self) -> str:
        """Column of the answer, chosen or found."""
        if self.records is not None and self.records.output:
            return self.records.output
        return self.found.facts.output if self.found is not None else ""

    @property
    def labels(self) -> bool:
        """Whether the answers are labels."""
        return self.found is not None and self.found.facts.is_classification

    @property
    def methods(self) -> tuple[str, ...]:
        """Ways of tuning that the chosen base has for these answers, the usual one first."""
        card = self.bases.card(self.recipe.base)
        return METHODS.get(card.family, ()) if card is not None else ()

    @property
    def method(self) -> str:
        """The way that is taken."""
        settled = (self.estimate.get("recipe") or {}).get("method")
        if self.recipe.method != "auto":
            return self.recipe.method
        return str(settled or (self.methods[0] if self.methods else "auto"))

    @property
    def unready(self) -> str:
        """Why the recipe cannot be thought of yet; "" when it can."""
        if self.records is None:
            return "Open a file of examples first"
        if self.found is None:
            return self.problem.message if self.problem is not None else "The file is being read"
        return why_untrainable(self.found.facts)

    @property
    def blocked(self) -> str:
        """Why nothing can be started; "" when it can."""
        if reason := self.unready:
            return reason
        if self.problem is not None:
            return self.problem.message
        if reason := self.bases.blocked(self.recipe.base):
            return reason
        card = self.bases.card(self.recipe.base)
        if card is not None and card.family == "encoder" and not self.labels:
            return f"{card.title} only tells labels apart, and these answers are texts: choose a base that writes"
        if self.estimate_problem is not None:
            return self.estimate_problem.message
        return ""

    def recipe_of(self, base: str) -> Recipe:
        """The recipe with which a base would be tuned: the one that is shown, or the last one for another base."""
        return self.recipe if base == self.recipe.base else self._memory.recipe(base)

    # What the user does

    def open(self, kept: Kept) -> None:
        """Open a file, with what was chosen for it."""
        self.close()
        self.records, self.recipe = kept.records, kept.recipe
        self.name, self.base_chosen = kept.name, kept.base_chosen
        self._memory.keep(kept)
        if self.bases.is_known:
            self._ask_look()
        self.opened.emit()
        self.changed.emit()

    def close(self) -> None:
        """Open nothing."""
        for timer in (self._look_soon, self._estimate_soon):
            timer.stop()
        self._look.drop()
        self._estimate.drop()
        was_open = self.records is not None
        self._forget()
        if was_open:
            self._memory.keep(None)
            self.opened.emit()
            self.changed.emit()

    def leave(self) -> None:
        """The window closes."""
        for timer in (self._look_soon, self._estimate_soon):
            timer.stop()
        self._look.leave()
        self._estimate.leave()

    def read_again(self) -> None:
        """Read the file again, after it could not be read or has changed."""
        self.problem = None
        self._looked_at = None
        self._ask_look()
        self.changed.emit()

    def follow_file(self) -> None:
        """Read the file again if it has changed since it was read."""
        if self.found is None or self.path is None or self.looking:
            return
        known = self.found.facts.source
        try:
            now = self.path.stat()
        except OSError:
            return
        if (now.st_size, now.st_mtime_ns) != (known.size, known.mtime_ns):
            self.read_again()

    def choose_records(self, **values: Any) -> None:
        """Read the file another way; raises UsageError for values that cannot work."""
        if self.records is None:
            return
        records = msgspec.structs.replace(self.records, **values)
        if records != self.records:
            self.records = records
            self._keep()
            self._look_soon.start()
            self.changed.emit()

    def choose_columns(self, inputs: tuple[str, ...], output: str) -> None:
        """Take the prompt and the answer from these columns; the answer's is no input."""
        self.choose_records(inputs=tuple(name for name in inputs if name != output), output=output)

    def choose_recipe(self, **values: Any) -> None:
        """Tune another way; raises UsageError for values that cannot work."""
        recipe = msgspec.structs.replace(self.recipe, **values)
        if recipe == self.recipe:
            return
        shown = ("max_tokens", "max_answer")
        again = any(getattr(recipe, name) != getattr(self.recipe, name) for name in shown)
        self.recipe = recipe
        self._memory.keep_recipe(recipe)
        self._keep()
        if again:
            self._look_soon.start()
        self._estimate_soon.start()
        self.changed.emit()

    def choose_base(self, base: str, *, by_user: bool = True) -> None:
        """Tune another base, as it was tuned last."""
        self.base_chosen = self.base_chosen or by_user
        if base and base != self.recipe.base:
            self.recipe = self._memory.recipe(base)
            self.estimate, self.estimate_problem = {}, None
            self._keep()
            self._look_soon.start()
            self._estimate_soon.start()
            self.changed.emit()

    def choose_name(self, name: str) -> None:
        """Call the run so."""
        if name != self.name:
            self.name = name
            self._keep()
            self.changed.emit()

    # Reading

    def _keep(self) -> None:
        if self.records is not None:
            self._memory.keep(Kept(self.records, self.recipe, self.name, self.base_chosen))

    def _bases_changed(self) -> None:
        if self.records is not None and self.bases.is_known and self._look_job() != (self._look.asked or self._looked_at):
            self._look_soon.start()
        self.changed.emit()

    def _look_job(self) -> RecordsJob | None:
        if self.records is None:
            return None
        base = self.recipe.base if self.bases.is_here(self.recipe.base) else ""
        return RecordsJob(
            records=self.records, base=base, max_tokens=self.recipe.max_tokens, max_answer=self.recipe.max_answer, rows=ROWS
        )

    def _ask_look(self) -> None:
        self._look_soon.stop()
        job = self._look_job()
        if job is not None and job != self._looked_at:
            self._look.ask(job)
        self.changed.emit()

    def _progressed(self, row: Row) -> None:
        self.reading = row
        self.changed.emit()

    def _looked(self, job: RecordsJob, result: dict[str, Any]) -> None:
        if self.records is None or job.records.source != self.records.source:
            return
        self.reading, self.problem, self._looked_at = None, None, job
        self.found = read(result)
        if not self.base_chosen and self.bases.is_known:
            self.choose_base(self.bases.best_for(self.labels), by_user=False)
        self._estimate_soon.start()
        self.changed.emit()

    def _look_failed(self, job: RecordsJob, failed: Failed) -> None:
        if self.records is not None and job.records.source == self.records.source:
            self.reading, self.problem, self._looked_at = None, failed, job
            self.changed.emit()

    def _ask_estimate(self) -> None:
        self._estimate_soon.stop()
        if self.records is None or self.unready or self.problem is not None or not self.bases.is_here(self.recipe.base):
            self.estimate = {}
            self.changed.emit()
            return
        job = EstimateJob(records=self.records, recipe=self.recipe, device=self.device)
        if job != self._estimated_for:
            self._estimate.ask(job)
            self.changed.emit()

    def _estimated(self, job: EstimateJob, result: dict[str, Any]) -> None:
        if self.records is not None and job.records.source == self.records.source and job.recipe.base == self.recipe.base:
            self.estimate, self.estimate_problem, self._estimated_for = result, None, job
            self.changed.emit()

    def _estimate_failed(self, job: EstimateJob, failed: Failed) -> None:
        if self.records is not None and job.records.source == self.records.source and job.recipe.base == self.recipe.base:
            self.estimate, self.estimate_problem, self._estimated_for = {}, failed, job
            self.changed.emit()


def opened_file(path: Path, memory: Memory) -> Kept:
    """A file that has just been opened: as it was left when it is the one that was open last."""
    last = memory.last()
    if last is not None and Path(last.records.source) == path:
        return last
    return Kept(Records(source=str(path)), Recipe())
