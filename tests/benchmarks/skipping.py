"""A batch of 10,000 songs that was done before is given again: how long skipping all of it takes, and how much is read of it.

    python tests/benchmarks/skipping.py [--files 10000] [--megabytes 2]

Runs in a home of its own. Not part of the test run. What a run keeps is written here without the work itself.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import psutil
from queue_window import line

from desktop.batch.done import done_before
from desktop.jobs.job import CoverJob
from desktop.jobs.ledger import Sources
from desktop.jobs.store import Store


def prepare(folder: Path, files: int, size: int, store: Store) -> list[CoverJob]:
    """Songs of ``size`` bytes with results that are remembered as made of them. Only a few bytes of each take room."""
    jobs = []
    for number in range(files):
        source = folder / "in" / f"{number:05d} A song with a name.mp3"
        with source.open("wb") as file:
            file.write(b"%d" % number)
            file.truncate(size)
        job = CoverJob(source=str(source), output=str(folder / "out"))
        sources = Sources(job)
        sources.read()
        for result in job.results.values():
            result.write_bytes(b"made")
        made = {kind: str(path) for kind, path in job.results.items()}
        store.note_made(job, {"files": made, "models": {}, **sources.facts()})
        jobs.append(job)
    return jobs


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--megabytes", type=int, default=2)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["REPRISE_HOME"] = home
        folder = Path(home)
        (folder / "in").mkdir()
        (folder / "out").mkdir()
        store = Store(folder / "queue.sqlite")
        jobs = prepare(folder, args.files, args.megabytes << 20, store)
        me = psutil.Process()
        read, spent, began = me.io_counters().read_chars, sum(me.cpu_times()[:2]), time.perf_counter()
        found = done_before(store, jobs)
        seconds, busy = time.perf_counter() - began, sum(me.cpu_times()[:2]) - spent
        read = me.io_counters().read_chars - read
        store.close()
        if len(found.done) != len(jobs):
            raise SystemExit(f"{len(found.left)} of {len(jobs)} are to be done again")
        print(f"{len(jobs)} songs, {len(jobs) * args.megabytes / 1024:.1f} GiB")
        line("skipping them: processor time", busy, "s", 10)
        line("skipping them: seconds", seconds, "s", 10)
        line("read, of everything", read / 2**20, "MB", 50)


if __name__ == "__main__":
    main()
