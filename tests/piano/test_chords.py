"""Chords, key and bass of a band that plays known ones, and of the demo song."""

from __future__ import annotations

import csv
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from desktop.jobs.progress import Progress
from desktop.models.library import Library
from desktop.models.session import Session, open_session
from desktop.piano.audio import load_audio
from desktop.piano.bass import bass_line
from desktop.piano.chords import estimate_chords
from desktop.piano.chroma import beat_chroma
from desktop.piano.cover import Chord, Grid
from desktop.piano.transcription import posteriors
from tests.piano.band import RATE, Bar, play

DEMO = Path(__file__).resolve().parents[2] / "resources" / "demo"
SONG: list[Bar] = [(0, "maj"), (7, "maj"), (9, "min"), (5, "maj"), (0, "maj"), (5, "maj"), (7, "maj"), (0, "maj")]


@pytest.fixture(scope="module")
def transcriber(machine_models: Path) -> Session:
    return open_session(Library(machine_models).ensure("basic-pitch", Progress()) / "nmp.onnx", device="cpu")


def family(quality: str) -> str:
    return {"min7": "min", "maj7": "maj", "7": "maj"}.get(quality, quality)


def at(chords: tuple[Chord, ...], beat: float) -> Chord | None:
    return next((chord for chord in chords if chord.start <= beat < chord.end), None)


@pytest.mark.parametrize("shift", [0, 3, 8])
def test_a_known_progression_in_any_key(shift: int, transcriber: Session) -> None:
    bars: list[Bar] = [((root + shift) % 12, quality) for root, quality in SONG]
    samples, times = play(bars, 100.0)
    heard = posteriors(samples, transcriber)
    grid = Grid(times)
    key, chords = estimate_chords(heard, samples, grid)
    assert (key.tonic, key.mode) == (shift, "major")
    right = [
        (c := at(chords, beat + 0.5)) is not None and (c.root, family(c.quality)) == bars[beat // 4] for beat in range(len(times))
    ]
    assert np.mean(right) > 0.9
    assert all(a.end <= b.start for a, b in pairwise(chords))
    assert all(chord.start == int(chord.start) and chord.end == int(chord.end) > chord.start for chord in chords)


def test_a_minor_key(transcriber: Session) -> None:
    bars: list[Bar] = [(9, "min"), (2, "min"), (4, "maj"), (9, "min"), (5, "maj"), (2, "min"), (4, "maj"), (9, "min")]
    samples, times = play(bars, 90.0)
    key, _ = estimate_chords(posteriors(samples, transcriber), samples, Grid(times))
    assert key.name == "A minor"


def test_an_instrument_out_of_tune_is_followed(transcriber: Session) -> None:
    samples, times = play(SONG, 100.0)
    slower = 2 ** (-0.3 / 12)
    bent = np.interp(np.arange(0, len(samples) - 1, slower), np.arange(len(samples)), samples).astype(np.float32)
    key, chords = estimate_chords(posteriors(bent, transcriber), bent, Grid(times / slower))
    right = [(c := at(chords, beat + 0.5)) is not None and c.root == SONG[beat // 4][0] for beat in range(len(times))]
    assert key.tonic == 0 and np.mean(right) > 0.85


def test_silence_has_no_chords(transcriber: Session) -> None:
    samples, times = play(SONG, 100.0)
    quiet = np.concatenate([samples, np.zeros(8 * RATE, np.float32)])
    grid = Grid(np.arange(times[0], len(quiet) / RATE, 0.6))
    _, chords = estimate_chords(posteriors(quiet, transcriber), quiet, grid)
    assert chords[-1].end <= grid.beats(times[-1] + 2.5)


def test_the_bass_line(transcriber: Session) -> None:
    samples, times = play(SONG, 100.0)
    heard = posteriors(samples, transcriber)
    grid = Grid(times)
    _, chords = estimate_chords(heard, samples, grid)
    line = bass_line(heard, grid, chords)
    assert np.all(line["end"] > line["start"]) and np.all(line["start"][1:] >= line["end"][:-1] - 1e-9)
    middle = times[:-1] + 0.2
    index = np.searchsorted(line["start"], middle, side="right") - 1
    wanted = np.array([36 + (root - 36) % 12 for root, _ in SONG for _ in range(4)])[:-1]
    assert np.mean(line["pitch"][index] == wanted) > 0.85


def test_no_bass_where_nothing_sounds() -> None:
    from desktop.piano.transcription import Posteriors

    silent = Posteriors(np.zeros((300, 88), np.float32), np.zeros((300, 88), np.float32), np.zeros((300, 264), np.float32))
    assert len(bass_line(silent, Grid(np.arange(6) * 0.5), ())) == 0


def test_the_demo_song(transcriber: Session) -> None:
    audio = load_audio(DEMO / "six-oclock-ferry.opus")
    grid = Grid(np.loadtxt(DEMO / "beats.txt")[:, 0])
    key, chords = estimate_chords(posteriors(audio.samples, transcriber), audio.samples, grid)
    with (DEMO / "chords.csv").open() as file:
        truth = [(float(r["start_beat"]), float(r["end_beat"]), int(r["root"])) for r in csv.DictReader(file)]
    right = [
        (c := at(chords, beat + 0.5)) is not None and c.root == root for a, b, root in truth for beat in range(int(a), int(b))
    ]
    assert key.name == "D major" and np.mean(right) > 0.85


def test_chroma_is_scaled_and_has_no_gaps(transcriber: Session) -> None:
    samples, times = play(SONG[:4], 120.0)
    edges = np.append(times, [times[-1] + 0.5, times[-1] + 60.0])  # far beyond the sound
    chroma = beat_chroma(posteriors(samples, transcriber), samples, edges)
    assert chroma.shape == (len(edges) - 1, 72) and np.isfinite(chroma).all()
    lengths = np.linalg.norm(chroma.reshape(len(chroma), 6, 12), axis=2)
    assert lengths.max() <= 1.001 and np.median(lengths[:-2]) == pytest.approx(1.0, abs=0.01)
