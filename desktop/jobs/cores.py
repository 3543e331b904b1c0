"""Processors of this computer, and this process's share of them."""

from __future__ import annotations

import os
from pathlib import Path

THREADS = "REPRISE_THREADS"
"""Environment variable by which a worker is told how many threads it may use."""

_TOPOLOGY = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"


def allowed() -> set[int]:
    """Logical processors that the system lets this process run on."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def cores() -> int:
    """Physical cores among them where the system tells (Linux), else logical processors; at least 1.

    Number crunching gains nothing from the second thread of a core.
    """
    siblings = set()
    for cpu in allowed():
        try:
            siblings.add(Path(_TOPOLOGY.format(cpu)).read_text(encoding="ascii").strip())
        except OSError:
            return max(1, len(allowed()))
    return max(1, len(siblings))


def granted() -> int:
    """Threads that this process may use for number crunching: the share that the queue gave it, else ``cores()``."""
    return _given() or cores()


def encoding_threads() -> int:
    """Threads for encoders of video, which gain from every logical processor; never more than was given."""
    return _given() or max(1, len(allowed()))


def _given() -> int:
    """The share that the queue gave this process, 0 when it has the computer to itself."""
    given = os.environ.get(THREADS, "")
    return int(given) if given.isdecimal() else 0
