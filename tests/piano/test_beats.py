"""Beats of a band whose tempo is known, of the demo song and of recordings; the user's corrections and files of beats."""

from __future__ import annotations

from pathlib import Path

import mir_eval
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.errors import UsageError, UserError
from desktop.jobs.progress import Progress
from desktop.models.library import Library
from desktop.models.session import Session, open_session
from desktop.piano.audio import load_audio
from desktop.piano.beats import apply_beats_option, read_beats, track_beats
from desktop.piano.cover import Grid
from desktop.piano.pulse import PULSE_RATE, pulse
from desktop.piano.tatums import find_tatums
from desktop.piano.transcription import posteriors
from tests.piano.band import RATE, play

DEMO = Path(__file__).resolve().parents[2] / "resources" / "demo"
POP = [(0, "maj"), (7, "maj"), (9, "min"), (5, "maj")]


@pytest.fixture(scope="module")
def transcriber(machine_models: Path) -> Session:
    return open_session(Library(machine_models).ensure("basic-pitch", Progress()) / "nmp.onnx", device="cpu")


@pytest.fixture(scope="module")
def beatnet(machine_models: Path) -> Session:
    return open_session(Library(machine_models).ensure("beatnet", Progress()) / "beatnet.onnx", device="cpu")


def f_measure(reference: np.ndarray, estimate: np.ndarray) -> float:
    return float(mir_eval.beat.f_measure(mir_eval.beat.trim_beats(reference), mir_eval.beat.trim_beats(estimate)))


@pytest.mark.parametrize("tempo", [76.0, 97.3, 128.0])
def test_a_band_in_four(tempo: float, transcriber: Session, beatnet: Session) -> None:
    samples, times = play(POP * 4, tempo)
    grid = track_beats(samples, RATE, posteriors(samples, transcriber), beatnet)
    assert f_measure(times, grid.times) > 0.95
    assert grid.tempo == pytest.approx(tempo, rel=0.01)
    assert grid.meter == 4
    assert f_measure(times[::4], grid.times[grid.downbeat :: 4]) > 0.9
    assert grid.times[0] < 60 / tempo and grid.times[-1] > len(samples) / RATE - 60 / tempo - 0.01


def test_a_waltz(transcriber: Session, beatnet: Session) -> None:
    samples, times = play(POP * 5, 110.0, meter=3)
    grid = track_beats(samples, RATE, posteriors(samples, transcriber), beatnet)
    assert f_measure(times, grid.times) > 0.9
    assert grid.meter == 3 and f_measure(times[::3], grid.times[grid.downbeat :: 3]) > 0.9


def test_without_the_network(transcriber: Session) -> None:
    samples, times = play(POP * 4, 104.0)
    grid = track_beats(samples, RATE, posteriors(samples, transcriber))
    corrected = [grid, grid.doubled(), grid.halved(), grid.shifted()]
    assert max(f_measure(times, one.times) for one in corrected) > 0.95


def test_the_demo_song_to_its_slower_end(transcriber: Session, beatnet: Session) -> None:
    audio = load_audio(DEMO / "six-oclock-ferry.opus")
    grid = track_beats(audio.samples, audio.rate, posteriors(audio.samples, transcriber), beatnet)
    truth = np.loadtxt(DEMO / "beats.txt")
    assert f_measure(truth[:, 0], grid.times) > 0.93
    assert f_measure(truth[truth[:, 1] == 1, 0], grid.times[grid.downbeat :: grid.meter]) > 0.85


def test_recordings_with_one_correction(shared: Path, transcriber: Session, beatnet: Session) -> None:
    for name in ("feelings", "metal_madness"):
        audio = load_audio(shared / "songs" / name / f"{name}.ogg")
        grid = track_beats(audio.samples, audio.rate, posteriors(audio.samples, transcriber), beatnet)
        truth = np.loadtxt(shared / "songs" / name / "beats.txt")[:, 0]
        options = {option: f_measure(truth, apply_beats_option(grid, option).times) for option in ("auto", "x2", "half", "shift")}
        assert max(options.values()) > 0.9, (name, options)


def test_a_tempo_that_drifts_is_followed(beatnet: Session) -> None:
    samples, times = play(POP * 6, 100.0)
    # Played back ever faster: the beats move together.
    stretch = np.cumsum(np.linspace(0.9, 1.1, len(samples)))
    stretch = stretch[stretch < len(samples) - 1]
    bent = np.interp(stretch, np.arange(len(samples)), samples).astype(np.float32)
    bent_times = np.interp(times * RATE, stretch, np.arange(len(stretch))) / RATE
    tatums, constant = find_tatums(pulse(bent, beatnet).beat, PULSE_RATE)
    assert not constant
    assert max(f_measure(bent_times, tatums[k::2]) for k in range(2)) > 0.9


