"""Queues jobs as one batch and dies: ``python -m tests.faults.enqueue FILE`` with a job a line."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from desktop.jobs.batches import BatchSpec
from desktop.jobs.job import decode
from desktop.jobs.rows import Owner
from desktop.jobs.store import Store


def main(file: Path, report: str) -> None:
    """Put the jobs in the queue as this process's own."""
    jobs = [decode(line) for line in file.read_bytes().splitlines()]
    Store().add_batch(BatchSpec(title="Small jobs", kind="mixed", report=report), jobs, Owner.me())


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
    # Nobody says good-bye.
    os._exit(0)
