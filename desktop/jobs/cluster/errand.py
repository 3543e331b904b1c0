"""One job on a node: its files are brought, its models installed, its worker listened to, its results kept until fetched."""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from queue import Empty
from time import monotonic
from typing import TypeVar

import msgspec

from desktop.errors import UserError
from desktop.jobs.cluster import files, wire
from desktop.jobs.cluster.pool import Seat, Unwanted
from desktop.jobs.cluster.wire import AnyNote, Ended, Heard, Made, Parcel, Taken, Wanted
from desktop.jobs.events import Done, Failed, Produced, Progressed
from desktop.jobs.failures import failure
from desktop.jobs.job import AnyJob, InstallJob, decode
from desktop.jobs.messages import AnyReply, Begun, Pong, Ready
from desktop.jobs.process import Outcome, WorkerProcess

_LOOK_S = 0.5
_PROGRESS_S = 0.25

_Last = Done | Failed | Outcome
_Told = TypeVar("_Told", bound=AnyReply)


class Errand:
    """A try of a job on this node.

    Attributes:
        parcel: the job as the client sent it.
        attempt: names this try.
        folder: what was brought for it and what it makes; gone when it is over.
    """

    def __init__(
        self, parcel: Parcel, attempt: str, folder: Path, tell: Callable[[AnyNote], None], is_unwanted: Callable[[], bool]
    ) -> None:
        self.parcel = parcel
        self.attempt = attempt
        self.folder = folder
        self.shares_folders = True
        self._tell = tell
        self._is_unwanted = is_unwanted
        self._worker: WorkerProcess | None = None
        self._asked: list[str] = []
        self._missing: dict[int, Path] = {}
        self._made: dict[Made, Path] = {}
        self._changed = threading.Condition()
        self._is_fetched = False
        self._lacks = ""
        self._progress = (0.0, "")

    def run(self, seat: Seat, node: str, address: str) -> None:
        """Do all of it; raises Unwanted when it was taken back."""
        try:
            worker, _ = seat.worker()
            self._tell(Taken(self.parcel.token, self.attempt, node, address, seat.slot.name, worker.pid))
            self._end(self._work(seat))
            self._wait(lambda: self._is_fetched)
        except Unwanted:
            seat.kill()
            raise
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def obey(self, request: str) -> None:
        """Take a request of the client's: "cancel", "pause", "resume" or "kill"."""
        with self._changed:
            self._asked.append(request)
            if self._worker is not None:
                _pass_on(self._worker, request)

    def put(self, index: int, offset: int, data: bytes) -> None:
        """Take a piece of a file; an empty one at its end says that all of it has come."""
        path = self._missing[index]
        if offset < 0 or offset + len(data) > self.parcel.sources[index].size or len(data) > wire.CHUNK:
            raise ValueError("more was sent of a file than it has, or more than is sent at once")
        path.parent.mkdir(parents=True, exist_ok=True)
        if data or not offset:
            with path.open("r+b" if offset else "wb") as file:
                file.seek(offset)
                file.write(data)
        if not data:
            with self._changed:
                self._missing.pop(index)
                self._changed.notify_all()

    def fetch(self, made: Made, offset: int) -> bytes:
        """A piece of a result."""
        with self._made[made].open("rb") as file:
            file.seek(offset)
            return file.read(wire.CHUNK)

    def release(self) -> None:
        """The client has what it needs."""
        with self._changed:
            self._is_fetched = True
            self._changed.notify_all()

    def _work(self, seat: Seat) -> tuple[_Last, tuple[Made, ...]]:
        try:
            places = self._bring() | self._targets()
            for model in self.parcel.models:
                last = self._run(seat, InstallJob(model=model), "", {})
                if not isinstance(last, Done):
                    self._lacks = model if isinstance(last, Failed) and not last.cancelled else ""
                    return last, ()
            job = files.moved_job(decode(self.parcel.job), places)
            back = {new: old for old, new in places.items()}
            last = self._run(seat, job, self.parcel.runner, back)
            return last, self._collect(places) if isinstance(last, Done) else ()
        except (UserError, OSError) as error:
            return failure(error), ()

    def _run(self, seat: Seat, job: AnyJob, runner: str, back: dict[str, str]) -> _Last:
        worker, is_warm = seat.worker()
        has_begun, looked_at = False, monotonic()
        with self._changed:
            self._worker = worker
            worker.start(job, runner or job.runner, self.folder / "scratch")
            for request in self._asked:
                _pass_on(worker, request)
        try:
            while True:
                # However much the worker says.
                if monotonic() - looked_at > _LOOK_S:
                    looked_at = monotonic()
                    if self._is_unwanted():
                        raise Unwanted
                try:
                    reply = seat.inbox.get(timeout=_LOOK_S)
                except Empty:
                    continue
                if isinstance(reply, Outcome) and is_warm and not has_begun:
                    # A warm worker had died before the job reached it.
                    seat.kill()
                    return self._run(seat, job, runner, back)
                if isinstance(reply, Outcome):
                    return reply
                if isinstance(reply, Done | Failed):
                    return _told_as(reply, back)
                has_begun = has_begun or isinstance(reply, Begun)
                if isinstance(reply, Progressed):
                    self._progressed(reply, prepares=isinstance(job, InstallJob))
                elif not isinstance(reply, Begun | Pong | Ready):
                    self._heard(_told_as(reply, back))
        finally:
            with self._changed:
                self._worker = None

    def _progressed(self, reply: Progressed, *, prepares: bool) -> None:
        """Tell how far the work is, a few times a second; what only prepares it comes before its own beginning."""
        if prepares:
            reply = msgspec.structs.replace(reply, fraction=0.0)
        if reply.message != self._progress[1] or monotonic() - self._progress[0] > _PROGRESS_S:
            self._progress = (monotonic(), reply.message)
            self._heard(reply)

    def _heard(self, reply: AnyReply) -> None:
        self._tell(Heard(self.parcel.token, self.attempt, wire.body(reply)))

    def _bring(self) -> dict[str, str]:
        """Where the job's sources are on this computer, by where they are for the client; those that are missing are sent for."""
        roots: dict[str, str] = {}
        wanted: list[int] = []
        for number, root in enumerate(dict.fromkeys(source.root for source in self.parcel.sources)):
            mine = [index for index, source in enumerate(self.parcel.sources) if source.root == root]
            if self.shares_folders and all(files.is_here(self.parcel.sources[index]) for index in mine):
                roots[root] = root
                continue
            base = self.folder / "in" / str(number) / (Path(root).name or "source")
            roots[root] = str(base)
            for index in mine:
                inner = Path(self.parcel.sources[index].path).relative_to(root)
                self._missing[index] = base / inner
            wanted += mine
        if wanted:
            places = dict(self._missing)
            self._tell(Wanted(self.parcel.token, self.attempt, tuple(wanted)))
            self._wait(lambda: not self._missing or "cancel" in self._asked or "kill" in self._asked)
            if self._missing:
                return roots
            for index, path in places.items():
                _check(path, self.parcel.sources[index].sha256)
        return roots

    def _targets(self) -> dict[str, str]:
        places = {}
        for number, target in enumerate(self.parcel.targets):
            if self.shares_folders and files.is_shared(target):
                places[target.path] = target.path
            else:
                folder = self.folder / "out" / str(number)
                folder.mkdir(parents=True)
                places[target.path] = str(folder)
        return places

    def _collect(self, places: dict[str, str]) -> tuple[Made, ...]:
        for target in self.parcel.targets:
            folder = Path(places[target.path])
            if str(folder) != target.path:
                self._made |= {made: folder / made.name for made in files.made_in(folder, target.path)}
        return tuple(self._made)

    def _end(self, end: tuple[_Last, tuple[Made, ...]]) -> None:
        last, made = end
        code, fault = (last.code, last.fault) if isinstance(last, Outcome) else (None, "")
        event = last.failed() if isinstance(last, Outcome) else last
        self._tell(Ended(self.parcel.token, self.attempt, wire.body(event), made, code, fault, self._lacks))

    def _wait(self, is_so: Callable[[], bool]) -> None:
        with self._changed:
            while not self._changed.wait_for(is_so, _LOOK_S):
                if self._is_unwanted():
                    raise Unwanted


def _pass_on(worker: WorkerProcess, request: str) -> None:
    {"cancel": worker.cancel, "pause": worker.pause, "resume": worker.resume, "kill": worker.kill}[request]()


def _told_as(reply: _Told, back: dict[str, str]) -> _Told:
    """The message with the client's paths instead of this computer's."""
    if isinstance(reply, Produced | Failed):
        return msgspec.structs.replace(reply, path=files.moved(reply.path, back))
    if isinstance(reply, Done):
        return msgspec.structs.replace(reply, result=files.moved(reply.result, back))
    return reply


def _check(path: Path, sha256: str) -> None:
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            raise UserError("A file changed while it was sent to the node", path=path.name, remedy="Retry.")
