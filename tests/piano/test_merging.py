"""A take put into a cover."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from desktop.piano.cover import NOTE, PEDAL, Cover, Grid, Key
from desktop.piano.merging import as_notes, merge_take


def cover(notes: list[tuple[float, float, int, int, int]], pedals: list[tuple[float, float]] | None = None) -> Cover:
    grid = Grid(np.arange(64) * 0.5)
    return Cover("x", as_notes(notes), np.array(pedals or [], PEDAL), grid, (), Key(0, "major"), 32.0, {"style": "pop"})


def test_a_take_replaces_what_starts_in_its_bars() -> None:
    before = cover([(0, 1, 60, 80, 0), (3.5, 6, 62, 80, 0), (3.5, 9, 65, 80, 0), (4, 5, 64, 80, 0), (8, 9, 67, 80, 0)])
    take = as_notes([(4.5, 5, 62, 70, 0), (7.5, 10, 67, 70, 0), (6, 7, 48, 60, 1)])
    after = merge_take(before, 4.0, 8.0, take, [], {"engine": "sketch", "style": "rock"})
    assert after.notes.tolist() == [
        (0, 1, 60, 80, 0),
        (3.5, 4.5, 62, 80, 0),  # let go where the take strikes it
        (3.5, 9, 65, 80, 0),
        (4.5, 5, 62, 70, 0),
        (6, 7, 48, 60, 1),
        (7.5, 8, 67, 70, 0),  # let go where the cover goes on with it
        (8, 9, 67, 80, 0),
    ]
    assert after.info["takes"] == [{"first": 4.0, "last": 8.0, "engine": "sketch", "style": "rock"}]
    assert "takes" not in before.info and len(before.notes) == 5


def test_pedals_change_at_the_edges() -> None:
    before = cover([(0, 1, 60, 80, 0)], [(0, 3.9), (3.9, 4.5), (5, 7), (7.5, 9), (9, 10)])
    after = merge_take(before, 4.0, 8.0, np.zeros(0, NOTE), [(3.0, 6.0), (6.0, 12.0)])
    assert after.pedals.tolist() == [(0, 3.9), (3.9, 4.0), (4.0, 6.0), (6.0, 8.0), (8.0, 9.0), (9.0, 10.0)]
    through = merge_take(cover([], [(0, 20)]), 4.0, 8.0, np.zeros(0, NOTE), [])
    assert through.pedals.tolist() == [(0, 4.0), (8.0, 20)]


NOTES = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 24), st.integers(60, 64), st.just(80), st.integers(0, 1)), max_size=30
)


def apart(rows: list[tuple[int, int, int, int, int]]) -> list[tuple[float, float, int, int, int]]:
    """Notes in quarters of beats of which none strikes a key that is down."""
    out: list[tuple[float, float, int, int, int]] = []
    for start, length, pitch, velocity, hand in rows:
        span = (start / 4, (start + length) / 4)
        if all(other[2] != pitch or span[1] <= other[0] or other[1] <= span[0] for other in out):
            out.append((*span, pitch, velocity, hand))
    return out


@given(NOTES, NOTES)
def test_no_key_is_struck_while_it_is_down(
    old: list[tuple[int, int, int, int, int]], new: list[tuple[int, int, int, int, int]]
) -> None:
    take = as_notes([row for row in apart(new) if 4 <= row[0] < 8])
    after = merge_take(cover(apart(old)), 4.0, 8.0, take, []).notes
    assert np.all(np.diff(after["start"]) >= 0) and np.all(after["end"] > after["start"])
    for pitch in np.unique(after["pitch"]):
        mine = after[after["pitch"] == pitch]
        assert np.all(mine["start"][1:] >= mine["end"][:-1])
    inside = (after["start"] >= 4) & (after["start"] < 8)
    assert np.count_nonzero(inside) == len(take)
