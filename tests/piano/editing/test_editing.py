"""Changes of notes: what every one of them keeps, and what each of them does."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.errors import UserError
from desktop.piano.cover import LEFT, NOTE, RIGHT, Grid, Key, Notes
from desktop.piano.editing import choosing, clipboard, making, marking, moving, pedals
from desktop.piano.editing.bars import bars_of
from desktop.piano.editing.edited import SHORTEST, Edited, settle

RULES = st.sampled_from(list(moving.GRIDS.values()))
CHANGES: dict[str, Callable[[Notes, np.ndarray, float, int], Edited]] = {
    "move": lambda n, c, x, k: moving.move(n, c, x, k, first=0.0),
    "resize the end": lambda n, c, x, k: moving.resize(n, c, x),
    "resize the start": lambda n, c, x, k: moving.resize(n, c, x, moving.Edge.START, first=0.0),
    "set the length": lambda n, c, x, k: moving.set_length(n, c, x),
    "quantise": lambda n, c, x, k: moving.quantise(n, c, 0.25, min(1.0, abs(x)), ends=k > 0, first=0.0),
    "transpose in key": lambda n, c, x, k: moving.transpose_in_key(n, c, k, Key(k % 12, "minor")),
    "draw": lambda n, c, x, k: making.draw(n, abs(x), abs(x) + 0.5, 60 + k, 80, RIGHT),
    "delete": lambda n, c, x, k: making.delete(n, c),
    "duplicate": lambda n, c, x, k: making.duplicate(n, c),
    "paste": lambda n, c, x, k: clipboard.paste(n, clipboard.pack(n, c), abs(x)),
    "velocity": lambda n, c, x, k: marking.change_velocity(n, c, factor=abs(x), by=k),
    "hands": lambda n, c, x, k: marking.swap_hands(n, c),
}


def song(seed: int, count: int = 40) -> Notes:
    """Random notes that keep the rules."""
    rng = np.random.default_rng(seed)
    made = np.zeros(count, NOTE)
    made["start"] = rng.integers(0, 64, count) / 4
    made["end"] = made["start"] + rng.choice([0.25, 0.5, 1, 3], count)
    made["pitch"] = rng.integers(55, 67, count)
    made["velocity"] = rng.integers(1, 128, count)
    made["hand"] = made["pitch"] < 60
    return settle(made, range(count)).notes


def check(notes: Notes) -> None:
    """The rules that hold after every change."""
    assert notes.dtype == NOTE
    assert np.lexsort((notes["pitch"], notes["start"])).tolist() == list(range(len(notes)))
    assert (notes["end"] - notes["start"] >= SHORTEST - 1e-9).all()
    assert ((notes["pitch"] >= 21) & (notes["pitch"] <= 108)).all()
    assert ((notes["velocity"] >= 1) & (notes["velocity"] <= 127)).all() and (notes["hand"] <= 1).all()
    for pitch in np.unique(notes["pitch"]):
        mine = notes[notes["pitch"] == pitch]
        assert (mine["start"][1:] >= mine["end"][:-1] - 1e-9).all(), "two notes of one pitch overlap"


@given(
    change=st.sampled_from(sorted(CHANGES)),
    seed=st.integers(0, 50),
    chosen=st.sets(st.integers(0, 20), max_size=12),
    beats=st.floats(-20, 20),
    steps=st.integers(-60, 60),
)
def test_every_change_keeps_the_rules_and_its_input(change: str, seed: int, chosen: set[int], beats: float, steps: int) -> None:
    notes = song(seed)
    before, which = notes.copy(), np.array(sorted(chosen), np.int64)
    edited = CHANGES[change](notes, which, beats, steps)
    assert np.array_equal(notes, before)
    check(edited.notes)
    assert np.array_equal(edited.chosen, np.unique(edited.chosen)) and (edited.chosen < len(edited.notes)).all()
    if change not in ("delete", "draw"):
        assert len(edited.chosen) <= len(which)
    if change in ("velocity", "hands"):
        assert np.array_equal(edited.chosen, which)


@given(
    seed=st.integers(0, 50), chosen=st.sets(st.integers(0, 20), min_size=1), eighths=st.integers(-30, 30), by=st.integers(-50, 50)
)
def test_the_chosen_notes_after_a_move_are_those_that_were_moved(seed: int, chosen: set[int], eighths: int, by: int) -> None:
    notes, which = song(seed), np.array(sorted(chosen))
    beats, semitones = moving.room_to_move(notes, which, eighths / 2, by, first=0.0)
    edited = moving.move(notes, which, eighths / 2, by, first=0.0)
    moved = {(float(n["start"]), int(n["pitch"]), int(n["velocity"]), int(n["hand"])) for n in edited.notes[edited.chosen]}
    wanted = {(float(n["start"]) + beats, int(n["pitch"]) + semitones, int(n["velocity"]), int(n["hand"])) for n in notes[which]}
    assert moved <= wanted and len(moved) == len(edited.chosen)
    assert abs(semitones) <= abs(by) and edited.notes["start"].min() >= 0


def note(*fields: float) -> Notes:
    return np.array([fields], NOTE)


def test_of_overlapping_notes_the_later_one_wins() -> None:
    earlier, later = note(0, 4, 60, 80, RIGHT), note(2, 3, 60, 90, LEFT)
    assert making.add(earlier, later).notes.tolist() == [(0, 2, 60, 80, RIGHT), (2, 3, 60, 90, LEFT)]
    moved = moving.move(making.add(later, note(5, 9, 60, 80, RIGHT)).notes, [1], -4.0)
    assert moved.notes.tolist() == [(1, 2, 60, 80, RIGHT), (2, 3, 60, 90, LEFT)] and moved.chosen.tolist() == [0]
    # Together: the changed one stays, whichever was first; what is cut to nothing goes.
    for one, two in ((earlier, note(0, 1, 60, 90, LEFT)), (note(0, 1, 60, 90, LEFT), earlier)):
        assert making.add(one, two).notes.tolist() == two.tolist()
    assert making.add(note(0, 4, 60, 80, RIGHT), note(SHORTEST / 2, 1, 60, 90, LEFT)).notes["velocity"].tolist() == [90]
    changed = settle(np.concatenate([earlier, note(0, 1, 60, 90, LEFT)]), [0])
    assert changed.notes["velocity"].tolist() == [80] and changed.chosen.tolist() == [0]


def test_notes_of_a_file_that_overlap_stay_where_nothing_was_changed() -> None:
    rows = [(0, 4, 60, 80, 0), (1, 2, 60, 81, 0), (1, 3, 60, 82, 0), (8, 9, 60, 83, 0), (0, 4, 62, 84, 0), (0, 2, 62, 85, 0)]
    notes = np.array(rows, NOTE)
    notes = settle(notes, ()).notes
    assert sorted(notes.tolist()) == sorted(rows)
    moved = moving.move(notes, [len(notes) - 1], -6.5).notes
    # Both that sounded at beat 1.5 end there; what is of another pitch is left alone.
    assert moved.tolist() == [
        (0, 1.5, 60, 80, 0), *(row for row in notes.tolist() if row[2] == 62),
        (1, 1.5, 60, 81, 0), (1, 1.5, 60, 82, 0), (1.5, 2.5, 60, 83, 0),
    ]  # fmt: skip


def test_a_group_stops_as_a_whole_at_the_end_of_the_keyboard_and_of_the_song() -> None:
    notes = np.concatenate([note(1, 2, 100, 80, 0), note(3, 4, 90, 80, 0)])
    moved = moving.move(notes, [0, 1], -9, 40, first=0.25).notes
    assert moved["pitch"].tolist() == [108, 98] and moved["start"].tolist() == [0.25, 2.25]


def test_quantise_pulls_as_far_as_asked() -> None:
    notes = np.concatenate([note(0.1, 0.6, 60, 80, 0), note(1.3, 1.9, 62, 80, 0)])
    assert moving.quantise(notes, [0, 1], 0.5).notes["start"].tolist() == [0, 1.5]
    assert moving.quantise(notes, [0, 1], 0.5, 0.5).notes["start"].tolist() == pytest.approx([0.05, 1.4])
    assert moving.quantise(notes, [1], moving.GRIDS["1/8T"], ends=True).notes[1].tolist()[:2] == pytest.approx([4 / 3, 2])


def test_transposing_in_a_key_follows_its_scale() -> None:
    notes = np.concatenate([note(k, k + 1, pitch, 80, 0) for k, pitch in enumerate((60, 64, 65, 66, 71))])
    up = moving.transpose_in_key(notes, range(5), 1, Key(0, "major")).notes["pitch"].tolist()
    assert up == [62, 65, 67, 68, 72]
    there = moving.transpose_in_key(notes, range(5), 4, Key(9, "minor")).notes
    assert moving.transpose_in_key(there, range(5), -4, Key(9, "minor")).notes.tolist() == notes.tolist()
    assert moving.transpose_in_key(note(0, 1, 107, 80, 0), [0], 3, Key(0, "major")).notes["pitch"][0] == 100


def test_hands_by_a_line_in_a_stretch() -> None:
    notes = np.concatenate(
        [note(k, k + 1, pitch, 80, hand) for k, (pitch, hand) in enumerate(((70, 1), (50, 0), (59, 0), (61, 1)))]
    )
    assert marking.split_hands(notes, 60, 0, 3)["hand"].tolist() == [0, 1, 1, 1]
    assert marking.split_hands(notes, 60, 0, 9, leeway=3)["hand"].tolist() == [0, 1, 0, 1]


def test_velocities_on_a_line() -> None:
    notes = np.concatenate([note(k, k + 1, 60 + k, 80, 0) for k in range(5)])
    edited = marking.velocity_line(notes, range(5), (3.0, 100), (1.0, 20))
    assert edited.notes["velocity"].tolist() == [80, 20, 60, 100, 80]


def test_choosing() -> None:
    notes = np.concatenate([note(0, 1, 60, 80, 0), note(0.02, 1, 64, 80, 0), note(0, 4, 40, 80, 1), note(2, 3, 60, 80, 0)])
    notes = settle(notes, ()).notes
    assert notes["pitch"][choosing.chord_of(notes, 0)].tolist() == [40, 60, 64]
    assert choosing.of_hand(notes, LEFT).tolist() == [0]
    assert notes["pitch"][choosing.in_rectangle(notes, 1.5, 2.5, 30, 60)].tolist() == [40, 60]
    assert choosing.in_stretch(notes, 1, 5).tolist() == [3]


@given(data=st.binary(max_size=60))
def test_foreign_bytes_are_not_pasted(data: bytes) -> None:
    with pytest.raises(UserError, match="copied"):
        clipboard.unpack(data)
    with pytest.raises(UserError, match="copied"):
        clipboard.unpack(clipboard.pack(song(0), range(3)) + data + b"x")
    broken = song(0)[:1].copy()
    broken["end"] = np.nan
    with pytest.raises(UserError):
        clipboard.unpack(clipboard.pack(broken, [0]))


def test_what_is_pasted_keeps_its_place_in_the_beat() -> None:
    notes = np.concatenate([note(5.5, 6, 60, 80, 0), note(7, 8, 62, 80, 1)])
    pasted = clipboard.paste(notes, clipboard.pack(notes, [0, 1]), 9)
    assert pasted.notes[pasted.chosen].tolist() == [(9.5, 10, 60, 80, 0), (11, 12, 62, 80, 1)]
    again = making.duplicate(notes, [0, 1])
    assert again.notes[again.chosen]["start"].tolist() == [8.5, 10]


@given(
    spans=st.lists(st.tuples(st.floats(0, 30), st.floats(0, 30)), max_size=8),
    down=st.floats(0, 30),
    length=st.floats(-5, 5),
    which=st.integers(0, 7),
)
def test_pedal_spans_stay_apart(spans: list[tuple[float, float]], down: float, length: float, which: int) -> None:
    made = np.zeros(0, pedals.PEDAL)
    for span in spans:
        made = pedals.press(made, *span)
    made = pedals.press(made, down, down + length)
    assert pedals.span_at(made, max(down, down + length) - 1e-3) is not None or abs(length) < 0.1
    if which < len(made):
        made = pedals.resize(made, which, down, down + length)
    assert (made["up"] > made["down"]).all() and (made["down"][1:] >= made["up"][:-1] - 1e-9).all()
    if len(made):
        assert len(pedals.release(made, 0)) == len(made) - 1


def test_bars_of_a_stretch() -> None:
    grid = Grid(np.arange(40) * 0.5, downbeat=1, meter=3)
    assert bars_of(grid, 4.0, 4.0) == (4, 7)
    assert bars_of(grid, 3.9, 7.0) == (1, 10)
    assert bars_of(grid, 3.9, 7.0, until=True) == (1, 7)
    assert bars_of(grid, 0.0, 0.0) == (-2, 1)
