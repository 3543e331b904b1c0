"""Scoring on rows whose answers are known: labels by accuracy and macro-F1, texts by exact match and ROUGE-L."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.tuning.evaluation.answers import Answers
from desktop.tuning.evaluation.metrics import interval, is_exact, mean_interval, rouge_l, score_labels
from desktop.tuning.predict import Model

DECLINED = "(none)"
"""What a label below the threshold counts as."""

_BATCH = 256
_SHOWN_LABELS = 400


@dataclass(frozen=True)
class Row:
    """A row to be answered: its line in the file, the columns, the answer that it has."""

    line: int
    values: Mapping[str, str]
    expected: str


def answer_rows(
    model: Model, rows: Sequence[Row], file: Path, progress: Progress, *, threshold: float = 0.0, declining: bool = False
) -> tuple[list[dict[str, Any]], float]:
    """Answer all rows into ``file`` (JSON lines), going on where it ends; returns the answers and the rows answered a second.

    Args:
        threshold: least confidence with which a label counts as given.
        declining: whether a model that chooses among labels may answer none of them.
    """
    began = monotonic()
    with Answers(file) as answers:
        found = answers.found[: len(rows)]
        start = len(found)
        for first in range(start, len(rows), _BATCH):
            part = rows[first : first + _BATCH]
            given = model.answer([row.values for row in part], progress=progress)
            lines = []
            for row, answer in zip(part, given, strict=True):
                unsure = declining and answer.confidence is not None and answer.confidence < threshold
                lines.append(
                    {
                        "line": row.line,
                        "prompt": model.prompt(row.values),
                        "expected": row.expected,
                        "answer": DECLINED if unsure else answer.text,
                        "confidence": answer.confidence,
                    }
                )
            answers.add(lines)
            found += lines
            rate = (len(found) - start) / max(monotonic() - began, 1e-6)
            progress.at(len(found) / len(rows), f"{len(found)} of {len(rows)} rows · {rate:.0f} a second")
    return found, (len(rows) - start) / max(monotonic() - began, 1e-6)


def report_labels(answers: Sequence[Mapping[str, Any]], outside: Iterable[str] = (), threshold: float = 0.0) -> dict[str, Any]:
    """Scores of given labels.

    Args:
        outside: expected labels that mean "none of these"; declining is the right answer to them.
    """
    apart = set(outside)
    inside = [answer for answer in answers if answer["expected"] not in apart]
    if not inside:
        raise UserError(
            "All rows are out of scope, so there is nothing to score", remedy="Choose a file with labels of the model."
        )
    scores = score_labels([answer["expected"] for answer in inside], [answer["answer"] for answer in inside])
    right = int(np.trace(scores.confusion))
    shown = scores.labels[:_SHOWN_LABELS]
    report: dict[str, Any] = {
        "kind": "labels",
        "rows": len(answers),
        "headline": {"name": "accuracy", "value": scores.accuracy, "interval": list(interval(right, len(inside)))},
        "accuracy": scores.accuracy,
        "macro_f1": scores.macro_f1,
        "per_class": [
            {"label": one.label, "precision": one.precision, "recall": one.recall, "f1": one.f1, "count": one.count}
            for one in scores.per_class
        ],
        "confusion": {"labels": shown, "counts": scores.confusion[: len(shown), : len(shown)].tolist()},
        "outside": None,
    }
    if apart:
        others = [answer for answer in answers if answer["expected"] in apart]
        declined = sum(answer["answer"] == DECLINED for answer in others)
        wrongly = sum(answer["answer"] == DECLINED for answer in inside)
        report["outside"] = {
            "threshold": threshold,
            "rows": len(others),
            "recall": declined / max(len(others), 1),
            "precision": declined / max(declined + wrongly, 1),
            "declined_inside": wrongly / len(inside),
            "interval": list(interval(declined, len(others))),
        }
    return report


def report_texts(answers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Scores of written answers: exact match (case and white space aside) and mean ROUGE-L."""
    exact = [is_exact(answer["expected"], answer["answer"]) for answer in answers]
    rouge = [rouge_l(answer["expected"], answer["answer"]) for answer in answers]
    return {
        "kind": "text",
        "rows": len(answers),
        "headline": {"name": "rouge_l", "value": float(np.mean(rouge)), "interval": list(mean_interval(rouge))},
        "exact_match": sum(exact) / len(exact),
        "exact_interval": list(interval(sum(exact), len(exact))),
        "rouge_l": float(np.mean(rouge)),
    }
