"""The demo song: the shipped files are what the recipe makes, and the truth lines up with the sound."""

from __future__ import annotations

import csv
import importlib
import itertools
from pathlib import Path

import av
import numpy as np
import pytest
from scipy.signal import butter, sosfilt

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "resources" / "demo"
RATE = 48000


@pytest.fixture(scope="module")
def sound():
    """The recording, [2, n]."""
    with av.open(str(DEMO / "six-oclock-ferry.opus")) as container:
        return np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)


def beats() -> tuple[np.ndarray, np.ndarray]:
    table = np.loadtxt(DEMO / "beats.txt", delimiter="\t")
    return table[:, 0], table[:, 1]


def test_the_recipe_makes_the_shipped_score_and_truth(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "packaging" / "demo_song"))
    make, score = importlib.import_module("make"), importlib.import_module("score")
    parts = score.band()
    make.write_midi(parts, tmp_path / "six-oclock-ferry.mid")
    make.write_truth(parts, tmp_path)
    for made in tmp_path.iterdir():
        assert made.read_bytes() == (DEMO / made.name).read_bytes(), made.name


def test_the_recording_is_healthy(sound):
    times, _ = beats()
    assert 45 <= sound.shape[1] / RATE <= 75
    assert times[-1] < sound.shape[1] / RATE
    assert 0.5 < np.abs(sound).max() < 0.99
    assert -22 < 20 * np.log10(np.sqrt(np.mean(sound**2))) < -12
    left, right = np.sqrt(np.mean(sound**2, axis=1))
    assert 0.7 < left / right < 1.4


def test_the_drums_fall_on_the_beats(sound):
    times, numbers = beats()
    high = sosfilt(butter(4, 6000, "highpass", output="sos", fs=RATE), sound.mean(0))
    step = RATE // 1000
    energy = np.log(np.sqrt(np.add.reduceat(high**2, np.arange(0, len(high), step))) + 1e-4)
    late = []
    for time in times[8:96]:
        at = round(time * 1000)
        rise = np.convolve(energy[at - 30 : at + 40], [1, 1, 1, -1, -1, -1], "valid")
        late.append(int(rise.argmax()) + 3 - 30)
    assert abs(np.median(late)) <= 10
    assert np.mean(np.abs(late) <= 10) > 0.9
    assert list(numbers[:5]) == [1, 2, 3, 4, 1]


def test_melody_is_one_voice_and_chords_leave_no_gap():
    with (DEMO / "melody.csv").open() as file:
        melody = [(float(row["start"]), float(row["end"]), int(row["pitch"])) for row in csv.DictReader(file)]
    assert all(start < end <= following for (start, end, _), (following, _, _) in itertools.pairwise(melody))
    assert {60 <= pitch <= 84 for _, _, pitch in melody} == {True}
    with (DEMO / "chords.csv").open() as file:
        chords = list(csv.DictReader(file))
    assert chords[0]["start_beat"] == "0"
    assert all(one["end_beat"] == other["start_beat"] for one, other in itertools.pairwise(chords))
    assert float(chords[-1]["end_beat"]) == len(beats()[0])
