"""Greedy search: the likeliest token, again and again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np

from desktop.jobs.progress import Progress
from desktop.models.decoding.batches import batches
from desktop.models.decoding.stepper import Ints, Prefix, Stepper

OnToken = Callable[[int, int], None]


def greedy(
    stepper: Stepper,
    prompts: Sequence[Sequence[int]],
    most: Sequence[int],
    stop: Collection[int],
    *,
    prefix: Prefix | None = None,
    on_token: OnToken | None = None,
    progress: Progress | None = None,
) -> tuple[list[list[int]], list[float]]:
    """Answers (without their stop token) and the mean log-probability of their tokens (with the stop token; 0 for none).

    Args:
        most: longest answer of each prompt.
        stop: tokens that end an answer.
        on_token: told the prompt's number and each token of its answer as it comes.
    """
    answers: list[list[int]] = [[] for _ in prompts]
    sums, counts = np.zeros(len(prompts)), np.zeros(len(prompts), np.int64)
    for numbers in batches(stepper, prompts, most, prefix):
        alive = np.array([number for number in numbers if most[number] > 0], np.int64)
        if not len(alive):
            continue
        given = [prompts[number] for number in alive]
        room = max(len(prompts[number]) + most[number] for number in alive) - max(len(prompt) for prompt in given)
        rows = stepper.start(given, room, prefix=prefix)
        while True:
            if progress is not None:
                progress.checkpoint()
            tokens, scores = rows.best()
            sums[alive] += scores
            counts[alive] += 1
            going = np.ones(len(alive), np.bool_)
            for row, (number, token) in enumerate(zip(alive.tolist(), tokens.tolist(), strict=True)):
                if token in stop:
                    going[row] = False
                    continue
                answers[number].append(token)
                if on_token is not None:
                    on_token(number, token)
                going[row] = len(answers[number]) < most[number]
            if not going.any():
                break
            if not going.all():
                left = closed_up(going)
                rows.keep(left)
                alive, tokens = alive[left], tokens[left]
            rows.step(tokens)
    return answers, (sums / np.maximum(counts, 1)).tolist()


def closed_up(going: np.ndarray) -> Ints:
    """The rows that go on, so ordered that few have to move: the last ones fill the gaps."""
    left = np.flatnonzero(going)
    order = np.arange(len(left))
    gaps = order[~going[: len(left)]]
    order[gaps] = left[left >= len(left)]
    return order
