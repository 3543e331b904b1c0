"""Ports that may go and come back: chosen by name, lost without harm, opened again when they return."""

from __future__ import annotations

import contextlib
import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from time import perf_counter
from typing import Any, Generic, TypeVar

from desktop.errors import UserError
from desktop.piano.live.schedule import ALL_NOTES_OFF, CONTROL, NOTE_OFF, NOTE_ON, SUSTAIN, Bytes
from desktop.piano.live.system import CLIENT, OutPort, Port, System, find_system, pick, same_port

ALL_CHANNELS = range(16)
WATCH_S = 1.5
"""Seconds between two looks at which ports there are, while one is chosen."""
log = logging.getLogger(__name__)
P = TypeVar("P", bound=Port)


class Link(StrEnum):
    """What is known of the chosen port."""

    NONE = "none"
    OPEN = "open"
    LOST = "lost"


@dataclass(frozen=True)
class Status:
    """State of a link, the port's name, and what happened to it when it is lost."""

    link: Link = Link.NONE
    name: str = ""
    reason: str = ""


class _Line(ABC, Generic[P]):
    """One chosen port. May be used from several threads.

    ``changed`` is called with a Status after each change, in whichever thread noticed it.
    """

    def __init__(self, changed: Callable[[Status], None] | None = None, system: Callable[[], System] = find_system) -> None:
        self._changed = changed or (lambda _status: None)
        self._system = system
        self._lock = threading.RLock()
        self._port: P | None = None
        self._virtual = False
        self._status = Status()

    @property
    def status(self) -> Status:
        """How it is now."""
        return self._status

    def names(self) -> list[str]:
        """Ports that could be chosen; raises UserError when there is no MIDI system."""
        try:
            return self._list(self._system())
        except OSError as error:
            raise UserError(f"The MIDI ports could not be listed: {error}", remedy="Try again.") from error

    def choose(self, name: str) -> None:
        """Open a port, or with "" let go of the one that is open.

        Raises UserError when there is no such port or it cannot be opened; nothing is chosen then.
        """
        self._release()
        if not name:
            self._set(Status())
            return
        try:
            names = self.names()
        except UserError:
            self._set(Status())
            raise
        found = pick(name, names)
        if found is None:
            self._set(Status())
            known = ", ".join(f'"{one}"' for one in names) or "none"
            raise UserError(f'There is no MIDI port "{name}"', remedy=f"Ports that are there: {known}.")
        self._choose(found)

    def expect(self, name: str) -> None:
        """Choose a port that need not be there now: it is opened as soon as it is seen. Raises nothing."""
        self._release()
        self._set(Status(Link.LOST, name, "it is not connected") if name else Status())
        self.look()

    def close(self) -> None:
        """Let go of the port."""
        self.choose("")

    def look(self) -> None:
        """See whether the port is still there, or there again; call it every ``WATCH_S`` seconds. Raises nothing."""
        status = self._status
        if status.link is Link.NONE:
            return
        try:
            names = [status.name] * self._virtual + self._list(self._system())
        except (OSError, UserError) as error:
            log.info("MIDI ports cannot be listed: %s", error)
            self._lose(status, "the MIDI system does not answer")
            return
        found = next((name for name in names if same_port(status.name, name)), None)
        if status.link is Link.OPEN and found is None:
            self._lose(status, "it was unplugged")
        elif status.link is Link.LOST and found is not None:
            with contextlib.suppress(OSError, UserError):
                port = self._open(self._system(), found)
                with self._lock:
                    if self._status is not status:
                        port.close()
                        return
                    self._port = port
                self._set(Status(Link.OPEN, found))

    @abstractmethod
    def _list(self, system: System) -> list[str]: ...

    @abstractmethod
    def _open(self, system: System, name: str) -> P: ...

    def _choose(self, name: str) -> None:
        try:
            port = self._open(self._system(), name)
        except (OSError, UserError) as error:
            self._virtual = False
            self._set(Status())
            if isinstance(error, UserError):
                raise
            raise UserError(
                f'The MIDI port "{name}" cannot be opened: {error}', remedy="Another program may have it; close that one."
            ) from error
        with self._lock:
            self._port = port
        self._set(Status(Link.OPEN, name))

    def _release(self) -> None:
        with self._lock:
            port, self._port = self._port, None
            self._virtual = False
        _close(port)

    def _lose(self, status: Status, reason: str) -> None:
        """The port of ``status`` does not answer; what was opened is given back."""
        with self._lock:
            if status.link is not Link.OPEN or status is not self._status:
                return
            port, self._port = self._port, None
        log.info("MIDI port %s is lost: %s", status.name, reason)
        _close(port)
        self._set(Status(Link.LOST, status.name, reason))

    def _set(self, status: Status) -> None:
        if status != self._status:
            self._status = status
            self._changed(status)


