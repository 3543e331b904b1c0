"""What must hold for every cover, whatever the song."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from desktop.errors import UsageError
from desktop.jobs.job import DIFFICULTIES, STYLES
from desktop.piano.analysis import Analysis
from desktop.piano.arrange import arrange, lead_sheet
from desktop.piano.arranging.pace import PACE
from desktop.piano.cover import LEFT, RIGHT, Cover
from desktop.piano.engines import engine
from desktop.piano.playability import LIMITS, statistics, violations
from tests.benchmarks.piano_measures import distance, leaps, pace, pattern, played
from tests.piano.demo_song import demo_song
from tests.piano.pop909 import load_song, truth
from tests.piano.random_songs import make_song, songs


def top_pitch(cover: Cover, seconds: np.ndarray) -> np.ndarray:
    """Highest key held at each time, 0 where none is."""
    start, end = cover.note_seconds()
    top = np.zeros(len(seconds))
    for a, b, pitch in zip(start, end, cover.notes["pitch"], strict=True):
        inside = (seconds >= a) & (seconds < b)
        top[inside] = np.maximum(top[inside], pitch)
    return top


def cover_of(song: Analysis, style: str = "pop", difficulty: str = "medium") -> Cover:
    return engine("sketch")(song, style=style, difficulty=difficulty, title="")


@given(song=songs, style=st.sampled_from(STYLES), difficulty=st.sampled_from(DIFFICULTIES))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_two_hands_can_play_it(song: Analysis, style: str, difficulty: str) -> None:
    notes, pedals = arrange(song, style, difficulty)
    assert violations(notes, song.grid, LIMITS[difficulty]) == []
    assert np.all(notes["end"] > notes["start"]) and np.all(np.diff(notes["start"]) >= 0)
    if len(notes):
        assert notes["velocity"].min() >= 30 and notes["velocity"].max() <= 115
    assert np.all(pedals["up"] > pedals["down"]) and np.all(pedals["down"][1:] >= pedals["up"][:-1])


@given(song=songs, style=st.sampled_from(STYLES))
@example(song=make_song(1, tempo=35, meter=5, bars=2, wild=True, sung=0.3, jitter=0), style="pop")
@example(song=make_song(6, tempo=35, meter=7, bars=13, wild=True, sung=0.3, jitter=0), style="pop")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_nothing_sounds_above_the_melody(song: Analysis, style: str) -> None:
    """Where the tune can be played as it is, it is the highest key held, for its full length."""
    cover, sheet = cover_of(song, style, "full"), lead_sheet(song)
    for note in sheet.melody:
        at = float((note["start"] + note["end"]) / 2)
        held = cover.notes[(cover.notes["start"] <= at) & (cover.notes["end"] > at)]
        own = held[(held["hand"] == RIGHT) & (held["pitch"] % 12 == note["pitch"] % 12)]
        if note["pitch"] in own["pitch"]:
            assert held["pitch"].max() == note["pitch"]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_a_song_that_can_be_sung(style: str, difficulty: str) -> None:
    song = make_song(11, tempo=100.0, bars=32)
    cover, sheet = cover_of(song, style, difficulty), lead_sheet(song)
    numbers = statistics(cover, LIMITS[difficulty])
    low, high = {"easy": (1.0, 5.0), "medium": (3.0, 11.0), "full": (3.0, 11.0)}[difficulty]
    assert low <= numbers["notes_per_second"] <= high
    if difficulty == "easy":
        assert numbers["right_per_second"] <= 2.6 and numbers["left_per_second"] <= 2.6
    seconds = np.arange(0.0, cover.duration, 0.01)
    beats = cover.grid.beats(seconds)
    index = np.searchsorted(sheet.melody["start"], beats, side="right") - 1
    sung = (index >= 0) & (beats < sheet.melody["end"][index])
    hit = top_pitch(cover, seconds)[sung] % 12 == sheet.melody["pitch"][index[sung]] % 12
    assert hit.mean() > (0.8 if difficulty == "easy" else 0.95)
    assert numbers["velocity_spread"] >= 6
    assert cover.notes["end"].max() <= cover.grid.beats(cover.duration) + 8


def test_the_same_song_gives_the_same_notes() -> None:
    one, two = cover_of(make_song(4)), cover_of(make_song(4))
    assert np.array_equal(one.notes, two.notes) and np.array_equal(one.pedals, two.pedals)


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_styles_are_apart(difficulty: str) -> None:
    """Their left hands strike elsewhere in the bar, or elsewhere on the keyboard, on the same song."""
    song = demo_song()
    patterns = {style: pattern(cover_of(song, style, difficulty)) for style in STYLES}
    for one, other in combinations(STYLES, 2):
        assert distance(patterns[one], patterns[other]) > 0.35, (one, other)


@given(song=songs, style=st.sampled_from(STYLES))
@example(song=demo_song(), style="arpeggio")
@example(song=demo_song(), style="stride")
@example(song=demo_song(), style="rock")
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_a_beginner_keeps_up(song: Analysis, style: str) -> None:
    """No more than ten notes in four seconds for either hand, nothing wider than an octave."""
    notes = played(cover_of(song, style, "easy"))
    for hand in (LEFT, RIGHT):
        speed = pace(notes, hand)
        assert speed["most"] <= PACE and speed["span"] <= 12


def test_a_beginners_left_hand_does_not_leap() -> None:
    for style in STYLES:
        assert leaps(played(cover_of(demo_song(), style, "easy")), LEFT) == 0.0


def test_full_has_octaves_and_full_chords() -> None:
    notes = cover_of(demo_song(), "pop", "full").notes
    sizes = {hand: [] for hand in (LEFT, RIGHT)}
    octaves = 0
    for start in np.unique(notes["start"]):
        for hand in (LEFT, RIGHT):
            keys = notes["pitch"][(notes["start"] == start) & (notes["hand"] == hand)].astype(int)
            sizes[hand].append(len(keys))
            octaves += 12 in np.subtract.outer(keys, keys)
    assert octaves >= 8 and max(sizes[RIGHT]) >= 4 and max(sizes[LEFT]) >= 3


@pytest.mark.parametrize("style", STYLES)
def test_difficulty_adds_notes(style: str) -> None:
    easy, medium, full = (len(cover_of(demo_song(), style, difficulty).notes) for difficulty in DIFFICULTIES)
    assert medium > 1.25 * easy and full > 1.05 * medium


def test_loud_bars_are_fuller_and_louder() -> None:
    song = make_song(6, bars=32, sung=0.5)
    half = len(song.grid.times) // 2
    energy = np.where(np.arange(len(song.grid.times)) < half, 0.1, 0.9).astype(np.float32)
    song = replace(song, energy=energy, loudness=np.repeat(energy, 4), accents=np.full(len(energy) * 4, 0.5, np.float32))
    notes = cover_of(song).notes
    soft, loud = notes[notes["start"] < half], notes[notes["start"] >= half]
    assert len(loud) > 1.2 * len(soft)
    assert loud["velocity"].mean() > soft["velocity"].mean() + 10


def test_the_melody_is_played_louder() -> None:
    song = make_song(6, bars=24)
    notes, sheet = cover_of(song).notes, lead_sheet(song)
    tune = np.isin(notes["start"], sheet.melody["start"]) & (notes["hand"] == RIGHT)
    groups = [notes[tune & (notes["start"] == start)] for start in np.unique(notes["start"][tune])]
    tops = [group["velocity"][np.argmax(group["pitch"])] for group in groups]
    assert np.mean(tops) > notes["velocity"][notes["hand"] == LEFT].mean() + 8


def test_pedal_is_lifted_before_every_new_harmony() -> None:
    song = make_song(8, bars=24, tempo=90.0)
    cover = cover_of(song, "ballad")
    assert len(cover.pedals) >= 20
    changes = [chord.start for before, chord in pairwise(song.chords) if before != chord]
    for at in changes:
        assert not np.any((cover.pedals["down"] < at) & (cover.pedals["up"] > at + 1e-6))
    assert len(cover_of(song, "stride").pedals) == 0


def test_no_melody_no_chords_and_neither() -> None:
    song = make_song(9, bars=12)
    no_tune = cover_of(replace(song, melody=song.melody[:0]))
    assert np.any(no_tune.notes["hand"] == RIGHT) and np.any(no_tune.notes["hand"] == LEFT)
    no_harmony = cover_of(replace(song, chords=()))
    assert np.any(no_harmony.notes["hand"] == LEFT) and np.any(no_harmony.notes["hand"] == RIGHT)
    nothing = cover_of(replace(song, melody=song.melody[:0], chords=()))
    assert len(nothing.notes) == 0 and nothing.info["statistics"]["notes"] == 0


def test_a_tune_alone_is_harmonised() -> None:
    """In its key, with most of the tune in its chords, and home at the end."""
    song = demo_song()
    sheet = lead_sheet(replace(song, chords=()))
    assert (sheet.chords[-1].root, sheet.chords[-1].quality) == (2, "maj")
    inside = [
        note["pitch"] % 12 in chord.pitch_classes
        for note in sheet.melody
        if (chord := sheet.chord_at(float(note["start"]))) is not None
    ]
    assert len(inside) > 0.95 * len(sheet.melody) and np.mean(inside) > 0.6


@pytest.mark.parametrize(("tempo", "meter"), [(50.0, 4), (50.0, 3), (190.0, 4), (190.0, 3)])
def test_slow_and_fast(tempo: float, meter: int) -> None:
    """Neither empty nor a blur, and the bar line is heard: the left hand strikes there."""
    song = make_song(5, tempo=tempo, meter=meter, bars=24)
    for style in ("pop", "arpeggio", "stride"):
        cover = cover_of(song, style)
        assert 2.2 <= cover.info["statistics"]["notes_per_second"] <= 9.0
        left = cover.notes[cover.notes["hand"] == LEFT]["start"]
        lines = np.arange(song.grid.downbeat, left.max(), meter)
        assert np.mean(np.isin(np.round(lines, 3), np.round(left, 3))) > 0.9


def test_unknown_style_and_difficulty() -> None:
    for options in ({"style": "polka", "difficulty": "full"}, {"style": "pop", "difficulty": "heroic"}):
        with pytest.raises(UsageError):
            engine("sketch")(make_song(1, bars=1), title="", **options)
    with pytest.raises(UsageError, match="no engine"):
        engine("magic")


@pytest.mark.parametrize("number", [1, 45, 333, 500])
def test_ground_truth_of_real_songs(number: int, shared: Path) -> None:
    """With perfect ears the cover is in the bands that human covers are in, and its top line is the tune."""
    song = load_song(shared, number)
    cover = cover_of(truth(song))
    numbers = cover.info["statistics"]
    assert numbers["violations"] == 0
    assert 3.0 <= numbers["notes_per_second"] <= 11.0
    assert numbers["lowest"] >= 28 and numbers["highest"] <= 96
    seconds = np.arange(0.0, song.duration, 0.01)
    reference = np.zeros(len(seconds))
    for start, end, pitch, _ in song.melody:
        reference[(seconds >= start) & (seconds < end)] = pitch
    top = top_pitch(cover, seconds)
    sung = reference > 0
    assert np.mean(top[sung] % 12 == reference[sung] % 12) > 0.95
