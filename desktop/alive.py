"""Is that process still there? Tells a process apart from a later one that got the same number.

Used for claims in the queue and for clearing up after the dead; standard library only, no POSIX-only calls without another way.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path


@cache
def own_token() -> str:
    """Start token of this process."""
    return start_token(os.getpid()) or ""


def start_token(pid: int) -> str | None:
    """Time of the start, which two processes with the same number do not share; None when there is no such process."""
    return _READERS.get(sys.platform, _ps_token)(pid) if pid > 0 else None


def is_alive(pid: int, token: str = "") -> bool:
    """Whether process ``pid`` lives and, when a ``token`` is given, is the one that had it."""
    found = start_token(pid)
    return found is not None and token in ("", found)


def _linux_token(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    # The command's name stands in brackets and may hold anything; the fields after the last bracket are plain.
    fields = stat[stat.rindex(b")") + 2 :].split()
    if fields[0] in (b"Z", b"X"):
        return None
    # The time counts from the start of the system, so another one must not be taken for it.
    return f"{_boot()}-{fields[19].decode()}"


@cache
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _ps_token(pid: int) -> str | None:
    done = subprocess.run(["ps", "-o", "lstart=,stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    words = done.stdout.split()
    if not words or words[-1].startswith("Z"):
        return None
    return " ".join(words[:-1])


def _windows_token(pid: int) -> str | None:
    import ctypes

    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009 - the attribute exists on Windows only
    query_limited, still_active = 0x1000, 259
    kernel.OpenProcess.restype = ctypes.c_void_p
    handle = kernel.OpenProcess(query_limited, False, pid)
    if not handle:
        return None
    handle = ctypes.c_void_p(handle)
    try:
        code = ctypes.c_ulong()
        times = [ctypes.c_ulonglong() for _ in range(4)]
        if not kernel.GetExitCodeProcess(handle, ctypes.byref(code)) or code.value != still_active:
            return None
        if not kernel.GetProcessTimes(handle, *(ctypes.byref(time) for time in times)):
            return None
        return str(times[0].value)
    finally:
        kernel.CloseHandle(handle)


_READERS = {"linux": _linux_token, "win32": _windows_token}
