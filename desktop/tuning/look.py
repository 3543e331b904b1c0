"""A file of examples as the panel shows it: the facts, the first rows, and what a model would see of them."""

from __future__ import annotations

from itertools import islice
from typing import Any

import msgspec
import numpy as np

from desktop.jobs.progress import Progress
from desktop.jobs.tuning_jobs import Recipe, RecordsJob
from desktop.models.library import Library
from desktop.tuning.records.facts import LINE, SPLITS, why_untrainable
from desktop.tuning.records.imported import Imported
from desktop.tuning.records.importing import import_records
from desktop.tuning.records.summary import histogram
from desktop.tuning.records.values import shortened

SAMPLE = 2_000
"""Rows whose tokens are counted."""

SHOWN_CHARS = 4_000
"""Of a value or a piece: more does not fit a page."""

_READ_CHARS = 100_000
"""Of a value: more than any model's window, so that a giant row costs no minutes."""

_AT_ONCE = 100


def look(job: RecordsJob, progress: Progress) -> dict[str, Any]:
    """Import a file and show it.

    Returns:
        "facts": ``Facts``; "rows": the first by line: "line", "split", "values" (shortened); "lengths": histogram of prompt and
        answer ("unit", "edges", "counts", "limit", "cut_rows", "sampled"); "untrainable": why, or "". With a base also "seen",
        one for each row: "pieces", "prompt_tokens", "answer_tokens", "cut_tokens"; or "unseen": why there are none.

    Raises:
        UserError: the file cannot be imported, the base is not to be had, or the template is wrong.
    """
    imported = import_records(job.records, progress.part(0.0, 0.8 if job.base else 0.98))
    rows = _first_rows(imported, job.rows)
    facts = imported.facts
    found: dict[str, Any] = {
        "facts": msgspec.to_builtins(facts),
        "rows": [{"line": line, "split": split, "values": _shown(values)} for line, split, values in rows],
        "untrainable": why_untrainable(facts),
        "lengths": {
            "unit": "characters",
            **msgspec.to_builtins(facts.chars),
            "limit": None,
            "cut_rows": 0,
            "sampled": facts.rows,
        },
    }
    if job.base and facts.inputs:
        found |= _as_seen(job, imported, [values for _, _, values in rows], progress.part(0.8, 1.0))
    elif job.base:
        found["unseen"] = found["untrainable"]
    return found


def _first_rows(imported: Imported, count: int) -> list[tuple[int, str, dict[str, str]]]:
    """The first rows of the file in its order, each with its split; rows of other files come after."""
    other = len(imported.facts.held_out)
    found = []
    for name in SPLITS:
        later = other and name != "train"
        for row in islice(imported.split(name), count):
            found.append((bool(later), row.pop(LINE), name, row))
    found.sort(key=lambda row: row[:2])
    return [(line, name, row) for _, line, name, row in found[:count]]


def _shown(values: dict[str, str]) -> dict[str, str]:
    return {name: shortened(value, SHOWN_CHARS) for name, value in values.items()}


def _as_seen(job: RecordsJob, imported: Imported, rows: list[dict[str, str]], progress: Progress) -> dict[str, Any]:
    from desktop.tuning.bases import find_base
    from desktop.tuning.prompts import Prompter, make_card

    base = find_base(job.base, Library(), progress.part(0.0, 0.5))
    recipe = Recipe(base=job.base, max_tokens=job.max_tokens, max_answer=job.max_answer)
    prompter = Prompter(base.folder, make_card(base, job.records, imported.facts, recipe))
    seen = []
    for row, encoded in zip(rows, prompter.encode_many([_readable(row) for row in rows]), strict=True):
        pieces = [[shortened(text, SHOWN_CHARS), kind] for text, kind in prompter.pieces(_readable(row))]
        seen.append(
            {
                "pieces": pieces,
                "prompt_tokens": len(encoded.prompt),
                "answer_tokens": len(encoded.answer),
                "cut_tokens": encoded.prompt_cut + encoded.answer_cut,
            }
        )
    return {"seen": seen, "lengths": _lengths(prompter, imported, progress.part(0.5, 1.0))}


def _readable(row: dict[str, str]) -> dict[str, str]:
    return {name: value[:_READ_CHARS] for name, value in row.items()}


def _lengths(prompter: Any, imported: Imported, progress: Progress) -> dict[str, Any]:
    """Tokens of prompt and answer before anything is cut, of rows evenly spread over those to be trained on."""
    train = imported.split("train")
    places = np.unique(np.linspace(0, len(train) - 1, min(SAMPLE, len(train))).astype(np.int64)).tolist() if len(train) else []
    tokens: list[int] = []
    cut = 0
    for start in range(0, len(places), _AT_ONCE):
        chosen = train[places[start : start + _AT_ONCE]]
        rows = [dict(zip(chosen, values, strict=True)) for values in zip(*chosen.values(), strict=True)]
        for row in rows:
            row.pop(LINE)
        for encoded in prompter.encode_many([_readable(row) for row in rows]):
            missing = encoded.prompt_cut + encoded.answer_cut
            tokens.append(len(encoded.prompt) + len(encoded.answer) + missing)
            cut += missing > 0
        progress.at(len(tokens) / len(places), "Counting tokens")
    bars = msgspec.to_builtins(histogram(np.array(tokens, np.int64)))
    return {"unit": "tokens", **bars, "limit": prompter.card.max_tokens, "cut_rows": cut, "sampled": len(tokens)}
