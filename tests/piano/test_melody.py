"""The melody finder on real sound: the shipped network, the demo song with its ground truth, and silence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from desktop.jobs.progress import Cancelled, Progress
from desktop.models.library import Library
from desktop.models.session import Session, open_session
from desktop.paths import resources
from desktop.piano.audio import load_audio
from desktop.piano.cover import Notes
from desktop.piano.line import LINE
from desktop.piano.melody import extract_melody, melody_salience
from desktop.piano.melody_features import FEATURE_RATE, features
from desktop.piano.transcription import RATE, Posteriors, posteriors

Floats = npt.NDArray[np.float32]
STEP = 0.02


@pytest.fixture(scope="module")
def transcriber(machine_models: Path) -> Session:
    return open_session(Library(machine_models).ensure("basic-pitch", Progress()) / "nmp.onnx", device="cpu")


@pytest.fixture(scope="module")
def finder(machine_models: Path) -> Session:
    return open_session(Library(machine_models).folder("melody") / "melody.onnx", device="cpu")


@pytest.fixture(scope="module")
def demo(transcriber: Session) -> tuple[Floats, Posteriors]:
    samples = load_audio(resources() / "demo" / "six-oclock-ferry.opus", RATE).samples
    return samples, posteriors(samples, transcriber)


def pitches(notes: Notes, seconds: float) -> npt.NDArray[np.int64]:
    """MIDI pitch every STEP seconds, 0 for silence."""
    curve = np.zeros(int(seconds / STEP), np.int64)
    for note in notes:
        curve[round(note["start"] / STEP) : round(note["end"] / STEP)] = note["pitch"]
    return curve


def truth(path: Path) -> Notes:
    rows = np.loadtxt(path, delimiter=",", skiprows=1)
    out = np.zeros(len(rows), LINE)
    out["start"], out["end"], out["pitch"] = rows[:, 0], rows[:, 1], rows[:, 2]
    return out


def accuracy(wanted: Notes, found: Notes, seconds: float) -> tuple[float, float]:
    """Share of the sung time with the right pitch class, and with the right pitch."""
    a, b = pitches(wanted, seconds), pitches(found, seconds)
    sung = a > 0
    return float(np.mean(((a - b) % 12 == 0)[sung] & (b > 0)[sung])), float(np.mean((a == b)[sung]))


def test_the_demo_song_has_its_tune(demo: tuple[Floats, Posteriors], finder: Session) -> None:
    samples, heard = demo
    found = extract_melody(heard, samples, finder)
    chroma, pitch = accuracy(truth(resources() / "demo" / "melody.csv"), found, len(samples) / RATE)
    assert chroma > 0.8
    assert pitch > 0.7


def test_a_line_is_one_voice_in_range_and_the_same_twice(demo: tuple[Floats, Posteriors], finder: Session) -> None:
    samples, heard = demo
    found = extract_melody(heard, samples, finder)
    assert found.dtype == LINE
    assert len(found) > 50
    assert (found["start"] < found["end"]).all()
    assert (found["end"][:-1] <= found["start"][1:]).all()
    assert found["start"][0] >= 0 and found["end"][-1] <= len(samples) / RATE + 0.05
    assert ((found["pitch"] >= 36) & (found["pitch"] <= 96)).all()
    assert ((found["confidence"] > 0) & (found["confidence"] <= 1)).all()
    assert np.array_equal(found, extract_melody(heard, samples, finder))


def test_pieces_of_a_long_song_fit_together(demo: tuple[Floats, Posteriors], finder: Session) -> None:
    samples, heard = demo
    whole = features(heard, samples)
    frames = whole.maps.shape[1] // 2 * 2
    found = type(whole)(whole.maps[:, :frames], whole.spectrum[:frames])
    twice = type(found)(np.concatenate([found.maps] * 3, 1), np.concatenate([found.spectrum] * 3))
    once, long = melody_salience(found, finder), melody_salience(twice, finder)
    assert len(long.silence) == 3 * frames
    np.testing.assert_allclose(long.pitch.sum(1) + long.silence, 1, atol=1e-4)
    inner = slice(500, 1000)
    np.testing.assert_allclose(long.pitch[inner], once.pitch[inner], atol=1e-3)
    middle = slice(frames + 500, frames + 1000)
    np.testing.assert_allclose(long.pitch[middle], once.pitch[inner], atol=1e-3)


@pytest.mark.parametrize("seconds", [0.2, 3.0])
def test_silence_has_no_melody(seconds: float, transcriber: Session, finder: Session) -> None:
    samples = np.zeros(int(seconds * RATE), np.float32)
    assert len(extract_melody(posteriors(samples, transcriber), samples, finder)) == 0


def test_it_can_be_cancelled(demo: tuple[Floats, Posteriors], finder: Session) -> None:
    class Impatient(Progress):
        def checkpoint(self) -> None:
            raise Cancelled

    with pytest.raises(Cancelled):
        extract_melody(demo[1], demo[0], finder, Impatient())


def test_features_say_which_pitch_is_loud_and_when(transcriber: Session) -> None:
    t = np.arange(4 * RATE) / RATE
    samples = (0.5 * np.sin(2 * np.pi * 440 * t) * (t >= 2)).astype(np.float32)
    found = features(posteriors(samples, transcriber), samples)
    assert found.maps.shape[1] == len(found.spectrum)
    assert found.maps.dtype == found.spectrum.dtype == np.float32
    late = int(3 * FEATURE_RATE)
    assert found.spectrum[late].argmax() == 69 - 21
    assert found.maps[0, late].argmax() == 69 - 21
    rises = np.flatnonzero(found.spectrum[:, 69 - 21] > 0.6)[0]
    assert abs((rises + 0.25) / FEATURE_RATE - 2) < 0.1


def test_a_real_singer(shared: Path, transcriber: Session, finder: Session) -> None:
    """The first verse of a folk song, whose held notes a pitch tracker for single voices reads the same way."""
    samples = load_audio(shared / "songs" / "lets_go_fishin" / "lets_go_fishin.ogg", RATE).samples[: 40 * RATE]
    found = extract_melody(posteriors(samples, transcriber), samples, finder)
    curve = pitches(found, 40)
    for start, end, pitch in SUNG:
        assert np.mean(curve[round(start / STEP) : round(end / STEP)] == pitch) > 0.6, (start, end, pitch)


# Held notes of the verse: start, end, pitch.
SUNG = [
    (11.73, 12.16, 65),
    (13.81, 14.5, 60),
    (22.3, 22.7, 65),
    (23.44, 23.8, 65),
    (25.49, 25.86, 58),
    (26.35, 26.86, 65),
    (32.91, 33.6, 67),
    (33.86, 34.5, 65),
    (35.65, 36.29, 60),
    (38.35, 38.99, 67),
]
