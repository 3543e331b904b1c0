"""Which rows make each step."""

from __future__ import annotations

import numpy as np

from desktop.tuning.training.batches import Plan, by_length, parts

LENGTHS = np.random.default_rng(1).integers(5, 90, 1003)


def test_every_row_comes_once_in_an_epoch_and_the_next_differs() -> None:
    plan = Plan(LENGTHS, 8, seed=4)
    assert plan.steps_per_epoch == 126
    epochs = [[plan.rows(1 + epoch * 126 + step).tolist() for step in range(126)] for epoch in range(2)]
    for steps in epochs:
        assert sorted(row for rows in steps for row in rows) == list(range(1003))
    assert epochs[0] != epochs[1]


def test_any_step_is_found_without_those_before() -> None:
    walked, jumped = Plan(LENGTHS, 8, seed=4), Plan(LENGTHS, 8, seed=4)
    last = [walked.rows(step) for step in range(1, 301)][-1]
    assert np.array_equal(jumped.rows(300), last)
    assert not np.array_equal(Plan(LENGTHS, 8, seed=5).rows(300), last)


def test_rows_of_a_step_are_of_similar_length_and_steps_are_mixed() -> None:
    plan = Plan(LENGTHS, 8, seed=4)
    spans = [np.ptp(LENGTHS[plan.rows(step)]) for step in range(1, 127)]
    assert np.mean(spans) < 4.0
    means = [LENGTHS[plan.rows(step)].mean() for step in range(1, 127)]
    assert abs(np.corrcoef(means, np.arange(126))[0, 1]) < 0.3


def test_processes_share_the_rows_of_a_step() -> None:
    rows = np.arange(22)
    shared = [parts(rows, 4, 2, process) for process in range(2)]
    assert [len(batches) for batches in shared] == [3, 3]
    assert sorted(np.concatenate([*shared[0], *shared[1]]).tolist()) == list(range(22))
    assert [len(batch) for batch in parts(rows, 8)] == [8, 8, 6]


def test_validation_begins_with_the_longest() -> None:
    batches = by_length(LENGTHS, 64)
    assert LENGTHS[batches[0]].min() >= LENGTHS[batches[1]].max()
    assert sum(map(len, batches)) == 1003
