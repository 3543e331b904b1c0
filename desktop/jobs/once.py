"""One job in a worker of its own, without queue and history: for looking at a computer on which those may not work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import TemporaryDirectory

from desktop.jobs.events import Done, Failed
from desktop.jobs.executors import Slot
from desktop.jobs.job import AnyJob
from desktop.jobs.messages import AnyReply
from desktop.jobs.process import Outcome, WorkerProcess


def run_once(job: AnyJob, *, runner: str = "", listen: Callable[[AnyReply], None] = lambda _: None) -> Done | Failed:
    """Run ``job`` and wait for its end; ``listen`` is called with everything before it. KeyboardInterrupt ends the worker."""
    inbox: SimpleQueue[AnyReply | Outcome] = SimpleQueue()
    worker = WorkerProcess(lambda _, reply: inbox.put(reply), Slot("once", "cpu", 0))
    try:
        with TemporaryDirectory(prefix="reprise-") as scratch:
            worker.start(job, runner or job.runner, Path(scratch))
            while True:
                try:
                    # With a time-out, as Windows lets no Ctrl-C through otherwise.
                    reply = inbox.get(timeout=0.2)
                except Empty:
                    continue
                if isinstance(reply, Outcome):
                    return reply.failed()
                if isinstance(reply, Done | Failed):
                    return reply
                listen(reply)
    finally:
        worker.release()
        if not worker.join(1.0):
            worker.kill()
            worker.join(5.0)
