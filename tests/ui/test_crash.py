"""What is left of a crash, and of errors nobody caught."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from desktop import paths
from desktop.ui import crash


def child(code: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run code in a process with its own folders."""
    root = paths.resources().parent
    setting = f"import os; os.environ['REPRISE_HOME'] = {str(home)!r}\n"
    return subprocess.run([sys.executable, "-c", setting + code], capture_output=True, text=True, cwd=root, check=False)


def test_a_crash_is_reported_at_the_next_start(tmp_path: Path) -> None:
    first = child("from desktop.ui import crash\ncrash.start_log()\nimport ctypes\nctypes.string_at(0)", tmp_path)
    assert first.returncode != 0
    second = child("from desktop.ui import crash\nprint(crash.start_log())\ncrash.end_log()", tmp_path)
    assert "Fatal Python error" in second.stdout
    third = child("from desktop.ui import crash\nprint(crash.start_log())\ncrash.end_log()", tmp_path)
    assert third.stdout.strip() == ""
    assert "Fatal" in (tmp_path / "log" / "crash-last.log").read_text(encoding="utf-8")


def test_an_error_while_telling_of_an_error_ends_there(capsys: pytest.CaptureFixture[str]) -> None:
    before, before_threads = sys.excepthook, threading.excepthook
    told: list[str] = []

    def tell(error: Exception, text: str) -> None:
        told.append(text)
        sys.excepthook(RuntimeError, RuntimeError("inner"), None)

    try:
        crash.catch_exceptions(tell)
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()
        assert len(told) == 1 and "ZeroDivisionError" in told[0]
    finally:
        sys.excepthook, threading.excepthook = before, before_threads
    assert "inner" in capsys.readouterr().err
