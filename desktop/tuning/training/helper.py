"""A helper process of a training (``python -m desktop --trainer``): obeys the worker's orders, one JSON line each."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from queue import SimpleQueue

import msgspec
import torch

from desktop.tuning.training import checkpoints
from desktop.tuning.training.group import Together
from desktop.tuning.training.helpers import Begin, Step
from desktop.tuning.training.setup import make_stepper, take_up
from desktop.tuning.training.steps import Interrupted, Stepper, TooLarge
from desktop.tuning.training.tokens import open_tokens


def main(_arguments: Sequence[str] = ()) -> int:
    """Make steps until the worker is gone; returns never, or raises what went wrong."""
    _die_with_parent()
    orders: SimpleQueue[Begin | Step] = SimpleQueue()
    threading.Thread(target=_listen, args=(orders,), name="orders", daemon=True).start()
    stepper: Stepper | None = None
    while True:
        order = orders.get()
        if isinstance(order, Begin):
            stepper = _begin(order)
        elif stepper is not None:
            # The worker was told the same, and decides what comes next.
            with contextlib.suppress(Interrupted, TooLarge):
                stepper.step(order.number, order.batch, order.rate)


def _begin(order: Begin) -> Stepper:
    setup = order.setup
    group = Together(Path(order.meeting), order.processes, order.process, torch.device(setup.device))
    stepper = make_stepper(setup, open_tokens(Path(setup.tokens), setup.fingerprint), group)
    if order.checkpoint and (loaded := checkpoints.load_one(Path(order.checkpoint), setup.identity)):
        take_up(stepper, loaded)
    return stepper


def _listen(orders: SimpleQueue[Begin | Step]) -> None:
    decoder = msgspec.json.Decoder(Begin | Step)
    try:
        for line in sys.stdin.buffer:
            orders.put(decoder.decode(line))
    finally:
        os._exit(0)


def _die_with_parent() -> None:
    """On Linux the kernel ends us with the worker, even while native code keeps the interpreter's lock."""
    if sys.platform != "linux":
        return
    import ctypes

    set_death_signal = 1
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL)
