"""What a RecordsJob found in a file, as the pages use it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from desktop.tuning.records.facts import Facts


@dataclass(frozen=True)
class Seen:
    """A record as the model sees it.

    Attributes:
        pieces: text and what it is: "prompt", "answer", "cut" or "special".
        prompt_tokens, answer_tokens, cut_tokens: as the base's tokenizer counts.
    """

    pieces: tuple[tuple[str, str], ...]
    prompt_tokens: int = 0
    answer_tokens: int = 0
    cut_tokens: int = 0


@dataclass(frozen=True)
class Record:
    """A row of the file.

    Attributes:
        line: its line (or number) in the file.
        split: "train", "validation" or "test"; "" for one that was left out.
        seen: None without a base.
    """

    line: int
    split: str
    values: dict[str, str]
    seen: Seen | None = None


@dataclass(frozen=True)
class Lengths:
    """How long the prompts and answers are.

    Attributes:
        unit: "tokens" or "characters".
        edges: of the bars, one more than ``counts``.
        limit: where records are cut; None where they are not.
        cut_rows: records beyond it, of ``sampled``.
    """

    unit: str = "characters"
    edges: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()
    limit: float | None = None
    cut_rows: int = 0
    sampled: int = 0


@dataclass(frozen=True)
class Found:
    """All of it."""

    facts: Facts
    records: tuple[Record, ...] = ()
    lengths: Lengths = field(default_factory=Lengths)

    @property
    def columns(self) -> list[str]:
        """Names of the file's columns, in their order."""
        return [column.name for column in self.facts.columns]


def read(result: dict[str, Any]) -> Found:
    """The result of a RecordsJob; raises msgspec.ValidationError for one of another shape."""
    facts = msgspec.convert(result["facts"], Facts)
    seen = [_seen(one) for one in result.get("seen") or ()]
    rows = list(result.get("rows") or ())
    records = tuple(
        Record(int(row["line"]), str(row.get("split") or ""), dict(row["values"]), seen[n] if n < len(seen) else None)
        for n, row in enumerate(rows)
    )
    given = dict(result.get("lengths") or {})
    lengths = Lengths(
        str(given.get("unit") or "characters"),
        tuple(float(edge) for edge in given.get("edges") or ()),
        tuple(int(number) for number in given.get("counts") or ()),
        None if given.get("limit") is None else float(given["limit"]),
        int(given.get("cut_rows") or 0),
        int(given.get("sampled") or 0),
    )
    return Found(facts, records, lengths)


def _seen(one: dict[str, Any]) -> Seen:
    return Seen(
        tuple((str(text), str(kind)) for text, kind in one.get("pieces") or ()),
        int(one.get("prompt_tokens") or 0),
        int(one.get("answer_tokens") or 0),
        int(one.get("cut_tokens") or 0),
    )
