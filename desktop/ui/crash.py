"""Log file, crash reports, and exceptions that nobody caught."""

from __future__ import annotations

import faulthandler
import logging
import logging.handlers
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO

from desktop.paths import log_dir

_FILE = "reprise.log"
_CRASH = "crash.log"
_crash_file: IO[str] | None = None
log = logging.getLogger("desktop")


def start_log() -> str:
    """Log to a file that is turned over at 1 MB; returns the report of a crash at the last run, if there was one."""
    global _crash_file
    folder = log_dir()
    handler = logging.handlers.RotatingFileHandler(
        folder / _FILE, maxBytes=1_000_000, backupCount=3, encoding="utf-8", delay=True
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    crash = folder / _CRASH
    report = _read(crash)
    if report:
        crash.replace(folder / "crash-last.log")
    _crash_file = crash.open("w", encoding="utf-8")
    faulthandler.enable(_crash_file)
    return report


def end_log() -> None:
    """A clean end: there is no crash to report."""
    global _crash_file
    faulthandler.disable()
    if _crash_file is not None:
        _crash_file.close()
        _crash_file = None
    for handler in list(log.handlers):
        if isinstance(handler, logging.handlers.RotatingFileHandler):
            log.removeHandler(handler)
            handler.close()


def catch_exceptions(tell: Callable[[Exception, str], None]) -> None:
    """Log what nobody caught, in any thread, and tell the user; the window lives on."""
    telling = threading.local()

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        text = "".join(traceback.format_exception(kind, error, trace))
        log.error("not caught: %s", text)
        print(text, file=sys.stderr)
        if isinstance(error, Exception) and not getattr(telling, "now", False):
            # An error while telling of an error must not go round in circles.
            telling.now = True
            try:
                tell(error, text)
            finally:
                telling.now = False

    sys.excepthook = hook
    threading.excepthook = lambda args: hook(args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
