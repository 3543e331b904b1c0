"""``tokenizer.json`` of a base model, and what its makers say about its special tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from tokenizers import Tokenizer

from desktop.errors import UserError
from desktop.malformed import MALFORMED
from desktop.models.hub_folder import TOKENIZER
from desktop.plain_files import read_plain


def open_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of a folder, without padding or cutting of its own.

    Raises:
        UserError: it is missing or cannot be read.
    """
    path = folder / TOKENIZER
    try:
        found = Tokenizer.from_file(str(path))
    except Exception as error:
        # The library raises bare exceptions.
        raise UserError(f"The tokenizer cannot be read: {error}", path=path) from error
    found.no_padding()
    found.no_truncation()
    return found


def surroundings(tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """Ids that the tokenizer puts before and after each text."""
    bare, whole = (tokenizer.encode("a", add_special_tokens=added).ids for added in (False, True))
    for start in range(len(whole) - len(bare) + 1):
        if whole[start : start + len(bare)] == bare:
            return whole[:start], whole[start + len(bare) :]
    return [], []


def special_tokens(folder: Path) -> dict[str, str]:
    """Special tokens by name ("bos_token", "eos_token", ...), from the files beside the tokenizer."""
    found: dict[str, str] = {}
    for name in ("special_tokens_map.json", "tokenizer_config.json"):
        for key, value in _read(folder / name).items():
            text = value.get("content") if isinstance(value, dict) else value
            if key.endswith("_token") and isinstance(text, str):
                found[key] = text
    return found


def configured(folder: Path, name: str) -> list[int]:
    """Token ids that the model's configuration gives for "eos_token_id" and the like; generation's own come first."""
    found: list[int] = []
    for file in ("generation_config.json", "config.json"):
        value = _read(folder / file).get(name)
        for number in value if isinstance(value, list) else [value]:
            if isinstance(number, int) and not isinstance(number, bool) and number >= 0 and number not in found:
                found.append(number)
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        return msgspec.json.decode(read_plain(path), type=dict[str, Any])
    except FileNotFoundError:
        return {}
    except (OSError, *MALFORMED) as error:
        raise UserError(f"The file is not valid JSON: {error}", path=path) from error
