"""Jobs on a cluster: Dask chooses the node and gives a lost node's jobs to others."""

from __future__ import annotations

import contextlib
import logging
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from functools import partial
from typing import Any

from desktop.errors import UserError
from desktop.jobs.cluster import files, node, wire
from desktop.jobs.cluster.connection import Connection, Link
from desktop.jobs.cluster.keys import Keys
from desktop.jobs.cluster.remote import RemoteFuture
from desktop.jobs.cluster.wire import Parcel, Taken
from desktop.jobs.events import Failed
from desktop.jobs.executor import JobExecutor, JobFuture, Listen, Task
from desktop.jobs.failures import failure
from desktop.jobs.job import AnyJob, CoverJob, LabelJob, RenderJob, RestoreJob, ScoreJob, WaterfallJob, encode
from desktop.jobs.ledger import stamps_of
from desktop.jobs.messages import ProtocolError

TRAVELLING = (CoverJob, RestoreJob, LabelJob, RenderJob, ScoreJob, WaterfallJob)
"""Kinds that a node may do; the others are about this computer, or somebody looks on."""

_CLOSE_S = 3.0
_THREADS = 8
_log = logging.getLogger(__name__)


class ClusterExecutor(JobExecutor):
    """An executor whose slots are those of all nodes of a cluster.

    Its futures cannot be cancelled with ``cancel`` once submitted; ``cancel_job`` is the way. When the scheduler is lost they
    end with ``GivenBack``, and there is no room until it is back.
    """

    def __init__(self, address: str, keys: Keys, *, say: Callable[[str], None] | None = None) -> None:
        """Connect to the scheduler at ``address`` (HOST or HOST:PORT).

        Raises UserError when it cannot be reached; with ``say``, which is told when it cannot be reached, is lost or is back,
        that is tried again and again in the background instead.
        """
        self.name = address
        self._futures: dict[str, RemoteFuture] = {}
        self._tasks: dict[Future[Any], RemoteFuture] = {}
        self._lacking: set[str] = set()
        self._threads = ThreadPoolExecutor(_THREADS, "cluster")
        self._notes = ThreadPoolExecutor(1, "cluster-notes")
        self._closed = threading.Event()
        self._connection = Connection(
            address, keys, hear=self._hear, changed=lambda: self.changed(), lost=self._give_back, say=say
        )

    def room_for(self, job: AnyJob, priority: int) -> bool:
        if not self.takes(job, priority) or self._closed.is_set():
            return False
        link = self._connection.link
        return link is not None and link.stands and self._taken < self._connection.slots

    @property
    def _taken(self) -> int:
        """Slots that have a job, or have told its end and are not known to be free: Dask would not choose them for another."""
        return len(self._futures) + sum(future.done() for future in list(self._tasks.values()))

    def takes(self, job: AnyJob, priority: int) -> bool:
        """Whether nodes may do the job and have what it needs.

        Somebody waits at the screen for one with a priority: it is done where it is seen.
        """
        return isinstance(job, TRAVELLING) and priority <= 0 and self._lacking.isdisjoint(files.models_of(job))

    def lacking(self, model: str) -> None:
        """A node does not have this model and cannot install it: jobs that need it are done elsewhere from now on."""
        self._lacking.add(model)

    @property
    def slots(self) -> int:
        """How many jobs the nodes can do at the same time, as of a second ago."""
        return self._connection.slots

    @property
    def is_here(self) -> bool:
        """Whether this computer is one of the nodes."""
        return self._connection.is_here

    @property
    def is_connected(self) -> bool:
        """Whether the cluster answers, with or without nodes."""
        return self._connection.link is not None

    @property
    def problem(self) -> str:
        """Why the cluster cannot be reached at the moment, for people; "" while it can."""
        return self._connection.problem

    def submit(self, perform: Any, task: Task, listen: Listen) -> JobFuture:  # type: ignore[override]  # noqa: ARG002 - nodes have their own
        if self._closed.is_set():
            raise RuntimeError("cannot schedule new futures after shutdown")
        future = RemoteFuture(secrets.token_hex(8), self, listen)
        self._futures[future.token] = future
        future.add_done_callback(lambda _: self._forget(future))
        self._threads.submit(self._send, future, task)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the connection; jobs that are not over are waited for or, with ``cancel_futures``, cancelled."""
        if self._closed.is_set():
            return
        if cancel_futures:
            for future in list(self._futures.values()):
                future.cancel_job()
        wait_for(list(self._futures.values()) if wait else ())
        self._closed.set()
        # Results are told a moment before Dask hears that their tasks are over.
        wait_for(set(self._tasks) if wait else (), timeout=_CLOSE_S)
        self._threads.shutdown(wait=wait, cancel_futures=not wait)
        self._connection.close()
        self._notes.shutdown(wait=False, cancel_futures=True)
        for future in list(self._futures.values()):
            future.end(Failed("The connection to the cluster was closed", remedy="Retry."))

    def call(self, address: str, function: Callable[..., Any], *arguments: object) -> Any:
        """Run a function of ``node`` on a node; raises ConnectionError when it does not answer, and what the function raised."""
        link = self._connection.link
        if link is None:
            raise ConnectionError("the cluster is not connected")
        try:
            told = link.client.run(function, *arguments, workers=[address], on_error="return")
        except Exception as error:
            raise ConnectionError(f"{address} does not answer: {error}") from error
        answer = told.get(address)
        if isinstance(answer, OSError | KeyError):
            raise ConnectionError(f"{address} has given the job up: {answer!r}")
        if isinstance(answer, BaseException):
            raise OSError(str(answer)) from answer
        return answer

    def later(self, work: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):
            self._threads.submit(_noted, work)

    def _send(self, future: RemoteFuture, task: Task) -> None:
        link = self._connection.link
        if link is None:
            future.give_back("The connection to the cluster was lost")
            return
        try:
            job = task.job
            future.stamps = stamps_of(job)
            sources, targets = files.sources_of(job), files.targets_of(job)
            future.add_done_callback(lambda _: files.remove_probes(targets))
            future.parcel = Parcel(
                token=future.token,
                topic=link.topic,
                title=job.title,
                job=encode(job),
                runner=task.runner,
                priority=task.priority,
                sources=sources,
                targets=targets,
                models=files.models_of(job),
            )
            chosen = link.gpu if job.device == "cuda" and self._connection.gpus else link.plain
            if not future.done():
                future.task = chosen.submit(node.perform, wire.pack(future.parcel))
                self._tasks[future.task] = future
                future.task.add_done_callback(partial(self._ended, future))
        except Exception as error:
            self._fail(link, future, error)

    def _fail(self, link: Link, future: RemoteFuture, error: BaseException) -> None:
        """The job could not be sent: because of itself, or because there was nobody any more to send it to."""
        if link is self._connection.link and link.stands:
            future.end(failure(error))
        else:
            future.give_back("The connection to the cluster was lost")

    def _ended(self, future: RemoteFuture, task: Future[Any]) -> None:
        """Dask is through with the job. Where it went well, its end had been told before."""
        # A result that is still referred to would be made again when the node that keeps it is lost.
        future.task = None
        self._tasks.pop(task, None)
        self.changed()
        if task.cancelled():
            future.give_back("The connection to the cluster was lost")
            return
        error = task.exception()
        if error is None:
            future.end(Failed("The node gave the job up", remedy="Retry."))
        elif type(error).__name__ == "KilledWorker":
            text = "Every computer that was given the job was lost, one after another"
            future.end(Failed(text, remedy="Look at what the nodes say, then retry.", details=str(error)))
        else:
            future.end(failure(error))

    def _give_back(self) -> None:
        """The scheduler is lost: what it had was not done, as far as anybody knows."""
        self._tasks.clear()
        for future in list(self._futures.values()):
            future.give_back("The connection to the cluster was lost")

    def _forget(self, future: RemoteFuture) -> None:
        self._futures.pop(future.token, None)

    def _hear(self, event: tuple[float, object]) -> None:
        """Called on Dask's thread, which must not be kept."""
        with contextlib.suppress(RuntimeError):
            self._notes.submit(self._take, event[1])

    def _take(self, data: object) -> None:
        try:
            note = wire.note(data)
            future = self._futures.get(note.token)
            if future is not None:
                future.hear(note)
            elif isinstance(note, Taken):
                # It had come to its end when its node was lost, and need not be done again.
                self.later(partial(self._send_home, note))
        except ProtocolError as error:
            _log.warning("a node sent something unreadable: %s", error)
        except Exception:
            _log.exception("a listener of the cluster failed")

    def _send_home(self, note: Taken) -> None:
        for function, arguments in ((node.obey, ("kill",)), (node.release, ())):
            with contextlib.suppress(OSError):
                self.call(note.address, function, note.attempt, *arguments)


def _noted(work: Callable[[], None]) -> None:
    try:
        work()
    except UserError as error:
        _log.warning("%s", error)
    except Exception:
        _log.exception("the cluster's thread failed")
