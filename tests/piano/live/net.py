"""A MIDI system whose ports are TCP connections on this computer: real ports of mido, devices that really vanish."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import mido
from mido.sockets import SocketPort, connect

from desktop.piano.live.system import OutPort, Port
from tests.waiting import PATIENCE_S

Bytes = tuple[int, ...]


class Device:
    """An instrument: remembers what it gets and when, and sends keys to whoever listens. May be unplugged and plugged in."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.got: list[tuple[float, Bytes]] = []
        self._connections: list[socket.socket] = []
        self._server: socket.socket | None = None
        self._lock = threading.Lock()
        self.plug_in()

    @property
    def messages(self) -> list[Bytes]:
        """What it got."""
        return [data for _, data in self.got]

    @property
    def plugged(self) -> bool:
        """Whether it is there."""
        return self._server is not None

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        assert self._server is not None
        host, port = self._server.getsockname()
        return host, port

    def plug_in(self) -> None:
        """Be there."""
        self._server = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, args=(self._server,), daemon=True).start()

    def unplug(self) -> None:
        """Vanish, with all connections."""
        with self._lock:
            server, self._server = self._server, None
        if server is not None:
            # Closing alone does not wake who accepts.
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            server.close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self._connections.clear()

    def press(self, *data: int) -> None:
        """Send a message to whoever listens."""
        for connection in self._connections:
            connection.sendall(bytes(data))

    def wait_for(self, count: int, seconds: float = PATIENCE_S) -> list[Bytes]:
        """What it got, once that is at least ``count`` messages."""
        wait_until(lambda: len(self.got) >= count, seconds)
        return self.messages

    def _accept(self, server: socket.socket) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with self._lock:
                if self._server is not server:
                    # Unplugged between the plug and the socket.
                    connection.close()
                    return
                self._connections.append(connection)
            threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection: socket.socket) -> None:
        parser = mido.Parser()
        with contextlib.suppress(OSError):
            while data := connection.recv(4096):
                now = time.perf_counter()
                parser.feed(data)
                self.got += [(now, tuple(message.bytes())) for message in parser]


class _Input:
    """An open keyboard: passes on what comes, in a thread of its own, as drivers do."""

    def __init__(self, port: SocketPort, heard: Callable[[Any], None]) -> None:
        self._socket = port._socket
        self._port = port
        threading.Thread(target=self._read, args=(heard,), daemon=True).start()

    def _read(self, heard: Callable[[Any], None]) -> None:
        parser = mido.Parser()
        with contextlib.suppress(OSError):
            while data := self._socket.recv(4096):
                parser.feed(data)
                for message in parser:
                    heard(message)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._port.close()


class NetSystem:
    """A ``System`` of such devices."""

    def __init__(self, *devices: Device) -> None:
        self.devices = {device.name: device for device in devices}
        self.virtual_obstacle = "These ports are cables"

    def outputs(self) -> list[str]:
        return [name for name, device in self.devices.items() if device.plugged]

    def inputs(self) -> list[str]:
        return self.outputs()

    def open_output(self, name: str) -> OutPort:
        port: OutPort = connect(*self.devices[name].address)
        return port

    def open_virtual(self, name: str) -> OutPort:
        raise OSError(self.virtual_obstacle)

    def open_input(self, name: str, heard: Callable[[Any], None]) -> Port:
        return _Input(connect(*self.devices[name].address), heard)


def wait_until(true: Callable[[], bool], seconds: float = PATIENCE_S) -> None:
    """Wait for something that another thread does."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.002)
