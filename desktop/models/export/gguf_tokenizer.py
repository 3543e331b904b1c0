"""The tokenizer that a GGUF file describes, in the hub's layout: byte-level BPE, digits one by one where it says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from desktop.paths import atomic_write

_CONTROL = 3
_BYTE_LEVEL = "gpt2"
# Names that the format gives to ways of cutting text into words before the merges.
_WITH_DIGITS = ("smollm", "starcoder", "refact", "command-r", "codeshell")
_PLAIN = ("gpt-2", "default")


def make(fields: dict[str, Any]) -> Tokenizer:
    """Tokenizer of a GGUF file's fields; ValueError or KeyError for another kind than byte-level BPE."""
    cut = fields.get("tokenizer.ggml.pre", "default")
    if fields["tokenizer.ggml.model"] != _BYTE_LEVEL or cut not in (*_WITH_DIGITS, *_PLAIN):
        raise ValueError(f"another tokenizer: {cut}")
    tokens: list[str] = fields["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"]]
    made = Tokenizer(models.BPE(vocab={token: number for number, token in enumerate(tokens)}, merges=merges))
    bytes_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    digits = pre_tokenizers.Digits(individual_digits=True)
    made.pre_tokenizer = pre_tokenizers.Sequence([digits, bytes_level]) if cut in _WITH_DIGITS else bytes_level
    made.decoder = decoders.ByteLevel()
    kinds = fields["tokenizer.ggml.token_type"]
    special = [token for token, kind in zip(tokens, kinds, strict=True) if kind == _CONTROL]
    made.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    return made


def save(folder: Path, tokenizer: Tokenizer, fields: dict[str, Any]) -> None:
    """Write tokenizer.json, tokenizer_config.json and chat_template.jinja."""
    tokens: list[str] = fields["tokenizer.ggml.tokens"]
    named = {
        "bos_token": "bos_token_id",
        "eos_token": "eos_token_id",
        "unk_token": "unknown_token_id",
        "pad_token": "padding_token_id",
    }
    config: dict[str, Any] = {
        name: tokens[fields[f"tokenizer.ggml.{key}"]] for name, key in named.items() if f"tokenizer.ggml.{key}" in fields
    }
    config |= {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "add_bos_token": bool(fields.get("tokenizer.ggml.add_bos_token", False)),
        "add_prefix_space": False,
        "clean_up_tokenization_spaces": False,
        "model_max_length": fields[f"{fields['general.architecture']}.context_length"],
    }
    _put(folder / "tokenizer.json", msgspec.json.format(tokenizer.to_str().encode()))
    _put(folder / "tokenizer_config.json", msgspec.json.format(msgspec.json.encode(config)) + b"\n")
    _put(folder / "chat_template.jinja", str(fields.get("tokenizer.chat_template", "")).encode())


def _put(path: Path, data: bytes) -> None:
    with atomic_write(path) as out:
        out.write(data)
