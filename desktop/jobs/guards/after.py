"""What happens when the queue is done: nothing, a notification, sleep, the end of the system, or a command of the user's."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from enum import StrEnum

from desktop.errors import UserError
from desktop.jobs.states import State

_SYSTEM_S = 30.0


class Action(StrEnum):
    """What to do when all is done."""

    NOTHING = "nothing"
    NOTIFY = "notify"
    SLEEP = "sleep"
    SHUT_DOWN = "shut-down"
    COMMAND = "command"

    @property
    def waits(self) -> bool:
        """Whether the user gets time to call it off."""
        return self in (Action.SLEEP, Action.SHUT_DOWN, Action.COMMAND)

    @property
    def words(self) -> str:
        """What will happen."""
        return _WORDS[self]


_WORDS = {
    Action.NOTHING: "nothing happens",
    Action.NOTIFY: "a notification is shown",
    Action.SLEEP: "the computer goes to sleep",
    Action.SHUT_DOWN: "the computer shuts down",
    Action.COMMAND: "your command runs",
}

_MAC_EVENT = 'tell application "System Events" to shut down'
_BALLOON = (
    "Add-Type -AssemblyName System.Windows.Forms, System.Drawing; $n = New-Object System.Windows.Forms.NotifyIcon; "
    "$n.Icon = [System.Drawing.SystemIcons]::Information; $n.Visible = $true; "
    "$n.ShowBalloonTip(10000, 'Reprise', $env:REPRISE_SAYS, 'Info'); Start-Sleep 10; $n.Dispose()"
)


def summary(ended: Mapping[State, int]) -> str:
    """How the jobs ended, in words: "12 done, 1 failed"."""
    order = (State.DONE, State.FAILED, State.CANCELLED, State.INTERRUPTED)
    return ", ".join(f"{ended[state]} {state}" for state in order if ended.get(state)) or "nothing was to be done"


def commands(action: Action, platform: str, says: str) -> list[list[str]]:
    """The system's programs for an action, in the order in which they are tried."""
    tables: dict[str, dict[Action, list[list[str]]]] = {
        "darwin": {
            Action.NOTIFY: [
                ["osascript", "-e", 'display notification (system attribute "REPRISE_SAYS") with title "Reprise"'],
            ],
            Action.SLEEP: [["pmset", "sleepnow"]],
            Action.SHUT_DOWN: [["osascript", "-e", _MAC_EVENT]],
        },
        "win32": {
            Action.NOTIFY: [["powershell", "-NoProfile", "-Command", _BALLOON]],
            Action.SLEEP: [["rundll32.exe", "powrprof.dll,SetSuspendState", "0,1,0"]],
            Action.SHUT_DOWN: [["shutdown", "/s", "/t", "0"]],
        },
    }
    linux = {
        Action.NOTIFY: [["notify-send", "--app-name=Reprise", "--", "Reprise", says]],
        Action.SLEEP: [["systemctl", "suspend"], ["loginctl", "suspend"]],
        Action.SHUT_DOWN: [["systemctl", "poweroff"], ["loginctl", "poweroff"]],
    }
    return tables.get(platform, linux).get(action, [])


def perform(action: Action, command: str, ended: Mapping[State, int]) -> None:
    """Do it and wait for its end; raises UserError with the reason when that was not possible.

    A command is run without a shell; it finds in REPRISE_DONE and REPRISE_FAILED how many jobs ended how.
    """
    if action is Action.NOTHING:
        return
    says = f"The queue is done: {summary(ended)}."
    counts = {f"REPRISE_{state.upper()}": str(ended.get(state, 0)) for state in (State.DONE, State.FAILED, State.CANCELLED)}
    environment = {**os.environ, **counts, "REPRISE_SAYS": says}
    if action is Action.COMMAND:
        _run_own(command, environment)
        return
    refusals = []
    for words in commands(action, sys.platform, says):
        refusal = _run(words, environment)
        if not refusal:
            return
        refusals.append(refusal)
    raise UserError(f"The queue is done, but this failed: {action.words}", remedy=f"{'; '.join(refusals)}.")


def _run_own(command: str, environment: dict[str, str]) -> None:
    try:
        words = shlex.split(command, posix=os.name == "posix")
    except ValueError as error:
        raise UserError(f"The command for when all is done cannot be read: {error}", remedy="Check its quotes.") from error
    if not words:
        raise UserError("There is no command for when all is done", remedy="Write one in the preferences.")
    try:
        done = subprocess.run(words, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except OSError as error:
        raise UserError(
            f"The command for when all is done could not be started: {error.strerror}", path=words[0], remedy="Check it."
        ) from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise UserError(
            f"The command for when all is done ended with {done.returncode}", path=words[0], remedy=said[-1] if said else ""
        )


def _run(words: list[str], environment: dict[str, str]) -> str:
    """Run a program of the system; returns why it failed, "" when it did not."""
    if shutil.which(words[0]) is None:
        return f"{words[0]} is not installed"
    try:
        done = subprocess.run(
            words, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_SYSTEM_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{words[0]}: {error}"
    said = done.stderr.decode(errors="replace").strip().splitlines()
    return "" if done.returncode == 0 else f"{words[0]}: {said[-1] if said else f'ended with {done.returncode}'}"
