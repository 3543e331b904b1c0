"""Names that columns, splits and containers of rows usually have."""

from __future__ import annotations

import re

LABELS = (
    *("label", "labels", "category", "categories", "class", "classes", "intent", "intents", "department", "queue"),
    *("topic", "sentiment", "emotion", "industry", "language", "priority", "type", "tag"),
)
"""Names of columns with labels, likeliest first."""

ANSWERS = (
    *LABELS[:11],
    *("output", "outputs", "answer", "answers", "response", "responses", "completion", "completions", "target", "targets"),
    *("reply", "summary", "highlights", "translation", "result", "results", "expected", "chosen", "assistant", "bot", "gold"),
    *LABELS[11:],
    *("message", "subject", "y"),
)
"""Names of the column to learn, likeliest first."""

QUESTIONS = (
    *("text", "texts", "sentence", "utterance", "query", "queries", "question", "prompt", "instruction", "input", "inputs"),
    *("source", "document", "article", "content", "body", "request", "ticket", "comment", "review", "record", "change", "diff"),
    *("user", "human", "tweet", "title", "description", "context", "passage", "x"),
)
"""Names of columns that a prompt is made of, likeliest first."""

LAYOUTS: tuple[tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]], ...] = (
    (("instruction",), ("input", "context", "inputs"), ("output", "response", "answer", "completion")),
    (("question",), ("context", "passage"), ("answer", "answers", "response", "label")),
    (("prompt",), ("input", "context"), ("completion", "response", "chosen", "output", "answer")),
    (("article", "document", "text"), (), ("summary", "highlights")),
    (("inputs",), (), ("targets",)),
    (("change", "changes", "diff"), (), ("message", "subject")),
    (("source",), (), ("target",)),
)
"""(any of these, and these where there -> any of these): data sets that are known as a whole."""

MESSAGES = ("messages", "conversations", "conversation", "dialog", "dialogue", "turns")
"""Names of columns that hold lists of chat messages."""

PART = "part"
"""Column with the name of the list that a row was in, for JSON files of several lists."""

_SPLITS = {
    "train": ("train", "training"),
    "validation": ("validation", "val", "valid", "dev", "eval"),
    "test": ("test", "testing", "heldout"),
}
_CONTAINERS = ("data", "rows", "examples", "records", "items", "instances", "dataset", "samples", "entries")


def plain(name: str) -> str:
    """A column's name in small letters without signs, for comparing."""
    return re.sub(r"[\W_]+", "", name.lower())


def split_named(name: str) -> str:
    """Which split a list called so belongs to, also when it is called ``oos_train`` or ``test-2``; "" when none."""
    words = re.split(r"[\W_\d]+", name.lower())
    return next((split for split, names in _SPLITS.items() if any(word in names for word in words)), "")


def holds_rows(name: str) -> bool:
    """Whether a list called so at the top of a JSON file is usually a list of rows."""
    return plain(name) in _CONTAINERS or bool(split_named(name))


def unique_names(names: list[str]) -> tuple[str, ...]:
    """Column names without surrounding space, empty ones numbered and repeated ones told apart."""
    taken: dict[str, None] = {}
    for number, raw in enumerate(names, 1):
        name = wanted = raw.replace("\ufeff", "").strip() or f"column{number}"
        copy = 2
        while name in taken:
            name, copy = f"{wanted}_{copy}", copy + 1
        taken[name] = None
    return tuple(taken)
