"""Time left, with a clock of the test's own."""

from __future__ import annotations

import pytest

from desktop.jobs.estimate import TimeLeft


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def work(left: TimeLeft, clock: Clock, *, start: float, end: float, seconds: float, step: float = 0.1) -> None:
    """Report evenly from fraction ``start`` to ``end``."""
    steps = round(seconds / step)
    for n in range(1, steps + 1):
        clock.now += step
        left.update(start + (end - start) * n / steps)


def test_nothing_is_said_before_anything_is_known() -> None:
    clock = Clock()
    left = TimeLeft(clock)
    assert left.remaining is None
    work(left, clock, start=0, end=0.5, seconds=0.5)
    assert left.remaining is None
    clock.now += 10
    left.update(0.51)
    assert left.remaining is not None


@pytest.mark.parametrize("seconds", [5, 60, 3600])
def test_even_work_is_foreseen(seconds: float) -> None:
    clock = Clock()
    left = TimeLeft(clock)
    work(left, clock, start=0, end=0.5, seconds=seconds / 2)
    assert left.remaining == pytest.approx(seconds / 2, rel=0.03)
    clock.now += 1
    assert left.remaining == pytest.approx(seconds / 2 - 1, rel=0.05)


def test_a_slower_stage_is_noticed() -> None:
    clock = Clock()
    left = TimeLeft(clock)
    work(left, clock, start=0, end=0.5, seconds=10)
    work(left, clock, start=0.5, end=0.6, seconds=10)
    assert left.remaining is not None and 30 < left.remaining < 45


def test_pauses_do_not_count() -> None:
    clock = Clock()
    left = TimeLeft(clock)
    work(left, clock, start=0, end=0.5, seconds=10)
    before = left.remaining
    left.pause()
    left.pause()
    clock.now += 500
    assert left.remaining == before and left.elapsed == pytest.approx(10)
    left.resume()
    left.resume()
    assert left.remaining == before
    work(left, clock, start=0.5, end=0.6, seconds=2)
    assert left.remaining == pytest.approx(8, rel=0.05)


def test_steps_back_and_stalls_do_no_harm() -> None:
    clock = Clock()
    left = TimeLeft(clock)
    work(left, clock, start=0, end=0.5, seconds=10)
    left.update(0.2)
    left.update(0.5)
    assert left.remaining == pytest.approx(10, rel=0.05)
    clock.now += 100
    assert left.remaining == 0
    work(left, clock, start=0.5, end=1.0, seconds=10)
    assert left.remaining == 0


def test_a_slow_start_is_forgotten() -> None:
    """Ten seconds of fetching a model, then steady work: the guess is right soon after."""
    clock = Clock()
    left = TimeLeft(clock)
    work(left, clock, start=0, end=0.02, seconds=10)
    clock.now += 4
    left.update(0.5)
    assert left.remaining is not None and left.remaining < 30
    work(left, clock, start=0.5, end=0.74, seconds=2)
    assert left.remaining < 8
