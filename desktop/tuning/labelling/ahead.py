"""Iterating in a thread of its own, a little ahead of who takes the values."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator
from queue import Empty, Full, Queue
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

_LOOK_S = 0.1


class _Ended(NamedTuple):
    error: BaseException | None


class Ahead(Generic[T]):
    """The values of an iterable, computed by a thread, at most ``depth`` ahead; what it raises is raised here, in its turn.

    Use it as a context: at its end the thread stops after the value that it is at.
    """

    def __init__(self, source: Iterable[T], depth: int = 1) -> None:
        self._source = source
        self._values: Queue[T | _Ended] = Queue(depth)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ahead", daemon=True)

    def __enter__(self) -> Ahead[T]:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        with contextlib.suppress(Empty):
            while True:
                self._values.get_nowait()
        self._thread.join(10.0)

    def __iter__(self) -> Iterator[T]:
        while True:
            try:
                value = self._values.get(timeout=_LOOK_S)
            except Empty:
                if not self._thread.is_alive() and self._values.empty():
                    return
                continue
            if isinstance(value, _Ended):
                if value.error is not None:
                    raise value.error
                return
            yield value

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            for value in self._source:
                if not self._put(value):
                    return
        except BaseException as raised:
            error = raised
        self._put(_Ended(error))

    def _put(self, value: T | _Ended) -> bool:
        while not self._stop.is_set():
            with contextlib.suppress(Full):
                self._values.put(value, timeout=_LOOK_S)
                return True
        return False
