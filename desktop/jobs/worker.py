"""The child's loop: ``python -m desktop --worker`` reads requests on stdin, runs one job at a time, writes events to stdout.

The end of stdin means that the parent is gone, and ends this process at once, whatever it is doing.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from time import monotonic
from typing import Any, BinaryIO

from desktop.jobs import messages
from desktop.jobs.events import AnyEvent, Done, Failed, Logged, Progressed
from desktop.jobs.failures import failure
from desktop.jobs.job import AnyJob, Result, decode
from desktop.jobs.ledger import guarded
from desktop.jobs.messages import AnyReply, Begun, Cancel, Going, Held, Pause, Ping, Pong, Ready, Start
from desktop.jobs.progress import Cancelled, Progress

EXIT_PARENT_GONE = 3
_PROGRESS_EVERY_S = 0.04
_EXTRA_RUNNERS = "REPRISE_EXTRA_RUNNERS"

Runner = Callable[[AnyJob, Progress], Result]


class Channel:
    """The way to the parent: whole messages, from any thread."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def send(self, reply: AnyReply) -> None:
        """Write one message; raises TypeError or ValueError for what cannot be sent, and ends the process when nobody listens."""
        data = messages.pack(reply)
        with self._lock:
            try:
                self._stream.write(data)
                self._stream.flush()
            except OSError:
                _leave()


class WorkerProgress(Progress):
    """Progress of one run: events go to the parent; the reader thread sets the flags that ``checkpoint`` obeys."""

    def __init__(self, channel: Channel, start: Start) -> None:
        self.serial = start.serial
        self._channel = channel
        self._folder = Path(start.scratch)
        self._changed = threading.Condition()
        self._cancelled = self._paused = self._over = False
        self._last: tuple[float, str] = (0.0, "")

    def emit(self, event: AnyEvent) -> None:
        if self._over or self._too_soon(event):
            return
        try:
            self._channel.send(event)
        except (TypeError, ValueError, OverflowError) as error:
            self._channel.send(Logged("warning", f"{type(event).__name__} left out: {error}"))

    def checkpoint(self) -> None:
        with self._changed:
            if self._is_held():
                self._channel.send(Held())
                self._changed.wait_for(lambda: not self._is_held())
                self._channel.send(Going())
            if self._cancelled:
                raise Cancelled

    def will_stop(self) -> bool:
        with self._changed:
            return self._paused or self._cancelled

    def scratch(self) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder

    def flag(self, *, cancelled: bool = False, paused: bool = False) -> None:
        """Set what the next checkpoint obeys; a cancelled run stays cancelled."""
        with self._changed:
            self._cancelled = self._cancelled or cancelled
            self._paused = paused
            self._changed.notify_all()

    def end(self) -> None:
        """Let nothing more through: a thread that the run left behind must not talk into the next one."""
        self._over = True

    def _is_held(self) -> bool:
        return self._paused and not self._cancelled

    def _too_soon(self, event: AnyEvent) -> bool:
        """Whether a progress event would only repeat the last one's message a moment later."""
        if not isinstance(event, Progressed):
            return False
        now, (then, message) = monotonic(), self._last
        if event.message == message and now - then < _PROGRESS_EVERY_S and event.fraction < 1:
            return True
        self._last = (now, event.message)
        return False


class Worker:
    """Runs what the parent asks for, one job after another."""

    def __init__(self, stdin: BinaryIO, stdout: BinaryIO) -> None:
        self._stdin = stdin
        self._channel = Channel(stdout)
        self._starts: SimpleQueue[tuple[WorkerProgress, Start]] = SimpleQueue()
        self._progress: WorkerProgress | None = None

    def work(self) -> None:
        """Never returns: the process ends when stdin does."""
        threading.Thread(target=self._listen, name="requests", daemon=True).start()
        self._channel.send(Ready())
        while True:
            self._run(*self._starts.get())

    def _run(self, progress: WorkerProgress, start: Start) -> None:
        last: Done | Failed
        self._channel.send(Begun())
        try:
            last = Done(_perform(find_runner(start.runner), decode(start.job), progress))
        except BaseException as error:  # also a library's SystemExit must not end a warm worker without a word
            last = failure(error)
        progress.end()
        try:
            self._channel.send(last)
        except (TypeError, ValueError, OverflowError) as error:
            self._channel.send(failure(error))

    def _listen(self) -> None:
        """Reader thread: flags go to the run in progress at once, whatever the main thread does."""
        try:
            while (request := messages.read(self._stdin, messages.requests)) is not None:
                self._obey(request)
        finally:
            _leave()

    def _obey(self, request: messages.AnyRequest) -> None:
        if isinstance(request, Ping):
            self._channel.send(Pong())
        elif isinstance(request, Start):
            self._progress = WorkerProgress(self._channel, request)
            self._starts.put((self._progress, request))
        elif self._progress is not None and self._progress.serial == request.serial:
            self._progress.flag(cancelled=isinstance(request, Cancel), paused=isinstance(request, Pause))


def _perform(runner: Runner, job: AnyJob, progress: Progress) -> Result:
    """Run a job; of one that is remembered the result also says what its sources held (``Sources.facts``)."""
    if not job.is_remembered:
        return dict(runner(job, progress))
    with guarded(job) as sources:
        result = dict(runner(job, progress))
        facts = sources.facts()
    return {**result, **facts}


def find_runner(name: str) -> Runner:
    """Import ``module:function``.

    Only modules of this package are run, and those below the packages that the environment names for tests.
    """
    module, _, function = name.partition(":")
    allowed = ["desktop", *os.environ.get(_EXTRA_RUNNERS, "").split()]
    if not any(module == package or module.startswith(f"{package}.") for package in allowed):
        raise ValueError(f"'{name}' is not a runner of Reprise")
    found: Any = getattr(importlib.import_module(module), function)
    return found  # type: ignore[no-any-return]


def main() -> int:
    """Be a worker until the parent is gone."""
    stdin, stdout = _take_streams()
    faulthandler.enable()
    _die_with_parent()
    Worker(stdin, stdout).work()
    return 0


def _take_streams() -> tuple[BinaryIO, BinaryIO]:
    """The pipes, out of reach of libraries: what they print goes to stderr, and what they read is empty.

    The copies are not inherited by grandchildren, so the parent sees the end of this process and nothing else.
    """
    stdin = os.fdopen(os.dup(0), "rb")
    stdout = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(line_buffering=True, errors="backslashreplace")
    return stdin, stdout


def _die_with_parent() -> None:
    """On Linux the kernel ends us with the parent even when we are stopped or native code keeps the interpreter's lock."""
    if sys.platform != "linux":
        return
    import ctypes

    set_death_signal = 1
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL)


def _leave() -> None:
    """End this process and, where it leads a group, the helpers that it started."""
    if os.name == "posix" and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(EXIT_PARENT_GONE)
