"""What the queue costs: starting a worker, handing a job to a warm one, cancelling, asking for the version.

    python tests/benchmarks/jobs.py

Not part of the test run. Medians of several runs, in milliseconds, on an otherwise idle computer.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ["REPRISE_EXTRA_RUNNERS"] = "tests.jobs.runners"


def milliseconds(work: Callable[[], object], times: int) -> float:
    """Median time of a call."""
    taken = []
    for _ in range(times):
        began = perf_counter()
        work()
        taken.append(1000 * (perf_counter() - began))
    return median(taken)


def say(what: str, value: float) -> None:
    """Print a line."""
    print(f"{what:<44}{value:8.1f} ms")


def version() -> None:
    """Ask the command line for its version."""
    subprocess.run([sys.executable, "-P", "-m", "desktop", "--version"], check=True, stdout=subprocess.DEVNULL, cwd=ROOT)


def python() -> None:
    """Start the bare interpreter, for comparison."""
    subprocess.run([sys.executable, "-c", ""], check=True)


def measure() -> None:
    """Print all numbers."""
    from desktop.jobs.queue import Queue
    from desktop.jobs.store import Store
    from tests.jobs.bench import Bench, runner_of

    say("bare python", milliseconds(python, 11))
    say("reprise --version", milliseconds(version, 11))

    def cold() -> None:
        queue = Queue(store, runner_of=runner_of)
        Bench(store, queue).run("quick")
        stops.append(queue)

    store, stops = Store(), []
    say("job on a cold worker (start, run, result)", milliseconds(cold, 7))
    for queue in stops:
        queue.close()
    bench = Bench(store, Queue(store, runner_of=runner_of))
    bench.run("quick")
    say("job on a warm worker (submit to result)", milliseconds(lambda: bench.run("quick"), 200))
    began = perf_counter()
    for number in [bench.submit("quick") for _ in range(300)]:
        bench.queue.wait(number)
    say("each of 300 queued jobs", 1000 * (perf_counter() - began) / 300)

    def cancel() -> None:
        number = bench.submit("long", str(Path(store.path).parent / "long"))
        bench.running(number, "working")
        asked = perf_counter()
        bench.queue.cancel(number)
        bench.queue.wait(number)
        answers.append(1000 * (perf_counter() - asked))

    answers: list[float] = []
    for _ in range(11):
        cancel()
    say("cancel, median", median(answers))
    say("cancel, worst", max(answers))
    bench.queue.close()
    store.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        os.environ["REPRISE_HOME"] = home
        measure()
