"""Exported models that write: decoders, and encoder-decoders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models.decoding.search import Generator
from desktop.tuning.model_card import NAME, Family, ModelCard
from desktop.tuning.predict import TOP, Answer, Model, Row
from desktop.tuning.prompts import Prompter


class Writer(Model):
    """A model that writes its answers token by token.

    Args:
        generator: of the same graphs, when they are open already.

    Raises:
        UserError: a graph or the tokenizer cannot be opened, or the card does not say how prompts are made.
    """

    def __init__(
        self,
        folder: Path,
        card: ModelCard,
        *,
        device: str = "auto",
        threads: int | None = None,
        generator: Generator | None = None,
    ) -> None:
        if card.prompt is None:
            raise UserError("The model's card does not say how prompts are made", path=folder / NAME, remedy="Export it again.")
        self.folder = folder
        self.card = card
        self._limits = card.prompt
        self._prompter = Prompter(folder, card.prompt)
        self._generator = generator or _generator(folder, card.family, device, threads)

    @property
    def device(self) -> str:
        return self._generator.device

    @property
    def generator(self) -> Generator:
        return self._generator

    def prompt(self, row: Row) -> str:
        return self._prompter.prompt(row)

    def like(self, card: ModelCard) -> Writer:
        if card.prompt is None or not card.family.generates:
            return super().like(card)  # type: ignore[return-value]  # raises
        mine = msgspec.structs.replace(self.card, prompt=card.prompt, labels=card.labels)
        return Writer(self.folder, mine, generator=self._generator)

    def answer(
        self,
        rows: Sequence[Row],
        *,
        max_answer: int = 0,
        beams: int = 1,
        labels: Sequence[str] = (),
        progress: Progress | None = None,
        on_text: Callable[[int, str], None] | None = None,
    ) -> list[Answer]:
        """As ``Model.answer``; ``on_text`` is told a row's number and what is written so far, for free text without beams."""
        if not rows:
            return []
        prompts = self._prompter.encode_prompts(rows)
        if given := tuple(labels) or self.card.labels:
            return self._chosen(prompts, given, progress)
        rooms = self._rooms(prompts, max_answer or self._limits.max_answer)
        if beams > 1:
            return self._by_beams(prompts, rooms, beams, progress)
        heard = None if on_text is None else _Heard(self._prompter, on_text)
        found, means = self._generator.greedy(prompts, rooms, self._limits.stop, on_token=heard, progress=progress, scores=True)
        return [
            Answer(self._prompter.decode(ids), float(np.exp(mean)), [], len(ids)) for ids, mean in zip(found, means, strict=True)
        ]

    def _by_beams(self, prompts: list[list[int]], rooms: list[int], beams: int, progress: Progress | None) -> list[Answer]:
        found = self._generator.beam(prompts, beams, rooms, self._limits.stop, progress=progress)
        return [Answer(self._prompter.decode(ids), None, [], len(ids)) for ids in found]

    def _chosen(self, prompts: list[list[int]], labels: Sequence[str], progress: Progress | None) -> list[Answer]:
        choices = [ids for ids, _ in self._prompter.encode_answers(labels)]
        best, scores = self._generator.choose(prompts, choices, progress=progress)
        shares = _shares(scores)
        answers = []
        for row, number in enumerate(best.tolist()):
            top = np.argsort(-shares[row], kind="stable")[:TOP].tolist()
            likely = [(labels[one], float(shares[row, one])) for one in top]
            answers.append(Answer(labels[number], float(shares[row, number]), likely, len(choices[number])))
        return answers

    def _rooms(self, prompts: list[list[int]], most: int) -> list[int]:
        """Tokens that each answer may have: what the window of a decoder leaves, at most ``most``."""
        window = self._generator.context
        if window is None or self.card.family is Family.SEQ2SEQ:
            return [most] * len(prompts)
        return [max(1, min(most, window - len(prompt))) for prompt in prompts]


class _Heard:
    """Tells what is written so far, as text."""

    def __init__(self, prompter: Prompter, on_text: Callable[[int, str], None]) -> None:
        self._prompter, self._on_text = prompter, on_text
        self._written: dict[int, list[int]] = {}

    def __call__(self, number: int, token: int) -> None:
        ids = self._written.setdefault(number, [])
        ids.append(token)
        self._on_text(number, self._prompter.decode(ids))


def _generator(folder: Path, family: Family, device: str, threads: int | None) -> Generator:
    if family is Family.SEQ2SEQ:
        from desktop.models.decoding.seq2seq import open_seq2seq

        return open_seq2seq(folder, device=device, threads=threads)
    from desktop.models.decoding.decoder import open_decoder

    return open_decoder(folder, device=device, threads=threads)


def _shares(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Probabilities among the choices, from log-probabilities [rows, choices]."""
    powers = np.exp(scores.astype(np.float64) - scores.max(axis=1, keepdims=True))
    shares: npt.NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares
