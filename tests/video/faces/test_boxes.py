"""Overlaps and suppression."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from desktop.video.faces import boxes
from tests.video.faces.drawn import POINTS

CORNERS = arrays(np.float64, st.tuples(st.integers(0, 25), st.just(4)), elements=st.integers(0, 60).map(float))


def boxes_of(corners: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.concatenate([np.minimum(corners[:, :2], corners[:, 2:]), np.maximum(corners[:, :2], corners[:, 2:]) + 1], axis=1)


def test_overlaps_by_hand() -> None:
    one = np.array([[0.0, 0, 10, 10]])
    other = np.array([[0.0, 0, 10, 10], [5, 0, 15, 10], [10, 10, 20, 20], [2, 2, 4, 4]])
    assert boxes.overlaps(one, other)[0] == pytest.approx([1, 50 / 150, 0, 0.04])
    assert boxes.overlaps(one, other, smaller=True)[0] == pytest.approx([1, 0.5, 0, 1])


@given(CORNERS, st.sampled_from([0.0, 0.3, 0.7]), st.booleans())
def test_suppression(corners: npt.NDArray[np.float64], limit: float, smaller: bool) -> None:
    given_boxes = boxes_of(corners)
    scores = np.round(np.sin(np.arange(len(corners)) * 7.1) * 5)
    kept = boxes.suppress(given_boxes, scores, limit, smaller=smaller)
    shared = boxes.overlaps(given_boxes, given_boxes, smaller=smaller)
    assert (np.diff(scores[kept]) <= 0).all()
    # Those that stay leave one another alone, and each that goes had a better reason than itself to go.
    assert (shared[np.ix_(kept, kept)] - np.eye(len(kept)) <= limit).all()
    for gone in set(range(len(corners))) - set(kept.tolist()):
        assert (shared[gone, kept[scores[kept] >= scores[gone]]] > limit).any()


def test_many_boxes_take_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    many, scores = boxes_of(rng.uniform(0, 60, (200, 4))), rng.uniform(0, 1, 200)
    table = boxes.suppress(many, scores, 0.3)
    monkeypatch.setattr(boxes, "_TABLE", 10)
    assert np.array_equal(boxes.suppress(many, scores, 0.3), table)


def test_squares_and_boxes_about_points() -> None:
    assert boxes.squares(np.array([[0.0, 0, 10, 20]])).tolist() == [[-5, 0, 15, 20]]
    box = boxes.around(np.stack([POINTS, POINTS * 2]))
    assert box[1] == pytest.approx(box[0] * 2)
    assert (box[0, :2] < POINTS.min(axis=0)).all() and (box[0, 2:] > POINTS.max(axis=0)).all()
