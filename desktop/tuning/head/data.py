"""A run's rows as a head's training sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from desktop.errors import UserError
from desktop.tuning.context import Context
from desktop.tuning.head.classes import OUTSIDE, UNKNOWN, Classes, Codes, classes_of
from desktop.tuning.head.embedding import Embedded, Embedder
from desktop.tuning.head.softmax import Features, Floats
from desktop.tuning.runs import Sample


@dataclass(frozen=True)
class Held:
    """Rows that are not trained on: their features and codes, their embeddings [rows, width]."""

    features: Features
    embedding: Floats

    @property
    def codes(self) -> Codes:
        """Number of each row's label."""
        return self.features.codes

    def __len__(self) -> int:
        return len(self.features)


@dataclass(frozen=True)
class Data:
    """All that a head is trained and judged on.

    Attributes:
        train: rows of the labels. typical: mean embedding of each label's training rows [labels, width], of length 1.
        validation: rows within the scope, also those of labels that are not in ``train``; None when there are none.
        outside: rows of no label; None when there are none.
        read: names of the features.
    """

    classes: Classes
    train: Features
    typical: Floats
    validation: Held | None
    outside: Held | None
    read: tuple[str, ...]
    tokens: int


def embedded(context: Context, embedder: Embedder) -> Data:
    """The run's rows by the frozen encoder, computed where they are not there from before.

    Raises:
        UserError: no two labels.
        Cancelled: the user ended it; what is done is kept.
    """
    from desktop.tuning.head.scores import prototypes

    imported, progress = context.imported, context.progress
    splits = {name: imported.split(name)[imported.facts.output] for name in ("train", "validation")}
    classes = classes_of(splits["train"], splits["validation"])
    codes = {name: classes.codes(values) for name, values in splits.items()}
    share = len(codes["train"]) / max(1, sum(map(len, codes.values())))
    found = {"train": embedder.embed("train", progress.part(0.05, 0.05 + 0.6 * share))}
    if len(codes["validation"]):
        found["validation"] = embedder.embed("validation", progress.part(0.05 + 0.6 * share, 0.65))
    train = found["train"]
    data = Data(
        classes=classes,
        train=Features(train.features, codes["train"], np.flatnonzero(codes["train"] > UNKNOWN)),
        typical=prototypes(train.embedding, codes["train"], len(classes.labels)),
        validation=_held(found.get("validation"), codes["validation"], codes["validation"] != OUTSIDE),
        outside=_held(found.get("validation"), codes["validation"], codes["validation"] == OUTSIDE)
        or _held(train, codes["train"], codes["train"] == OUTSIDE),
        read=embedder.features,
        tokens=train.tokens,
    )
    _tell(context, data)
    return data


def samples(context: Context, data: Data, logits: Floats, step: int) -> list[Sample]:
    """The first validation rows with their answers."""
    assert data.validation is not None
    imported, count = context.imported, min(context.recipe.samples, len(data.validation))
    rows = imported.split("validation")
    output, labels = imported.facts.output, data.classes.labels
    inside = [place for place, label in enumerate(rows[output]) if label not in data.classes.outside][:count]
    return [
        Sample(step, number, context.prompter.prompt(rows[place]), rows[place][output], labels[int(logits[number].argmax())])
        for number, place in enumerate(inside)
    ]


def _held(found: Embedded | None, codes: Codes, chosen: Sequence[bool] | Codes) -> Held | None:
    rows = np.flatnonzero(chosen)
    if found is None or not len(rows):
        return None
    return Held(Features(found.features, codes, rows), found.embedding[rows])


def _tell(context: Context, data: Data) -> None:
    """Say what the user should know of the rows."""
    if not len(data.train):
        raise UserError("No row is left to train on", remedy="Look at the list of rows with problems.")
    if data.classes.outside:
        names = ", ".join(f"'{label}'" for label in sorted(data.classes.outside))
        context.warn(f"Rows labelled {names} belong to no label: they are not learnt, and decide how sure an answer has to be.")
    if data.validation is None:
        context.warn("There are no validation rows: nothing says how good the head is, or how sure an answer has to be.")
    elif unseen := int((data.validation.codes == UNKNOWN).sum()):
        context.warn(f"{unseen:,} validation rows have labels that no training row has; they count as answered wrongly.")
