"""Keeping the computer awake: the helper lives as long as the request, and never longer than we do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from desktop.alive import is_alive
from desktop.jobs.guards.sleep import Awake, commands
from tests.jobs.bench import until

pytestmark = pytest.mark.skipif(os.name != "posix", reason="a helper program is used on Linux and macOS only")


@pytest.fixture
def helpers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with a program that stands in for the system's: notes its number and arguments, then runs the command it got."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "systemd-inhibit"
    script.write_text(f'#!/bin/sh\necho $$ "$@" >> {tmp_path}/calls\nwhile [ "$1" != cat ]; do shift; done\nexec "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setattr(sys, "platform", "linux")
    return tmp_path


def _number(folder: Path) -> int:
    return int((folder / "calls").read_text().splitlines()[-1].split()[0])


def test_kept_and_released(helpers: Path) -> None:
    awake = Awake()
    assert awake.keep("Work is running") and awake.keep("Work is running") and awake.is_kept and awake.problem == ""
    said = (helpers / "calls").read_text().splitlines()
    assert len(said) == 1 and "--what=sleep:idle" in said[0] and "Work is running" in said[0]
    helper = _number(helpers)
    assert is_alive(helper)
    awake.release()
    assert not is_alive(helper) and not awake.is_kept
    awake.release()


def test_a_lost_helper_is_replaced(helpers: Path) -> None:
    awake = Awake()
    assert awake.keep("Work")
    first = _number(helpers)
    os.kill(first, signal.SIGKILL)
    until(lambda: not awake.is_kept)
    assert awake.keep("Work") and _number(helpers) != first
    awake.release()


def test_a_killed_process_lets_the_computer_sleep(helpers: Path) -> None:
    code = "from desktop.jobs.guards.sleep import Awake; a = Awake(); print(a.keep('Work'), flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None and child.stdout.readline() == "True\n"
        helper = _number(helpers)
        assert is_alive(helper)
        child.send_signal(signal.SIGKILL)
    until(lambda: not is_alive(helper), 3)


def test_where_it_cannot_be_kept_awake_the_reason_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    refusing = tmp_path / "systemd-inhibit"
    refusing.write_text("#!/bin/sh\necho 'Failed to connect to bus' >&2\nexit 1\n")
    refusing.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    awake = Awake()
    assert not awake.keep("Work") and not awake.is_kept
    assert awake.problem == "systemd-inhibit: Failed to connect to bus; gnome-session-inhibit: not installed"
    awake.release()


def test_other_systems_are_asked_their_way() -> None:
    assert commands("darwin", "Work", 42) == [["caffeinate", "-i", "-w", "42"]]
    assert commands("win32", "Work", 42) == []
