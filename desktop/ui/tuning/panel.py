"""The Tuning panel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop.tuning.runs import Runs
from desktop.ui import theme
from desktop.ui.actions import Action
from desktop.ui.icons import IconButton
from desktop.ui.library.shelf import Shelf
from desktop.ui.notify import Note, Severity, from_error
from desktop.ui.panels import Heading, Panel, Services
from desktop.ui.tuning import files, words
from desktop.ui.tuning.actions import actions_of
from desktop.ui.tuning.bases import Bases
from desktop.ui.tuning.draft import Draft, opened_file
from desktop.ui.tuning.memory import Kept, Memory
from desktop.ui.tuning.open_run import OpenRun
from desktop.ui.tuning.openings import Openings
from desktop.ui.tuning.pages import Pages
from desktop.ui.tuning.recipe_page import RecipePage
from desktop.ui.tuning.records_page import RecordsPage
from desktop.ui.tuning.run_tasks import RunTasks
from desktop.ui.tuning.runs_list import RunsList
from desktop.ui.tuning.start import TuningStart
from desktop.ui.tuning.steps import Step, Steps
from desktop.ui.widgets.parts import line

NO_RUN = "Start a run, or choose one of the list"
RUN_STEPS = (Step.RUN, Step.EVALUATE, Step.USE)


class TuningPanel(Panel):
    """Examples in; a model that does one job comes out, is scored and used."""

    can_ask = True

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services = services
        state, bridge = services.state, services.bridge
        self._memory = Memory(state)
        self.source = OpenRun(bridge, Runs(), self)
        self.shelf = Shelf(services.library, bridge, self)
        self.bases = Bases(services.library, self.shelf, self._memory, self)
        self.draft = Draft(bridge, self.bases, self._memory, self)
        self.draft.device = services.prefs.now.device
        self.openings = Openings(services, self.draft, self)
        self.tasks = RunTasks(services, self.source, self.draft, self, self._sees)
        self.start, self.records = TuningStart(services.prefs), RecordsPage(services, self.draft)
        self.recipe = RecipePage(services, self.draft, self.openings.fetcher)
        self.runs, self.steps = RunsList(self.source), Steps()
        self.pages = Pages(services, self.source)
        for name, page in (("start", self.start), ("records", self.records), ("recipe", self.recipe)):
            self.pages.add(name, page)
        self._step = Step.RECORDS
        self._compared: tuple[str, ...] = ()
        self._restored = False
        self._lay_out()
        self._actions = actions_of(self)
        self._connect()
        self._refresh()

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        self._edge = line(vertical=True)
        row.addWidget(self.runs)
        row.addWidget(self._edge)
        column = QVBoxLayout()
        column.setSpacing(0)
        row.addLayout(column, 1)
        self._bar = QWidget()
        bar = QHBoxLayout(self._bar)
        bar.setContentsMargins(theme.S2, 0, 0, 0)
        bar.setSpacing(0)
        self._toggle = IconButton("side-left", "List of runs (Ctrl+B)")
        self._toggle.setCheckable(True)
        self._toggle.clicked.connect(lambda _on=False: self.toggle_list())
        bar.addWidget(self._toggle, 0, Qt.AlignmentFlag.AlignVCenter)
        bar.addWidget(self.steps, 1)
        self._bar_edge = line()
        column.addWidget(self._bar)
        column.addWidget(self._bar_edge)
        column.addWidget(self.pages, 1)
        self._list_wanted = self._services.state.flag("tuning/list", True)

    def _connect(self) -> None:
        start, draft, source, runs, openings = self.start, self.draft, self.source, self.runs, self.openings
        start.page.open_asked.connect(self.ask_open)
        start.page.demo_asked.connect(openings.open_demo)
        start.page.chosen.connect(self._services.open)
        start.start_asked.connect(openings.begin_with)
        start.sample_asked.connect(openings.open_sample)
        start.stop_asked.connect(openings.pairs.stop)
        openings.pairs.changed.connect(lambda: start.show_busy(openings.pairs.row))
        openings.opened.connect(self.open_kept)
        self.tasks.again.connect(self.open_kept)
        self.steps.chosen.connect(self.go)
        self.records.next_asked.connect(lambda: self.go(Step.RECIPE))
        self.records.open_asked.connect(self.ask_open)
        self.recipe.start_asked.connect(self.start_run)
        self.recipe.hub_asked.connect(openings.ask_hub)
        for signal in (draft.opened, draft.changed):
            signal.connect(self._refresh)
        self.pages.evaluate_asked.connect(lambda: self.go(Step.EVALUATE))
        runs.chosen.connect(self._run_clicked)
        runs.several.connect(self._several)
        runs.asked.connect(self.tasks.do_with)
        runs.new_asked.connect(self.ask_open)
        source.chosen.connect(lambda _run: self._refresh())
        source.removed.connect(lambda _run: self._refresh())
        source.run_changed.connect(lambda _run: self._refresh())
        self.shelf.failed.connect(lambda error, _model: self._services.say(from_error(error)))
        self._services.prefs.changed.connect(self._prefs_changed)

    # The panel's contract

    def heading(self) -> Heading:
        if self._compared:
            return Heading(f"{len(self._compared)} runs compared")
        if self._step in RUN_STEPS:
            return self._run_heading()
        draft = self.draft
        if draft.path is None:
            return Heading()
        facts = []
        if draft.found is not None:
            facts.append(words.counted(draft.found.facts.rows, "row"))
            if draft.inputs and draft.output:
                facts.append(f"{', '.join(draft.inputs)} → {draft.output}")
        return Heading(draft.path.name, "  ·  ".join(facts), None, "tuning.start")

    def takes(self, path: Path) -> bool:
        return files.takes(path)

    def open(self, path: Path) -> None:
        self.open_kept(opened_file(path, self._memory))

    def queue(self, paths: list[Path]) -> None:
        # Files of one data set come as train, validation and test.
        left = []
        for path in paths:
            field = held_out_field(path)
            if field and self.draft.records is not None:
                self.draft.choose_records(**{field: str(path)})
            else:
                left.append(path)
        if left:
            remedy = "Name it “test” or “validation” to hold it out, or open it by itself."
            self._services.say(Note(Severity.INFO, "Only the first file was opened", str(left[0]), remedy))

    def drag_over(self, on: bool) -> bool:
        self.start.page.drop.light(on)
        return self.pages.name == "start"

    def toast_area(self) -> QWidget:
        return self.pages

    def shown(self) -> None:
        self.shelf.refresh()
        self.bases.refresh()
        if not self._restored:
            self._restored = True
            self._restore()
        self.draft.follow_file()
        self.pages.set_in_front(True)

    def hideEvent(self, event: Any) -> None:
        super().hideEvent(event)
        self.pages.set_in_front(False)

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self.pages.set_in_front(True)

    def close_panel(self) -> None:
        state = self._services.state
        state.keep("tuning/run", self.source.run_id)
        state.keep("tuning/step", self._step.value)
        for part in (self.runs, self.pages, self.draft, self.openings, self.source):
            part.leave()

    def actions_of(self) -> list[Action]:
        return self._actions

    # What the user does: steps

    def go(self, step: Step) -> None:
        """Show a step, if it can be gone to."""
        if not self.blocked_step(step):
            if self._compared:
                self._compared = ()
                self.runs.select(self.source.run_id, alone=True)
            self._step = step
            self._refresh()

    def is_at(self, step: Step) -> bool:
        """Whether a step is shown."""
        return step is self._step and not self._compared

    def blocked_step(self, step: Step) -> str:
        """Why a step cannot be gone to yet; "" when it can."""
        if step is Step.RECORDS:
            return ""
        if step is Step.RECIPE:
            return self.draft.unready
        if not self.source.run_id:
            return NO_RUN
        if step is Step.RUN:
            return ""
        run = self.source.run
        ready = run is not None and (run.best_step is not None or (run.is_over and run.step > 0))
        return "" if ready else "Training has kept no weights yet"

    def go_on(self) -> None:
        """To the next step; from the recipe, start."""
        if self._step is Step.RECIPE:
            self.start_run()
        elif (step := self._next()) is not None:
            self.go(step)

    def blocked_next(self) -> str:
        """Why there is no next step."""
        if self._step is Step.RECIPE:
            return self.draft.blocked
        step = self._next()
        return "This is the last step" if step is None else self.blocked_step(step)

    def _next(self) -> Step | None:
        order = list(Step)
        place = order.index(self._step) + 1
        return order[place] if place < len(order) else None

    # What the user does: files and runs

    def ask_open(self) -> None:
        self.openings.ask_open()

    def open_kept(self, kept: Kept) -> None:
        """Open a file with what was chosen for it."""
        self.source.choose("")
        self.draft.open(kept)
        self.go(Step.RECORDS)

    def close_file(self) -> None:
        """Close the file; runs stay."""
        self.draft.close()
        self.go(Step.RECORDS)

    def start_run(self) -> None:
        """Train."""
        if self.tasks.start(entry.name for entry in self.runs.model.entries):
            self.go(Step.RUN)

    def compare(self) -> None:
        """Show the chosen runs side by side."""
        self._several(self.runs.selected)

    def toggle_list(self) -> None:
        """Show or hide the list of runs."""
        self._list_wanted = not self._list_wanted
        self._services.state.keep("tuning/list", self._list_wanted)
        self._refresh()

    @property
    def list_open(self) -> bool:
        """Whether the list of runs is shown."""
        return self._list_wanted and bool(self.runs.model.entries)

    def blocked_list(self) -> str:
        """Why the list cannot be shown."""
        return "" if self.runs.model.entries else "There are no runs yet"

    # What happens

    def _run_clicked(self, run: str) -> None:
        self._compared = ()
        self.source.choose(run)
        if self._step not in RUN_STEPS or self.blocked_step(self._step):
            self._step = Step.RUN
        self._refresh()

    def _several(self, runs: list[str]) -> None:
        begun = tuple(run for run in runs if self.source.get(run) is not None)
        if len(begun) > 1 or self._compared:
            self._compared = begun if len(begun) > 1 else ()
            self._refresh()

    def _prefs_changed(self, names: set[str]) -> None:
        if "device" in names:
            self.draft.device = self._services.prefs.now.device

    def _sees(self, run: str) -> bool:
        return run == self.source.run_id and self.is_at(Step.RUN) and self.isVisible()

    def _restore(self) -> None:
        """Bring back what was open when the window was closed."""
        if self.draft.records is not None:
            return
        kept = self._memory.last()
        if kept is not None:
            self.draft.open(kept)
        state = self._services.state
        run = state.text("tuning/run")
        step = state.text("tuning/step", Step.RECORDS.value, tuple(one.value for one in Step))
        if run and (self.source.get(run) is not None or self.source.job(run) is not None):
            self.source.choose(run)
            if Step(step) in RUN_STEPS:
                self.go(Step(step))
        self._refresh()

    def _refresh(self) -> None:
        if self._step in RUN_STEPS and not self.source.run_id:
            self._step = Step.RECORDS
        if self._step is Step.RECIPE and self.draft.records is None:
            self._step = Step.RECORDS
        any_runs, opened = bool(self.runs.model.entries), self.draft.records is not None
        self._bar.setVisible(any_runs or opened)
        self._bar_edge.setVisible(any_runs or opened)
        self.runs.setVisible(self.list_open)
        self._edge.setVisible(self.list_open)
        self._toggle.setVisible(any_runs)
        self._toggle.setChecked(self.list_open)
        self.steps.show_steps(None if self._compared else self._step, {step: self.blocked_step(step) for step in Step})
        if self._compared:
            self.pages.show_page("compare", self._compared)
        elif self._step is Step.RECORDS:
            self.pages.show_page("records" if opened else "start")
        elif self._step is Step.RECIPE:
            self.pages.show_page("recipe")
        else:
            self.pages.show_page(self._step.value, (self.source.run_id,))
        self.changed.emit()

    def _run_heading(self) -> Heading:
        run, job = self.source.run, self.source.job(self.source.run_id)
        going = job if job is not None and not job.state.is_over else None
        if run is None:
            title = job.job.title if job is not None else ""
            return Heading(title, "", going, "tuning.resume" if self.tasks.can_resume else "")
        facts = [run.base, words.counted(run.train_rows, "row") if run.train_rows else "", Path(run.records.source).name]
        title = words.run_title(run)
        again = "tuning.resume" if self.tasks.can_resume else ""
        return Heading(title, "  ·  ".join(part for part in facts if part), going, again, run.device.upper())


def held_out_field(path: Path) -> str:
    """Which held-out file of Records a file's name speaks of; "" for none."""
    name = path.stem.lower()
    if "test" in name:
        return "test_file"
    return "validation_file" if any(word in name for word in ("valid", "dev", "eval")) or name.endswith("val") else ""