def test_a_constant_tempo_is_seen_and_exact(beatnet: Session) -> None:
    samples, times = play(POP * 6, 93.7)
    tatums, constant = find_tatums(pulse(samples, beatnet).beat, PULSE_RATE)
    assert constant and np.ptp(np.diff(tatums)) < 1e-9
    assert 30 / np.diff(tatums)[0] == pytest.approx(93.7, rel=1e-3)
    assert np.abs(times[:, None] - tatums).min(axis=1).max() < 0.03


def test_the_same_sound_gives_the_same_grid(transcriber: Session, beatnet: Session) -> None:
    samples, _ = play(POP, 120.0)
    heard = posteriors(samples, transcriber)
    one, two = (track_beats(samples, RATE, heard, beatnet) for _ in range(2))
    assert np.array_equal(one.times, two.times) and (one.meter, one.downbeat) == (two.meter, two.downbeat)


@pytest.mark.parametrize("seconds", [1.0, 2.5])
def test_very_short_sounds_have_a_grid(seconds: float, transcriber: Session, beatnet: Session) -> None:
    samples = play(POP, 120.0)[0][: int(seconds * RATE)]
    grid = track_beats(samples, RATE, posteriors(samples, transcriber), beatnet)
    assert len(grid.times) >= 2 and 40 < grid.tempo < 240


def test_corrections() -> None:
    grid = Grid(np.arange(16) * 0.5, downbeat=2)
    assert apply_beats_option(grid, "auto") is grid
    assert apply_beats_option(grid, "x2").tempo == pytest.approx(240)
    assert apply_beats_option(grid, "half").tempo == pytest.approx(60)
    assert apply_beats_option(grid, "shift").times[0] == pytest.approx(0.25)
    with pytest.raises(UsageError, match="faster"):
        apply_beats_option(grid, "faster")


def test_a_file_of_beats(tmp_path: Path) -> None:
    path = tmp_path / "beats.txt"
    path.write_text(
        "# tapped\n\n0.5\t3\n1.0\t1\r\n1.5 2  # second\n2.0, 3\n2.5\t1\n3.0\t2\n3.5\t3\n4.0\t1\n", encoding="utf-8-sig"
    )
    grid = apply_beats_option(Grid(np.array([0.0, 1.0])), str(path))
    assert grid.times.tolist() == [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0]
    assert grid.meter == 3 and grid.downbeat == 1


def test_a_file_of_times_alone(tmp_path: Path) -> None:
    (tmp_path / "beats.txt").write_text("0.5\n1.0\n1.5\n")
    grid = read_beats(tmp_path / "beats.txt")
    assert (grid.meter, grid.downbeat, len(grid.times)) == (4, 0, 3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0.5\t1\nlater\t2\n", "Line 2"),
        ("0.5\t1\n1.0\ttwo\n", "Line 2"),
        ("0.5\t1\n\n0.4\t2\n", "Line 3 of the file of beats: the beat at 0.4 s is not later"),
        ("0.5\t1\n0.5\t2\n", "Line 2"),
        ("0.5\t1\n20\t2\n", "19.50 s after"),
        ("-1\t1\n0.5\t2\n", "Line 1"),
        ("nan\t1\n", "Line 1"),
        ("inf\t1\n", "Line 1"),
        ("1\tinf\n", "Line 1"),
        ("0.5\t99\n", "not between 1 and 12"),
        ("0.5\t1\n", "fewer than two"),
        ("", "fewer than two"),
    ],
)
def test_wrong_lines_are_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "beats.txt"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_beats(path)
    assert words in caught.value.message and caught.value.path == str(path) and caught.value.remedy


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "beats.txt").write_bytes(b"\xff\xfe\x00\x81" * 100)
    with pytest.raises(UserError, match="not a text file"):
        read_beats(tmp_path / "beats.txt")


@given(st.lists(st.floats(0.15, 3.0), min_size=8, max_size=60), st.integers(2, 7), st.integers(0, 6))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, gaps: list[float], meter: int, phase: int) -> None:
    times = np.round(np.cumsum(gaps), 4)
    path = tmp_path_factory.mktemp("beats") / "beats.txt"
    path.write_text("".join(f"{t:.4f}\t{(k - phase) % meter + 1}\n" for k, t in enumerate(times)))
    grid = read_beats(path)
    assert np.allclose(grid.times, times)
    firsts = [k for k in range(len(times)) if (k - phase) % meter == 0]
    if len(firsts) > 1:
        assert grid.meter == meter and grid.downbeat == phase % meter
