"""What the model is worth on held-out rows: the loss over a fixed part of them, and answers to be looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop.jobs.failures import is_out_of_memory
from desktop.tuning.runs import Sample
from desktop.tuning.training.batches import Array, by_length
from desktop.tuning.training.network import Network
from desktop.tuning.training.tokens import Tokens

if TYPE_CHECKING:
    from desktop.tuning.prompts import Prompter

_LEAST, _MOST = 32, 2_000
_BATCH = 16
_ANSWER = 64
"""Tokens of an answer that is looked at, at most."""


class Judge:
    """Judges a network on the same rows each time.

    Args:
        rows: of the validation split, with its columns. tokens: theirs.
        trained: rows trained on between two judgements; validation takes about a tenth of that time, or less.
        seed: chooses the rows.
        samples: how many prompts to answer.

    Attributes:
        rows: numbers of the rows it judges by, those that are answered first.
    """

    def __init__(self, rows: Any, tokens: Tokens, prompter: Prompter, *, trained: int, samples: int, seed: int) -> None:
        most = min(len(tokens), max(_LEAST, min(_MOST, trained // 3)))
        self.rows: Array = np.random.Generator(np.random.PCG64([seed, 7])).permutation(len(tokens))[:most]
        self._tokens, self._prompter = tokens, prompter
        self._asked = [rows[int(row)] for row in self.rows[:samples]]

    def loss(self, network: Network, batch: int, watch: Callable[[], None]) -> float:
        """Mean negative log-likelihood of the answers' tokens; with less memory, fewer rows at once.

        Args:
            batch: rows that fit at once in training, which takes several times the memory.

        Raises:
            MemoryError: not even one row fits.
        """
        network.model.eval()
        batch = max(_BATCH, 2 * batch)
        while True:
            try:
                with network.watched(watch):
                    return self._loss(network, batch)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                if batch == 1:
                    raise MemoryError("a single validation row does not fit") from error
            batch = -(-batch // 2)

    def _loss(self, network: Network, batch: int) -> float:
        total, count = 0.0, 0
        for places in by_length(self._tokens.lengths[self.rows], batch):
            losses = network.losses(network.batch(self._tokens.pairs(self.rows[places])))
            total += float(losses.double().sum())
            count += len(losses)
        return total / count

    def samples(self, network: Network, step: int, watch: Callable[[], None]) -> list[Sample]:
        """Greedy answers to the fixed prompts."""
        if not self._asked:
            return []
        network.model.eval()
        card = self._prompter.card
        with network.watched(watch):
            answers = network.answers(self._prompter.encode_prompts(self._asked), min(card.max_answer, _ANSWER))
        return [
            Sample(step, number, _shown(row, card.inputs), row[card.output], self._prompter.decode(answer))
            for number, (row, answer) in enumerate(zip(self._asked, answers, strict=True))
        ]


def _shown(row: Mapping[str, str], inputs: tuple[str, ...]) -> str:
    return row[inputs[0]] if len(inputs) == 1 else "\n".join(f"{name}: {row[name]}" for name in inputs)
