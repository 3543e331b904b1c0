"""Keeping the computer awake while work runs; the screen may go dark.

Linux: ``systemd-inhibit`` or ``gnome-session-inhibit`` around a ``cat`` that ends with our end of its pipe, so that also a killed
process lets the computer sleep again. macOS: ``caffeinate -w``. Windows: ``SetThreadExecutionState`` of the calling thread.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time

_SETTLE_S = 0.3
_END_S = 2.0
_CONTINUOUS, _SYSTEM_REQUIRED = 0x80000000, 0x00000001


def commands(platform: str, why: str, pid: int) -> list[list[str]]:
    """Programs that keep a computer awake while they run, the best one first; empty where there are none."""
    if platform == "darwin":
        return [["caffeinate", "-i", "-w", str(pid)]]
    if platform == "win32":
        return []
    return [
        ["systemd-inhibit", "--what=sleep:idle", "--who=Reprise", f"--why={why}", "--mode=block", "cat"],
        ["gnome-session-inhibit", "--app-id", "reprise", "--reason", why, "--inhibit", "suspend:idle", "cat"],
    ]


class Awake:
    """The request that the computer stays awake. All calls from one thread (Windows counts threads).

    Attributes:
        problem: why the last request had no effect; "" when it had.
    """

    def __init__(self) -> None:
        self.problem = ""
        self._helper: subprocess.Popen[bytes] | None = None
        self._is_set = False

    @property
    def is_kept(self) -> bool:
        """Whether the request is in force."""
        return self._is_set or (self._helper is not None and self._helper.poll() is None)

    def keep(self, why: str) -> bool:
        """Ask for it, again where the request got lost; returns whether it is in force."""
        if self.is_kept:
            return True
        self.release()
        if sys.platform == "win32":
            self._is_set = _set_state(_CONTINUOUS | _SYSTEM_REQUIRED)
            self.problem = "" if self._is_set else "Windows refused the request"
            return self._is_set
        refusals = []
        for words in commands(sys.platform, why, os.getpid()):
            refusal = self._start(words)
            if not refusal:
                self.problem = ""
                return True
            refusals.append(f"{words[0]}: {refusal}")
        self.problem = "; ".join(refusals)
        return False

    def release(self) -> None:
        """Let the computer sleep again."""
        if self._is_set:
            self._is_set = not _set_state(_CONTINUOUS)
        helper, self._helper = self._helper, None
        if helper is None:
            return
        with contextlib.suppress(OSError):
            if helper.stdin is not None:
                helper.stdin.close()
        if sys.platform == "darwin":
            helper.terminate()
        try:
            helper.wait(_END_S)
        except subprocess.TimeoutExpired:
            helper.kill()
            helper.wait()
        if helper.stderr is not None:
            helper.stderr.close()

    def _start(self, words: list[str]) -> str:
        """Start a helper; returns why it did not stay, "" when it did."""
        if shutil.which(words[0]) is None:
            return "not installed"
        try:
            # Apart from our terminal, whose Ctrl-C means the jobs.
            helper = subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
            )
        except OSError as error:
            return error.strerror or str(error)
        self._helper = helper
        until = time.monotonic() + _SETTLE_S
        while helper.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        if helper.poll() is None:
            return ""
        said = helper.stderr.read().decode(errors="replace").strip() if helper.stderr is not None else ""
        code = helper.returncode
        self.release()
        return said.splitlines()[-1] if said else f"ended with {code}"


def _set_state(flags: int) -> bool:
    import ctypes

    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009 - the attribute exists on Windows only
    return bool(kernel.SetThreadExecutionState(ctypes.c_uint(flags)))
