"""What hands cannot do is found, and repaired with the melody kept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.piano.arranging.draft import Draft, Role, to_notes
from desktop.piano.cover import LEFT, NOTE, RIGHT, Grid
from desktop.piano.hands import make_playable
from desktop.piano.playability import LIMITS, Kind, Limits, violations

GRID = Grid(np.arange(0, 200) * 0.5)
FULL = LIMITS["full"]


def notes(*rows: tuple[float, float, int, int]) -> np.ndarray:
    """Rows of (start, end, pitch, hand) at two beats a second."""
    return np.array([(start, end, pitch, 80, hand) for start, end, pitch, hand in rows], NOTE)


def kinds(array: np.ndarray) -> set[Kind]:
    return {violation.kind for violation in violations(array, GRID, FULL)}


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        ([(0, 1, 20, LEFT)], Kind.RANGE),
        ([(0, 1, 109, RIGHT)], Kind.RANGE),
        ([(0, 1, 40, LEFT), (0, 1, 55, LEFT)], Kind.SPAN),
        ([(0, 2, 40, LEFT), (1, 2, 55, LEFT)], Kind.SPAN),
        ([(0, 1, p, RIGHT) for p in range(60, 66)], Kind.FINGERS),
        ([(0, 2, p, RIGHT) for p in range(60, 63)] + [(1, 2, p, RIGHT) for p in range(64, 67)], Kind.FINGERS),
        ([(0, 0.1, 30, LEFT), (0.2, 1, 90, LEFT)], Kind.JUMP),
        ([(0, 2, 60, RIGHT), (1, 2, 60, LEFT)], Kind.COLLISION),
        ([(0, 0.1, 60, RIGHT), (0.2, 1, 60, RIGHT)], Kind.REPEAT),
    ],
)
def test_found(rows: list[tuple[float, float, int, int]], kind: Kind) -> None:
    assert kind in kinds(notes(*rows))


def test_what_can_be_played_is_let_be() -> None:
    tenth = [(0, 1, 40, LEFT), (0, 1, 54, LEFT), (0, 1, 60, RIGHT), (0, 1, 64, RIGHT), (0, 1, 67, RIGHT), (0, 1, 72, RIGHT)]
    stride = [(2, 2.5, 36, LEFT), (3, 3.5, 60, LEFT), (4, 4.5, 36, LEFT)]
    assert kinds(notes(*tenth, *stride)) == set()


def test_the_melody_outlives_its_company() -> None:
    drafts = [
        Draft(0, 4, 76, RIGHT, Role.MELODY),
        Draft(0, 4, 55, RIGHT, Role.HARMONY),
        Draft(1, 2, 84, RIGHT, Role.HARMONY),
        *(Draft(2, 3, pitch, RIGHT, Role.HARMONY) for pitch in (64, 66, 67, 69, 71, 72)),
    ]
    out = make_playable(drafts, GRID, FULL)
    assert violations(to_notes(out), GRID, FULL) == []
    melody = [d for d in out if d.role == Role.MELODY]
    assert [(d.start, d.end, d.pitch) for d in melody] == [(0, 4, 76)]
    assert 3 <= len(out) <= 6


def test_a_held_bass_is_let_go_when_the_hand_leaves() -> None:
    drafts = [Draft(0, 4, 36, LEFT, Role.BASS), Draft(1, 2, 55, LEFT, Role.HARMONY)]
    bass, tenor = make_playable(drafts, GRID, FULL)
    assert bass.end == pytest.approx(1.0) and tenor.pitch == 55


def test_an_impossible_leap_of_the_melody_is_taken_in_another_octave() -> None:
    drafts = [Draft(0, 0.1, 36, RIGHT, Role.MELODY), Draft(0.125, 1, 97, RIGHT, Role.MELODY)]
    low, high = make_playable(drafts, GRID, FULL)
    assert low.pitch == 36 and high.pitch % 12 == 97 % 12 and high.pitch < 60


def test_one_key_two_hands() -> None:
    drafts = [Draft(0, 2, 60, RIGHT, Role.MELODY), Draft(1, 2, 60, LEFT, Role.HARMONY), Draft(1, 2, 52, LEFT, Role.BASS)]
    out = make_playable(drafts, GRID, FULL)
    assert [(d.pitch, d.hand) for d in out] == [(60, RIGHT), (52, LEFT)]


def test_fast_repeats_of_the_melody_become_one_note() -> None:
    drafts = [Draft(i * 0.125, i * 0.125 + 0.12, 70, RIGHT, Role.MELODY) for i in range(8)]
    out = make_playable(drafts, GRID, FULL)
    assert violations(to_notes(out), GRID, FULL) == [] and out[-1].end >= 0.9


drafts = st.lists(
    st.builds(
        lambda start, length, pitch, hand, role: Draft(start / 8, (start + length) / 8, pitch, hand, role),
        st.integers(0, 80),
        st.integers(1, 24),
        st.integers(10, 120),
        st.sampled_from([LEFT, RIGHT]),
        st.sampled_from(Role),
    ),
    max_size=60,
)


@given(drafts=drafts, limits=st.sampled_from([*LIMITS.values(), Limits(span=7, fingers=2, speed=10.0)]))
@settings(max_examples=150, deadline=None)
def test_anything_becomes_playable(drafts: list[Draft], limits: Limits) -> None:
    """Not a melody in sight: chords, clusters and leaps at random."""
    accompaniment = [d for d in drafts if d.role != Role.MELODY]
    out = make_playable(accompaniment, GRID, limits)
    assert violations(to_notes(out), GRID, limits) == []
    assert bool(out) == bool(accompaniment)


@given(steps=st.lists(st.tuples(st.integers(1, 8), st.integers(21, 108)), min_size=1, max_size=60))
@settings(max_examples=100, deadline=None)
def test_any_single_voice_stays_whole(steps: list[tuple[int, int]]) -> None:
    at, tune = 0, []
    for length, pitch in steps:
        tune.append(Draft(at / 8, (at + length) / 8, pitch, RIGHT, Role.MELODY))
        at += length
    want = [(d.start, d.pitch % 12) for d in tune]
    out = make_playable(tune, GRID, FULL)
    assert violations(to_notes(out), GRID, FULL) == []
    assert {(d.start, d.pitch % 12) for d in out} <= set(want)
    # Only strokes of one key that come too fast may melt into one.
    assert len(out) >= len({start for start, _ in want if start * 8 % 2 == 0}) / 2
