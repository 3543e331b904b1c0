"""When all is done."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from desktop.errors import UserError
from desktop.jobs.guards.after import Action, commands, perform, summary
from desktop.jobs.states import State

ENDED = {State.DONE: 12, State.FAILED: 1}


def test_words() -> None:
    assert summary(ENDED) == "12 done, 1 failed" and "nothing" in summary({})
    for action in Action:
        assert action.words


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_every_system_has_a_way(platform: str) -> None:
    for action in (Action.NOTIFY, Action.SLEEP, Action.SHUT_DOWN):
        assert commands(action, platform, "12 done")


def test_a_command_learns_how_it_went(tmp_path: Path) -> None:
    mark = tmp_path / "a mark"
    code = (
        f"import os, pathlib; pathlib.Path({str(mark)!r}).write_text(os.environ['REPRISE_DONE'] + os.environ['REPRISE_FAILED'])"
    )
    perform(Action.COMMAND, f'"{sys.executable}" -c "{code}"', ENDED)
    assert mark.read_text() == "121"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("", "no command"),
        ("'unbalanced", "cannot be read"),
        ("/nowhere/at-all", "could not be started"),
        ("false", "ended with 1"),
    ],
)
def test_a_command_that_fails(command: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        perform(Action.COMMAND, command, ENDED)


def test_the_first_way_that_works_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    for name, code in (("systemctl", 1), ("loginctl", 0)):
        (tmp_path / name).write_text(f'#!/bin/sh\necho {name} "$@" >> {tmp_path}/calls\necho refused >&2\nexit {code}\n')
        (tmp_path / name).chmod(0o755)
    perform(Action.SLEEP, "", ENDED)
    assert (tmp_path / "calls").read_text() == "systemctl suspend\nloginctl suspend\n"
    (tmp_path / "loginctl").unlink()
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "systemctl").write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(UserError) as error:
        perform(Action.SHUT_DOWN, "", ENDED)
    assert "systemctl: ended with 1; loginctl is not installed" in error.value.remedy
