"""Values of any kind as the text that a model sees."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import msgspec

_encode = msgspec.json.Encoder(enc_hook=str).encode


def as_text(value: Any) -> str:
    """A value as text: None and NaN are "", nested ones JSON, bytes UTF-8 (U+FFFD for what is not), the rest as JSON has it."""
    if isinstance(value, str):
        return value
    if type(value) is int:
        return str(value)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, int | float):
        return json.dumps(value)
    if isinstance(value, list | tuple | dict):
        try:
            return _encode(value).decode()
        except (UnicodeEncodeError, ValueError):
            return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def as_row(values: Mapping[Any, Any]) -> dict[str, str]:
    """Every value as text."""
    return {key: value if type(value) is str else as_text(value) for key, value in values.items()}


def whole(row: dict[str, str]) -> tuple[dict[str, str], bool]:
    """The row with halves of surrogate pairs (which no UTF-8 has) replaced by U+FFFD, and whether there were any."""
    try:
        for key, value in row.items():
            key.encode()
            value.encode()
    except UnicodeEncodeError:
        return {_whole(key): _whole(value) for key, value in row.items()}, True
    return row, False


def _whole(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def shortened(text: str, chars: int = 200) -> str:
    """The start of a text, with an ellipsis where it was cut."""
    return text if len(text) <= chars else f"{text[: chars - 1]}…"
