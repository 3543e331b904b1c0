"""The card of an exported model (``model.json``): all that is needed to use its graphs. Nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from desktop.errors import UserError
from desktop.malformed import MALFORMED
from desktop.models.catalog import is_safe_name
from desktop.paths import atomic_write
from desktop.plain_files import read_plain
from desktop.tuning.prompt_card import PromptCard

NAME = "model.json"
README = "README.md"
TOKENIZER = "tokenizer.json"
FORMAT = 1
_REMEDY = "Export the model again."


class Family(StrEnum):
    """What an exported model does, and with which graphs."""

    CLASSIFIER = "classifier"
    """encoder.onnx with logits: one of the card's labels."""
    ENCODER = "encoder"
    """encoder.onnx without a head: embeddings, no answers."""
    DECODER = "decoder"
    """decoder.onnx: text that goes on from a prompt."""
    SEQ2SEQ = "seq2seq"
    """encoder.onnx and decoder.onnx: text from text."""

    @property
    def generates(self) -> bool:
        """Whether its answers are text, token by token."""
        return self in (Family.DECODER, Family.SEQ2SEQ)

    @property
    def graphs(self) -> tuple[str, ...]:
        """Names of its ONNX files; weights of large ones lie beside them."""
        names = {Family.DECODER: ("decoder.onnx",), Family.SEQ2SEQ: ("encoder.onnx", "decoder.onnx")}
        return names.get(self, ("encoder.onnx",))


