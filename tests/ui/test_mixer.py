"""Mixing: crossfade, loop, and the way back from sound to place."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.errors import UserError
from desktop.ui.mixer import FADE, Mixer, open_pcm

RATE = 1000


def mixer(original: float | None = 0.25, cover: float | None = 0.25, frames: int = 10000) -> Mixer:
    """A mixer of constant sounds."""
    made = Mixer(RATE)
    for name, level in (("original", original), ("cover", cover)):
        if level is not None:
            setattr(made, name, np.full((frames, 2), round(level * 32767), np.int16))
    made.restart()
    made.read(FADE)
    return made


def levels(data: bytes) -> np.ndarray:
    """Samples of the left channel, -1..1."""
    return np.frombuffer(data, "<i2").reshape(-1, 2)[:, 0] / 32767


@given(balance=st.floats(0, 1))
def test_crossfade_keeps_the_power(balance: float) -> None:
    made = mixer()
    made.balance = balance
    one, other = made.gains()
    assert one**2 + other**2 == pytest.approx(1.0)


def test_ends_of_the_crossfade_are_one_sound() -> None:
    made = mixer(original=0.5, cover=0.1)
    made.balance = 0.0
    made.read(100)
    assert levels(made.read(50)) == pytest.approx(0.5, abs=1e-3)
    made.balance = 1.0
    made.read(100)
    assert levels(made.read(50)) == pytest.approx(0.1, abs=1e-3)


def test_a_change_of_balance_does_not_jump() -> None:
    made = mixer(original=0.5, cover=0.0)
    made.balance = 0.0
    made.read(200)
    made.balance = 1.0
    heard = levels(made.read(400))
    assert np.abs(np.diff(heard)).max() < 0.01 and heard[-1] == pytest.approx(0.0, abs=0.01)


def test_one_sound_alone_is_played_whatever_the_balance() -> None:
    made = mixer(original=0.5, cover=None)
    made.balance = 1.0
    assert levels(made.read(100)) == pytest.approx(0.5, abs=1e-3)


def test_loud_sounds_are_held_within_the_range() -> None:
    made = mixer(original=0.99, cover=0.99)
    made.balance = 0.5
    made.read(100)
    assert levels(made.read(100)).max() <= 1.0


def test_the_loop_comes_back_sample_by_sample() -> None:
    made = Mixer(RATE)
    ramp = np.arange(10000, dtype=np.int16)
    made.original = np.stack([ramp, ramp], 1)
    made.loop = (2000, 3000)
    made.seek(2000)
    made.restart()
    data = np.frombuffer(made.read(4500), "<i2").reshape(-1, 2)[:, 0]
    assert made.position == 2500
    assert data[1500] == pytest.approx(2500, abs=1) and data[999] == pytest.approx(2999, abs=1)
    assert made.heard(500) == 2500 and made.heard(1500) == 2500 and made.heard(4200) == 2200


def test_silence_after_the_end() -> None:
    made = mixer(frames=1000)
    made.read(1000)
    assert made.position == 1000
    assert not np.any(levels(made.read(100)))
    assert made.heard(5000) == 1000


def test_a_seek_is_heard_only_when_its_sound_is() -> None:
    made = mixer()
    made.restart()
    made.read(500)
    made.seek(8000)
    made.read(500)
    start = made.heard(0)
    assert made.heard(400) == start + 400
    assert made.heard(600) == 8100


@given(
    jumps=st.lists(st.tuples(st.integers(1, 700), st.integers(0, 9000)), max_size=8),
    asked=st.integers(0, 6000),
)
def test_heard_is_where_the_sound_came_from(jumps: list[tuple[int, int]], asked: int) -> None:
    made = Mixer(RATE)
    ramp = np.arange(10000, dtype=np.int16)
    made.original = np.stack([ramp, ramp], 1)
    made.restart()
    places: list[int] = []
    for count, to in jumps:
        places += range(made.position, min(10000, made.position + count))
        places += [10000] * (count - min(count, 10000 - made.position))
        made.read(count)
        made.seek(to)
    if asked < len(places):
        assert made.heard(asked) == places[asked]


def test_reads_a_wav(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(44100)
        file.writeframes(np.arange(2000, dtype="<i2").tobytes())
    pcm = open_pcm(path)
    assert pcm.rate == 44100 and pcm.frames.shape == (1000, 2) and pcm.frames[10, 1] == 21


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF",
        b"RIFF\0\0\0\0WAVE",
        b"x" * 100,
        b"RIFF\0\0\0\0WAVEdata\x10\0\0\0" + bytes(16),
        b"RIFF\0\0\0\0WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 44100, 88200, 2, 16) + b"data\x10\0\0\0" + bytes(16),
    ],
)
def test_a_file_that_is_no_sound_is_said_so(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    with pytest.raises(UserError) as caught:
        open_pcm(path)
    assert str(path) in str(caught.value) and caught.value.remedy
