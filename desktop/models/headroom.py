"""How much memory is free, of the computer or of the first NVIDIA GPU, and how much this process takes."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from pathlib import Path

_GROUP = Path("/sys/fs/cgroup")


def free_bytes(device: str = "CPU") -> int | None:
    """Bytes that this process may still take on "CPU" or "CUDA"; None where the system does not tell."""
    return _gpu() if device == "CUDA" else _computer()


def taken_bytes() -> int | None:
    """Bytes of memory that this process holds; None where the system does not tell as Linux does."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None


def _computer() -> int | None:
    system = platform.system()
    if system == "Windows":
        return _windows()
    if system == "Linux":
        known = [size for size in (_linux(), _container()) if size is not None]
        return min(known, default=None)
    try:
        # macOS frees what programs do not use only when others ask: half of all there is comes closest.
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (OSError, ValueError):
        return None


def _linux() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None


def _container() -> int | None:
    """What a container's limit leaves; None without a limit. Cached files count as free: they go when memory is wanted."""
    try:
        limit = (_GROUP / "memory.max").read_text(encoding="ascii").strip()
        used = int((_GROUP / "memory.current").read_text(encoding="ascii"))
        facts = dict(line.split() for line in (_GROUP / "memory.stat").read_text(encoding="ascii").splitlines())
        return None if limit == "max" else max(0, int(limit) - used + int(facts.get("inactive_file", 0)))
    except (OSError, ValueError):
        return None


def _windows() -> int | None:
    class Status(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ulong), ("load", ctypes.c_ulong)] + [
            (name, ctypes.c_ulonglong) for name in ("total", "available", "page", "free", "virtual", "unused", "extended")
        ]

    status = Status()
    status.length = ctypes.sizeof(status)
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009 - the attribute exists on Windows only
    return int(status.available) if kernel.GlobalMemoryStatusEx(ctypes.byref(status)) else None


def _gpu() -> int | None:
    """From the driver; the runtime has made the context that this thread asks about its primary one."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        device, context = ctypes.c_int(), ctypes.c_void_p()
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        if driver.cuInit(0) or driver.cuDeviceGet(ctypes.byref(device), 0):
            return None
        if driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), device):
            return None
        try:
            driver.cuCtxPushCurrent_v2(context)
            failed = driver.cuMemGetInfo_v2(ctypes.byref(free), ctypes.byref(total))
            driver.cuCtxPopCurrent_v2(ctypes.byref(context))
        finally:
            driver.cuDevicePrimaryCtxRelease_v2(device)
    except (OSError, AttributeError):
        return None
    return None if failed else int(free.value)
