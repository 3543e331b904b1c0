"""Sound of covers: the right notes, the pedal, no clipping, and no crash on what is no SoundFont."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from desktop.errors import UserError
from desktop.piano.cover import NOTE, PEDAL, Cover, Grid, Key
from desktop.piano.soundfont import default_soundfont, open_soundfont
from desktop.piano.synth import CEILING, render, sustained

RATE = 22050


def played(notes: list[tuple[float, float, int]], pedals: list[tuple[float, float]] = (), duration: float = 4.0) -> Cover:
    """A cover at one beat a second."""
    array = np.zeros(len(notes), NOTE)
    for i, (start, end, pitch) in enumerate(notes):
        array[i] = (start, end, pitch, 90, 0)
    return Cover("x", array, np.array(list(pedals), PEDAL), Grid(np.arange(8.0)), (), Key(0, "major"), duration)


def level(sound: np.ndarray, start: float, end: float) -> float:
    return float(np.sqrt(np.mean(np.square(sound[int(start * RATE) : int(end * RATE)]))))


def strongest(sound: np.ndarray, start: float, end: float) -> float:
    part = sound[int(start * RATE) : int(end * RATE)].mean(axis=1)
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)), 1 << 17))
    return float(np.argmax(spectrum) * RATE / (1 << 17))


def test_pitch_time_and_shape() -> None:
    sound = render(played([(1.0, 2.0, 69)]), default_soundfont(), RATE)
    assert sound.dtype == np.float32 and sound.shape == (4 * RATE, 2)
    assert level(sound, 0, 0.99) < 1e-4 < level(sound, 1.01, 1.5)
    assert strongest(sound, 1.1, 1.6) == pytest.approx(440, rel=0.01)
    assert 0.05 < np.abs(sound).max() <= CEILING + 1e-6


def test_pedal_sustains() -> None:
    dry = render(played([(0.0, 0.5, 60), (3.0, 3.5, 60)]), default_soundfont(), RATE)
    wet = render(played([(0.0, 0.5, 60), (3.0, 3.5, 60)], [(0.2, 2.5)]), default_soundfont(), RATE)
    assert level(wet, 1.2, 1.8) > 20 * level(dry, 1.2, 1.8)


def test_pedal_ends_at_the_next_stroke_of_the_key() -> None:
    cover = played([(0.0, 0.5, 60), (1.0, 1.5, 60), (1.0, 3.0, 64)], [(0.2, 2.5)])
    start, end = cover.note_seconds()
    assert sustained(start, end, cover).tolist() == [1.0, 2.5, 3.0]


def test_no_notes() -> None:
    assert not np.any(render(played([]), default_soundfont(), RATE))


def test_loud_chords_do_not_clip() -> None:
    notes = [(float(beat), beat + 1.0, pitch) for beat in range(4) for pitch in range(30, 100, 3)]
    assert np.abs(render(played(notes), default_soundfont(), RATE)).max() <= CEILING + 1e-6


def damaged(case: str) -> bytes:
    data = bytearray(default_soundfont().read_bytes())
    if case == "text":
        return b"This is not a SoundFont.\n" * 400
    if case == "empty":
        return b""
    if case == "truncated":
        return bytes(data[: len(data) // 2])
    if case == "almost whole":
        return bytes(data[:-10])
    if case == "another RIFF":
        data[8:12] = b"WAVE"
    if case == "no samples":
        at = data.index(b"smpl")
        data[at : at + 4] = b"junk"
    if case == "bag out of range":
        at = data.index(b"phdr") + 8
        struct.pack_into("<H", data, at + 38 + 24, 65000)
    if case == "sample out of range":
        at = data.index(b"shdr") + 8
        struct.pack_into("<I", data, at + 24, 1 << 31)
    if case == "length lies":
        at = data.index(b"pgen")
        struct.pack_into("<I", data, at + 4, 1 << 30)
    return bytes(data)


@pytest.mark.parametrize(
    "case",
    [
        "text",
        "empty",
        "truncated",
        "almost whole",
        "another RIFF",
        "no samples",
        "bag out of range",
        "sample out of range",
        "length lies",
    ],
)
def test_not_a_soundfont(case: str, tmp_path: Path) -> None:
    path = tmp_path / "x.sf2"
    path.write_bytes(damaged(case))
    with pytest.raises(UserError, match="SoundFont") as caught:
        render(played([(0.0, 1.0, 60)]), path, RATE)
    assert caught.value.path == str(path) and caught.value.remedy


def test_no_soundfont(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.sf2"):
        with pytest.raises(UserError, match="SoundFont"):
            open_soundfont(path)


def test_random_damage_never_reaches_native_code_unseen(tmp_path: Path) -> None:
    """Whatever the tables say, the check answers; it never raises anything else."""
    rng = np.random.default_rng(0)
    data = bytearray(default_soundfont().read_bytes())
    tables = data.index(b"pdta")
    path = tmp_path / "x.sf2"
    for _ in range(60):
        copy = bytearray(data)
        for at in rng.integers(tables, len(data), 20):
            copy[at] = int(rng.integers(256))
        path.write_bytes(copy)
        try:
            open_soundfont(path)
        except UserError:
            continue


@pytest.mark.parametrize("path", sorted(Path("/usr/share/sounds/sf3").glob("*.sf3"))[:1] or [None])
def test_compressed_soundfont(path: Path | None) -> None:
    if path is None:
        pytest.skip("needs an SF3 SoundFont installed on this computer")
    sound = render(played([(1.0, 2.0, 69)]), path, RATE)
    assert strongest(sound, 1.1, 1.6) == pytest.approx(440, rel=0.01)
