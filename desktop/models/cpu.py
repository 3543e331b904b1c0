"""Processors that this process may use."""

from __future__ import annotations

import os
import sys
from pathlib import Path

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
    """Threads that this process may use: the share that the queue gave it (``REPRISE_THREADS``), else ``cores()``."""
    given = os.environ.get("REPRISE_THREADS", "")
    return int(given) if given.isdecimal() and int(given) > 0 else cores()


def spin_less() -> None:
    """Let torch's threads wait for work in a loop for a short time only: on a busy computer that loop costs many times the work.

    Takes effect when torch is loaded for the first time (GNU OpenMP).
    """
    if "torch" not in sys.modules:
        os.environ.setdefault("GOMP_SPINCOUNT", "20000")
