"""The queue in the window with 10,000 jobs: opening, scrolling, an update, memory, each with its target.

    python tests/benchmarks/queue_window.py

Runs in a home of its own, without a display. 5,000 jobs stand alone, 5,000 are in a batch. Not part of the test run.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import psutil

from desktop.jobs.batches import BatchSpec
from desktop.jobs.job import CoverJob
from desktop.jobs.rows import Owner
from desktop.jobs.store import Store

COUNT = 10_000
STEPS = 200


def line(what: str, value: float, unit: str, target: float) -> None:
    """Print a line of the report."""
    print(f"{what:<44} {value:8.2f} {unit:<3} (target {target:g} {unit}: {'met' if value <= target else 'MISSED'})", flush=True)


def fill(store: Store) -> int:
    """10,000 jobs of a process that has ended; returns the batch's number."""
    nobody = Owner(2**22 + 1, "1")
    jobs = [CoverJob(source=f"/music/{n:05d} A song with a name.mp3", output="/covers") for n in range(COUNT)]
    began = time.perf_counter()
    batch = store.add_batch(BatchSpec(title="Tapes of 1994", kind="cover"), jobs[: COUNT // 2], nobody)
    other = store.add_batch(BatchSpec(title="Tapes of 1995", kind="cover"), jobs[COUNT // 2 :], nobody)
    line("adding 10,000 jobs", time.perf_counter() - began, "s", 3)
    with store._writing() as db:
        db.execute("UPDATE jobs SET batch = NULL WHERE batch = ?", (other,))
        db.execute("UPDATE jobs SET state = 'cancelled', ended = created WHERE id % 2 = 0")
        db.execute("UPDATE jobs SET state = 'done', ended = created, fraction = 1 WHERE id % 2 = 1")
        db.execute("DELETE FROM batches WHERE id = ?", (other,))
    return batch


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["REPRISE_HOME"] = home
        from desktop.ui import app

        store = Store()
        batch = fill(store)
        store.close()
        qt = app.application()
        parts = app.build(qt)
        dock = parts.window.dock
        parts.window.resize(1440, 900)
        parts.window.show()
        qt.processEvents()
        began = time.perf_counter()
        dock.load()
        dock.open()
        dock.view.lines.opened.add(batch)
        dock._refresh()
        qt.processEvents()
        line("opening the queue, batch open", time.perf_counter() - began, "s", 1)
        bar = dock.view.verticalScrollBar()
        took = []
        for step in range(STEPS):
            began = time.perf_counter()
            bar.setValue(bar.maximum() * step // STEPS)
            dock.view.viewport().repaint()
            took.append((time.perf_counter() - began) * 1000)
        line("a jump within 10,000, median", statistics.median(took), "ms", 16)
        took = []
        for _ in range(STEPS):
            began = time.perf_counter()
            bar.setValue(bar.value() - 30)
            dock.view.viewport().repaint()
            took.append((time.perf_counter() - began) * 1000)
        line("a step of the wheel, median", statistics.median(took), "ms", 16)
        line("a step of the wheel, worst of 100", sorted(took)[-STEPS // 100], "ms", 33)
        began = time.perf_counter()
        dock._refresh()
        qt.processEvents()
        line("reading the list anew", (time.perf_counter() - began) * 1000, "ms", 50)
        began = time.perf_counter()
        dock.search.setText("04999")
        qt.processEvents()
        line("searching", (time.perf_counter() - began) * 1000, "ms", 100)
        line("memory of the window", psutil.Process().memory_info().rss / 1e6, "MB", 400)
        parts.window.asks_before_closing = False
        parts.window.close()
        parts.close()


if __name__ == "__main__":
    main()
