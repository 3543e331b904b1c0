"""The likeliest of given answers: their tokens as a tree, so that what several begin with is computed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from desktop.errors import UsageError
from desktop.jobs.progress import Progress
from desktop.models.decoding.batches import batches
from desktop.models.decoding.stepper import Floats, Ints, Prefix, Stepper

# Bytes of the logits after all inner tokens of a batch's trees.
_LOGITS = 256 << 20


@dataclass(frozen=True)
class Tree:
    """
    Attributes:
        tokens, parents: see ``Rows.tree``.
        paths: numbers of each choice's tokens in the tree.
    """

    tokens: Ints
    parents: Ints
    paths: list[list[int]]

    @property
    def inner(self) -> int:
        """Tokens with others after them."""
        return len(np.unique(self.parents[self.parents >= 0]))

    @property
    def width(self) -> int:
        """Most inner tokens at one distance from the root."""
        inner = set(self.parents.tolist())
        at: dict[int, set[int]] = {}
        for path in self.paths:
            for depth, token in enumerate(path):
                if token in inner:
                    at.setdefault(depth, set()).add(token)
        return max((len(tokens) for tokens in at.values()), default=1)


def tree_of(choices: Sequence[Sequence[int]]) -> Tree:
    """The tree of the choices' tokens."""
    found: dict[tuple[int, int], int] = {}
    paths = []
    for choice in choices:
        path: list[int] = []
        for token in choice:
            key = (path[-1] if path else -1, token)
            path.append(found.setdefault(key, len(found)))
        paths.append(path)
    parents, tokens = (np.array(values, np.int64) for values in zip(*found, strict=True))
    return Tree(tokens, parents, paths)


def choose(
    stepper: Stepper,
    prompts: Sequence[Sequence[int]],
    choices: Sequence[Sequence[int]],
    *,
    prefix: Prefix | None = None,
    progress: Progress | None = None,
) -> tuple[Ints, Floats]:
    """See ``Generator.choose``."""
    if not choices or not all(choices):
        raise UsageError("There is nothing to choose from, or one of the choices has no tokens")
    found = np.empty((len(prompts), len(choices)), np.float32)
    order = sorted(range(len(choices)), key=lambda number: tuple(choices[number]))
    most = max(1, _LOGITS // (4 * stepper.vocabulary))
    for part in _parts(order, choices, most):
        tree = tree_of([choices[number] for number in part])
        _score(stepper, prompts, tree, found, part, most, prefix, progress)
    return found.argmax(axis=1), found


def _parts(order: list[int], choices: Sequence[Sequence[int]], most: int) -> list[list[int]]:
    """Choices in parts whose trees have at most so many inner tokens, where that can be had."""
    if len(order) == 1 or tree_of([choices[number] for number in order]).inner <= most:
        return [order]
    middle = len(order) // 2
    return _parts(order[:middle], choices, most) + _parts(order[middle:], choices, most)


def _score(
    stepper: Stepper,
    prompts: Sequence[Sequence[int]],
    tree: Tree,
    found: Floats,
    part: list[int],
    most: int,
    prefix: Prefix | None,
    progress: Progress | None,
) -> None:
    """Fill in the columns ``part`` of the log-probabilities ``found``."""
    longest = max(len(path) for path in tree.paths)
    inner = tree.inner
    copies = 1 if stepper.reads_trees else tree.width
    for numbers in batches(stepper, prompts, [longest] * len(prompts), prefix, copies=copies, most=max(1, most // max(1, inner))):
        if progress is not None:
            progress.checkpoint()
        given = [prompts[number] for number in numbers]
        rows = stepper.start(given, inner if stepper.reads_trees else longest, prefix=prefix)
        odds = rows.tree(tree.tokens, tree.parents)
        for column, path in zip(part, tree.paths, strict=True):
            found[numbers, column] = odds[:, path].sum(axis=1)
