"""Stages as threads: order, bounds, errors, cancel and pause, and no thread left behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from desktop.video.flow import Flow, Pipe, apart, spread
from tests.waiting import PATIENCE_S, quickest


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before, [thread.name for thread in threading.enumerate()]


def _nothing() -> None:
    pass


def _chain(flow: Flow, count: int, stages: int = 3, capacity: int = 2, busy: float = 0.0) -> list[int]:
    """Numbers through some stages; the list that they arrive in."""
    arrived: list[int] = []
    pipe: Pipe[int] = flow.pipe(capacity)

    def source(out: Pipe[int]) -> None:
        for number in range(count):
            out.put(number)
        out.close()

    def middle(into: Pipe[int], out: Pipe[int]) -> None:
        for number in into:
            time.sleep(busy)
            out.put(number)
        out.close()

    first = pipe
    flow.stage("source", lambda: source(first))
    for number in range(stages):
        follow: Pipe[int] = flow.pipe(capacity)
        flow.stage(f"stage {number}", lambda into=pipe, out=follow: middle(into, out))
        pipe = follow
    last = pipe
    flow.stage("sink", lambda: arrived.extend(last))
    return arrived


def test_everything_arrives_in_order() -> None:
    flow = Flow()
    arrived = _chain(flow, 500)
    flow.run(_nothing)
    assert arrived == list(range(500))
    assert set(flow.seconds) == {"source", "stage 0", "stage 1", "stage 2", "sink"}


def test_no_more_is_made_than_the_pipes_hold() -> None:
    flow = Flow()
    pipe: Pipe[int] = flow.pipe(3)
    made: list[int] = []
    gate = threading.Event()
    seen: list[int] = []

    def source() -> None:
        for number in range(50):
            pipe.put(number)
            made.append(number)
        pipe.close()

    def sink() -> None:
        gate.wait(PATIENCE_S)
        seen.extend(pipe)

    def tick() -> None:
        if not gate.is_set() and len(made) >= 3:
            time.sleep(0.05)
            assert len(made) == 3
            gate.set()

    flow.stage("source", source)
    flow.stage("sink", sink)
    flow.run(tick)
    assert seen == list(range(50))


def test_the_first_error_ends_all_and_is_raised() -> None:
    def fail() -> None:
        time.sleep(0.1)
        raise ValueError("the disk is full")

    def ended() -> float:
        flow = Flow()
        arrived = _chain(flow, 100_000)
        pipe: Pipe[int] = flow.pipe(1)
        flow.stage("fails", fail)
        flow.stage("waits for ever", lambda: list(pipe).clear())
        began = time.monotonic()
        with pytest.raises(ValueError, match="the disk is full"):
            flow.run(_nothing)
        took = time.monotonic() - began
        assert arrived == sorted(arrived)
        return took

    assert quickest(ended, 1.0) < 1.0


def test_cancel_ends_all_at_once_and_interrupts_long_calls() -> None:
    def ended() -> float:
        interrupted = threading.Event()
        flow = Flow(interrupted.set)
        pipe: Pipe[int] = flow.pipe(1)
        began = time.monotonic()

        def long_call() -> None:
            interrupted.wait(30)
            raise RuntimeError("terminated")

        def tick() -> None:
            if time.monotonic() - began > 0.2:
                raise KeyboardInterrupt

        flow.stage("in a long call", long_call)
        flow.stage("waits", lambda: list(pipe).clear())
        with pytest.raises(KeyboardInterrupt):
            flow.run(tick)
        return time.monotonic() - began

    assert quickest(ended, 0.6) < 0.6


def test_the_stages_stand_still_while_the_caller_is_held() -> None:
    flow = Flow()
    arrived = _chain(flow, 2000, stages=1, busy=0.001)
    counts: list[int] = []

    def tick() -> None:
        if not counts and len(arrived) > 20:
            time.sleep(0.8)
            counts.append(len(arrived))
            time.sleep(0.5)
            counts.append(len(arrived))

    flow.run(tick)
    assert counts[1] - counts[0] <= 2 and arrived == list(range(2000))


def test_seconds_leave_the_waiting_out() -> None:
    def fast() -> float:
        flow = Flow()
        pipe: Pipe[int] = flow.pipe(1)

        def slow() -> None:
            for number in range(5):
                time.sleep(0.05)
                pipe.put(number)
            pipe.close()

        flow.stage("slow", slow)
        flow.stage("fast", lambda: list(pipe).clear())
        flow.run(_nothing)
        assert flow.seconds["slow"] >= 0.24
        return flow.seconds["fast"]

    assert quickest(fast, 0.1) < 0.1


@pytest.mark.parametrize("workers", [1, 4])
def test_spread_work_stays_in_order(workers: int) -> None:
    def work(number: int) -> int:
        time.sleep(0.002 * (number % 3))
        return number * 2

    assert list(spread(iter(range(60)), work, workers)) == [number * 2 for number in range(60)]


def test_spread_work_that_fails_or_is_left_leaves_no_thread() -> None:
    def work(number: int) -> int:
        if number == 7:
            raise ValueError("seven")
        return number

    with pytest.raises(ValueError, match="seven"):
        list(spread(iter(range(60)), work, 4))
    some = spread(iter(range(60)), lambda number: number, 4)
    assert next(some) == 0
    some.close()


def test_work_apart_gives_its_result_or_its_error() -> None:
    assert apart(lambda: 5, _nothing, _nothing) == 5
    with pytest.raises(ZeroDivisionError):
        apart(lambda: 1 // 0, _nothing, _nothing)
