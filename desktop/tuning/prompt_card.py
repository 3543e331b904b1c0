"""How rows become prompts: everything that it depends on besides the tokenizer, in one small file. Nothing heavy is imported."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from desktop.errors import UserError
from desktop.malformed import MALFORMED
from desktop.paths import atomic_write
from desktop.plain_files import read_plain

NAME = "prompt.json"
FORMAT = 1


class PromptCard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a row becomes a prompt and an answer.

    Attributes:
        family: "encoder", "decoder" or "seq2seq".
        inputs: columns that the prompt is made of. output: column of the answer; "" when there is none.
        template: Jinja over the columns (and ``row``, for names that are no identifiers); "" joins the inputs.
        system: system message; what is not a conversation begins with it.
        chat_template: Jinja over ``messages``, as the base brings it; "" when the base has no conversations.
        tail: text that ends the prompt of a decoder without conversations. joint: text between it and the answer.
        tokens: special tokens by name ("bos_token", ...), as ``chat_template`` may use them.
        bos, eos, pad, start: their ids; None where there is none. ``start`` begins a seq2seq's answer.
        end: id of the token that ends an answer; None for an encoder. stop: ids after which nothing of the answer follows.
        max_tokens: of prompt and answer together; of the prompt alone for an encoder and a seq2seq.
        max_answer: tokens of the answer, the end's included.
    """

    format: int = FORMAT
    family: str
    inputs: tuple[str, ...]
    output: str = ""
    template: str = ""
    system: str = ""
    chat_template: str = ""
    tail: str = ""
    joint: str = ""
    tokens: dict[str, str] = {}
    bos: int | None = None
    eos: int | None = None
    pad: int = 0
    start: int | None = None
    end: int | None = None
    stop: tuple[int, ...] = ()
    max_tokens: int
    max_answer: int

    @property
    def is_chat(self) -> bool:
        """Whether prompts are the user's turns of a conversation."""
        return bool(self.chat_template)

    @property
    def fingerprint(self) -> str:
        """Hash of all of it, in hexadecimal."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()


def read(path: Path) -> PromptCard:
    """The card in a file, or in a folder's ``prompt.json``.

    Raises:
        UserError: it cannot be read or is not such a card.
    """
    path = path / NAME if path.is_dir() else path
    try:
        card = msgspec.json.decode(read_plain(path), type=PromptCard)
    except OSError as error:
        raise UserError(f"The prompt's card cannot be read: {error.strerror}", path=path) from error
    except MALFORMED as error:
        raise UserError(f"The prompt's card is not valid: {error}", path=path) from error
    if card.format != FORMAT:
        raise UserError(f"The prompt's card is of format {card.format}, {FORMAT} is expected", path=path)
    return card


def write(card: PromptCard, folder: Path) -> Path:
    """Write the card into a folder; its path."""
    path = folder / NAME
    with atomic_write(path) as out:
        out.write(msgspec.json.format(msgspec.json.encode(card)) + b"\n")
    return path
