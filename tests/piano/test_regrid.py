"""Corrections of the beats: what is heard stays or follows, bars and pickups come out right, files line up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from desktop.errors import UsageError
from desktop.piano import regrid
from desktop.piano.beats import read_beats
from desktop.piano.cover import NOTE, PEDAL, Chord, Cover, Grid, Key
from desktop.piano.midi import write_midi
from desktop.piano.tapping import from_taps
from desktop.ui.piano.files import write_beats

PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
NO_SHRINK = settings(max_examples=30, deadline=None, phases=PHASES)


@st.composite
def covers(draw: st.DrawFn) -> Cover:
    """Covers with an uneven tempo, a pickup, notes before the first beat and after the last one."""
    count = draw(st.integers(8, 40))
    gaps = draw(st.lists(st.floats(0.25, 1.2), min_size=count, max_size=count))
    meter = draw(st.integers(2, 7))
    grid = Grid(draw(st.floats(0, 2)) + np.cumsum(gaps), draw(st.integers(0, meter - 1)), meter, 0.6)
    starts = sorted(draw(st.lists(st.floats(-1, count + 2), min_size=1, max_size=20)))
    notes = np.array([(s, s + 0.5, 40 + k, 70, k % 2) for k, s in enumerate(starts)], NOTE)
    pedals = np.array([(0.25, 2.0), (2.5, 4.0)], PEDAL)
    chords = (Chord(0.0, 2.0, 0, "maj", 0), Chord(2.0, 6.0, 9, "min", 9))
    info = {"style": "pop", "takes": [{"first": 0.0, "last": 4.0, "composer": 3}]}
    return Cover("A song", notes, pedals, grid, chords, Key(0, "major"), float(grid.times[-1]) + 1, info, grid)


def song(count: int = 64, gap: float = 0.5, first: float = 0.7, meter: int = 4, downbeat: int = 1) -> Cover:
    """A steady cover, a note on each beat."""
    grid = Grid(first + gap * np.arange(count), downbeat, meter)
    notes = np.array([(k, k + 0.5, 60, 70, 0) for k in range(count)], NOTE)
    return Cover("Steady", notes, np.zeros(0, PEDAL), grid, (), Key(0, "major"), first + gap * count, {}, grid)


def heard(cover: Cover) -> np.ndarray:
    """Seconds of all that is in a cover: starts, ends, pedals, chords."""
    chords = np.array([(c.start, c.end) for c in cover.chords])
    beats = [cover.notes["start"], cover.notes["end"], cover.pedals["down"], cover.pedals["up"], chords.ravel()]
    return cover.grid.seconds(np.concatenate(beats))


CORRECTIONS: list[Callable[[Cover], Cover]] = [
    regrid.double,
    regrid.halve,
    regrid.shift,
    lambda cover: regrid.with_downbeat(cover, 3),
    lambda cover: regrid.with_meter(cover, 3),
    lambda cover: regrid.remove_beat(cover, 2),
    lambda cover: regrid.insert_beat(cover, float(cover.grid.seconds(3.5))),
]


@NO_SHRINK
@given(cover=covers(), which=st.sampled_from(range(len(CORRECTIONS))))
def test_a_new_count_changes_nothing_that_is_heard(cover: Cover, which: int) -> None:
    changed = CORRECTIONS[which](cover)
    assert heard(changed) == pytest.approx(heard(cover), abs=2e-5)
    assert len(changed.notes) == len(cover.notes) and np.all(np.diff(changed.notes["start"]) >= 0)
    assert changed.found is cover.found and changed.info["style"] == "pop"
    assert regrid.needs_arranging(changed) or regrid._digest(changed.grid) == regrid._digest(cover.grid)
    assert np.diff(changed.grid.times).min() >= regrid.LEAST_GAP
    take = changed.info["takes"][0]
    old = cover.grid.seconds([0.0, 4.0])
    assert changed.grid.seconds([take["first"], take["last"]]) == pytest.approx(old, abs=1e-5)


@NO_SHRINK
@given(cover=covers())
def test_twice_and_half_the_beats_keep_the_downbeats(cover: Cover) -> None:
    first = cover.grid.times[cover.grid.downbeat]
    twice = regrid.double(cover)
    assert len(twice.grid.times) == 2 * len(cover.grid.times) - 1
    assert twice.grid.is_downbeat(round(float(twice.grid.beats(first))))
    back = regrid.halve(twice)
    if cover.grid.meter % 2 == 0:
        # With odd meters every other bar of the doubled grid begins between two beats.
        assert np.all(np.isin(np.round(back.grid.times, 9), np.round(cover.grid.times, 9)))
    half = regrid.halve(cover)
    assert half.grid.is_downbeat(round(float(half.grid.beats(first))))
    assert np.abs(half.grid.times[:, None] - cover.grid.times).min(axis=1).max() < 1e-9


def test_half_a_beat_later_fills_up_the_start_and_returns() -> None:
    cover = song()
    later = regrid.shift(cover)
    assert later.grid.times[:2] == pytest.approx([0.45, 0.95]) and later.grid.downbeat == 2
    assert later.notes["start"][0] == pytest.approx(0.5)
    again = regrid.shift(later)
    assert again.grid.times[:3] == pytest.approx([0.2, 0.7, 1.2])
    assert again.grid.is_downbeat(3) and again.grid.times[3] == pytest.approx(1.7)
    assert again.grid.times[-1] <= max(cover.duration, cover.grid.times[-1])


@NO_SHRINK
@given(cover=covers(), where=st.floats(0, 1), to=st.floats(-3, 60), elastic=st.integers(0, 4))
def test_a_dragged_beat_takes_its_notes_along_and_stays_in_order(cover: Cover, where: float, to: float, elastic: int) -> None:
    times = cover.grid.times
    index = int(where * (len(times) - 1))
    dragged = regrid.drag_beat(cover, index, to, elastic)
    moved = dragged.grid.times
    assert np.array_equal(dragged.notes, cover.notes)
    assert np.diff(moved).min() >= min(regrid.LEAST_GAP, np.diff(times).min()) - 1e-9 and moved[0] >= 0
    far = np.abs(np.arange(len(times)) - index) > elastic
    assert np.array_equal(moved[far], times[far])
    if (
        not elastic
        and times[max(0, index - 1)] + 0.1 < to < times[min(len(times) - 1, index + 1)] - 0.1
        and 0 < index < len(times) - 1
    ):
        assert moved[index] == pytest.approx(to)
    back = regrid.found(dragged)
    assert np.array_equal(back.grid.times, times)


def test_reset_after_dragging_and_after_doubling_is_what_it_was() -> None:
    cover = song()
    for changed in (regrid.drag_beat(cover, 5, 3.3), regrid.double(cover), regrid.insert_beat(cover, 4.0), regrid.shift(cover)):
        back = regrid.found(changed)
        assert np.allclose(back.notes["start"], cover.notes["start"], atol=1e-5)
        assert not regrid.needs_arranging(back)
    assert regrid.found(replace(cover, found=None)) is not None


def test_meter_and_single_beats_keep_bars() -> None:
    cover = song(downbeat=2, meter=4)
    assert regrid.with_meter(cover, 3).grid.downbeat == 2 and regrid.with_meter(cover, 2).grid.downbeat == 0
    before = regrid.insert_beat(cover, 0.95)
    assert before.grid.times[before.grid.downbeat] == pytest.approx(cover.grid.times[2])
    after = regrid.insert_beat(cover, 5.95)
    assert after.grid.downbeat == 2 and regrid.remove_beat(after, int(np.searchsorted(after.grid.times, 5.9))).grid.downbeat == 2
    assert regrid.remove_beat(cover, 0).grid.downbeat == 1
    for wrong in (
        lambda: regrid.insert_beat(cover, 0.72),
        lambda: regrid.with_meter(cover, 13),
        lambda: regrid.double(song(gap=0.15)),
        lambda: regrid.halve(song(count=4)),
    ):
        with pytest.raises(UsageError):
            wrong()


def test_constant_tempo_reports_how_far_beats_moved() -> None:
    cover = song()
    times = cover.grid.times + 0.02 * np.sin(np.arange(64))
    steady = regrid.constant_tempo(replace(cover, grid=replace(cover.grid, times=times)))
    assert steady.tempo == pytest.approx(120, abs=0.2) and 0.015 < steady.deviation < 0.025
    assert np.ptp(np.diff(steady.cover.grid.times)) < 1e-9
    assert np.array_equal(steady.cover.notes, cover.notes)


@settings(max_examples=25, deadline=None, phases=PHASES)
@given(
    seed=st.integers(0, 10_000), shake=st.floats(0, 0.025), late=st.floats(-0.045, 0.045), gap=st.sampled_from([0.4, 0.55]),
    ratio=st.sampled_from([(0.5, 0), (1, 0), (2, 1), (1, 0.5), (2, 0)]), missed=st.booleans(), doubled=st.booleans(),
)  # fmt: skip
def test_taps_find_the_count_whatever_the_hand_does(
    seed: int, shake: float, late: float, gap: float, ratio: tuple[float, float], missed: bool, doubled: bool
) -> None:
    """A song whose beats were found too slow, too fast or off-beat: tapping over some bars corrects all of it."""
    rng = np.random.default_rng(seed)
    gaps = gap + 0.05 * gap * np.sin(np.arange(80) / 9)
    cover = replace(song(80), grid=(grid := Grid(0.4 + np.cumsum(gaps), 0, 4)), found=grid, duration=0.4 + 81 * gap)
    step, offset = ratio
    true = grid.seconds(np.arange(offset, 79, step))
    first = int(rng.integers(3, 12))
    taps = true[first : first + 14] + late + rng.normal(0, shake, 14).clip(-0.06, 0.06)
    if missed:
        taps = np.delete(taps, int(rng.integers(2, 11)))
    if doubled:
        taps = np.append(taps, taps[5] + 0.07)
    found = from_taps(cover, taps)
    wanted = true[(true > 3) & (true < 76 * gap)]
    error = np.abs(found.grid.times[:, None] - wanted).min(axis=0)
    assert error.max() < 0.02
    assert abs(len(found.grid.times) - len(true)) <= 2
    assert heard(found) == pytest.approx(heard(cover), abs=0.05 if ratio == (1, 0) else 2e-5)


def test_taps_on_a_grid_that_fits_nothing_make_their_own_tempo() -> None:
    cover = song(gap=0.53)
    taps = 5.0 + 0.72 * np.arange(12) + np.random.default_rng(5).normal(0, 0.012, 12)
    found = from_taps(cover, taps)
    assert found.grid.tempo == pytest.approx(60 / 0.72, rel=0.01)
    assert np.abs(found.grid.times[:, None] - 5.0 - 0.72 * np.arange(12)).min(axis=0).max() < 0.02
    assert found.grid.times[0] < 0.72 and found.grid.times[-1] > cover.duration - 1.5
    part = from_taps(cover, taps, whole=False)
    outside = (cover.grid.times < 4.3) | (cover.grid.times > 13.5)
    assert np.all(np.isin(cover.grid.times[outside], part.grid.times))
    assert np.diff(part.grid.times).min() > 0.25 and np.diff(part.grid.times).max() < 1.0
    for few in ([1.0, 1.5, 2.0], [3.0, 3.01, 3.02, 3.03], []):
        with pytest.raises(UsageError):
            from_taps(cover, np.array(few))


@pytest.mark.parametrize("which", range(len(CORRECTIONS)))
def test_the_midi_of_a_corrected_cover_lines_up(which: int, tmp_path: Path) -> None:
    cover = song(gap=0.61)
    for changed in (CORRECTIONS[which](cover), regrid.drag_beat(CORRECTIONS[which](cover), 6, 4.6, 2)):
        write_midi(changed, tmp_path / "a.mid")
        begins, now = [], 0.0
        for message in mido.MidiFile(tmp_path / "a.mid"):
            now += message.time
            if message.type == "note_on" and message.velocity:
                begins.append(now)
        assert begins == pytest.approx(changed.grid.seconds(changed.notes["start"]).tolist(), abs=0.002)
        assert read_beats(write_beats(changed.grid, tmp_path)).times == pytest.approx(changed.grid.times, abs=1e-5)
