"""The computer's MIDI system, through mido and python-rtmidi. Both are loaded when ports are first asked for."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, Protocol

from desktop.errors import UserError

APIS = ("MACOSX_CORE", "WINDOWS_MM", "LINUX_ALSA", "UNIX_JACK")
"""RtMidi's names of the systems, in the order in which they are tried; those that were not compiled in are left out."""
CLIENT = "Reprise"
_NO_PLACES = (f"{CLIENT}:", "RtMidiOut Client:RtMidi output", "RtMidiIn Client:RtMidi input")
"""Our own port, and the near ends of open connections: systems list them, but nobody can be reached there."""
_NO_VIRTUAL = "Windows has no virtual MIDI ports of its own; a loop-back driver makes some"
_NUMBERS = re.compile(r"\s+\d+(:\d+)?$")


class Port(Protocol):
    """An open port of mido."""

    def close(self) -> None:
        """Let go of it."""


class OutPort(Port, Protocol):
    """An open port that takes messages."""

    def send(self, message: Any) -> None:
        """Send a ``mido.Message``; raises whatever the driver raises when that cannot be done."""


class System(Protocol):
    """Names and opens ports. Everything but ``virtual_obstacle`` may take a while, and raises OSError or UserError."""

    virtual_obstacle: str
    """Why this system has no virtual ports, "" when it has."""

    def outputs(self) -> list[str]:
        """Names of the ports that can be played on."""

    def inputs(self) -> list[str]:
        """Names of the ports that keys come from."""

    def open_output(self, name: str) -> OutPort:
        """Open a port to play on."""

    def open_virtual(self, name: str) -> OutPort:
        """Make a port that other programs see and can listen to."""

    def open_input(self, name: str, heard: Callable[[Any], None]) -> Port:
        """Open a port; ``heard`` gets each ``mido.Message``, in a thread of the driver's."""


class RtMidi:
    """One of the systems that RtMidi speaks; see ``find_system``."""

    def __init__(self, backend: Any, api: str) -> None:
        self._backend = backend
        self.api = api
        self.virtual_obstacle = "" if api != "WINDOWS_MM" else _NO_VIRTUAL

    def outputs(self) -> list[str]:
        return self._names(self._backend.get_output_names)

    def inputs(self) -> list[str]:
        return self._names(self._backend.get_input_names)

    def open_output(self, name: str) -> OutPort:
        with _plain_errors():
            port: OutPort = self._guarded(self._backend.open_output(name))
            return port

    def open_virtual(self, name: str) -> OutPort:
        if self.virtual_obstacle:
            raise UserError(self.virtual_obstacle, remedy="Install one, loopMIDI for example, and choose its port.")
        with _plain_errors():
            port: OutPort = self._guarded(self._backend.open_output(name, client_name=CLIENT))
            return port

    def open_input(self, name: str, heard: Callable[[Any], None]) -> Port:
        with _plain_errors():
            port: Port = self._guarded(self._backend.open_input(name, callback=heard))
            return port

    def _guarded(self, port: Any) -> Any:
        return _JackPort(port, self.outputs) if self.api == "UNIX_JACK" else port

    def _names(self, ask: Callable[[], list[str]]) -> list[str]:
        with _plain_errors(), _quiet() if self.api == "UNIX_JACK" else contextlib.nullcontext():
            return [name for name in ask() if not name.startswith(_NO_PLACES)]


class _JackPort:
    """A port of JACK. Its library crashes when a port is closed whose server is gone: such a port is left as it is."""

    def __init__(self, port: Any, ask: Callable[[], list[str]]) -> None:
        self._port, self._ask = port, ask

    def send(self, message: Any) -> None:
        self._port.send(message)

    def close(self) -> None:
        try:
            self._ask()
        except OSError:
            # Not even when the program ends may Python clear it away.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._port))
        else:
            self._port.close()


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    """RtMidi's exceptions share no base class with others: as OSError."""
    try:
        yield
    except (OSError, UserError):
        raise
    except Exception as error:
        raise OSError(str(error) or type(error).__name__) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """ALSA's and JACK's libraries write to stderr, past Python, that they found nothing: expected, and said by us in words."""
    try:
        kept = os.dup(2)
    except OSError:
        yield
        return
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


log = logging.getLogger(__name__)
_found: System | None = None
_finding = threading.Lock()


def find_system() -> System:
    """The MIDI system of this computer, found once; raises UserError when there is none, which is looked for again each time."""
    global _found
    with _finding:
        if _found is None:
            _found = _find()
        return _found


def _find() -> System:
    try:
        import mido

        # Compiled, without annotations.
        rtmidi: Any = import_module("rtmidi")
    except ImportError as error:
        raise UserError(
            f"Live MIDI needs a package that is missing or does not load ({error})",
            remedy='Install it: pip install "reprise-studio[midi]"',
        ) from error
    compiled = {name for name in dir(rtmidi) if name.startswith("API_") and getattr(rtmidi, name) in rtmidi.get_compiled_api()}
    tried = []
    for api in APIS:
        if f"API_{api}" not in compiled:
            continue
        try:
            with _plain_errors(), _quiet():
                # Without a server or driver this raises; that is how one learns that there is none.
                probe = rtmidi.MidiOut(rtapi=getattr(rtmidi, f"API_{api}"), name=CLIENT)
                probe.get_ports()
                probe.delete()
        except OSError as error:
            log.info("no MIDI by %s: %s", _TITLES[api], error)
            tried.append(_TITLES[api])
        else:
            return RtMidi(mido.Backend(f"mido.backends.rtmidi/{api}"), api)
    raise UserError(f"This computer has no MIDI system that answers (tried: {' and '.join(tried) or 'none'})", remedy=_remedy())


_TITLES = {"MACOSX_CORE": "CoreMIDI", "WINDOWS_MM": "Windows MIDI", "LINUX_ALSA": "ALSA", "UNIX_JACK": "JACK"}


def _remedy() -> str:
    if "linux" in sys.platform:
        return "Load the sequencer (sudo modprobe snd-seq), or start PipeWire or a JACK server."
    return "Restart the computer's audio service, or the computer."


def same_port(one: str, other: str) -> bool:
    """Whether two names mean one device: systems append numbers to names, which change when it is plugged in again."""
    return one == other or _NUMBERS.sub("", one) == _NUMBERS.sub("", other)


def title(name: str) -> str:
    """A port's name for people: without the numbers, and without the client's name where the port's own begins with it."""
    plain = _NUMBERS.sub("", name)
    client, colon, port = plain.partition(":")
    return port if colon and port.startswith(client) else plain


def pick(wanted: str, names: list[str]) -> str | None:
    """The port that is meant: by its name, its name without numbers, or a part of it that no other has."""
    if wanted in names:
        return wanted
    same = [name for name in names if same_port(wanted, name)]
    if same:
        return same[0]
    part = [name for name in names if wanted and wanted.casefold() in name.casefold()]
    return part[0] if len(part) == 1 else None
