"""What a search needs of a language model: reading prompts, adding a token to each row, and the next token's odds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


class Prefix:
    """The start that many prompts share, read once; made by ``Stepper.prefix`` and of use to that stepper only.

    Attributes:
        tokens: of the start.
    """

    def __init__(self, tokens: Sequence[int]) -> None:
        self.tokens = tuple(tokens)


class Rows(ABC):
    """A batch under way: texts that grow token by token, with what the model keeps of them."""

    @property
    @abstractmethod
    def count(self) -> int:
        """Rows in the batch."""

    @abstractmethod
    def best(self) -> tuple[Ints, Floats]:
        """The likeliest next token of each row [rows], and its log-probability [rows]."""

    @abstractmethod
    def logits(self) -> Floats:
        """The next token's logits [rows, vocabulary]; valid until the next call of ``step`` or ``keep``."""

    @abstractmethod
    def step(self, tokens: Ints) -> None:
        """Add one token to each row [rows]."""

    @abstractmethod
    def keep(self, rows: Ints) -> None:
        """Go on with these rows: numbers of present ones, in any order, once, several times (then copied) or not at all.

        Their logits move along. Rows that stay where they are cost nothing.
        """

    def tree(self, tokens: Ints, parents: Ints) -> Floats:
        """Log-probability of each token of a tree of continuations, after the row and what is before it there [rows, tokens].

        The rows are of no more use after it.

        Args:
            tokens: of the tree, each after the one before it.
            parents: number of the token before it, -1 for none.
        """
        rows, count = np.arange(self.count), self.count
        found = np.empty((count, len(tokens)), np.float32)
        level, asked = np.flatnonzero(parents < 0), np.zeros(len(tokens), np.int64)
        while True:
            logits, (likely, scores) = self.logits(), self.best()
            sums = logits[np.arange(len(logits)), likely] - scores
            width = len(logits) // count
            place = rows[:, None] * width + asked[level]
            found[:, level] = logits[place, tokens[level]] - sums[place]
            inner = level[np.isin(level, parents)]
            if not len(inner):
                return found
            self.keep((rows[:, None] * width + asked[inner]).ravel())
            self.step(np.tile(tokens[inner], count))
            level = np.flatnonzero(np.isin(parents, inner))
            asked[level] = np.searchsorted(inner, parents[level])


class Stepper(ABC):
    """A model that is open.

    Attributes:
        device: "CPU" or "CUDA".
        precision: of most of its weights ("fp32", "fp16", "int8", "int4").
        context: most tokens of a prompt and its answer together; None where there is no bound.
        vocabulary: tokens that it can tell apart.
        reads_trees: ``Rows.tree`` reads all at once; else it makes as many rows as the tree is wide.
    """

    device: str
    precision: str
    context: int | None
    vocabulary: int
    reads_trees = False

    @abstractmethod
    def start(self, prompts: Sequence[Sequence[int]], room: int, *, prefix: Prefix | None = None) -> Rows:
        """Read prompts, of different lengths as they come.

        Args:
            prompts: one row each, in this order. With a prefix, what follows it.
            room: how many tokens ``step`` may add to the longest of them; to a shorter one as many more as it is shorter.
        """

    @abstractmethod
    def at_once(self, length: int) -> int:
        """How many rows of ``length`` tokens (prompt, answer and prefix together) one batch should have at most."""

    def prefix(self, tokens: Sequence[int]) -> Prefix | None:
        """Read a start that many prompts share; None where the model cannot make use of that."""
        del tokens
        return None
