"""The parent's side of a worker: one class owns the child, one dataclass its outcome."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from time import monotonic
from typing import IO, Any, BinaryIO, cast

from desktop.errors import UserError
from desktop.jobs import messages
from desktop.jobs.events import Failed
from desktop.jobs.executors import Slot, program_command, program_environment
from desktop.jobs.job import AnyJob, encode
from desktop.jobs.messages import AnyReply, AnyRequest, Cancel, Pause, Ping, ProtocolError, Resume, Start

_LOG_LINES = 60
_LINE_BYTES = 2000
_WINDOWS_CODES = {0xC0000005: "access violation", 0xC00000FD: "stack overflow", 0xC0000409: "fail-fast abort"}


@dataclass(frozen=True)
class Outcome:
    """How a worker process ended.

    Attributes:
        code: its exit code; minus the signal's number when a signal ended it.
        log: the last lines that it wrote to stderr (or printed).
        fault: what it did wrong before we ended it, if anything.
        ready: it had come as far as listening.
    """

    code: int
    log: tuple[str, ...] = ()
    fault: str = ""
    ready: bool = True

    @property
    def sentence(self) -> str:
        """What happened, for people."""
        if self.fault:
            return f"The worker was ended: {self.fault}"
        if self.code < 0:
            return self._signalled(-self.code)
        if self.code & 0xFFFFFFFF in _WINDOWS_CODES:
            return f"The worker crashed ({_WINDOWS_CODES[self.code & 0xFFFFFFFF]}, exit code {self.code & 0xFFFFFFFF:#x})"
        if not self.ready:
            return f"The worker could not start (exit code {self.code})"
        return f"The worker ended by itself in the middle of the job (exit code {self.code})"

    @property
    def remedy(self) -> str:
        """What to do next, for people."""
        if self.code == -9 and not self.fault:
            return "If nobody ended it, the memory ran out: close other programs, then retry."
        return "Retry; if it happens again, please report it with the details."

    def failed(self) -> Failed:
        """The end of the job that the worker had."""
        return Failed(self.sentence, remedy=self.remedy, details="\n".join(self.log))

    @staticmethod
    def _signalled(number: int) -> str:
        try:
            name = signal.Signals(number).name
        except ValueError:
            name = "unknown"
        verb = "crashed" if name in ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL") else "was killed"
        return f"The worker {verb} (signal {number}, {name})"


Listener = Callable[["WorkerProcess", AnyReply | Outcome], None]


class WorkerProcess:
    """A worker process; kept for many jobs, one at a time.

    What it says comes to ``listen``, on a thread of this object; the last call has the Outcome. No method blocks.

    Attributes:
        slot: where it runs.
        pid: its process number.
        waiting_since: when it was asked for a sign of life that has not come yet (monotonic seconds).
    """

    def __init__(self, listen: Listener, slot: Slot) -> None:
        self.slot = slot
        self.waiting_since: float | None = None
        self._listen = listen
        self._serial = 0
        self._fault = ""
        self._ready = False
        self._log: deque[str] = deque(maxlen=_LOG_LINES)
        self._outbox: SimpleQueue[AnyRequest | None] = SimpleQueue()
        try:
            self._child = _spawn(slot)
        except OSError as error:
            raise UserError(f"No worker could be started: {error.strerror or error}", path=sys.executable) from error
        self.pid = self._child.pid
        self._threads = [
            threading.Thread(target=target, name=f"{slot.name}-{target.__name__.strip('_')}", daemon=True)
            for target in (self._write, self._read_errors, self._read)
        ]
        for thread in self._threads:
            thread.start()

    def start(self, job: AnyJob, runner: str, scratch: Path) -> None:
        """Run ``job``; the worker must be idle."""
        # What the worker said while it started belongs to its first job: it may already have died of it.
        if self._serial:
            self._log.clear()
        self._serial += 1
        self._outbox.put(Start(self._serial, runner, encode(job), str(scratch)))

    def cancel(self) -> None:
        """Ask the job to end at its next checkpoint."""
        self._outbox.put(Cancel(self._serial))

    def pause(self) -> None:
        """Ask the job to stand still at its next checkpoint."""
        self._outbox.put(Pause(self._serial))

    def resume(self) -> None:
        """Let the job go on."""
        self._outbox.put(Resume(self._serial))

    def ping(self) -> None:
        """Ask for a sign of life, unless the last one has not come yet."""
        if self.waiting_since is None:
            self.waiting_since = monotonic()
            self._outbox.put(Ping())

    def kill(self, fault: str = "") -> None:
        """End the process now, with the helpers that it started; ``fault`` says why, if it was to blame."""
        self._fault = self._fault or fault
        _kill_tree(self._child)

    def release(self) -> None:
        """Let the process end by itself: it does so at once when its stdin ends."""
        self._outbox.put(None)

    def join(self, timeout: float) -> bool:
        """Wait for the end of the process and of its last message; returns whether it came."""
        self._threads[-1].join(timeout)
        return not self._threads[-1].is_alive()

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._child.poll() is None

    @property
    def log(self) -> tuple[str, ...]:
        """The last lines that it wrote."""
        return tuple(self._log)

    def _write(self) -> None:
        stdin = cast(IO[bytes], self._child.stdin)
        while (request := self._outbox.get()) is not None:
            try:
                stdin.write(messages.pack(request))
                stdin.flush()
            except OSError:
                break
        with contextlib.suppress(OSError):
            stdin.close()

    def _read(self) -> None:
        stdout = cast(BinaryIO, self._child.stdout)
        try:
            while (reply := messages.read(stdout, messages.replies)) is not None:
                self.waiting_since = None
                self._ready = True
                self._listen(self, reply)
        except ProtocolError as error:
            self.kill(f"it sent something unreadable ({error})")
        # Its end of the pipe is closed: it is dead, or about to be.
        try:
            code = self._child.wait(1.0)
        except subprocess.TimeoutExpired:
            self.kill("it closed its output")
            code = self._child.wait()
        _kill_group(self._child.pid)
        self._outbox.put(None)
        self._threads[0].join()
        # A helper that the worker started may hold stderr open for long; then its last words are not waited for.
        self._threads[1].join(0.5)
        stdout.close()
        self._listen(self, Outcome(code, self.log, self._fault, self._ready))

    def _read_errors(self) -> None:
        stderr = cast(IO[bytes], self._child.stderr)
        with stderr:
            while line := stderr.readline(_LINE_BYTES):
                # A progress bar overwrites its line; only what it showed last counts.
                text = line.decode("utf-8", "replace").rstrip("\r\n").rpartition("\r")[2]
                if text.strip():
                    self._log.append(text)


def _spawn(slot: Slot) -> subprocess.Popen[bytes]:
    options: dict[str, Any] = {}
    if os.name == "posix":
        # A session of its own: Ctrl-C in the terminal is for us, and its helpers can be ended with it.
        options["start_new_session"] = True
    else:
        options["creationflags"] = getattr(subprocess, "CREATE_NO_WINDOW", 0) | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    return subprocess.Popen(
        [*program_command(), "--worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=program_environment(slot.environment),
        **options,
    )


def _kill_tree(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is not None:
        return
    if os.name == "posix":
        _kill_group(child.pid)
    else:
        with contextlib.suppress(OSError):
            subprocess.run(["taskkill", "/F", "/T", "/PID", str(child.pid)], capture_output=True, check=False)
    with contextlib.suppress(OSError):
        child.kill()


def _kill_group(leader: int) -> None:
    """End what is left of a worker's process group: helpers do not outlive it."""
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGKILL)
