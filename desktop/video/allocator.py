"""Memory that pictures are worked on in, kept instead of given back after every step."""

from __future__ import annotations

import contextlib
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # names of settings in glibc's malloc.h
_LARGEST = 16 << 20  # bytes: larger pieces still go back to the system at once
_SPARE = 64 << 20  # bytes that may lie free at the end


def keep_memory() -> None:
    """Have glibc keep freed pieces of some megabytes for the next picture; elsewhere nothing is done.

    A face's float arrays are about one megabyte. By default each comes from the system page by page, filled with zeros, and goes
    back when it is freed, which takes longer than the arithmetic on it.
    """
    if sys.platform != "linux":
        return
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_MMAP_THRESHOLD, _LARGEST)
        libc.mallopt(_TRIM_THRESHOLD, _SPARE)