class ModelCard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An exported model.

    Attributes:
        title: what people call it.
        base: id or folder of the model it was made from; ``base_title`` for people.
        architecture: "bert", "llama", "bloom", "t5", ...
        licence: of the base's weights, as its own card has it; ``commercial``: "yes", "no" or "unclear".
        run: id of the run that tuned it, and which of its weights ("best", "last"); "" for an untuned base.
        prompt: how a row becomes tokens; None when it was made without records, so that a text is the whole prompt.
        labels: of a classifier in the order of its logits; of a generating model the answers it was trained on when there are
            few, else empty.
        threshold: least confidence with which a label counts as given, chosen on validation rows; None for no choice.
        files: bytes of each file of the folder but this card.
        precision: "fp32", "fp16" or "int8".
        check: what the export measured against the original (differences, compared tokens, loss by the precision).
        created: seconds since 1970.
        scores: of the run's validation, by name.
        origin: fingerprint of the weights that it was made from, by which a later export knows whether it still holds.
    """

    format: int = FORMAT
    family: Family
    title: Annotated[str, Meta(min_length=1)]
    base: str
    base_title: str = ""
    architecture: str = ""
    licence: str = ""
    commercial: str = "unclear"
    run: str = ""
    weights: str = ""
    prompt: PromptCard | None = None
    labels: tuple[str, ...] = ()
    threshold: float | None = None
    files: dict[str, int] = {}
    precision: str = "fp32"
    check: dict[str, Any] = {}
    created: float = 0.0
    scores: dict[str, float] = {}
    origin: str = ""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(self.files.values())

    def problem(self) -> str:
        """What cannot be as it is written; empty when nothing is."""
        if self.format != FORMAT:
            return f"format: {self.format} where {FORMAT} is expected"
        if unsafe := [name for name in self.files if not is_safe_name(name)]:
            return f"files: '{unsafe[0]}' is not a plain name"
        if missing := [name for name in self.family.graphs if name not in self.files]:
            return f"files: {missing[0]} is missing"
        if self.family is Family.CLASSIFIER and not self.labels:
            return "labels: a classifier has some"
        return ""


def is_export(folder: Path) -> bool:
    """Whether an export wrote this folder, this version's or another's; raises nothing."""
    try:
        found = msgspec.json.decode(read_plain(folder / NAME), type=dict[str, Any])
    except (OSError, UserError, *MALFORMED):
        return False
    return {"format", "family", "files"} <= found.keys()


def read_card(folder: Path) -> ModelCard:
    """The card of an exported model whose files are all there.

    Raises:
        UserError: the folder has none, it is not valid, or a file is missing or has another size; names the file.
    """
    path = folder / NAME
    try:
        card = msgspec.json.decode(read_plain(path), type=ModelCard)
    except OSError as error:
        reason = f"it has no {NAME}" if isinstance(error, FileNotFoundError) else (error.strerror or str(error))
        raise UserError(
            f"This is no exported model: {reason}", path=folder, remedy="Choose a folder that an export wrote."
        ) from error
    except MALFORMED as error:
        raise UserError(f"The model's card is not valid: {error}", path=path, remedy=_REMEDY) from error
    if problem := card.problem():
        raise UserError(f"The model's card is not valid: {problem}", path=path, remedy=_REMEDY)
    for name, size in card.files.items():
        try:
            found = (folder / name).stat().st_size
        except OSError as error:
            raise UserError(f"A file of the model is missing: {name}", path=folder, remedy=_REMEDY) from error
        # The words for people may be edited.
        if found != size and name != README:
            raise UserError(f"A file of the model has {found} bytes instead of {size}", path=folder / name, remedy=_REMEDY)
    return card


def write_card(folder: Path, card: ModelCard) -> ModelCard:
    """Write the card beside the finished files in ``folder``, whose sizes it takes over; the card as written."""
    files = {path.name: path.stat().st_size for path in sorted(folder.iterdir()) if path.is_file() and path.name != NAME}
    card = msgspec.structs.replace(card, files=files)
    if problem := card.problem():
        raise ValueError(problem)
    with atomic_write(folder / NAME) as out:
        out.write(msgspec.json.format(msgspec.json.encode(card)) + b"\n")
    return card


def words(card: ModelCard, names: Iterable[str]) -> str:
    """The README of an exported folder with the files ``names``: what the model is, what its licence asks, how it is used."""
    tuned = (
        f"Tuned from {card.base_title or card.base} (run {card.run})" if card.run else f"{card.base_title or card.base}, untuned"
    )
    lines = [f"# {card.title}", "", f"{tuned}, exported to ONNX ({card.precision}) by Reprise.", ""]
    lines += ["## Licence", "", _licence(card), ""]
    if card.scores:
        lines += (
            ["## Validation", ""] + [f"- {name.replace('_', ' ')}: {value:.4g}" for name, value in card.scores.items()] + [""]
        )
    if card.labels:
        shown = ", ".join(card.labels[:50])
        lines += ["## Labels", "", f"{len(card.labels)}: {shown}{', ...' if len(card.labels) > 50 else ''}", ""]
    lines += ["## Checked", "", *_check(card.check), ""]
    lines += ["## Files", ""]
    lines += [
        f"- {name}: {_ROLES.get(name) or ('weights of a graph' if name.endswith('.data') else 'of the base model')}"
        for name in sorted({*names, NAME, README})
    ]
    return "\n".join(
        [*lines, "", "## Use", "", 'With Reprise: `reprise ask FOLDER "text"` or `reprise label FOLDER IN.csv -o OUT.csv`.', ""]
    )


_ROLES = {
    NAME: "how prompts are made, labels, precision and what was checked",
    README: "this text",
    TOKENIZER: "the tokenizer (Hugging Face tokenizers)",
    "encoder.onnx": "the encoder's graph",
    "decoder.onnx": "the decoder's graph with its key and value cache",
    "reorder.onnx": "chooses rows of that cache",
    "mover.onnx": "moves rows of that cache on a GPU",
}


_RESTRICTED = (
    "It is a responsible-use licence (RAIL): its list of restricted uses, among them breaking the law, harming people, deciding "
    "by machine about people's rights, giving medical advice, and writing without saying that a machine did, binds everybody who "
    "uses these weights, and must be passed on with them. Read the licence's text before you use or share them."
)


def _licence(card: ModelCard) -> str:
    terms = {"yes": "Commercial use is allowed.", "no": "Commercial use is not allowed."}
    said = card.licence or "unknown"
    use = _RESTRICTED if "RAIL" in card.licence else terms.get(card.commercial, "Whether commercial use is allowed is unclear.")
    return (
        f"The base model's licence: {said}. {use} "
        "It holds for these weights, too; the examples that they were tuned on may add terms of their own."
    )


def _check(check: Mapping[str, Any]) -> list[str]:
    """What was measured, in words; what has none is listed as it is."""
    left = dict(check)
    lines = [f"- Compared with {left.pop('against')} on the same weights."] if "against" in left else []
    if {"tokens", "equal"} <= left.keys():
        lines.append(f"- Tokens written: {left.pop('equal'):.1%} of {left.pop('tokens')} equal.")
    for name, sentence in _MEASURED.items():
        if isinstance(left.get(name), int | float):
            lines.append(f"- {sentence.format(left.pop(name))}")
    lines += [f"- {name.replace('_', ' ')}: {value}" for name, value in left.items()]
    return lines or ["- Nothing was recorded."]


_MEASURED = {
    "batches": "Batches of different sizes and lengths: {}.",
    "largest": "Largest difference of a score: {:.2g} of the largest score.",
    "agreement": "The likeliest answer is that of fp32 for {:.1%} of the prompts.",
    "difference": "Scores are off by {:.2%} of what they differ among themselves.",
}
