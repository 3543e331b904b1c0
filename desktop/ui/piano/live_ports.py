"""The MIDI ports that the window plays on and hears keys from. Ports are listed and opened off the window's thread."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from desktop.errors import UserError
from desktop.piano.cover import Cover
from desktop.piano.live.farewell import end_as_usual, let_go_when_ended
from desktop.piano.live.links import WATCH_S, Inlet, Link, Outlet, Status
from desktop.piano.live.schedule import HANDS, Bytes, schedule
from desktop.piano.live.sender import Sender
from desktop.piano.live.system import CLIENT, System, find_system
from desktop.ui.background import Op
from desktop.ui.player import BUFFER_S, Player

PLAYER = 2
"""MIDI channel, from 0, of the player's own keys; the hands of the cover have those before."""
VIRTUAL = "virtual:"
"""Stands for the port that we make ourselves."""
MOST_AHEAD = 0.5


class LivePorts(QObject):
    """Plays what the player plays on a MIDI port, and passes on the keys of another.

    Attributes:
        outputs, inputs: names of the ports that were there when they were last listed.
        through: whether the keys of the one sound on the other.
        problem: why there are none at all, None when there is a MIDI system.
        virtual_obstacle: why we cannot make a port ourselves, "" when we can.

    Signals:
        listed: ``outputs``, ``inputs`` or ``problem`` may have changed.
        changed: another port is chosen, lost or back, or ``busy`` has changed.
        trouble: the UserError of a port that could not be opened.
        key: a Key went down or up.
    """

    listed = Signal()
    changed = Signal()
    trouble = Signal(object)
    key = Signal(object)
    _told = Signal()

    def __init__(self, player: Player, parent: QObject | None = None, system: Callable[[], System] = find_system) -> None:
        super().__init__(parent)
        self._player, self._system = player, system
        self.outlet = Outlet(lambda _status: self._told.emit(), system)
        self.inlet = Inlet(self.key.emit, lambda _status: self._told.emit(), system, self._pass_on)
        self.through = False
        self.messenger = Sender(self.outlet)
        self.outputs: list[str] = []
        self.inputs: list[str] = []
        self.problem: UserError | None = None
        self.virtual_obstacle = ""
        self._doing = 0
        self._cover: Cover | None = None
        self._hands: tuple[int, ...] = HANDS
        self._stale = True
        self._watch = QTimer(self, interval=round(WATCH_S * 1000))
        self._watch.timeout.connect(self._look)
        self._looking = False
        # Statuses and keys come from other threads; both are handled in the window's.
        self._told.connect(self._status_changed, Qt.ConnectionType.QueuedConnection)
        # The sender may be called from any thread, and a busy window must not hold it up.
        player.played.connect(self._played, Qt.ConnectionType.DirectConnection)
        player.jumped.connect(lambda _second: self.messenger.stop())
        player.moved.connect(self._moved)
        player.playing_changed.connect(self._playing_changed)

    # Ports

    @property
    def busy(self) -> bool:
        """Whether a port is being opened or closed."""
        return self._doing > 0

    @property
    def output(self) -> Status:
        """The port that is played on."""
        return self.outlet.status

    @property
    def input(self) -> Status:
        """The port that keys come from."""
        return self.inlet.status

    def list_ports(self) -> None:
        """Look which ports there are; ``listed`` tells when that is known."""

        def work() -> tuple[list[str], list[str], str]:
            return self.outlet.names(), self.inlet.names(), self._system().virtual_obstacle

        def found(names: tuple[list[str], list[str], str]) -> None:
            self.outputs, self.inputs, self.virtual_obstacle = names
            self.problem = None
            self.listed.emit()

        def failed(error: Exception) -> None:
            self.outputs, self.inputs = [], []
            self.problem = error if isinstance(error, UserError) else UserError(str(error))
            self.listed.emit()

        Op(self, work).success(found).failure(failed).start()

    def choose_output(self, name: str) -> None:
        """Play on a port; on one of ours with ``VIRTUAL``, on none with ""."""
        if name:
            self._prepare()
        self._do(lambda: self.outlet.choose_virtual(CLIENT) if name == VIRTUAL else self.outlet.choose(name))

    def choose_input(self, name: str) -> None:
        """Hear keys from a port, or from none with ""."""
        self._do(lambda: self.inlet.choose(name))

    def expect(self, output: str, input_: str) -> None:
        """Use the ports of the last time, as soon as they are there."""
        if output and output != VIRTUAL:
            self._prepare()
            self._do(lambda: self.outlet.expect(output))
        elif output:
            self.choose_output(output)
        if input_:
            self._do(lambda: self.inlet.expect(input_))

    # What is played

    def set_cover(self, cover: Cover | None, hands: tuple[int, ...] = HANDS) -> None:
        """Play the notes of these hands from now on."""
        if cover is self._cover and hands == self._hands:
            return
        self._cover, self._hands, self._stale = cover, hands, True
        if self.output.link is not Link.NONE:
            self._prepare()

    def set_delay(self, milliseconds: float) -> None:
        """Send later, or earlier when negative."""
        self.messenger.set_latency(milliseconds / 1000)

    def silence(self) -> None:
        """Let go of all keys and the pedal, whatever goes on."""
        Op(self, self.outlet.release).start()

    def close(self) -> None:
        """Let go of keys and ports."""
        self._watch.stop()
        self._player.played.disconnect(self._played)
        self.messenger.close()
        self.outlet.close()
        self.inlet.close()
        end_as_usual(self.outlet)

    # Inside

    def _prepare(self) -> None:
        """Work the messages out once somebody listens."""
        if self._stale:
            self._stale = False
            self.messenger.set_schedule(schedule(self._cover, self._hands) if self._cover is not None else None)

    def _do(self, work: Callable[[], None]) -> None:
        self._doing += 1
        self.changed.emit()

        def done(_result: object = None) -> None:
            self._doing -= 1
            self._status_changed()

        def failed(error: Exception) -> None:
            done()
            self.trouble.emit(error)

        Op(self, work).success(done).failure(failed).start()

    def _status_changed(self) -> None:
        # Only meanwhile: the look at the ports also makes Python look after signals.
        if self.output.link is Link.NONE:
            end_as_usual(self.outlet)
        else:
            let_go_when_ended(self.outlet)
        chosen = any(status.link is not Link.NONE for status in (self.output, self.input))
        if chosen != self._watch.isActive():
            if chosen:
                self._watch.start()
            else:
                self._watch.stop()
        self.changed.emit()

    def _look(self) -> None:
        """See off the window's thread whether the ports are there; not while the last look still lasts."""
        if self._looking or self.busy:
            return
        self._looking = True

        def work() -> None:
            self.outlet.look()
            self.inlet.look()

        def done(_result: object = None) -> None:
            self._looking = False

        Op(self, work).success(done).failure(done).start()

    def _pass_on(self, data: Bytes) -> None:
        """Called by the driver, without a way round through the window: what is played must sound at once."""
        if self.through:
            self.outlet.send((((data[0] & 0xF0) | PLAYER, data[1], data[2]),))

    # The player

    def _played(self, first: float, last: float, speed: float) -> None:
        if self.output.link is Link.NONE:
            return
        player, ahead = self._player, 0.0
        if not self.messenger.running:
            ahead = BUFFER_S if player.counting else min(MOST_AHEAD, max(0.0, (first - player.heard) / speed))
        self.messenger.played(first, last, speed, ahead)

    def _moved(self, second: float) -> None:
        player = self._player
        if self.output.link is not Link.NONE and player.playing and not player.counting:
            self.messenger.heard(second)

    def _playing_changed(self, playing: bool) -> None:
        if not playing:
            self.messenger.stop()
