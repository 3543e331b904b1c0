"""A classifier's head: what turns a sentence encoder's values into labels and a confidence. Two small files in a folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta

from desktop.errors import UserError
from desktop.malformed import MALFORMED
from desktop.paths import atomic_write
from desktop.plain_files import read_plain

WEIGHTS, FACTS = "head.safetensors", "head.json"
FORMAT = 1
_REMEDY = "Train the run again."

Floats = npt.NDArray[np.float32]


class Trust(msgspec.Struct, frozen=True):
    """How sure an answer is: sigmoid(odds · logit(p) + likeness · cosine + energy · logsumexp(logits) + bias).

    ``p`` is the softmax of the best label, the cosine is between the text's embedding and the mean of the label's training texts.
    The default takes the softmax for the confidence.
    """

    odds: float = 1.0
    likeness: float = 0.0
    energy: float = 0.0
    bias: float = 0.0


class HeadFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a head is besides its numbers.

    Attributes:
        labels: in the order of the logits.
        features: what it reads of the encoder, side by side: "KIND:LAYER", where KIND is "mean", "max" or "first" (of the
            tokens) and LAYER counts from the end, "-1" being the last.
        threshold: least confidence with which a label counts as given; None for no choice.
        chosen: how the threshold was chosen and what it costs, one sentence or two; "" without one.
        temperature: by which the logits were divided so that their softmax are probabilities.
        scores: on the validation rows, by name.
    """

    format: int = FORMAT
    labels: Annotated[tuple[str, ...], Meta(min_length=2)]
    features: Annotated[tuple[str, ...], Meta(min_length=1)]
    trust: Trust = Trust()
    threshold: float | None = None
    chosen: str = ""
    temperature: float = 1.0
    scores: dict[str, float] = {}


@dataclass(frozen=True)
class Head:
    """A head with its numbers.

    Attributes:
        weight: [labels, features], the temperature and the features' scales already in it. bias: [labels].
        likenesses: [labels, width of an embedding], each of length 1: the mean of each label's training texts.
    """

    facts: HeadFacts
    weight: Floats
    bias: Floats
    likenesses: Floats = field(repr=False)

    @property
    def labels(self) -> tuple[str, ...]:
        """In the order of the logits."""
        return self.facts.labels

    def save(self, folder: Path) -> None:
        """Write both files into ``folder``; the facts last, so that a head that has them is whole."""
        from safetensors.numpy import save

        tensors = {"weight": self.weight, "bias": self.bias, "likenesses": self.likenesses}
        with atomic_write(folder / WEIGHTS) as out:
            out.write(save({name: np.ascontiguousarray(values, np.float32) for name, values in tensors.items()}))
        with atomic_write(folder / FACTS) as out:
            out.write(msgspec.json.format(msgspec.json.encode(self.facts)) + b"\n")


def has_head(folder: Path) -> bool:
    """Whether a folder holds a head."""
    return (folder / FACTS).is_file()


def read_head(folder: Path) -> Head:
    """The head in a folder.

    Raises:
        UserError: there is none, it is damaged, or its files do not belong together.
    """
    facts = read_facts(folder)
    from safetensors import SafetensorError
    from safetensors.numpy import load

    path = folder / WEIGHTS
    try:
        found: dict[str, Any] = load(path.read_bytes())
        weight, bias, likenesses = (np.asarray(found[name], np.float32) for name in ("weight", "bias", "likenesses"))
    except OSError as error:
        raise UserError(f"The head cannot be read: {error.strerror}", path=path, remedy=_REMEDY) from error
    except (SafetensorError, KeyError, ValueError) as error:
        raise UserError(f"The head is damaged: {error}", path=path, remedy=_REMEDY) from error
    labels = len(facts.labels)
    if weight.ndim != 2 or likenesses.ndim != 2 or not len(weight) == len(bias) == len(likenesses) == labels:
        raise UserError(f"The head is damaged: it has not {labels} labels everywhere", path=path, remedy=_REMEDY)
    return Head(facts, weight, bias, likenesses)


def read_facts(folder: Path) -> HeadFacts:
    """What the head in a folder is, without its numbers; raises as ``read_head`` does."""
    path = folder / FACTS
    try:
        facts = msgspec.json.decode(read_plain(path), type=HeadFacts)
    except OSError as error:
        raise UserError(f"The head cannot be read: {error.strerror}", path=path, remedy=_REMEDY) from error
    except MALFORMED as error:
        raise UserError(f"The head is damaged: {error}", path=path, remedy=_REMEDY) from error
    if facts.format != FORMAT:
        raise UserError(f"The head is of format {facts.format}, {FORMAT} is expected", path=path, remedy="Update Reprise.")
    return facts
