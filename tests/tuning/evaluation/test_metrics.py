"""Numbers that compare answers with what was expected."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.tuning.evaluation.metrics import interval, is_exact, rouge_l, score_labels


def test_scores_of_labels_are_those_of_the_definition() -> None:
    expected = ["a", "a", "a", "b", "b", "c"]
    answered = ["a", "a", "b", "b", "d", "c"]
    scores = score_labels(expected, answered)
    assert scores.accuracy == pytest.approx(4 / 6)
    by_label = {score.label: score for score in scores.per_class}
    assert by_label["a"].precision == 1.0
    assert by_label["a"].recall == pytest.approx(2 / 3)
    assert by_label["b"].f1 == pytest.approx(0.5)
    # "d" was never expected: it costs precision elsewhere but is no class of the mean.
    assert scores.macro_f1 == pytest.approx((0.8 + 0.5 + 1.0) / 3)
    row, column = scores.labels.index("b"), scores.labels.index("d")
    assert scores.confusion[row, column] == 1
    assert scores.confusion.sum() == 6
    assert scores.labels[0] == "a"


@given(st.integers(0, 400), st.integers(1, 400))
def test_interval_holds_the_share_and_stays_within_bounds(right: int, total: int) -> None:
    right = min(right, total)
    low, high = interval(right, total)
    assert 0.0 <= low <= right / total + 1e-12
    assert right / total - 1e-12 <= high <= 1.0


def test_interval_covers_the_truth_as_often_as_it_says() -> None:
    hits = np.random.default_rng(1).binomial(500, 0.3, 4000)
    covered = [low <= 0.3 <= high for low, high in (interval(int(hit), 500) for hit in hits)]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize(
    ("expected", "answer", "score"),
    [
        ("the cat sat on the mat", "the cat sat on the mat", 1.0),
        ("The cat, sat!", "the CAT sat", 1.0),
        # Longest common subsequence "police killed the gunman" has 4 of 4 and 4 of 4; "police the gunman" 3 (Lin 2004, 3.1).
        ("police killed the gunman", "police kill the gunman", 0.75),
        ("police killed the gunman", "the gunman kill police", 0.5),
        ("", "", 1.0),
        ("something", "", 0.0),
    ],
)
def test_rouge_l(expected: str, answer: str, score: float) -> None:
    assert rouge_l(expected, answer) == pytest.approx(score)


@given(st.text("abc ", max_size=12), st.text("abc ", max_size=12))
def test_rouge_l_is_that_of_the_recursion(one: str, other: str) -> None:
    def common(left: list[str], right: list[str]) -> int:
        if not left or not right:
            return 0
        if left[0] == right[0]:
            return 1 + common(left[1:], right[1:])
        return max(common(left[1:], right), common(left, right[1:]))

    left, right = one.split(), other.split()
    wanted = 2 * common(left, right) / (len(left) + len(right)) if left and right else float(left == right)
    assert rouge_l(one, other) == pytest.approx(wanted)


def test_exact_match_ignores_case_and_white_space_only() -> None:
    assert is_exact("Acme  GmbH\n", "acme gmbh")
    assert not is_exact("Acme GmbH", "Acme, GmbH")
