"""What the pages of a run need of the window, without the window: real queue, history, settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from desktop.jobs.queue import Queue
from desktop.jobs.store import Store
from desktop.models.library import Library
from desktop.tuning.runs import Runs
from desktop.ui.app import application
from desktop.ui.bridge import QueueBridge
from desktop.ui.notify import Note
from desktop.ui.panels import Services
from desktop.ui.prefs import Prefs
from desktop.ui.state import State
from desktop.ui.theme import Themer
from desktop.ui.tuning.open_run import OpenRun


@dataclass
class Desk:
    """``services`` and ``source`` as the panel gives them to its pages; ``notes``: what was said to the user.

    ``elsewhere`` is the store as another process has it open: what happens to a job there is told here.
    """

    services: Services
    source: OpenRun
    runs: Runs
    store: Store
    elsewhere: Store
    themer: Themer
    notes: list[Note] = field(default_factory=list)


@pytest.fixture
def desk(qtbot: QtBot, home: Path) -> Iterator[Desk]:
    """A queue without room for workers: jobs wait in it until a test says otherwise."""
    app = application()
    store, elsewhere = Store(), Store()
    queue = Queue(store, executors=())
    bridge = QueueBridge(queue)
    runs = Runs()
    notes: list[Note] = []
    themer = Themer(app, "light")
    services = Services(
        bridge=bridge, store=store, library=Library(offline=True), prefs=Prefs(), state=State(), themer=themer,
        say=notes.append, open=lambda _path: None, go=lambda _panel: None, refresh=lambda: None,
    )  # fmt: skip
    source = OpenRun(bridge, runs)
    yield Desk(services, source, runs, store, elsewhere, themer, notes)
    source.leave()
    bridge.close()
    themer.deleteLater()
    queue.close()
    for each in (store, elsewhere):
        each.close()
