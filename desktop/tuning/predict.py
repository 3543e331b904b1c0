"""Exported models, open and ready to answer, on ONNX Runtime alone: torch and transformers are not imported."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.malformed import MALFORMED
from desktop.tuning.model_card import NAME, Family, ModelCard, read_card

if TYPE_CHECKING:
    from desktop.models.decoding.search import Generator

TOP = 5
"""Labels of an answer's ``scores``."""

_KEPT, _KEPT_BYTES = 3, 4 << 30

Row = Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    """What a model says to one row.

    Attributes:
        text: label or written text.
        confidence: of a label its probability among all labels; of a text exp(mean log-probability of its tokens), 0..1; None
            where there is none (beam search).
        scores: the likeliest labels with their probabilities, best first, at most ``TOP``; empty for free text.
        tokens: written, or of the chosen label; 0 for a classifier.
    """

    text: str
    confidence: float | None
    scores: list[tuple[str, float]]
    tokens: int = 0


class Model(ABC):
    """An exported model.

    Attributes:
        folder: of the export. card: its ``model.json``.
    """

    folder: Path
    card: ModelCard

    @property
    @abstractmethod
    def device(self) -> str:
        """Where it really runs: "CPU" or "CUDA"."""

    @property
    def precision(self) -> str:
        """ "fp32", "fp16" or "int8"."""
        return self.card.precision

    @property
    def generator(self) -> Generator:
        """The searches of a model that writes; raises UserError for one that gives labels."""
        raise UserError(f"{self.card.title} writes no text", path=self.folder)

    @abstractmethod
    def prompt(self, row: Row) -> str:
        """A row's text as the model sees it."""

    @abstractmethod
    def answer(
        self,
        rows: Sequence[Row],
        *,
        max_answer: int = 0,
        beams: int = 1,
        labels: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> list[Answer]:
        """Answers to rows, in their order.

        Args:
            max_answer: tokens at most; 0 takes the card's bound.
            beams: answers followed at a time; 1 is greedy. Only for free text.
            labels: the only answers that a writing model may give; empty for the card's own, or any text.
            progress: asked whether to go on, between batches.

        Raises:
            UserError: a row lacks a column, or the model cannot do what is asked.
        """

    def like(self, card: ModelCard) -> Model:
        """This model with the prompts and labels of another: a base, asked as the run tuned from it is.

        Raises:
            UserError: this one gives labels of its own.
        """
        raise UserError(f"{self.card.title} cannot answer as {card.title} does", path=self.folder)


_open: OrderedDict[tuple[object, ...], Model] = OrderedDict()
_opening = threading.Lock()


def open_model(folder: Path, *, device: str = "auto", threads: int | None = None) -> Model:
    """An exported model; the last few stay open, so that asking again costs nothing.

    Args:
        device: "auto", "cpu" or "cuda", as for ``open_session``.

    Raises:
        UserError: no exported folder, not whole, a base that gives no answers, or the device cannot be had.
    """
    folder = folder.absolute()
    card = read_card(folder)
    key = (folder, (folder / NAME).stat().st_mtime_ns, device, threads)
    with _opening:
        found = _open.pop(key, None)
        if found is None:
            for old in [old for old in _open if old[0] == folder and old[1] != key[1]]:
                del _open[old]
            while _open and (len(_open) >= _KEPT or _size(card, *_open.values()) > _KEPT_BYTES):
                _open.popitem(last=False)
            found = _opened(folder, card, device, threads)
        _open[key] = found
        return found


def close_models() -> None:
    """Forget all models that are kept open."""
    with _opening:
        _open.clear()


def _size(card: ModelCard, *models: Model) -> int:
    return card.size + sum(model.card.size for model in models)


def _opened(folder: Path, card: ModelCard, device: str, threads: int | None) -> Model:
    if card.family is Family.CLASSIFIER:
        from desktop.tuning.classifier import Classifier

        return Classifier(folder, card, device=device, threads=threads)
    if card.family is Family.ENCODER:
        raise UserError(f"{card.title} gives no answers: it has not been tuned", path=folder, remedy="Tune it on examples first.")
    from desktop.tuning.writer import Writer

    return Writer(folder, card, device=device, threads=threads)


def rows_of(texts: Sequence[str], card: ModelCard) -> list[dict[str, str]]:
    """Rows for texts that a user typed: each the only input, or a JSON object with a value for each input column.

    Raises:
        UserError: a text is not the object that is needed; names the columns.
    """
    inputs = card.prompt.inputs if card.prompt is not None else ("text",)
    return [_row(text, inputs) for text in texts]


def _row(text: str, inputs: Sequence[str]) -> dict[str, str]:
    if text.lstrip().startswith("{"):
        try:
            found = msgspec.json.decode(text, type=dict[str, str | int | float | bool | None])
        except MALFORMED:
            found = {}
        if all(name in found for name in inputs):
            return {name: "" if value is None else str(value) for name, value in found.items()}
    if len(inputs) == 1:
        return {inputs[0]: text}
    example = msgspec.json.encode(dict.fromkeys(inputs, "...")).decode()
    raise UserError(f"This model reads the columns {', '.join(inputs)}", remedy=f"Give each text as {example}")
