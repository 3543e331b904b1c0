"""ONNX Runtime itself: importing it quietly, its CUDA libraries, and what it writes to the terminal.

The library speaks through print and through the C library's stderr; both are caught here and kept for the doctor and the log.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import logging
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from functools import cache
from typing import Any

from desktop.errors import UserError

CUDA = "CUDAExecutionProvider"
CPU = "CPUExecutionProvider"

_log = logging.getLogger(__name__)
_capturing = threading.RLock()


class Captured:
    """What was written meanwhile; ``text`` is filled when the capture ends."""

    text = ""


@cache
def load() -> Any:
    """The module onnxruntime, without its telemetry.

    Raises:
        UserError: it is not installed, or its library cannot be loaded.
    """
    try:
        with captured():
            import onnxruntime
    except ImportError as error:
        raise UserError(
            f"ONNX Runtime cannot be loaded: {error}", remedy="Install Reprise again; `reprise doctor` says what is missing."
        ) from error
    onnxruntime.disable_telemetry_events()
    return onnxruntime


@cache
def cuda_devices() -> int:
    """NVIDIA GPUs that the driver offers to this process; 0 without a driver."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        count = ctypes.c_int(0)
        if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
            return 0
    except (OSError, AttributeError):
        return 0
    return count.value


@cache
def preload_cuda() -> str:
    """Load the CUDA libraries of the ``nvidia-*`` packages, once; what could not be loaded, in ONNX Runtime's words."""
    with captured() as said:
        try:
            load().preload_dlls(directory="")
        except Exception as error:
            _log.warning("preload_dlls failed: %s", error)
            return f"{type(error).__name__}: {error}"
    return said.text.strip()


@contextlib.contextmanager
def captured() -> Iterator[Captured]:
    """Catch what Python's stdout and the process's stderr receive; it goes to the log afterwards.

    Other threads' lines of that moment are caught too and reach the log with it.
    """
    result = Captured()
    with _capturing, tempfile.TemporaryFile() as sink:
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed), _stderr_into(sink.fileno()):
                yield result
        finally:
            sink.seek(0)
            result.text = printed.getvalue() + sink.read().decode("utf-8", "replace")
            for line in result.text.splitlines():
                _log.debug("onnxruntime: %s", line)


@contextlib.contextmanager
def _stderr_into(descriptor: int) -> Iterator[None]:
    try:
        kept = os.dup(2)
    except OSError:
        # A process without a terminal may have no stderr; then nothing needs to be kept away from it.
        yield
        return
    try:
        if sys.stderr is not None:
            sys.stderr.flush()
        os.dup2(descriptor, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
