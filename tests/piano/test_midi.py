"""MIDI files: other programs see the same notes at the same times, bars on bar lines, and so do we."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pretty_midi
import pytest
import symusic
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.errors import UserError
from desktop.piano.cover import LEFT, NOTE, PEDAL, QUALITIES, RIGHT, Chord, Cover, Grid, Key, sort_notes
from desktop.piano.engines import engine
from desktop.piano.midi import read_midi, write_midi
from desktop.piano.midi_names import CHORDS, chord_text, key_text, parse_key
from desktop.piano.timeline import TICKS, timeline
from tests.piano.pop909 import human_cover, load_song
from tests.piano.random_songs import make_song

MILLISECOND = 0.0011


@pytest.fixture
def cover() -> Cover:
    return engine("sketch")(make_song(5, tempo=97.0), style="ballad", difficulty="medium", title="Ein Lied – 歌")


def steady(first: float, downbeat: int, meter: int = 4, tempo: float = 100.0, beats: int = 24) -> Cover:
    """A note on every beat, the higher ones on downbeats."""
    grid = Grid(first + np.arange(beats) * 60.0 / tempo, downbeat, meter)
    notes = np.zeros(beats, NOTE)
    notes["start"], notes["end"], notes["velocity"] = np.arange(beats), np.arange(beats) + 0.5, 80
    notes["pitch"] = [72 if grid.is_downbeat(beat) else 60 for beat in range(beats)]
    return Cover("Steady", notes, np.zeros(0, PEDAL), grid, (), Key(0, "major"), float(grid.times[-1] + 1))


def starts(cover: Cover, pitch: int) -> np.ndarray:
    return np.sort(cover.note_seconds()[0][cover.notes["pitch"] == pitch])


def compare(a: Cover, b: Cover) -> None:
    """Same notes in seconds, hands, velocities and pedals."""
    assert len(a.notes) == len(b.notes)
    order, other = (np.lexsort((np.round(c.note_seconds()[0], 2), c.notes["pitch"], c.notes["hand"])) for c in (a, b))
    for x, y in zip(a.note_seconds(), b.note_seconds(), strict=True):
        assert np.abs(x[order] - y[other]).max(initial=0) < MILLISECOND
    for name in ("pitch", "velocity", "hand"):
        assert np.array_equal(a.notes[name][order], b.notes[name][other])
    for name in ("down", "up"):
        assert np.abs(a.grid.seconds(a.pedals[name]) - b.grid.seconds(b.pedals[name])).max(initial=0) < MILLISECOND


def test_round_trip(cover: Cover, tmp_path: Path) -> None:
    write_midi(cover, tmp_path / "a.mid")
    read = read_midi(tmp_path / "a.mid")
    compare(cover, read)
    assert (read.title, read.key, read.grid.meter) == (cover.title, cover.key, cover.grid.meter)
    assert [(c.root, c.quality, c.bass) for c in read.chords] == [(c.root, c.quality, c.bass) for c in cover.chords]
    assert read.duration == pytest.approx(cover.duration, abs=0.005)


def test_two_readers_agree(cover: Cover, tmp_path: Path) -> None:
    path = tmp_path / "a.mid"
    write_midi(cover, path)
    want = np.sort(cover.note_seconds()[0])
    pretty = pretty_midi.PrettyMIDI(str(path))
    assert [i.name for i in pretty.instruments] == ["Right hand", "Left hand"]
    got = np.sort([note.start for i in pretty.instruments for note in i.notes])
    assert np.abs(got - want).max() < MILLISECOND
    score = symusic.Score(str(path), ttype="second")
    got = np.sort([note.time for track in score.tracks for note in track.notes])
    assert np.abs(got - want).max() < MILLISECOND
    assert len(score.tracks[0].pedals) == len(cover.pedals)
    assert pretty.key_signature_changes[0].key_number == (cover.key.tonic if cover.key.mode == "major" else cover.key.tonic + 12)


@pytest.mark.parametrize("downbeat", [0, 1, 3])
@pytest.mark.parametrize("first", [0.0, 0.004, 0.03, 0.11, 0.29, 0.5, 0.61, 1.0, 3.7, 30.2])
def test_bars_fall_on_bar_lines(first: float, downbeat: int, tmp_path: Path) -> None:
    cover = steady(first, downbeat)
    write_midi(cover, tmp_path / "a.mid")
    lines = pretty_midi.PrettyMIDI(str(tmp_path / "a.mid")).get_downbeats()
    for at in starts(cover, 72):
        assert np.abs(lines - at).min() < MILLISECOND
    read = read_midi(tmp_path / "a.mid")
    compare(cover, read)
    bars = read.grid.times[read.grid.downbeat :: read.grid.meter]
    for at in starts(cover, 72):
        assert np.abs(bars - at).min() < MILLISECOND


@pytest.mark.parametrize("meter", [2, 3, 5, 6, 7, 12])
def test_meters(meter: int, tmp_path: Path) -> None:
    cover = steady(0.9, 1, meter)
    write_midi(cover, tmp_path / "a.mid")
    assert read_midi(tmp_path / "a.mid").grid.meter == meter


def test_steady_tempo_is_written_once(tmp_path: Path) -> None:
    write_midi(steady(0.0, 0, tempo=93.7, beats=400), tmp_path / "a.mid")
    tempi = [m for m in mido.MidiFile(tmp_path / "a.mid").tracks[0] if m.type == "set_tempo"]
    assert len(tempi) <= 3


@given(
    first=st.floats(0, 20),
    gaps=st.lists(st.floats(0.2, 1.5), min_size=2, max_size=60),
    downbeat=st.integers(0, 3),
)
@settings(max_examples=60, deadline=None)
def test_any_grid_keeps_its_seconds(
    first: float, gaps: list[float], downbeat: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    grid = Grid(first + np.concatenate([[0.0], np.cumsum(gaps)]), downbeat, 4)
    cover = replace(steady(0.0, 0, beats=len(gaps) + 1), grid=grid, duration=float(grid.times[-1]) + 2)
    path = tmp_path_factory.mktemp("midi") / "a.mid"
    write_midi(cover, path)
    got = np.sort(read_midi(path).note_seconds()[0])
    assert np.abs(got - np.sort(cover.note_seconds()[0])).max() < MILLISECOND


def test_grid_that_starts_before_the_audio(tmp_path: Path) -> None:
    cover = steady(-1.5, 1)
    write_midi(cover, tmp_path / "a.mid")
    want = starts(cover, 72)
    assert np.abs(starts(read_midi(tmp_path / "a.mid"), 72) - want[want >= 0]).max() < MILLISECOND
    line = timeline(cover.grid)
    assert line.ticks[0] == 0 and line.seconds[0] == 0 and np.all(np.diff(line.seconds) > 0)


def test_notes_off_the_grid(tmp_path: Path) -> None:
    cover = steady(2.0, 0)
    notes = cover.notes.copy()
    notes["start"] -= 3.4  # some before the first beat, none before the start of the audio
    notes["end"] += 4.0
    cover = replace(cover, notes=sort_notes(notes[1:]))
    write_midi(cover, tmp_path / "a.mid")
    got = np.sort(read_midi(tmp_path / "a.mid").note_seconds()[0])
    want = np.sort(np.maximum(0.0, cover.note_seconds()[0]))
    assert np.abs(got - want).max() < MILLISECOND


def test_names_survive() -> None:
    for root in range(12):
        for mode in ("major", "minor"):
            assert parse_key(key_text(Key(root, mode))) == Key(root, mode)
        for quality in QUALITIES:
            assert CHORDS[chord_text(Chord(0, 1, root, quality, (root + 4) % 12))] == (root, quality, (root + 4) % 12)
    assert len(CHORDS) == 12 * 12 * len(QUALITIES)


def test_a_stranger_s_file(tmp_path: Path) -> None:
    midi = pretty_midi.PrettyMIDI(initial_tempo=140)
    piano = pretty_midi.Instrument(0)
    piano.notes = [pretty_midi.Note(90, 72, 0.5, 1.0), pretty_midi.Note(60, 40, 0.5, 2.0)]
    drums = pretty_midi.Instrument(0, is_drum=True)
    drums.notes = [pretty_midi.Note(90, 38, 0.5, 1.0)]
    midi.instruments += [piano, drums]
    midi.write(str(tmp_path / "s.mid"))
    read = read_midi(tmp_path / "s.mid")
    assert read.grid.tempo == pytest.approx(140, rel=1e-4) and read.title == "s"
    assert sorted(zip(read.notes["pitch"].tolist(), read.notes["hand"].tolist(), strict=True)) == [(40, LEFT), (72, RIGHT)]


@pytest.mark.parametrize("content", [b"", b"hello", b"MThd\0\0\0\6\0\1\0\2\1\xe0MTrk\0\0\1\0\0\x90"])
def test_not_midi(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.mid").write_bytes(content)
    with pytest.raises(UserError):
        read_midi(tmp_path / "x.mid")


def test_no_midi_and_no_notes(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such"):
        read_midi(tmp_path / "none.mid")
    file = mido.MidiFile(ticks_per_beat=TICKS)
    file.tracks.append(mido.MidiTrack())
    file.save(tmp_path / "empty.mid")
    with pytest.raises(UserError, match="no notes"):
        read_midi(tmp_path / "empty.mid")


@pytest.mark.parametrize("number", [12, 200, 333])
def test_a_human_cover(number: int, shared: Path, tmp_path: Path) -> None:
    cover = human_cover(load_song(shared, number))
    write_midi(cover, tmp_path / "a.mid")
    got = np.sort(read_midi(tmp_path / "a.mid").note_seconds()[0])
    # Half a tick is 1.1 ms at 56 beats a minute.
    assert np.abs(got - np.sort(cover.note_seconds()[0])).max() < 0.002
