"""The network's language: the golden example, the rules one by one, and songs there and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.piano.cover import NOTE, Cover, Grid, Key
from desktop.piano.midi import read_midi, write_midi
from desktop.piano.pop2piano.tidy import tidied
from desktop.piano.pop2piano.tokens import END, FIRST_PITCH, FIRST_SHIFT, OFF, ON, STRUCK, Struck, decode, encode
from tests.piano.pop909 import load_song

A, B = FIRST_PITCH + 60, FIRST_PITCH + 64


def shift(steps: int) -> int:
    return FIRST_SHIFT + steps


def played(*rows: list[int]) -> list[tuple[int, int, int]]:
    return [(int(note["onset"]), int(note["offset"]), int(note["pitch"])) for note in decode(rows, range(len(rows)))]


def test_the_golden_example() -> None:
    """Of transformers' tests, see its tokenizer's integration test."""
    row = [134, 133, 74, 135, 77, 82, 84, 136, 132, 74, 77, 82, 84]
    found = played(row, [1] * len(row))
    assert found == [(0, 3, 70), (1, 3, 73), (1, 3, 78), (1, 3, 80)]
    times = np.array([0.0697, 0.1103, 0.1509, 0.1916])
    assert [times[onset] for onset, _, _ in found] == pytest.approx([0.0697, 0.1103, 0.1103, 0.1103])
    assert {times[offset] for _, offset, _ in found} == {0.1916}


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        ([shift(1), OFF, A, shift(1), ON, B, shift(1), OFF, B], [(2, 3, 64)]),  # a stray key up
        ([shift(0), A, shift(2), A], []),  # the state begins at off
        ([shift(0), ON, A, A, OFF, A, shift(2), A], [(0, 2, 60)]),  # at the same time as its onset
        ([shift(0), ON, A, shift(2), A, shift(3), OFF, A], [(0, 2, 60), (2, 5, 60)]),  # struck again
        ([shift(3), ON, A], [(3, 12, 60)]),  # left sounding
        ([shift(99), ON, A], [(12, 13, 60)]),  # no further than the cutoff
        ([shift(0), ON, A, shift(2), END, OFF, A], [(0, 12, 60)]),  # after the end
        ([2060, shift(1), ON, A, shift(1), OFF, A], [(1, 2, 60)]),  # an arranger's token at the start
        ([0, 3, ON, A, shift(1), OFF, A, 0], [(0, 1, 60)]),  # special ones
    ],
)
def test_the_rules(row: list[int], wanted: list[tuple[int, int, int]]) -> None:
    assert played(row) == wanted
    assert played([], row) == [(onset + 8, offset + 8, pitch) for onset, offset, pitch in wanted]


@given(st.lists(st.integers(0, 2399), max_size=60))
def test_any_row_can_be_read(row: list[int]) -> None:
    for onset, offset, pitch in played([], row):
        assert 8 <= onset < offset <= 21 and 0 <= pitch < 128


@given(st.lists(st.tuples(st.integers(0, 31), st.integers(1, 16), st.integers(21, 108)), max_size=60))
def test_there_and_back(notes: list[tuple[int, int, int]]) -> None:
    given_notes = np.array([(at, at + length, pitch, at // 8, False) for at, length, pitch in notes], STRUCK)
    rows = encode(given_notes, 4)
    assert all(row[-1] == END and max(row) < 234 for row in rows)
    found = decode(rows, range(4))
    assert {(n["onset"], n["pitch"]) for n in found} == {(n["onset"], n["pitch"]) for n in given_notes}
    assert encode(found, 4) == rows
    tidy = tidied(found)
    assert np.all(tidy["offset"] > tidy["onset"])
    for pitch in set(tidy["pitch"].tolist()):
        mine = tidy[tidy["pitch"] == pitch]
        assert np.all(mine["offset"][:-1] <= mine["onset"][1:])


def struck(*notes: tuple[int, int, int, int, bool]) -> Struck:
    return np.array(list(notes), STRUCK)


def test_tidying() -> None:
    notes = struck(
        (0, 12, 60, 0, True),  # struck again by the next window
        (2, 12, 64, 0, True),  # rings into the next window's harmony
        (4, 11, 67, 0, False),  # its end was written: stays
        (9, 12, 72, 0, True),  # a ghost beyond its window
        (4, 6, 15, 0, False),  # below the keyboard
        (9, 12, 60, 1, False),
        (10, 11, 62, 1, False),
        (10, 14, 62, 1, False),
        (17, 28, 50, 2, True),  # the last window's: nothing follows
    )
    found = [(int(n["onset"]), int(n["offset"]), int(n["pitch"])) for n in tidied(notes)]
    assert found == [(0, 9, 60), (2, 9, 64), (4, 11, 67), (9, 12, 60), (10, 14, 62), (17, 28, 50)]
    assert not len(tidied(struck()))


def there_and_back(grid: Grid, piano: np.ndarray, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Onsets in seconds of a piano track's notes (start s, end s, pitch, velocity), and of those that come back from MIDI."""
    onset = np.rint(grid.beats(piano[:, 0]) * 2).astype(int)
    offset = np.maximum(onset + 1, np.rint(grid.beats(piano[:, 1]) * 2).astype(int))
    windows = int(np.ceil(len(grid.times) / 4))
    inside = (onset >= 0) & (onset < 8 * windows)
    notes = np.array([(a, b, p, a // 8, False) for a, b, p in zip(onset, offset, piano[:, 2], strict=True)], STRUCK)[inside]
    found = tidied(decode(encode(notes, windows), range(windows)))
    cover = np.zeros(len(found), NOTE)
    cover["start"], cover["end"], cover["pitch"], cover["velocity"] = found["onset"] / 2, found["offset"] / 2, found["pitch"], 77
    path = folder / "back.mid"
    write_midi(Cover("back", cover, np.zeros(0, [("down", "f8"), ("up", "f8")]), grid, (), Key(0, "major"), 300.0), path)
    back = read_midi(path)
    assert len(back.notes) == len({(a, p) for a, p in zip(notes["onset"].tolist(), notes["pitch"].tolist(), strict=True)})
    kept = {(a, p) for a, p in zip(found["onset"].tolist(), found["pitch"].tolist(), strict=True)}
    assert kept == {(a, p) for a, p in zip(notes["onset"].tolist(), notes["pitch"].tolist(), strict=True)}
    return piano[inside, 0], np.sort(back.note_seconds()[0])


def test_a_song_on_the_grid_comes_back_whole(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    grid = Grid(np.cumsum(random.uniform(0.45, 0.55, 32)))
    at = np.sort(random.choice(62, 200)) / 2
    piano = np.stack([grid.seconds(at), grid.seconds(at + random.integers(1, 6, 200) / 2), random.integers(30, 90, 200)], axis=1)
    before, after = there_and_back(grid, piano, tmp_path)
    steps = [np.unique(np.rint(grid.beats(times) * 2)) for times in (before, after)]
    assert np.array_equal(*steps) and len(steps[0]) > 50
    assert np.abs(grid.seconds(steps[0] / 2)[np.searchsorted(steps[0], np.rint(grid.beats(after) * 2))] - after).max() < 0.002


def test_songs_come_back_with_bounded_loss(shared: Path, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        song = load_song(shared, number)
        before, after = there_and_back(song.grid, song.piano, tmp_path)
        first, last = song.grid.beats(before), song.grid.beats(after)
        place = np.searchsorted(last, first).clip(1, len(last) - 1)
        near = np.minimum(np.abs(last[place] - first), np.abs(last[place - 1] - first))
        # The grid of eighths: at most half a step off, little on average; fast repetitions of a key become one note.
        assert near.max() <= 0.26 and near.mean() <= 0.1
        assert len(after) >= 0.9 * len(before)
