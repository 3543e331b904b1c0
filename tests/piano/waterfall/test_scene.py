"""What is to be seen, where keys stand, how fast notes fall."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.piano.cover import RIGHT
from desktop.piano.waterfall.keys import choose_keys, is_black, lay_out
from desktop.piano.waterfall.pace import pace
from desktop.piano.waterfall.scene import LIFT, TRAIL, scene_of
from tests.piano.waterfall.songs import cover, second


def test_seconds_and_bars_come_from_the_grid() -> None:
    scene = scene_of(cover())
    assert scene.start.tolist() == pytest.approx([second(b) for b in range(5)])
    assert [(mark.second, mark.text) for mark in scene.numbers[:2]] == [(second(0), "1"), (second(4), "2")]
    assert scene.bars.tolist()[:2] == [second(0), second(4)]


def test_a_key_struck_again_comes_up_before() -> None:
    scene = scene_of(cover())
    assert scene.end[3] == pytest.approx(second(4) - LIFT)
    assert scene.end[4] == pytest.approx(second(5))


def test_pedal_lets_a_tone_go_on_till_it_comes_up_or_the_key_goes_down_again() -> None:
    notes = [(0.0, 1.0, 60, 80, RIGHT), (0.0, 1.0, 64, 80, RIGHT), (2.0, 3.0, 60, 80, RIGHT), (0.0, 1.0, 67, 80, RIGHT)]
    scene = scene_of(cover(notes, [(0.5, 2.5)]))
    trails = {(int(p), float(s)): float(t) for p, s, t in zip(scene.pitch, scene.start, scene.trail, strict=True)}
    assert trails[60, second(0)] == pytest.approx(second(2) - LIFT)
    assert trails[64, second(0)] == pytest.approx(second(2.5))
    assert trails[60, second(2)] == pytest.approx(second(3))
    long = scene_of(cover([(0.0, 1.0, 60, 80, RIGHT), (30.0, 31.0, 70, 80, RIGHT)], [(0.5, 30.0)]))
    assert long.trail[0] == pytest.approx(long.end[0] + TRAIL)


@given(first=st.floats(-1, 30), length=st.floats(0, 5), seed=st.integers(0, 3))
def test_notes_between_two_seconds_are_those_that_reach_into_them(first: float, length: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    starts = rng.uniform(0, 50, 60)
    notes = [(s, s + float(rng.choice([0.2, 1, 20])), int(rng.integers(21, 109)), 80, 0) for s in sorted(starts.tolist())]
    scene = scene_of(cover(notes))
    wanted = np.flatnonzero((scene.start < first + length) & (scene.trail > first))
    assert scene.between(first, first + length).tolist() == wanted.tolist()
    down = np.flatnonzero((scene.start <= first) & (scene.end > first))
    assert scene.down(first).tolist() == down.tolist()


@given(width=st.integers(160, 4000), low=st.integers(21, 90), more=st.integers(0, 40))
def test_keys_fill_the_width_and_black_ones_stand_between_their_neighbours(width: int, low: int, more: int) -> None:
    keys = lay_out(low, min(108, low + more), width)
    whites = [keys.spans[p] for p in sorted(keys.spans) if not is_black(p)]
    assert whites[0][0] == 0 and whites[-1][1] == width
    assert all(a[1] == b[0] for a, b in pairwise(whites))
    for pitch, (left, right) in keys.spans.items():
        if is_black(pitch) and keys.white > 6:
            assert keys.spans[pitch - 1][0] < left < keys.spans[pitch - 1][1] <= right < keys.spans[pitch + 1][1]


def test_wide_pictures_show_88_keys_and_tall_ones_those_that_are_used() -> None:
    scene = scene_of(cover())
    assert len(choose_keys(scene, 1920, 1080).spans) == 88
    tall = choose_keys(scene, 1080, 1920)
    assert set(scene.pitch.tolist()) <= set(tall.spans) and len(tall.spans) < 60
    assert len(choose_keys(scene, 1080, 1920, "all").spans) == 88


@given(
    height=st.integers(60, 3600), lead=st.floats(0.5, 20), rate=st.sampled_from([24, 25, 30, 50, 60, 120]), at=st.floats(0, 600)
)
def test_every_frame_moves_by_the_same(height: int, lead: float, rate: int, at: float) -> None:
    found = pace(height, lead, rate)
    places = [found.place(at + number / rate) for number in range(20)]
    assert set(np.diff(places).tolist()) == {found.steps}
    if height / (lead * rate) >= 0.5:
        assert height / found.speed == pytest.approx(lead, rel=0.12)
