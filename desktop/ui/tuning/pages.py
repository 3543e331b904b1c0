"""The pages about a run, made when they are first shown."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QStackedWidget, QWidget

from desktop.ui.panels import Services
from desktop.ui.tuning.open_run import OpenRun

FACTORIES = {
    "run": "desktop.ui.tuning.run_page:RunPage",
    "evaluate": "desktop.ui.tuning.evaluate_page:EvaluatePage",
    "use": "desktop.ui.tuning.use_page:UsePage",
    "compare": "desktop.ui.tuning.compare_page:ComparePage",
}


class Pages(QStackedWidget):
    """All pages of the panel; those of ``FACTORIES`` know ``show_run``, ``shown`` and ``hidden``.

    Signals:
        evaluate_asked: the run page's button for the next step was pressed.
    """

    evaluate_asked = Signal()

    def __init__(self, services: Services, source: OpenRun, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services, self._source = services, source
        self._made: dict[str, QWidget] = {}
        self._runs: dict[str, tuple[str, ...]] = {}
        self.name = ""
        self._in_front = False

    def add(self, name: str, page: QWidget) -> None:
        """A page that is there from the beginning."""
        self._made[name] = page
        self.addWidget(page)

    def page(self, name: str) -> Any:
        """A page, made if need be."""
        if name not in self._made:
            module, kind = FACTORIES[name].split(":")
            self.add(name, getattr(import_module(module), kind)(self._services, self._source))
            if name == "run":
                self._made[name].evaluate_asked.connect(self.evaluate_asked)  # type: ignore[attr-defined]
        return self._made[name]

    def made(self, name: str) -> Any:
        """A page that was shown before, or None."""
        return self._made.get(name)

    def show_page(self, name: str, runs: tuple[str, ...] = ()) -> None:
        """Bring a page to the front; ``runs``: what it is about."""
        page = self.page(name)
        if name in FACTORIES and self._runs.get(name) != runs:
            self._runs[name] = runs
            if name == "compare":
                page.show_runs(list(runs))
            else:
                page.show_run(runs[0] if runs else None)
        if name != self.name:
            self._tell("hidden")
            self.name = name
            self.setCurrentWidget(page)
            self._tell("shown")

    def set_in_front(self, on: bool) -> None:
        """Whether the panel can be seen."""
        if on != self._in_front:
            self._in_front = on
            self._tell("shown" if on else "hidden", always=True)

    def leave(self) -> None:
        """The window closes."""
        for name, page in self._made.items():
            if name in FACTORIES:
                getattr(page, "leave", lambda: None)()

    def _tell(self, what: str, *, always: bool = False) -> None:
        if self.name in FACTORIES and (self._in_front or always):
            getattr(self._made[self.name], what)()
