"""Covers from strangers: MIDI files and projects, whatever is in them, are a cover that can be used, or refused."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import mido
import msgspec
import numpy as np
import pytest
from hypothesis import strategies as st

from desktop.piano.beats import read_beats
from desktop.piano.cover import NOTE, PEDAL, Chord, Cover, Grid, Key
from desktop.piano.midi import write_midi
from desktop.piano.open_cover import open_cover
from desktop.piano.project import VERSION, encode_project
from tests.fuzz.mutating import broken, how_many, refuses, rewritten, tried


def small_cover() -> Cover:
    """Eight notes, two chords, a pedal."""
    notes = np.zeros(8, NOTE)
    notes["start"], notes["end"] = np.arange(8), np.arange(8) + 0.5
    notes["pitch"], notes["velocity"], notes["hand"] = 60 + np.arange(8), 64, np.arange(8) % 2
    grid = Grid(np.arange(10) * 0.5 + 0.25, 1, 4)
    chords = (Chord(0.0, 4.0, 0, "maj", 0), Chord(4.0, 8.0, 9, "min7", 4))
    return Cover(
        "A song", notes, np.array([(0.0, 2.0), (2.5, 4.0)], PEDAL), grid, chords, Key(9, "minor"), 5.0, {"beats": "auto"}, grid
    )


def used(path: Path) -> None:
    """Open a cover and do with it what every opened cover gets: its length in seconds, its bars, another file."""
    cover = open_cover(path)
    start, end = cover.note_seconds()
    assert np.isfinite(start).all() and np.isfinite(end).all() and (end >= start).all()
    assert np.isfinite(cover.duration) and cover.duration >= 0
    assert cover.grid.bars >= 0 and cover.title is not None
    write_midi(cover, path.with_name("again.mid"))
    encode_project(cover)


def midi_bytes(tracks: list[bytes], *, kind: int = 1, division: int = 480) -> bytes:
    """A MIDI file of these tracks' events."""
    head = b"MThd" + struct.pack(">IHHH", 6, kind, len(tracks), division & 0xFFFF)
    return head + b"".join(b"MTrk" + struct.pack(">I", len(track)) + track for track in tracks)


NOTES = b"\x00\x90\x3c\x40\x60\x80\x3c\x40"
END = b"\x00\xff\x2f\x00"
FAR = b"\xff\xff\xff\x7f"
KNOWN_MIDI = [
    # A head of gigabytes.
    b"MThd\xff\xff\xff\xff" + midi_bytes([NOTES + END])[8:],
    # The last event lies beyond any song: a beat for each second of centuries.
    midi_bytes([NOTES + (FAR + b"\x90\x3c\x40" + FAR + b"\x80\x3c\x40") * 200 + END], division=1),
    # Frames of film instead of beats.
    midi_bytes([NOTES + END], division=-25 * 256 + 40),
    # A tempo of no time at all, after centuries.
    midi_bytes([NOTES + FAR * 1 + b"\xff\x51\x03\x00\x00\x00" + NOTES * 3 + END]),
    # A text that is no UTF-8, then one that ends too early.
    midi_bytes([b"\x00\xff\x03\x02\xff\xfe" + NOTES + b"\x00\xff\x59\x02\x7f\x7f"]),
    midi_bytes([b"\x00\xff\x03\x02\xff\xfe" + NOTES + b"\x00\xff\x51\x00" + END]),
    midi_bytes([b"\x00\xff\x58\x04\x00\xff\x18\x08" + NOTES + END]),
]


@how_many
def test_midi(tmp_path: Path, examples: int) -> None:
    write_midi(small_cover(), whole := tmp_path / "whole.mid")
    file = tmp_path / "song.mid"

    def check(data: bytes) -> None:
        file.write_bytes(data)
        refuses(lambda: used(file))

    tried(check, broken([whole.read_bytes(), midi_bytes([NOTES * 3 + END])]), examples, KNOWN_MIDI)


def test_midi_read_by_the_second_library_is_still_the_file(tmp_path: Path) -> None:
    """The seeds are whole: fuzzing something that nobody could read would prove nothing."""
    (file := tmp_path / "song.mid").write_bytes(midi_bytes([NOTES * 3 + END]))
    assert len(mido.MidiFile(file).tracks) == 1
    used(file)


def project_bytes(tree: Any, version: int = VERSION) -> bytes:
    """A project file with this body and a right checksum."""
    body = tree if isinstance(tree, bytes) else msgspec.msgpack.encode(tree)
    return struct.pack("<8sIQI", b"REPRISE\n", version, len(body), zlib.crc32(body)) + body


def body() -> dict[str, Any]:
    """What is in the small cover's project."""
    found: dict[str, Any] = msgspec.msgpack.decode(encode_project(small_cover())[24:])
    return found


def _notes(**columns: float) -> bytes:
    notes = small_cover().notes.copy()
    for name, value in columns.items():
        notes[name][:4] = value
    return notes.tobytes()


KNOWN_PROJECTS = [
    project_bytes(b"\x91" * 20_000),
    project_bytes(b"\xa1\xff"),
    project_bytes([1]),
    project_bytes([1], version=1),
    project_bytes({**body(), "info": {"a": 1}, "duration": float("nan")}),
    project_bytes({**body(), "duration": -1.0}),
    project_bytes({**body(), "duration": 1e308}),
    project_bytes({**body(), "notes": _notes(start=1e300, end=1e301)}),
    project_bytes({**body(), "notes": _notes(start=-1e18)}),
    project_bytes({**body(), "notes": _notes(end=1e15)}),
    project_bytes({**body(), "beats": np.array([0.0, 1e300, 1.7e308]).tobytes()}),
    project_bytes({**body(), "beats": np.array([-1e308, 1.7e308]).tobytes()}),
    project_bytes({**body(), "beats": np.array([0.0, 5e-324]).tobytes()}),
    project_bytes({**body(), "chords": [[float("nan"), 1e300, 0, "maj", 0]]}),
    project_bytes({**body(), "chords": [[5.0, 1.0, 0, "maj", 0]]}),
    project_bytes({**body(), "pedals": np.array([(1e300, -1e300)], PEDAL).tobytes()}),
    project_bytes({**body(), "meter": 2**63}),
    project_bytes({**body(), "title": "a\0b\ud7ff"}),
]


@how_many
def test_projects(tmp_path: Path, examples: int) -> None:
    file = tmp_path / "song.reprise"
    whole = encode_project(small_cover())

    def check(data: bytes) -> None:
        file.write_bytes(data)
        refuses(lambda: used(file))

    # A checksum keeps accidents out; whoever means it computes it anew.
    tampered = broken([whole[24:]]).map(project_bytes) | rewritten(body()).map(project_bytes)
    tried(check, st.one_of(broken([whole]), tampered, tampered), examples, KNOWN_PROJECTS)


@how_many
def test_lists_of_beats(tmp_path: Path, examples: int) -> None:
    file = tmp_path / "beats.txt"

    def check(data: bytes) -> None:
        file.write_bytes(data)
        refuses(lambda: np.isfinite(read_beats(file).tempo))

    tried(
        check, broken([b"0.5\t1\n1.0\t2\n1.5\t3\n2.0\t4\n2.5\t1\n", b"0.5\n1.0\n1.5\n"]), examples, [b"0\t1\n5e-324\t2\n1\t3\n"]
    )


@pytest.mark.parametrize("suffix", [".reprise", ".mid"])
def test_a_folder_is_no_cover(tmp_path: Path, suffix: str) -> None:
    (place := tmp_path / f"song{suffix}").mkdir()
    assert refuses(lambda: open_cover(place))
