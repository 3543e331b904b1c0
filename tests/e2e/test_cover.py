"""A cover from the command to the files: right on the demo song, the same each time, quick, and small in memory."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path

import av
import numpy as np
import pretty_midi
import pytest

from desktop.paths import resources
from desktop.piano.project import load_project
from tests.e2e.command import reprise

pytestmark = pytest.mark.usefixtures("home_with_models")

DEMO = resources() / "demo" / "six-oclock-ferry.opus"


def notes(path: Path) -> list[tuple[float, float, int, int]]:
    """Start, end, pitch and velocity of every note, in order."""
    midi = pretty_midi.PrettyMIDI(str(path))
    return sorted((n.start, n.end, n.pitch, n.velocity) for i in midi.instruments for n in i.notes)


def test_the_cover_lines_up_with_the_song(tmp_path: Path) -> None:
    """Bar lines of the MIDI file fall on the downbeats that the song was composed on."""
    answer = reprise("cover", DEMO, "-o", tmp_path, "--json")
    assert answer.code == 0, answer.err
    midi = pretty_midi.PrettyMIDI(str(tmp_path / f"{DEMO.stem}.mid"))
    truth = np.loadtxt(DEMO.parent / "beats.txt")
    downbeats = truth[truth[:, 1] == 1, 0]
    lines = midi.get_downbeats()
    off = [np.abs(lines - at).min() for at in downbeats]
    assert np.mean(np.array(off) < 0.07) > 0.8  # the last bars slow down
    assert midi.time_signature_changes[-1].numerator == 4
    assert [i.name for i in midi.instruments] == ["Right hand", "Left hand"]
    cover = load_project(tmp_path / f"{DEMO.stem}.reprise")
    got = np.array([n[0] for n in notes(tmp_path / f"{DEMO.stem}.mid")])
    assert np.abs(got - np.sort(cover.note_seconds()[0])).max() < 0.0015


def test_every_style_and_difficulty_and_the_same_again(tmp_path: Path) -> None:
    """One analysis serves them all; two processes give the same notes."""
    found = {}
    for style, difficulty in (
        ("ballad", "easy"),
        ("arpeggio", "full"),
        ("stride", "medium"),
        ("rock", "full"),
        ("chorale", "easy"),
    ):
        out = tmp_path / style
        answer = reprise("cover", DEMO, "-o", out, "--style", style, "--difficulty", difficulty, "--json")
        assert answer.code == 0, answer.err
        result = answer.events[-1]["result"]
        assert result["playability"]["violations"] == 0 and result["style"] == style
        found[style] = (out / f"{DEMO.stem}.mid").read_bytes()
    assert len(set(found.values())) == len(found)
    again = reprise("cover", DEMO, "-o", tmp_path / "again", "--style", "rock", "--difficulty", "full")
    assert again.code == 0
    assert (tmp_path / "again" / f"{DEMO.stem}.mid").read_bytes() == found["rock"]


def longer(path: Path, times: int) -> Path:
    """The demo song so many times in a row, as mp3."""
    with av.open(str(DEMO)) as source, av.open(str(path), "w") as out:
        stream = out.add_stream("libmp3lame", rate=44100, layout="stereo")
        resampler = av.AudioResampler("s16p", "stereo", 44100)
        blocks = [part.to_ndarray() for frame in source.decode(audio=0) for part in resampler.resample(frame)]
        sound = np.concatenate(blocks, axis=1)
        for start in range(0, sound.shape[1] * times, 44100):
            block = np.take(sound, np.arange(start, min(start + 44100, sound.shape[1] * times)), axis=1, mode="wrap")
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), format="s16p", layout="stereo")
            frame.sample_rate, frame.pts = 44100, start
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs resource usage of children")
def test_three_minutes_cost_little(tmp_path: Path) -> None:
    """Processor time and memory, which other work on the computer does not change much; the clock is for the benchmark."""
    song = longer(tmp_path / "long.mp3", 3)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    answer = reprise("cover", song, "-o", tmp_path / "out", "--audio", "--json")
    assert answer.code == 0, answer.err
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert answer.events[-1]["result"]["duration"] > 170
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert spent < 60, f"{spent:.1f} s of processor, {time.perf_counter() - start:.1f} s of waiting"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_ten_minutes_work(tmp_path: Path) -> None:
    song = longer(tmp_path / "long.mp3", 10)
    answer = reprise("cover", song, "-o", tmp_path / "out", "--audio", "--json", timeout=580)
    assert answer.code == 0, answer.err
    result = answer.events[-1]["result"]
    assert result["duration"] > 600 and result["playability"]["violations"] == 0
