"""Running a sentence encoder's graph over many texts: equal ones once, batches of like lengths, one thread a batch.

Threads that each compute a batch of their own wait for nobody; those that share an operator wait for the slowest at each of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from desktop.jobs.progress import Progress
from desktop.models import cpu
from desktop.models.session import Session, open_session

TOKENS = {"CPU": 1024, "CUDA": 16384}
"""Tokens of a batch: so few that a core's values stay in its cache; a GPU wants many."""

_ROWS = 512
_AHEAD = 4

Array = npt.NDArray[Any]


class Encoder:
    """A graph with the inputs input_ids and attention_mask [B, S], and outputs [B, ...].

    Args:
        pad: id of the padding token.
        device: "auto", "cpu" or "cuda".
        threads: batches at a time on a CPU; this process's share of the cores when None.

    Attributes:
        session: of the graph.
    """

    def __init__(self, path: Path, *, pad: int = 0, device: str = "auto", threads: int | None = None) -> None:
        self.session: Session = open_session(path, device=device, threads=1)
        self._pad = pad
        self._workers = (threads or cpu.granted()) if self.session.device == "CPU" else 1

    def run(
        self, texts: Sequence[Sequence[int]], outputs: Sequence[str], progress: Progress | None = None, *, rows: int = 0
    ) -> dict[str, Array]:
        """Outputs by name, a row for each text's token ids, in their order.

        Args:
            progress: told how far it is, and asked whether to go on, between batches.
            rows: texts of a batch at most; 0 leaves it to their lengths.

        Raises:
            MemoryError: a batch of one text does not fit.
            Cancelled: ``progress`` says so.
        """
        places: dict[tuple[int, ...], int] = {}
        back = np.fromiter((places.setdefault(tuple(text), len(places)) for text in texts), np.int64, len(texts))
        distinct = list(places)
        found: dict[str, Array] = {}
        done = 0
        for batch, values in self._computed(distinct, list(outputs), rows):
            for name, value in zip(outputs, values, strict=True):
                if name not in found:
                    found[name] = np.empty((len(distinct), *value.shape[1:]), value.dtype)
                found[name][batch] = value
            done += len(batch)
            if progress is not None:
                progress.at(done / len(distinct))
        if len(distinct) == len(texts):
            return found
        return {name: values[back] for name, values in found.items()}

    def _computed(
        self, texts: Sequence[Sequence[int]], outputs: list[str], rows: int
    ) -> Iterator[tuple[npt.NDArray[np.int64], list[Array]]]:
        """Batches with their outputs, a few computed ahead."""
        batches = batches_of(np.array([len(text) for text in texts], np.int64), TOKENS[self.session.device], rows or _ROWS)
        waiting: deque[tuple[npt.NDArray[np.int64], Future[list[Array]]]] = deque()
        pool = ThreadPoolExecutor(self._workers, "encoder")
        try:
            for batch in batches:
                waiting.append((batch, pool.submit(self._batch, [texts[row] for row in batch], outputs)))
                if len(waiting) >= _AHEAD * self._workers:
                    numbers, future = waiting.popleft()
                    yield numbers, future.result()
            while waiting:
                numbers, future = waiting.popleft()
                yield numbers, future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _batch(self, texts: Sequence[Sequence[int]], outputs: list[str]) -> list[Array]:
        ids, mask = padded(texts, self._pad)
        try:
            return self.session.run({"input_ids": ids, "attention_mask": mask}, outputs)
        except MemoryError:
            if len(texts) == 1:
                raise
        half = len(texts) // 2
        parts = [self._batch(texts[:half], outputs), self._batch(texts[half:], outputs)]
        return [np.concatenate(values) for values in zip(*parts, strict=True)]


def batches_of(lengths: npt.NDArray[np.int64], tokens: int, rows: int) -> Iterator[npt.NDArray[np.int64]]:
    """Numbers of the texts of each batch, the shortest texts first: padded, a batch has at most ``tokens``, or a single text."""
    order = np.argsort(lengths, kind="stable")
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and end - start < rows and (end - start + 1) * max(1, lengths[order[end]]) <= tokens:
            end += 1
        yield order[start:end]
        start = end


def padded(texts: Sequence[Sequence[int]], pad: int = 0) -> tuple[Array, Array]:
    """Token ids [B, S] and their mask, int64, padded at the end to the longest; S is at least 1."""
    longest = max(1, *(len(text) for text in texts))
    ids = np.full((len(texts), longest), pad, np.int64)
    mask = np.zeros_like(ids)
    for row, text in enumerate(texts):
        ids[row, : len(text)] = text
        mask[row, : len(text)] = 1
    return ids, mask
