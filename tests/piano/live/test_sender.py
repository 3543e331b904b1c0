"""The thread that sends, and a performance without a player, on a real connection."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from desktop.jobs.executors import program_environment
from desktop.piano.cover import RIGHT, Grid
from desktop.piano.live.links import Link, Outlet
from desktop.piano.live.performance import bar_second, perform
from desktop.piano.live.schedule import ALL_NOTES_OFF, CONTROL, NOTE_OFF, NOTE_ON, schedule
from desktop.piano.live.sender import Sender
from desktop.piano.live.system import OutPort
from tests.conftest import ROOT
from tests.piano.live.net import Device, NetSystem, wait_until
from tests.piano.live.small import small_cover
from tests.waiting import PATIENCE_S, quickest

GENTLE = 0.12
"""Seconds a message may be late on a computer that does much else; on a quiet one it is a thousandth or two."""


@pytest.fixture
def piano() -> Iterator[Device]:
    made = Device("Piano")
    yield made
    made.unplug()


@pytest.fixture
def out(piano: Device) -> Iterator[Outlet]:
    made = Outlet(system=lambda: NetSystem(piano))
    made.choose("Piano")
    yield made
    made.close()


def test_messages_leave_in_time_and_stopping_lets_go(piano: Device, out: Outlet) -> None:
    sender = Sender(out)
    sender.set_schedule(schedule(small_cover(), (RIGHT,)))

    def late() -> float:
        """How late a message was at most, s."""
        piano.got.clear()
        begin = time.perf_counter()
        sender.played(0.4, 1.4, 2.0)
        piano.wait_for(5)
        sender.stop()
        got = piano.wait_for(8)
        assert got == [
            (NOTE_ON, 62, 80), (NOTE_ON, 65, 80), (NOTE_OFF, 62, 64), (NOTE_OFF, 65, 64), (NOTE_ON, 60, 90),
            (NOTE_OFF, 60, 64), (CONTROL, 64, 0), (CONTROL, ALL_NOTES_OFF, 0),
        ]  # fmt: skip
        delays = [piano.got[index][0] - begin - due for index, due in ((0, 0.05), (1, 0.05), (2, 0.3), (4, 0.3))]
        assert min(delays) > -0.001
        return max(delays)

    assert quickest(late, GENTLE) < GENTLE
    sender.close()
    sender.played(0.0, 4.0)
    assert len(piano.messages) == 8, "after its end it sends nothing"


def test_playing_goes_on_when_the_port_is_pulled_out(piano: Device, out: Outlet) -> None:
    sender = Sender(out)
    sender.set_schedule(schedule(small_cover()))
    for first in range(4):
        sender.played(first / 1.0, first + 1.0, 8.0)
    piano.wait_for(2)
    piano.unplug()
    wait_until(lambda: out.status.link is Link.LOST)
    piano.got.clear()
    piano.plug_in()
    out.look()
    sender.stop()
    sender.played(0.9, 1.1, 1.0)
    assert (NOTE_ON, 60, 90) in piano.wait_for(3)
    sender.close()
    assert not out.down


def test_a_port_that_hangs_holds_up_nobody(piano: Device) -> None:
    taken, free = threading.Event(), threading.Event()

    class Hung(NetSystem):
        def open_output(self, name: str) -> OutPort:
            return self

        def send(self, message: object) -> None:
            taken.set()
            free.wait(PATIENCE_S)

        def close(self) -> None:
            pass

    out = Outlet(system=lambda: Hung(piano))
    out.choose("Piano")
    sender = Sender(out)
    sender.set_schedule(schedule(small_cover()))
    sender.played(0.0, 1.0)
    assert taken.wait(PATIENCE_S)

    def held_up() -> float:
        begin = time.perf_counter()
        for second in (0.1, 0.2):
            sender.heard(second)
        sender.stop()
        sender.played(1.0, 2.0)
        return time.perf_counter() - begin

    assert quickest(held_up, 1.0) < 1.0
    free.set()
    sender.close()
    assert not out.down


def test_a_performance_is_punctual_and_can_be_broken_off(piano: Device, out: Outlet) -> None:
    plan = schedule(small_cover())
    told: list[float] = []
    done = perform(plan, out, first=0.5, speed=4.0, tell=told.append)
    # Two keys are still held from before the start: they are not let go, for they were not pressed here.
    got = piano.wait_for(done.messages - 2 + 4)
    assert done.messages == len(plan.between(0.5, 9.0))
    assert got[:2] == [(NOTE_ON, 62, 80), (NOTE_ON, 65, 80)], "what is held from before is not struck again"
    assert done.median_ms < GENTLE * 1000
    assert told

    def enough(_second: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        perform(plan, out, tell=enough)
    assert not out.down
    assert piano.wait_for(len(got) + 8)[-1] == (CONTROL | 1, ALL_NOTES_OFF, 0)


def test_bars() -> None:
    grid = Grid(small_cover().grid.times, downbeat=1, meter=4)
    assert (bar_second(grid, 1), bar_second(grid, 2)) == (0.5, 2.5)
    with pytest.raises(ValueError, match="between 1 and 2"):
        bar_second(grid, 3)
    with pytest.raises(ValueError):
        bar_second(grid, 0)


CHILD = """
import sys, time
from mido.sockets import connect
from desktop.piano.live.farewell import let_go_when_ended
from desktop.piano.live.links import Outlet
from desktop.piano.live.schedule import schedule
from desktop.piano.live.sender import Sender
from desktop.piano.live.system import OutPort
from tests.piano.live.small import small_cover

class Cable:
    virtual_obstacle = "a cable"
    def outputs(self):
        return ["Piano"]
    def open_output(self, name):
        return connect("127.0.0.1", int(sys.argv[1]))

outlet = Outlet(system=Cable)
let_go_when_ended(outlet)
outlet.choose("Piano")
sender = Sender(outlet)
sender.set_schedule(schedule(small_cover()))
sender.played(0.0, 4.0, 0.25)
while sys.argv[2] == "wait" or not outlet.down:
    time.sleep(0.01)
sys.exit("a mishap")
"""


@pytest.mark.parametrize("way", ["mishap", *(["wait"] if sys.platform != "win32" else [])])
def test_keys_are_let_go_when_the_program_ends(piano: Device, way: str) -> None:
    command = [sys.executable, "-c", CHILD, str(piano.address[1]), way]
    child = subprocess.Popen(command, cwd=ROOT, env=program_environment(), stderr=subprocess.DEVNULL)
    piano.wait_for(2)
    if way == "wait":
        child.terminate()
    assert child.wait(PATIENCE_S) == (-signal.SIGTERM if way == "wait" else 1)
    got = piano.wait_for(8)
    ends = {(CONTROL | channel, what) for channel in (0, 1) for what in (64, ALL_NOTES_OFF)}
    assert {data[:2] for data in got[2:]} == {(NOTE_OFF, 60), (NOTE_OFF | 1, 48), *ends}
