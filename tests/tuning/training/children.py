"""Trainings in processes of their own, to be killed or to run out of memory."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import resource
import time
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import msgspec

from desktop.errors import UserError
from desktop.jobs.events import AnyEvent, Progressed
from desktop.jobs.progress import Progress
from desktop.jobs.tuning_jobs import TuneJob

_MMAP_THRESHOLD = -3
"""Number of the option in glibc's malloc.h."""


def start(job: TuneJob, home: Path, *, delay: float = 0.0, room: int = 0, said: Path | None = None) -> ForkServerProcess:
    """Train in a child, which has torch loaded already.

    Args:
        delay: s to wait at each report. room: bytes that it may take when the model is loaded; 0 for no bound.
        said: file for what it said at last.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch", "transformers", "peft", "desktop.tuning.tune", "desktop.tuning.training.train"])
    child = context.Process(target=_train, args=(msgspec.json.encode(job), str(home), delay, room, str(said or "")), daemon=True)
    child.start()
    return child


class _Slow(Progress):
    def __init__(self, delay: float, room: int) -> None:
        self._delay, self._room = delay, room

    def emit(self, event: AnyEvent) -> None:
        if isinstance(event, Progressed):
            time.sleep(self._delay)
            if self._room and event.message.startswith("Step"):
                pages = int(Path("/proc/self/statm").read_text().split()[0])
                resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + self._room, resource.RLIM_INFINITY))
                self._room = 0


def _train(job: bytes, home: str, delay: float, room: int, said: str) -> None:
    os.environ |= {"REPRISE_HOME": home, "REPRISE_THREADS": "1"}
    import torch

    torch.set_num_threads(1)
    if room:
        # Large blocks go back to the system at once; else what an earlier step left free may do for the next beyond any bound.
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, 1 << 20)
    from desktop.tuning.tune import tune

    try:
        last = msgspec.json.encode(tune(msgspec.json.decode(job, type=TuneJob), _Slow(delay, room))).decode()
    except UserError as error:
        last = str(error)
    if said:
        Path(said).write_text(last, encoding="utf-8")
