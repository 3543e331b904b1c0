"""What Songbook promises of every cover, with the weights that come with the program."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop.errors import UsageError, UserError
from desktop.jobs.job import DIFFICULTIES
from desktop.models.library import Library
from desktop.models.session import open_session
from desktop.piano.analysis import analyse
from desktop.piano.analysis_data import SIXTEENTHS, Analysis
from desktop.piano.arranging.sheet import LINE as SHEET_LINE
from desktop.piano.cover import Grid
from desktop.piano.engines import engine
from desktop.piano.line import LINE
from desktop.piano.playability import LIMITS, violations
from desktop.piano.songbook.compose import compose, with_tune
from desktop.piano.songbook.decode import STRUCK, decode
from desktop.piano.songbook.network import MODEL, Performance, Songbook
from desktop.piano.songbook.view import KEYS, view_of
from tests.piano.demo_song import DEMO
from tests.piano.random_songs import make_song, songs

LOWEST = 21


@pytest.fixture(scope="module")
def songbook() -> Songbook:
    return Songbook(open_session(Library().folder(MODEL) / "songbook.onnx", device="cpu", threads=1))


def test_a_view_shows_what_was_heard_where_it_was_heard() -> None:
    grid = Grid(np.arange(10) * 0.5, downbeat=1, meter=4)
    song = replace(
        make_song(1), grid=grid, melody=np.array([(1.0, 1.5, 64, 0.9)], LINE), bass=np.array([(0.0, 1.0, 40, 0.5)], LINE)
    )
    count = 10 * SIXTEENTHS
    song = replace(
        song,
        energy=np.zeros(10, np.float32),
        **{name: np.zeros(count, np.float32) for name in ("loudness", "accents")},
        **{name: np.zeros((count, KEYS), np.float32) for name in ("salience", "attacks")},
    )
    view = view_of(song)
    assert view.steps == count
    sung, begun = view.sheets[2, :, 64 - LOWEST], view.sheets[3, :, 64 - LOWEST]
    assert np.flatnonzero(sung).tolist() == [8, 9, 10, 11] and np.flatnonzero(begun).tolist() == [8]
    assert np.flatnonzero(view.sheets[4, :, 40 - LOWEST]).tolist() == list(range(8))
    # Beat 1 begins a bar; before it, and beyond the song, the bar goes on.
    places = view.places(np.arange(-4, 24))
    assert places[0].tolist() == [0, 1, 2, 3] * 7
    assert places[1, ::4].tolist() == [2, 3, 0, 1, 2, 3, 0]


def test_notes_last_while_keys_are_down() -> None:
    played = Performance(*np.zeros((2, 12, KEYS), np.bool_))
    played.struck[[0, 4, 11], 30] = True
    played.down[[*range(7), 11], 30] = True
    assert decode(played).tolist() == [(0, 4, 51), (4, 7, 51), (11, 12, 51)]


def test_the_tune_is_whole_and_on_top() -> None:
    tune = np.array([(1.0, 2.0, 72, 1.0), (2.0, 3.0, 70, 1.0)], SHEET_LINE)
    struck = np.array([(2, 8, 80), (4, 5, 72), (6, 7, 79), (8, 9, 60)], STRUCK)
    assert with_tune(struck, tune, tune).tolist() == [(2, 4, 80), (4, 8, 72), (8, 9, 60), (8, 12, 70)]


def test_a_tune_faster_than_sixteenths_is_whole() -> None:
    tune = np.array([(1.0, 1.12, 60, 1.0), (1.12, 1.24, 64, 1.0), (1.24, 2.0, 67, 1.0)], SHEET_LINE)
    struck = np.array([(4, 5, 60), (4, 5, 64), (4, 5, 72), (5, 8, 67)], STRUCK)
    assert [tuple(note) for note in with_tune(struck, tune, tune)[["onset", "pitch"]]] == [(4, 60), (4, 64), (5, 67)]


def test_a_low_tune_is_played_an_octave_higher() -> None:
    heard = np.array([(1.0, 2.0, 57, 1.0), (2.0, 3.0, 59, 1.0)], SHEET_LINE)
    tune = heard.copy()
    tune["pitch"] += 12
    struck = np.array([(4, 5, 57), (4, 8, 64), (5, 6, 57), (8, 12, 48), (8, 9, 71)], STRUCK)
    assert with_tune(struck, heard, tune).tolist() == [(4, 8, 64), (4, 8, 69), (8, 12, 48), (8, 12, 71)]


@given(song=songs, difficulty=st.sampled_from(DIFFICULTIES))
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
def test_two_hands_can_play_it(songbook: Songbook, song: Analysis, difficulty: str) -> None:
    notes, pedals = compose(songbook, song, difficulty)
    assert violations(notes, song.grid, LIMITS[difficulty]) == []
    assert np.all(notes["end"] > notes["start"]) and np.all(np.diff(notes["start"]) >= 0)
    assert np.all(pedals["up"] > pedals["down"]) and np.all(pedals["down"][1:] >= pedals["up"][:-1])


def test_a_harder_cover_has_more_notes_and_the_same_song_the_same_cover(songbook: Songbook, machine_models: Path) -> None:
    song = analyse(DEMO / "six-oclock-ferry.opus", Library(machine_models))
    counts = []
    for difficulty in DIFFICULTIES:
        notes, _ = compose(songbook, song, difficulty)
        again, _ = compose(songbook, song, difficulty)
        assert np.array_equal(notes, again)
        counts.append(len(notes))
    assert counts[0] < counts[1] < counts[2]
    assert 2.0 < counts[1] / song.duration < 9.0, "notes a second"


def test_a_cover_does_not_know_what_comes_much_later(songbook: Songbook) -> None:
    """The network looks four bars ahead and no further."""
    long = view_of(make_song(3, bars=40))
    short = replace(long, sheets=long.sheets[:, :400], curves=long.curves[:, :400])
    whole, part = songbook.play(long, 2), songbook.play(short, 2)
    assert np.array_equal(whole.struck[:320], part.struck[:320]) and whole.struck[:320].any()


def test_errors_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="difficulty"):
        engine("songbook")(make_song(1), style="", difficulty="hardest", title="")
    silent = make_song(1, sung=0.0)
    silent = replace(
        silent,
        chords=(),
        melody=silent.melody[:0],
        bass=silent.bass[:0],
        salience=0 * silent.salience,
        attacks=0 * silent.attacks,
        loudness=0 * silent.loudness,
        accents=0 * silent.accents,
        energy=0 * silent.energy,
    )
    with pytest.raises(UserError, match="nothing to this song") as caught:
        engine("songbook")(silent, style="", difficulty="easy", title="")
    assert "sketch" in str(caught.value.remedy)
