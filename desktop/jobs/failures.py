"""What went wrong, as the event that the user will read."""

from __future__ import annotations

import errno
import traceback

from desktop.errors import UsageError, UserError
from desktop.jobs.events import Failed
from desktop.jobs.progress import Cancelled

OUT_OF_MEMORY_TEXTS = (
    "out of memory",
    "failed to allocate memory",
    "cannot allocate memory",
    "can't allocate memory",
    "alloc_failed",
    "bad allocation",
    "bad_alloc",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` says that memory ran out: Python's, NumPy's, torch's, ONNX Runtime's or CUDA's, told by type or text."""
    if isinstance(error, MemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    text = str(error).lower()
    return isinstance(error, Exception) and any(part in text for part in OUT_OF_MEMORY_TEXTS)


def failure(error: BaseException) -> Failed:
    """The event for the exception that ended a run."""
    if isinstance(error, Cancelled):
        return Failed("Cancelled", cancelled=True)
    details = "".join(traceback.format_exception(error))
    if isinstance(error, UserError):
        return Failed(error.message, error.path, error.remedy, details, usage=isinstance(error, UsageError))
    if is_out_of_memory(error):
        return Failed("The memory ran out", remedy="Close other programs, or choose a smaller job.", details=details)
    if isinstance(error, OSError):
        return Failed(
            f"The system reports: {error.strerror or error}",
            str(error.filename or ""),
            "Free some space." if error.errno == errno.ENOSPC else "",
            details,
        )
    lines = traceback.format_exception_only(error)
    return Failed(
        f"Reprise made an error: {lines[-1].strip() if lines else type(error).__name__}",
        remedy="Please report it with the details.",
        details=details,
    )
