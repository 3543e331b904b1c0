"""A decoder's batch under way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from desktop.models.decoding.caches import CacheShape, DeviceCaches, HostCaches, bound
from desktop.models.decoding.stepper import Floats, Ints, Rows
from desktop.models.session import Binding, Session

# Prompts are read in parts: so many tokens of all rows at once, and scores of attention in so many bytes.
_TOKENS = 4096
_SCORES = 256 << 20
_HIDDEN = {np.float32: -1e9, np.float16: -3e4}


@dataclass(frozen=True)
class Graphs:
    """
    Attributes:
        decoder: see ``desktop.models.export.decoder_net``.
        mover: of caches on a device; None for those in the computer's memory.
        heads: of queries.
    """

    decoder: Session
    mover: Session | None
    shape: CacheShape
    vocabulary: int
    heads: int

    @property
    def places(self) -> bool:
        """Whether the graph wants the places of the cache's tokens (ALiBi)."""
        return any(port.name == "places" for port in self.decoder.inputs)


class DecoderRows(Rows):
    """Reads the prompts when it is made.

    Args:
        caches: with what all rows begin with, if there is such a thing.
        before: how many tokens that is.
    """

    def __init__(self, graphs: Graphs, caches: HostCaches | DeviceCaches, prompts: Sequence[Sequence[int]], before: int) -> None:
        self._graphs, self._caches = graphs, caches
        count = len(prompts)
        self._lengths = np.array([before + len(prompt) for prompt in prompts], np.int64)
        # Rows of one prompt have its tokens in common, whatever was added to them.
        self._owners, self._common = np.arange(count), self._lengths.copy()
        self._logits = np.empty((count, graphs.vocabulary), np.float32)
        self._tokens, self._scores = np.empty(count, np.int64), np.empty(count, np.float32)
        self._read(prompts, before)
        self._mask = np.where(np.arange(caches.room) < self._lengths[:, None], 0, self._hidden).astype(graphs.shape.dtype)
        self._fed = np.zeros(count, np.int64)
        self._binding: Binding | None = None

    @property
    def count(self) -> int:
        return len(self._lengths)

    def best(self) -> tuple[Ints, Floats]:
        return self._tokens.copy(), self._scores.copy()

    def logits(self) -> Floats:
        return self._logits

    def step(self, tokens: Ints) -> None:
        self._fed[:] = tokens
        self._mask[np.arange(self.count), self._lengths] = 0
        if self._binding is None or self._graphs.decoder.device != "CPU":
            self._binding = self._bound_step()
        self._binding.run()
        self._lengths += 1

    def keep(self, rows: Ints) -> None:
        if np.array_equal(rows, np.arange(self.count)):
            return
        since = self._common[rows].copy()
        stay = min(len(rows), self.count)
        since[:stay] *= self._owners[rows[:stay]] == self._owners[:stay]
        since[stay:] = 0
        changed = self._caches.take(rows, since, int(self._lengths.max()))
        states = ("_lengths", "_owners", "_common", "_logits", "_tokens", "_scores", "_mask", "_fed")
        for name in states:
            old = getattr(self, name)
            if len(rows) == len(old):
                # In place: the binding points there.
                old[...] = old[rows]
            else:
                setattr(self, name, old[rows])
                changed = True
        if changed:
            self._binding = None

    def tree(self, tokens: Ints, parents: Ints) -> Floats:
        if not len(tokens):
            return np.empty((self.count, 0), np.float32)
        inner = np.unique(parents[parents >= 0])
        first = parents < 0
        found = np.empty((self.count, len(tokens)), np.float32)
        found[:, first] = _odds(self._logits, self._tokens, self._scores, np.arange(self.count)[:, None], tokens[first])
        if len(inner):
            found[:, ~first] = self._odds_within(tokens, parents, inner)
        return found

    def _odds_within(self, tokens: Ints, parents: Ints, inner: Ints) -> Floats:
        """Log-probabilities of those tokens of a tree that have one before them; the inner ones are read all at once."""
        number = np.full(len(tokens), -1)
        number[inner] = np.arange(len(inner))
        size, count, room = len(inner), self.count, self._caches.room
        seen = np.zeros((size, size), np.bool_)
        for row, token in enumerate(inner):
            if parents[token] >= 0:
                seen[row] = seen[number[parents[token]]]
            seen[row, row] = True
        depths = seen.sum(axis=1) - 1
        mask = np.repeat(self._mask[:, None, None], size, axis=2)
        for row, length in enumerate(self._lengths):
            mask[row, 0, :, length : length + size] = np.where(seen, 0, self._hidden)
        places = np.repeat(np.arange(room)[None], count, axis=0)
        for row, length in enumerate(self._lengths):
            places[row, length : length + size] = length + depths
        outputs = self._outputs(count * size)
        inputs = {
            "input_ids": np.repeat(tokens[inner][None], count, axis=0),
            "positions": self._lengths[:, None] + depths,
            "start": self._lengths.copy(),
            "mask": mask,
            "wanted": np.arange(count * size),
        }
        self._bound(inputs, outputs, places).run()
        after = parents >= 0
        asked = np.arange(count)[:, None] * size + number[parents[after]]
        return _odds(outputs["logits"], outputs["token"], outputs["score"], asked, tokens[after])

    @property
    def _hidden(self) -> float:
        return _HIDDEN[np.float16 if self._graphs.shape.dtype is np.float16 else np.float32]

    def _read(self, prompts: Sequence[Sequence[int]], before: int) -> None:
        room, dtype, count = self._caches.room, self._graphs.shape.dtype, self.count
        longest = max(len(prompt) for prompt in prompts)
        size = max(1, min(_TOKENS // count, _SCORES // (count * self._graphs.heads * room * 4)))
        for at in range(0, longest, size):
            width = min(size, longest - at)
            ids = np.zeros((count, width), np.int64)
            for row, prompt in enumerate(prompts):
                part = prompt[at : at + width]
                ids[row, : len(part)] = part
            places = before + at + np.arange(width)
            # Rows that end in this part; a row is asked for at least, as some operators refuse to work on nothing.
            ending = np.flatnonzero((self._lengths > places[0]) & (self._lengths <= places[-1] + 1))
            wanted = ending * width + self._lengths[ending] - 1 - places[0] if len(ending) else np.zeros(1, np.int64)
            outputs = self._outputs(len(wanted))
            inputs = {
                "input_ids": ids,
                "positions": np.repeat(places[None], count, axis=0),
                "start": np.full(count, places[0]),
                "mask": np.where(np.arange(room) <= places[:, None], 0, self._hidden).astype(dtype)[None, None],
                "wanted": wanted,
            }
            self._bound(inputs, outputs, np.arange(room)[None]).run()
            for state, name in ((self._logits, "logits"), (self._tokens, "token"), (self._scores, "score")):
                state[ending] = outputs[name][: len(ending)]

    def _bound_step(self) -> Binding:
        inputs = {
            "input_ids": self._fed[:, None],
            "positions": self._lengths[:, None],
            "start": self._lengths,
            "mask": self._mask[:, None, None],
            "wanted": np.arange(self.count),
        }
        outputs = {"logits": self._logits, "token": self._tokens, "score": self._scores}
        return self._bound(inputs, outputs, np.arange(self._caches.room)[None])

    def _outputs(self, count: int) -> dict[str, Any]:
        logits = np.empty((count, self._graphs.vocabulary), np.float32)
        return {"logits": logits, "token": np.empty(count, np.int64), "score": np.empty(count, np.float32)}

    def _bound(self, inputs: dict[str, Any], outputs: dict[str, Any], places: Ints) -> Binding:
        """A call with the caches."""
        past, present = bound(self._caches.values(), ("past", "present"))
        if self._graphs.places:
            inputs = inputs | {"places": places.astype(self._graphs.shape.dtype)[:, None, None]}
        return self._graphs.decoder.bind(inputs | past, outputs | present)


def _odds(logits: Floats, likeliest: Ints, scores: Floats, rows: Ints, tokens: Ints) -> Floats:
    """Log-probabilities of tokens [..., n] by the logits of ``rows`` [..., n], whose likeliest token's is known."""
    sums = logits[np.arange(len(logits)), likeliest] - scores
    return logits[rows, tokens] - sums[rows]
