"""An exported classifier: texts to labels with a confidence, on ONNX Runtime alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from desktop.errors import UsageError
from desktop.jobs.progress import Progress
from desktop.models.encoding import Encoder
from desktop.tuning.model_card import Family, ModelCard
from desktop.tuning.predict import TOP, Answer, Model, Row
from desktop.tuning.prompt_card import PromptCard
from desktop.tuning.prompts import Prompter

_ROWS = 16384
"""Rows answered together: enough for batches of like lengths, and little memory."""

Floats = npt.NDArray[np.float32]


class Classifier(Model):
    """A model with a head.

    Args:
        threads: batches at a time on a CPU; this process's share of the cores when None.
    """

    def __init__(self, folder: Path, card: ModelCard, *, device: str = "auto", threads: int | None = None) -> None:
        self.folder, self.card = folder, card
        self._prompter = Prompter(folder, card.prompt or _plain())
        graph = folder / Family.CLASSIFIER.graphs[0]
        self._encoder = Encoder(graph, pad=self._prompter.card.pad, device=device, threads=threads)

    @property
    def device(self) -> str:
        return self._encoder.session.device

    def prompt(self, row: Row) -> str:
        return self._prompter.prompt(row)

    def tokens(self, rows: Sequence[Row]) -> list[list[int]]:
        """Token ids of rows, for ``judged``."""
        return self._prompter.encode_prompts(rows)

    def judged(
        self, tokens: Sequence[Sequence[int]], progress: Progress | None = None, *, batch: int = 0
    ) -> tuple[Floats, Floats]:
        """Probabilities [N, labels] and the confidence [N] of the likeliest label, for texts' token ids.

        Args:
            batch: texts at once at most; 0 leaves it to their lengths.
        """
        if not tokens:
            return np.empty((0, len(self.card.labels)), np.float32), np.empty(0, np.float32)
        found = self._encoder.run(tokens, ["logits", "confidence"], progress, rows=batch)
        return _shares(found["logits"]), found["confidence"]

    def answer(
        self,
        rows: Sequence[Row],
        *,
        max_answer: int = 0,
        beams: int = 1,
        labels: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> list[Answer]:
        """Answers to rows; ``labels`` are those to choose from, all of the card's when empty.

        The scores are probabilities times what the confidence leaves of the best one's: together they are the chance that the
        answer is among the labels at all.
        """
        del max_answer, beams
        answers: list[Answer] = []
        for start in range(0, len(rows), _ROWS):
            part = rows[start : start + _ROWS]
            share = progress.part(start / len(rows), (start + len(part)) / len(rows)) if progress is not None else None
            answers += self.answer_tokens(self.tokens(part), labels=labels, progress=share)
        return answers

    def answer_tokens(
        self,
        tokens: Sequence[Sequence[int]],
        *,
        labels: Sequence[str] = (),
        progress: Progress | None = None,
        batch: int = 0,
    ) -> list[Answer]:
        """``answer`` for rows whose token ids are there; ``batch`` as in ``judged``."""
        allowed = self._allowed(labels)
        shares, sure = self.judged(tokens, progress, batch=batch)
        if allowed is not None:
            shares, sure = _among(shares, sure, allowed, shares.argmax(axis=1))
        return self._answers(shares, sure)

    def _answers(self, shares: Floats, sure: Floats) -> list[Answer]:
        names, count = self.card.labels, min(TOP, len(self.card.labels))
        top = np.argsort(-shares, axis=1, kind="stable")[:, :count]
        found = []
        for row, order in enumerate(top):
            own, best = float(sure[row]), float(shares[row, order[0]])
            # Surer than its probability alone: the others get what is left.
            scale = own / best if own <= best else (1 - own) / max(1 - best, 1e-9)
            scores = [(names[place], float(shares[row, place]) * scale) for place in order]
            scores[0] = (names[order[0]], own)
            found.append(Answer(text=names[order[0]], confidence=own, scores=scores))
        return found

    def _allowed(self, labels: Sequence[str]) -> npt.NDArray[np.bool_] | None:
        if not labels:
            return None
        unknown = [label for label in labels if label not in self.card.labels]
        if unknown:
            raise UsageError(
                f"labels: '{unknown[0]}' is none of the model's labels", remedy=f"They are: {', '.join(self.card.labels[:20])}."
            )
        wanted = frozenset(labels)
        return np.array([label in wanted for label in self.card.labels])


def _shares(logits: Floats) -> Floats:
    """Softmax over the last axis."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    result: Floats = powers / powers.sum(axis=1, keepdims=True)
    return result


def _among(shares: Floats, sure: Floats, allowed: npt.NDArray[np.bool_], best: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Without the labels that are not allowed: where one of those was the best, the answer is as sure as its own probability."""
    kept: Floats = np.where(allowed, shares, np.float32(0))
    sure = np.where(allowed[best], sure, kept.max(axis=1))
    return kept, sure


def _plain() -> PromptCard:
    """For a model without records: the text is the prompt."""
    return PromptCard(family=Family.ENCODER, inputs=("text",), max_tokens=256, max_answer=1)
