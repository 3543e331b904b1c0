"""Ports that come and go, on devices that really do."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from desktop.errors import UserError
from desktop.piano.live.links import Inlet, Key, Link, Outlet, Status
from desktop.piano.live.schedule import ALL_NOTES_OFF, CONTROL, NOTE_OFF, NOTE_ON, SUSTAIN
from desktop.piano.live.system import find_system, pick, same_port, title
from tests.piano.live.net import Device, NetSystem, wait_until
from tests.waiting import PATIENCE_S

ENDS = [(CONTROL, SUSTAIN, 0), (CONTROL, ALL_NOTES_OFF, 0)]


@pytest.fixture
def piano() -> Iterator[Device]:
    made = Device("Piano 20:0")
    yield made
    made.unplug()


def outlet(piano: Device, seen: list[Status]) -> Outlet:
    made = Outlet(seen.append, lambda: NetSystem(piano))
    made.choose("piano")
    return made


def test_keys_that_are_down_are_let_go_and_no_others(piano: Device) -> None:
    seen: list[Status] = []
    out = outlet(piano, seen)
    out.send([(NOTE_ON, 60, 80), (NOTE_ON, 64, 80), (NOTE_OFF, 60, 64), (NOTE_OFF, 72, 64), (CONTROL, SUSTAIN, 127)])
    out.release()
    out.release()
    assert piano.wait_for(7) == [
        (NOTE_ON, 60, 80), (NOTE_ON, 64, 80), (NOTE_OFF, 60, 64), (CONTROL, SUSTAIN, 127), (NOTE_OFF, 64, 64), *ENDS
    ]  # fmt: skip
    out.send([(NOTE_ON, 72, 80), (NOTE_ON, 72, 0), (NOTE_ON, 65, 80)])
    out.choose("")
    assert piano.wait_for(13)[10:] == [(NOTE_OFF, 65, 64), *ENDS], "letting go of the port lets go of the keys"
    assert [status.link for status in seen] == [Link.OPEN, Link.NONE]


def test_a_port_that_is_unplugged_harms_nobody_and_is_used_again_when_it_is_back(piano: Device) -> None:
    seen: list[Status] = []
    out = outlet(piano, seen)
    out.look()
    piano.unplug()
    # The first writes to a connection that is gone may still succeed.
    until = time.monotonic() + PATIENCE_S
    while out.status.link is Link.OPEN and time.monotonic() < until:
        out.send([(NOTE_ON, 60, 80)])
    assert out.status.link is Link.LOST
    assert not out.down
    out.look()
    out.release()
    piano.got.clear()
    piano.plug_in()
    out.look()
    out.send([(NOTE_ON, 61, 80)])
    assert piano.wait_for(1) == [(NOTE_ON, 61, 80)]
    assert [(status.link, status.name) for status in seen] == [
        (Link.OPEN, "Piano 20:0"), (Link.LOST, "Piano 20:0"), (Link.OPEN, "Piano 20:0")
    ]  # fmt: skip
    out.close()


def test_a_silent_loss_is_seen_by_looking(piano: Device) -> None:
    seen: list[Status] = []
    out = outlet(piano, seen)
    piano.unplug()
    out.look()
    assert seen[-1] == Status(Link.LOST, "Piano 20:0", "it was unplugged")
    out.close()
    assert out.status == Status()


def test_a_port_may_be_expected_before_it_is_there(piano: Device) -> None:
    piano.unplug()
    out = Outlet(system=lambda: NetSystem(piano))
    out.expect("Piano 16:0")
    assert out.status.link is Link.LOST
    piano.plug_in()
    out.look()
    assert out.status == Status(Link.OPEN, "Piano 20:0"), "numbers change when it is plugged in again"
    out.close()


def test_ports_that_are_not_there_are_said_with_those_that_are(piano: Device) -> None:
    out = Outlet(system=lambda: NetSystem(piano))
    with pytest.raises(UserError, match='"Piano 20:0"'):
        out.choose("organ")
    with pytest.raises(UserError, match="cables"):
        out.choose_virtual()
    assert out.status == Status()

    def nothing() -> NetSystem:
        raise UserError("There is no MIDI system")

    for line in (Outlet(system=nothing), Inlet(lambda _key: None, system=nothing)):
        with pytest.raises(UserError, match="no MIDI system"):
            line.choose("piano")
        line.look()
        line.expect("piano")
        assert line.status.link is Link.LOST


def test_keys_of_a_keyboard_are_heard(piano: Device) -> None:
    keys: list[Key] = []
    inlet = Inlet(keys.append, system=lambda: NetSystem(piano))
    inlet.choose("Piano 20:0")
    wait_until(lambda: bool(piano._connections))
    piano.press(NOTE_ON | 3, 60, 100, NOTE_ON, 64, 0, CONTROL, 1, 5, NOTE_OFF, 60, 10)
    wait_until(lambda: len(keys) == 3)
    assert [(key.pitch, key.velocity) for key in keys] == [(60, 100), (64, 0), (60, 0)]
    inlet.close()


def test_names_of_ports() -> None:
    names = ["Midi Through:Midi Through Port-0 14:0", "Digital Piano:Digital Piano MIDI 1 20:0", "Synth 1"]
    assert pick("Digital Piano:Digital Piano MIDI 1 28:0", names) == names[1]
    assert pick("digital", names) == names[1]
    assert pick("MIDI", names) is None, "two have that"
    assert pick("Synth 1", names) == "Synth 1"
    assert not same_port("Synth 1", "Organ 1")
    assert [title(name) for name in names] == ["Midi Through Port-0", "Digital Piano MIDI 1", "Synth"]
    assert title("Synth:in") == "Synth:in"


def test_the_systems_own_ports_carry_messages() -> None:
    try:
        system = find_system()
    except UserError as error:
        assert error.remedy
        pytest.skip(f"needs a MIDI system: {error}")
    if system.virtual_obstacle:
        pytest.skip(system.virtual_obstacle)
    import mido

    backend = mido.Backend(f"mido.backends.rtmidi/{system.api}")  # type: ignore[attr-defined]
    with backend.open_input("in", client_name="Listener") as listener:
        wait_until(lambda: pick("Listener:in", system.outputs()) is not None)
        out = Outlet()
        out.choose("Listener:in")
        out.send([(NOTE_ON, 60, 80)])
        got: list[object] = []
        wait_until(lambda: bool(got) or bool(got.append(m) if (m := listener.poll()) else None) or bool(got))
        assert got[0].bytes() == [NOTE_ON, 60, 80]  # type: ignore[attr-defined]
        out.close()
    wait_until(lambda: pick("Listener:in", system.outputs()) is None)
