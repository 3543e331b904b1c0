"""A job that a node has, as its client sees it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, InvalidStateError
from pathlib import Path
from typing import Any, Protocol

from desktop.errors import UserError
from desktop.jobs.cluster import files, node, wire
from desktop.jobs.cluster.wire import AnyNote, Ended, Heard, Made, Parcel, Taken, Wanted
from desktop.jobs.events import Done, Failed, Logged
from desktop.jobs.executor import GivenBack, JobFuture, Listen
from desktop.jobs.failures import failure
from desktop.jobs.messages import Begun, ProtocolError
from desktop.jobs.process import Outcome
from desktop.paths import make_folder


class Line(Protocol):
    """The way to the nodes."""

    def call(self, address: str, function: Callable[..., Any], *arguments: object) -> Any:
        """Run a function of ``node`` there and wait for what it returns; raises OSError when the node does not answer."""

    def later(self, work: Callable[[], None]) -> None:
        """Do ``work`` on another thread."""

    def lacking(self, model: str) -> None:
        """Send no more jobs that need this model."""


class RemoteFuture(JobFuture):
    """A job on its way to, on, or back from a node.

    Attributes:
        parcel: what was sent; None while its files are looked at.
        stamps: of the job's sources here, before they were looked at.
        task: Dask's future for it.
    """

    def __init__(self, token: str, line: Line, listen: Listen) -> None:
        super().__init__()
        self.token = token
        self.parcel: Parcel | None = None
        self.stamps: dict[str, str] = {}
        self.task: Future[Any] | None = None
        self._line = line
        self._tell = listen
        self._attempt = self._address = ""
        self._asked: list[str] = []
        self._lock = threading.Lock()
        self.set_running_or_notify_cancel()

    def cancel_job(self) -> None:
        self._ask("cancel")

    def pause(self) -> None:
        self._ask("pause")

    def resume(self) -> None:
        self._ask("resume")

    def kill(self) -> None:
        self._ask("kill")

    def abandon(self) -> None:
        super().abandon()
        # The node ends the worker when it answers again and finds that nobody wants the job any more.
        if (task := self.task) is not None:
            task.cancel()

    def give_back(self, reason: str) -> None:
        """The job cannot be done on this cluster at the moment; whoever submitted it may have it done elsewhere."""
        if "cancel" in self._asked or "kill" in self._asked:
            self.end(Failed("Cancelled", cancelled=True))
        with contextlib.suppress(InvalidStateError):
            self.set_exception(GivenBack(reason))

    def hear(self, note: AnyNote) -> None:
        """Take a note of a node's; those of a try that has been given up are left out."""
        if isinstance(note, Taken):
            self._taken(note)
        elif note.attempt != self._attempt or self.done():
            return
        elif isinstance(note, Wanted):
            self._line.later(lambda: self._send(note))
        elif isinstance(note, Heard):
            self._tell(self, wire.reply(note.reply))
        else:
            self._line.later(lambda: self._finish(note))

    def _ask(self, request: str) -> None:
        with self._lock:
            self._asked.append(request)
            address, attempt = self._address, self._attempt
        if address:
            self._line.later(lambda: self._call(address, node.obey, attempt, request))
        elif request in ("cancel", "kill"):
            # No node has it yet; one that takes it at this moment finds that nobody wants it.
            self.end(Failed("Cancelled", cancelled=True))
            if (task := self.task) is not None:
                task.cancel()

    def _taken(self, note: Taken) -> None:
        lost = self.node if self._attempt else ""
        with self._lock:
            self._attempt, self._address = note.attempt, note.address
            asked = list(self._asked)
        self.node, self.place, self.worker_pid = note.node, f"{note.node} {note.slot}", note.pid
        if lost:
            self._tell(self, Logged("warning", f"The connection to {lost} was lost; {note.node} does the job anew"))
        self._tell(self, Begun())
        for request in asked:
            self._line.later(lambda request=request: self._call(note.address, node.obey, note.attempt, request))  # type: ignore[misc]

    def _send(self, note: Wanted) -> None:
        """Send the files that the node does not have."""
        address, parcel = self._address, self.parcel
        if parcel is None:
            return
        try:
            for index in note.files:
                self._send_file(address, note.attempt, index, Path(parcel.sources[index].path))
        except (OSError, IndexError) as error:
            if note.attempt == self._attempt and not isinstance(error, ConnectionError):
                self.end(failure(error))
                self._call(address, node.obey, note.attempt, "kill")

    def _send_file(self, address: str, attempt: str, index: int, path: Path) -> None:
        offset = 0
        with path.open("rb") as file:
            while data := file.read(wire.CHUNK):
                self._line.call(address, node.put, attempt, index, offset, data)
                offset += len(data)
        self._line.call(address, node.put, attempt, index, offset, b"")

    def _finish(self, note: Ended) -> None:
        """Fetch the results, then let the node go."""
        address = self._address
        try:
            last = wire.reply(note.last)
            if not isinstance(last, Done | Failed):
                raise ProtocolError(f"{type(last).__name__} is no end")
            if note.lacks and isinstance(last, Failed):
                self._line.lacking(note.lacks)
                self.give_back(f"{self.node} could not install {note.lacks} ({last.message})")
            for made in note.made:
                self._fetch(address, note.attempt, made)
            if isinstance(last, Done) and "stamps" in last.result:
                # The node has said how its copies look.
                last = Done({**last.result, "stamps": self.stamps})
        except ConnectionError:
            # The node is lost with what it made: Dask gives the job to another.
            return
        except (UserError, OSError, ProtocolError) as error:
            last = failure(error)
        if note.code is not None and isinstance(last, Failed):
            self.end(Outcome(note.code, tuple(last.details.splitlines()), note.fault))
        else:
            self.end(last)
        self._call(address, node.release, note.attempt)

    def _fetch(self, address: str, attempt: str, made: Made) -> None:
        path = files.landing(made, self.parcel.targets if self.parcel is not None else ())
        make_folder(path.parent)
        files.receive(path, made, self._chunks(address, attempt, made))

    def _chunks(self, address: str, attempt: str, made: Made) -> Iterator[bytes]:
        offset = 0
        while offset < made.size:
            data = self._line.call(address, node.fetch, attempt, made, offset)
            if not isinstance(data, bytes) or not 0 < len(data) <= wire.CHUNK:
                raise UserError("A result was cut short or too long on its way from the node", path=made.name, remedy="Retry.")
            offset += len(data)
            yield data

    def _call(self, address: str, function: Callable[..., Any], *arguments: object) -> None:
        with contextlib.suppress(OSError):
            self._line.call(address, function, *arguments)