class Outlet(_Line[OutPort]):
    """The port that a cover is played on. Sending never raises: a port that fails is lost, and playing goes on without it."""

    def __init__(self, changed: Callable[[Status], None] | None = None, system: Callable[[], System] = find_system) -> None:
        super().__init__(changed, system)
        self._down: set[tuple[int, int]] = set()
        self._channels: set[int] = set()

    @property
    def is_virtual(self) -> bool:
        """Whether the port is one that we made."""
        return self._virtual

    @property
    def down(self) -> frozenset[tuple[int, int]]:
        """Keys that were pressed and not let go: (channel, pitch)."""
        with self._lock:
            return frozenset(self._down)

    def choose_virtual(self, name: str = CLIENT) -> None:
        """Make a port that other programs can listen to; raises UserError where there are none."""
        self._release()
        self._virtual = True
        self._choose(name)

    def send(self, messages: Sequence[Bytes]) -> None:
        """Send messages. Letting go of a key that is not down is left out, so that nobody else's keys are let go."""
        for data in messages:
            with self._lock:
                if self._port is None:
                    return
                if self._keep(data) and not self._write(data):
                    return

    def release(self, channels: Collection[int] = ALL_CHANNELS) -> None:
        """Let go of the keys and the pedal of these channels."""
        with self._lock:
            used = sorted(self._channels.intersection(channels))
            down = sorted(key for key in self._down if key[0] in used)
            offs = [(NOTE_OFF | channel, pitch, 64) for channel, pitch in down]
            ends = [(CONTROL | channel, what, 0) for channel in used for what in (SUSTAIN, ALL_NOTES_OFF)]
            self._down.difference_update(down)
            self._channels.difference_update(used)
            for data in (*offs, *ends):
                if self._port is None or not self._write(data):
                    return

    def _keep(self, data: Bytes) -> bool:
        """Note which keys are down; whether the message is to be sent."""
        kind, channel = data[0] & 0xF0, data[0] & 0x0F
        self._channels.add(channel)
        if kind == NOTE_ON and data[2]:
            self._down.add((channel, data[1]))
        elif kind in (NOTE_OFF, NOTE_ON):
            if (channel, data[1]) not in self._down:
                return False
            self._down.discard((channel, data[1]))
        return True

    def _write(self, data: Bytes) -> bool:
        from mido import Message

        port = self._port
        assert port is not None
        try:
            port.send(Message.from_bytes(data))
        except Exception as error:  # drivers raise what they like
            self._down.clear()
            self._channels.clear()
            self._lose(self._status, str(error) or type(error).__name__)
            return False
        return True

    def _release(self) -> None:
        self.release()
        super()._release()

    def _list(self, system: System) -> list[str]:
        return system.outputs()

    def _open(self, system: System, name: str) -> OutPort:
        return system.open_virtual(name) if self._virtual else system.open_output(name)


@dataclass(frozen=True)
class Key:
    """A key of the player's: pressed when ``velocity`` > 0, else let go; ``at`` is ``perf_counter``'s."""

    pitch: int
    velocity: int
    at: float


class Inlet(_Line[Port]):
    """The keyboard that the player practises on.

    In a thread of the driver's, ``heard`` gets each key, ``through`` the bytes of keys and pedals.
    """

    def __init__(
        self,
        heard: Callable[[Key], None],
        changed: Callable[[Status], None] | None = None,
        system: Callable[[], System] = find_system,
        through: Callable[[Bytes], None] | None = None,
    ) -> None:
        super().__init__(changed, system)
        self._heard = heard
        self._through = through

    def _list(self, system: System) -> list[str]:
        return system.inputs()

    def _open(self, system: System, name: str) -> Port:
        return system.open_input(name, self._hear)

    def _hear(self, message: Any) -> None:
        if self._through is not None and message.type in ("note_on", "note_off", "control_change"):
            status, first, second = message.bytes()
            self._through((status, first, second))
        if message.type == "note_on":
            self._heard(Key(message.note, message.velocity, perf_counter()))
        elif message.type == "note_off":
            self._heard(Key(message.note, 0, perf_counter()))


def _close(port: Port | None) -> None:
    if port is None:
        return
    try:
        port.close()
    except Exception as error:  # it is gone either way
        log.debug("closing a MIDI port: %s", error)
