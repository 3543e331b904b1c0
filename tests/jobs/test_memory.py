"""The out-of-memory policy, against a device of the test's own that really refuses."""

from __future__ import annotations

import errno
from collections.abc import Sequence

import pytest

from desktop.jobs.events import AnyEvent, Logged
from desktop.jobs.failures import failure, is_out_of_memory
from desktop.jobs.memory import Batches
from desktop.jobs.progress import Progress


class Listener(Progress):
    def __init__(self) -> None:
        self.said: list[str] = []

    def emit(self, event: AnyEvent) -> None:
        if isinstance(event, Logged):
            self.said.append(event.text)


class Device:
    """Doubles numbers, as many at a time as fit."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.tried: list[int] = []

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.tried.append(len(items))
        if len(items) > self.room:
            raise RuntimeError("CUDA failure 2: out of memory ; GPU=0")
        return [2 * item for item in items]


def test_nothing_is_changed_while_memory_suffices() -> None:
    device, listener = Device(100), Listener()
    batches = Batches(device, size=8, progress=listener)
    assert batches(list(range(20))) == list(range(0, 40, 2))
    assert device.tried == [8, 8, 4] and listener.said == [] and batches([]) == []


def test_the_batch_is_halved_and_stays_small() -> None:
    device, listener = Device(3), Listener()
    batches = Batches(device, size=16, progress=listener)
    assert batches(list(range(20))) == list(range(0, 40, 2))
    assert device.tried[:4] == [16, 8, 4, 2] and batches.size == 2 and len(listener.said) == 3
    device.tried.clear()
    assert batches([1, 2, 3]) == [2, 4, 6] and device.tried == [2, 1]


def test_the_cpu_takes_over_and_says_so() -> None:
    device, cpu, listener = Device(0), Device(100), Listener()
    batches = Batches(device, size=4, fallback=lambda: cpu, progress=listener)
    assert batches([1, 2, 3]) == [2, 4, 6] and batches.fell_back
    assert device.tried == [3, 1] and "CPU" in listener.said[-1]
    assert batches([5]) == [10] and device.tried == [3, 1]


def test_when_nothing_is_left_the_error_comes_out() -> None:
    with pytest.raises(RuntimeError, match="out of memory"):
        Batches(Device(0), size=4)([1])
    with pytest.raises(RuntimeError, match="out of memory"):
        Batches(Device(0), size=4, fallback=lambda: Device(0))([1])


def test_other_errors_come_out_at_once() -> None:
    def broken(items: Sequence[int]) -> list[int]:
        raise ValueError("wrong shape")

    with pytest.raises(ValueError, match="wrong shape"):
        Batches(broken, size=4)([1])
    with pytest.raises(ValueError, match="2 items gave 1 results"):
        Batches(lambda items: [1], size=2)([1, 2])


def test_out_of_memory_is_recognised() -> None:
    for error in (
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        RuntimeError("[ONNXRuntimeError] : 6 : Failed to allocate memory for requested buffer of size 1024"),
        RuntimeError("CUBLAS_STATUS_ALLOC_FAILED"),
        RuntimeError("std::bad_alloc"),
    ):
        assert is_out_of_memory(error) and failure(error).message == "The memory ran out"
    for error in (ValueError("memory"), OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt("out of memory")):
        assert not is_out_of_memory(error)
    assert "No space left" in failure(OSError(errno.ENOSPC, "No space left on device", "/x")).message
