"""Beam search as transformers does it by default (its ``_beam_search``): scores are mean log-probabilities, an answer is over
when the best unfinished one, at its present length, is worse than all finished ones.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np

from desktop.jobs.progress import Progress
from desktop.models.decoding.batches import batches
from desktop.models.decoding.stepper import Floats, Prefix, Rows, Stepper


@dataclass
class _Beams:
    """The search for one prompt's answer.

    Attributes:
        running: token lists that go on, best first; all of one length.
        scores: their log-probabilities.
        finished: mean log-probability and tokens of those that ended, best first.
    """

    most: int
    running: list[list[int]] = field(default_factory=lambda: [[]])
    scores: Floats = field(default_factory=lambda: np.zeros(1, np.float32))
    finished: list[tuple[float, list[int]]] = field(default_factory=list)

    def advance(self, odds: Floats, beams: int, stop: Collection[int]) -> tuple[list[int], list[int]]:
        """Take the next tokens' log-probabilities [running, vocabulary]; the rows to go on with and their tokens, if any."""
        total = (odds + self.scores[:, None]).ravel()
        wanted = min(max(2, 1 + len(stop)) * beams, len(total))
        best = np.argpartition(-total, wanted - 1)[:wanted]
        best = best[np.lexsort((best, -total[best]))]
        length = len(self.running[0]) + 1
        going: list[tuple[int, int, float]] = []
        for rank, place in enumerate(best.tolist()):
            row, token = divmod(place, odds.shape[1])
            if token in stop or length >= self.most:
                # Those beyond the first are a reserve to go on with, not to end with.
                if rank < beams:
                    self.finished.append((float(total[place]) / length, [*self.running[row], token]))
            elif len(going) < beams:
                going.append((row, token, float(total[place])))
        self.finished = sorted(self.finished, key=lambda one: -one[0])[:beams]
        if not going or self._cannot_improve(going[0][2] / length, beams):
            return [], []
        self.running = [[*self.running[row], token] for row, token, _ in going]
        self.scores = np.array([score for _, _, score in going], np.float32)
        return [row for row, _, _ in going], [token for _, token, _ in going]

    def _cannot_improve(self, best: float, beams: int) -> bool:
        return len(self.finished) == beams and best <= self.finished[-1][0]

    def answer(self, stop: Collection[int]) -> list[int]:
        tokens = self.finished[0][1] if self.finished else []
        return tokens[:-1] if tokens and tokens[-1] in stop else tokens


def beam(
    stepper: Stepper,
    prompts: Sequence[Sequence[int]],
    beams: int,
    most: Sequence[int],
    stop: Collection[int],
    *,
    prefix: Prefix | None = None,
    progress: Progress | None = None,
) -> list[list[int]]:
    """See ``Generator.beam``."""
    answers: list[list[int]] = [[] for _ in prompts]
    for batch in batches(stepper, prompts, most, prefix, copies=beams):
        numbers = [number for number in batch if most[number] > 0]
        if not numbers:
            continue
        given = [prompts[number] for number in numbers]
        room = max(len(prompts[number]) + most[number] for number in numbers) - max(len(prompt) for prompt in given)
        rows = stepper.start(given, room, prefix=prefix)
        searches = {number: _Beams(most[number]) for number in numbers}
        alive = numbers
        while alive:
            if progress is not None:
                progress.checkpoint()
            alive = _step(rows, alive, searches, beams, stop)
        for number, search in searches.items():
            answers[number] = search.answer(stop)
    return answers


def _step(rows: Rows, alive: list[int], searches: dict[int, _Beams], beams: int, stop: Collection[int]) -> list[int]:
    """Add a token to each row; the prompts whose answers are not over yet."""
    logits, (likely, scores) = rows.logits(), rows.best()
    sums = logits[np.arange(len(logits)), likely] - scores
    width = len(logits) // len(alive)
    going: list[int] = []
    parents: list[int] = []
    tokens: list[int] = []
    for place, number in enumerate(alive):
        mine = slice(place * width, (place + 1) * width)
        chosen, added = searches[number].advance(logits[mine] - sums[mine, None], beams, stop)
        if chosen:
            going.append(number)
            parents += [place * width + row for row in chosen]
            tokens += added
    if going:
        rows.keep(np.array(parents, np.int64))
        rows.step(np.array(tokens, np.int64))
    return going
