"""Conversations as rows: the last answer of the assistant is to be learned, what came before is the prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from desktop.tuning.records.names import MESSAGES, plain
from desktop.tuning.records.values import as_text

PROMPT, ANSWER, SYSTEM = "prompt", "answer", "system"
"""Columns that a conversation gives."""

_ASSISTANT = ("assistant", "gpt", "bot", "model", "chatgpt", "output")
_ROLE_KEYS, _TEXT_KEYS = ("role", "from", "speaker"), ("content", "value", "text")


class Turn(NamedTuple):
    """One message; ``role`` is "system", "user" or "assistant"."""

    role: str
    text: str


def chat_column(rows: Sequence[dict[str, str]]) -> str:
    """The column that holds conversations in most of these rows; "" when there is none."""
    for name in dict.fromkeys(name for row in rows for name in row):
        if plain(name) in MESSAGES and sum(bool(turns_of(row.get(name, ""))) for row in rows) * 2 > len(rows):
            return name
    return ""


def turns_of(value: str) -> list[Turn]:
    """The messages in a column's value (JSON); empty when it holds none."""
    if not value.lstrip().startswith("["):
        return []
    try:
        messages = msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return []
    turns = [_turn(message) for message in messages]
    return [turn for turn in turns if turn is not None] if all(turns) else []


def _turn(message: Any) -> Turn | None:
    if not isinstance(message, dict):
        return None
    role = next((str(message[key]).lower() for key in _ROLE_KEYS if message.get(key)), "")
    text = next((as_text(message[key]) for key in _TEXT_KEYS if key in message), None)
    if not role or text is None:
        return None
    return Turn("assistant" if role in _ASSISTANT else "system" if role == "system" else "user", text)


def chat_row(value: str) -> dict[str, str]:
    """The prompt, answer and system message of a conversation, "" where it has none.

    A single question is the prompt as it is; of several turns each is named on a line of its own.
    """
    turns = turns_of(value)
    while turns and turns[-1].role != "assistant":
        turns.pop()
    answer = turns.pop().text if turns else ""
    system = "\n".join(turn.text for turn in turns if turn.role == "system")
    talk = [turn for turn in turns if turn.role != "system"]
    if len(talk) == 1:
        prompt = talk[0].text
    else:
        prompt = "\n".join(f"{turn.role.capitalize()}: {turn.text}" for turn in talk)
    return {SYSTEM: system, PROMPT: prompt, ANSWER: answer}
