"""``reprise play``: what it refuses, and a performance that is broken off, on the computer's own MIDI system."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from desktop.cli import CANCELLED, DONE, FAILED, USAGE, main
from desktop.errors import UserError
from desktop.jobs.executors import program_command, program_environment
from desktop.piano.live.system import find_system
from desktop.piano.midi import write_midi
from tests.piano.live.net import wait_until
from tests.piano.live.small import small_cover
from tests.waiting import PATIENCE_S


@pytest.fixture
def saved(tmp_path: Path) -> str:
    path = tmp_path / "small.mid"
    write_midi(small_cover(), path)
    return str(path)


def test_what_cannot_be_understood(saved: str, capsys: pytest.CaptureFixture[str]) -> None:
    for wrong, words in (
        ([], "COVER is missing"),
        ([saved, "--speed", "9"], "not between 0.25 and 2"),
        ([saved, "--hand", "third"], "right, left, both"),
        ([saved, "--port", "a", "--virtual"], "exclude"),
        ([saved, "--from", "99"], "bar 99 is not between 1 and"),
    ):
        assert main(["play", *wrong]) == USAGE
        assert words in capsys.readouterr().err
    assert main(["play", "nowhere.reprise"]) == FAILED


def test_ports_or_why_there_are_none(saved: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["play", "--list", "--json"])
    out, err = capsys.readouterr()
    if code == DONE:
        assert set(json.loads(out)) == {"outputs", "inputs"}
    else:
        assert (code, "MIDI" in err) == (FAILED, True)
    assert main(["play", saved, "--port", "a port that nobody has"]) == FAILED
    assert "Error:" in capsys.readouterr().err


def test_breaking_off_lets_go_of_the_keys(saved: str) -> None:
    try:
        system = find_system()
    except UserError as error:
        pytest.skip(f"needs a MIDI system: {error}")
    if system.virtual_obstacle:
        pytest.skip(system.virtual_obstacle)
    import mido

    backend = mido.Backend(f"mido.backends.rtmidi/{system.api}")  # type: ignore[attr-defined]
    with backend.open_input("in", client_name="Broken off") as listener:
        wait_until(lambda: any(name.startswith("Broken off:in") for name in system.outputs()))
        command = [*program_command(), "play", saved, "--port", "Broken off:in", "--speed", "0.25"]
        player = subprocess.Popen(command, env=program_environment(), stdin=subprocess.DEVNULL)
        got: list[list[int]] = []

        def hear() -> int:
            got.extend(message.bytes() for message in listener.iter_pending())
            return len(got)

        wait_until(lambda: hear() >= 2)
        time.sleep(0.1)
        player.send_signal(signal.SIGINT)
        assert player.wait(PATIENCE_S) == CANCELLED
        wait_until(lambda: hear() >= 8)
    assert got[:2] == [[0x90, 60, 80], [0x91, 48, 60]]
    assert {tuple(data[:2]) for data in got[2:]} == {(0x80, 60), (0x81, 48), (0xB0, 64), (0xB1, 64), (0xB0, 123), (0xB1, 123)}
