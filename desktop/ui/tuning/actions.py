"""What can be done in the Tuning panel, with its keys."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from desktop.ui.actions import Action
from desktop.ui.tuning.steps import Step

if TYPE_CHECKING:
    from desktop.ui.tuning.panel import TuningPanel

MENU = "Tuning"


def actions_of(panel: TuningPanel) -> list[Action]:
    """All actions of the panel."""
    return [*_steps(panel), *_file(panel), *_run(panel), *_list(panel)]


def _steps(panel: TuningPanel) -> list[Action]:
    made = [
        Action(
            f"tuning.{step.value}", step.word, partial(panel.go, step), (f"Alt+{number}",), "View",
            partial(panel.blocked_step, step), partial(panel.is_at, step),
        )
        for number, step in enumerate(Step, 1)
    ]  # fmt: skip
    return [*made, Action("tuning.next", "The next step", panel.go_on, ("Ctrl+Return",), "View", panel.blocked_next)]


def _file(panel: TuningPanel) -> list[Action]:
    def open_() -> str:
        return "" if panel.draft.records is not None else "Open a file of examples first"

    return [
        Action("tuning.new", "New run from a file…", panel.ask_open, ("Ctrl+N",), "File"),
        Action("tuning.demo", "Open the demo records", panel.openings.open_demo, ("Ctrl+Shift+D",), "File"),
        Action("tuning.read", "Read the file again", panel.draft.read_again, ("F5",), "File", open_),
        Action("tuning.close", "Close the file", panel.close_file, ("Ctrl+W",), "File", open_),
    ]


def _run(panel: TuningPanel) -> list[Action]:
    source = panel.source

    def going() -> str:
        return "" if source.run_id and source.is_active(source.run_id) else "No training runs here"

    def begun() -> str:
        return going() or ("" if source.run is not None else "Training has not begun")

    def resumable() -> str:
        return "" if panel.tasks.can_resume else "There is no stopped run to go on with"

    return [
        Action("tuning.start", "Start training", panel.start_run, ("Ctrl+R",), MENU, lambda: panel.draft.blocked),
        Action("tuning.resume", "Go on with the run", panel.tasks.resume, ("Ctrl+Shift+R",), MENU, resumable),
        Action("tuning.pause", "Pause, or go on", panel.tasks.toggle_pause, ("Ctrl+P",), MENU, going),
        Action("tuning.finish", "Finish now and keep the best", panel.tasks.finish, ("Ctrl+Shift+F",), MENU, begun),
        Action("tuning.stop", "Stop; it can go on later", panel.tasks.stop, ("Ctrl+.",), MENU, going),
    ]


def _list(panel: TuningPanel) -> list[Action]:
    runs = panel.runs

    def chosen() -> str:
        return "" if runs.selected else "Choose a run first"

    def again() -> None:
        panel.tasks.do_with("again", runs.selected)

    def delete() -> None:
        panel.tasks.ask_delete(runs.selected)

    def one() -> str:
        return "" if len(runs.selected) == 1 else "Choose one run first"

    def several() -> str:
        return "" if len(runs.selected) > 1 else "Choose two runs or more first (Ctrl+click)"

    return [
        Action("tuning.compare", "Compare the chosen runs", panel.compare, ("Ctrl+Shift+C",), MENU, several),
        Action("tuning.again", "Use the run's settings for a new one", again, ("Ctrl+Shift+N",), MENU, one),
        Action("tuning.rename", "Rename the run", runs.rename, ("F2",), MENU, one),
        Action("tuning.delete", "Delete the chosen runs…", delete, ("Ctrl+Del",), MENU, chosen),
        Action("tuning.list", "List of runs", panel.toggle_list, ("Ctrl+B",), "View", panel.blocked_list,
               lambda: panel.list_open),
    ]  # fmt: skip
