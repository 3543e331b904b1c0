"""Encoders share the cores with everything else."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator


@contextlib.contextmanager
def fairly_scheduled() -> Iterator[None]:
    """Take back real-time scheduling that threads of this process get inside.

    SVT-AV1, when root runs it, makes the calling thread and its own threads real-time ones (SCHED_FIFO): those, and every process
    that they start, would leave the cores to nobody else.
    """
    before = _real_time()
    yield
    for thread in _real_time() - before:
        with contextlib.suppress(OSError):
            os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))


def _real_time() -> set[int]:
    """Threads of this process, by number, that are scheduled before ordinary ones; known on Linux only."""
    if not hasattr(os, "SCHED_FIFO") or not os.path.isdir("/proc/self/task"):  # noqa: PTH112
        return set()
    found = set()
    for name in os.listdir("/proc/self/task"):  # noqa: PTH208
        with contextlib.suppress(OSError):
            if os.sched_getscheduler(int(name)) in (os.SCHED_FIFO, os.SCHED_RR):
                found.add(int(name))
    return found
