"""What a user or a program sees of running jobs: a bar on a terminal, plain lines elsewhere, JSON lines for programs."""

from __future__ import annotations

import re
import sys
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol, TextIO

import msgspec

from desktop.cli.errors import sentences
from desktop.cli.quantities import duration
from desktop.cli.terminal import shown, steered
from desktop.cli.words import summary
from desktop.jobs.events import Done, Failed, Logged, Previewed, Progressed
from desktop.jobs.rows import Row, Update
from desktop.jobs.states import State

if TYPE_CHECKING:
    from rich.progress import Progress

_LINE_EVERY_S = 5.0
_NUMBER = re.compile(r"[\d.,]+%?")


class Display(Protocol):
    """Shows jobs while they run."""

    def update(self, update: Update) -> None:
        """Something happened."""

    def say(self, text: str) -> None:
        """Tell the user something."""

    def close(self, rows: list[Row]) -> None:
        """All is over."""


def display(*, json: bool, quiet: bool = False) -> Display:
    """The display that fits where the output goes."""
    if json:
        return JsonLines(sys.stdout)
    if quiet:
        return Quiet()
    return Bars() if sys.stderr.isatty() else Lines(sys.stderr)


class JsonLines:
    """One JSON object a line: every event with its job's number, the state's changes, the result last.

    Previews are left out: they are for the window.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._states: dict[int, State] = {}

    def update(self, update: Update) -> None:
        row, event = update.row, update.event
        if row.state is not self._states.get(row.id) and not row.state.is_over:
            self._write({"job": row.id, "event": "state", "state": row.state, "title": row.job.title})
        self._states[row.id] = row.state
        if isinstance(event, Progressed):
            self._write({"job": row.id, **msgspec.to_builtins(event), "remaining_s": row.remaining_s})
        elif event is not None and not isinstance(event, Previewed | Done | Failed):
            self._write({"job": row.id, **msgspec.to_builtins(event)})

    def say(self, text: str) -> None:
        self._write({"event": "log", "level": "info", "text": text})

    def close(self, rows: list[Row]) -> None:
        for row in rows:
            last = outcome(row)
            self._write({"job": row.id, **msgspec.to_builtins(last), "state": row.state})
        if len(rows) > 1:
            counts = {str(state): sum(row.state is state for row in rows) for state in State}
            self._write({"event": "summary", **{state: count for state, count in counts.items() if count}})

    def _write(self, value: dict[str, Any]) -> None:
        self._stream.write(msgspec.json.encode(value).decode() + "\n")
        self._stream.flush()


class Quiet:
    """Nothing but errors."""

    def update(self, update: Update) -> None:
        pass

    def say(self, text: str) -> None:
        pass

    def close(self, rows: list[Row]) -> None:
        _print_errors(rows)


class Lines:
    """A line when a job says something new, and now and then how far it is."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._last: dict[int, tuple[str, float]] = {}

    def update(self, update: Update) -> None:
        row, event = update.row, update.event
        if isinstance(event, Logged):
            self.say(f"{row.job.title}: {event.level}: {event.text}")
        elif isinstance(event, Progressed) and self._is_due(row):
            left = f" ({duration(row.remaining_s)} left)" if row.remaining_s is not None and row.fraction < 1 else ""
            self.say(f"{row.job.title}: {row.fraction:4.0%} {row.message}{left}")

    def say(self, text: str) -> None:
        print(text, file=self._stream, flush=True)

    def close(self, rows: list[Row]) -> None:
        _print_errors(rows)
        _print_results(rows)

    def _is_due(self, row: Row) -> bool:
        last, then = self._last.get(row.id, ("", 0.0))
        now = monotonic()
        # What differs in numbers alone, as from step to step, says nothing new.
        words = _NUMBER.sub("", row.message)
        if words == last and now - then < _LINE_EVERY_S:
            return False
        self._last[row.id] = (words, now)
        return True


class Bars:
    """A bar for each job, with what it does and the time left."""

    def __init__(self) -> None:
        self._progress = _bars()
        self._tasks: dict[int, Any] = {}
        self._progress.start()

    def update(self, update: Update) -> None:
        row, event = update.row, update.event
        if isinstance(event, Logged):
            self.say(f"{event.level}: {event.text}")
        if row.id not in self._tasks:
            self._tasks[row.id] = self._progress.add_task(shown(row.job.title), total=1.0, message="", left="")
        left = duration(row.remaining_s) + " left" if row.remaining_s is not None else ""
        message = row.message if row.state is State.RUNNING else str(row.state)
        self._progress.update(self._tasks[row.id], completed=row.fraction, message=shown(message), left=left)

    def say(self, text: str) -> None:
        self._progress.console.print(shown(text), markup=False, highlight=False)

    def close(self, rows: list[Row]) -> None:
        self._progress.stop()
        _print_errors(rows)
        _print_results(rows)


def outcome(row: Row) -> Done | Failed:
    """The last event of a job that is over."""
    if row.state is State.DONE:
        return Done(row.result or {})
    return row.error or Failed(str(row.state).capitalize(), cancelled=row.state is State.CANCELLED)


def _bars() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TextColumn("{task.fields[message]}", markup=False),
        TextColumn("{task.fields[left]}", markup=False),
        console=Console(file=steered(sys.stderr)),
    )


def _print_errors(rows: list[Row]) -> None:
    for row in rows:
        if row.state is State.FAILED and row.error is not None:
            head = [f"{row.job.title}:"] if len(rows) > 1 else []
            print("\n".join([*head, *sentences(row.error)]), file=sys.stderr, flush=True)
        elif row.state is not State.DONE:
            print(f"{row.job.title}: {row.state}", file=sys.stderr, flush=True)


def _print_results(rows: list[Row]) -> None:
    for row in rows:
        if row.result is not None:
            head = [row.result.get("title") or row.job.title] if len(rows) > 1 else []
            lines = [*head, *summary(row.result)]
            if lines:
                print("\n".join(lines), flush=True)
