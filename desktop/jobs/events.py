"""What is heard of a running job: a closed union of small frozen structs, sent as msgpack."""

from __future__ import annotations

from typing import Any

import msgspec


class Event(msgspec.Struct, frozen=True, tag_field="event", omit_defaults=True):
    """Base of all events."""


class Progressed(Event, frozen=True, tag="progress"):
    """``fraction`` of the work (0..1) is done; ``message`` says what is going on."""

    fraction: float
    message: str = ""


class Previewed(Event, frozen=True, tag="preview"):
    """Part of the result as it comes: ``kind`` names the shape of ``data`` (plain data, arrays as bytes)."""

    kind: str
    data: dict[str, Any]


class Measured(Event, frozen=True, tag="metric"):
    """A number worth a curve or a line of the report."""

    name: str
    value: float
    step: int | None = None


class Produced(Event, frozen=True, tag="artifact"):
    """A finished file: ``kind`` is "midi", "audio", "project", "picture", ..."""

    kind: str
    path: str
    title: str = ""


class Logged(Event, frozen=True, tag="log"):
    """A line for the job's log: level "info", "warning" or "error"."""

    level: str
    text: str


class Done(Event, frozen=True, tag="done"):
    """The job has finished; ``result`` is what its run returned."""

    result: dict[str, Any]


class Failed(Event, frozen=True, tag="failed"):
    """The job has ended without a result.

    Attributes:
        message: what happened, for the user.
        path: the file it happened to.
        remedy: what to do next.
        details: traceback or last log lines, to be copied into a report.
        cancelled: the user asked for the end.
        usage: the request itself was wrong (exit code 2 on the command line).
    """

    message: str
    path: str = ""
    remedy: str = ""
    details: str = ""
    cancelled: bool = False
    usage: bool = False


AnyEvent = Progressed | Previewed | Measured | Produced | Logged | Done | Failed
