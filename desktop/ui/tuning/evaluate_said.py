"""Evaluations in words: what each was made on, its headline, its numbers. Pure functions over the reports of the history."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from desktop.ui.tuning import words
from desktop.ui.widgets.bar_chart import Bar, Reference

METRICS = {**words.METRICS, "mmlu": "MMLU"}
SPLITS = {"test": "Held-out test rows", "validation": "Validation rows", "train": "Training rows"}
PUBLISHED = (
    ("Random", 25.0),
    ("Flan-T5 Small (80M)", 29.5),
    ("Flan-T5 Base (250M)", 34.2),
    ("Flan-T5 Large (780M)", 41.9),
    ("GPT-3 (175B), few-shot", 43.9),
    ("Flan-T5 XL (3B)", 49.3),
    ("Flan-T5 XXL (11B)", 54.5),
)
"""5-shot MMLU, test questions, in per cent; for reports that bring none."""

Report = Mapping[str, Any]


def share(value: Any) -> str:
    """A share as per cent: "92.6 %"; "–" for none."""
    return f"{100 * float(value):.1f} %" if isinstance(value, int | float) and value == value else "–"


def interval(ends: Any) -> str:
    """The ends of a 95 % interval: "91.6–93.5 %"; "" for none."""
    if not isinstance(ends, list | tuple) or len(ends) != 2 or None in ends:
        return ""
    return f"{100 * float(ends[0]):.1f}–{100 * float(ends[1]):.1f} %"


def made_on(report: Report) -> str:
    """What an evaluation was made on."""
    on = report.get("on") or {}
    limit = f", {on['limit']:,} of them" if on.get("limit") else ""
    if report.get("kind") == "mmlu":
        shots = on.get("shots", report.get("shots"))
        return f"MMLU, {shots} examples each{limit}" if shots is not None else f"MMLU{limit}"
    if on.get("source"):
        return f"{Path(on['source']).name}{limit}"
    return f"{SPLITS.get(str(on.get('split', 'test')), 'Held-out rows')}{limit}"


def headline(report: Report) -> tuple[str, str, str]:
    """Value, what it is, and its interval: "92.6 %", "accuracy", "95 % interval 91.6–93.5 %"."""
    head = report.get("headline") or {}
    ends = interval(head.get("interval"))
    name = METRICS.get(str(head.get("name", "")), str(head.get("name", "")))
    return share(head.get("value")), name, f"95 % interval {ends}" if ends else ""


def entry(report: Report, now: float | None = None) -> str:
    """An evaluation in the list of them."""
    value, _, _ = headline(report)
    return f"{value}  ·  {made_on(report)}  ·  {words.ago(float(report.get('made') or 0.0), now)}"


def against(report: Report) -> tuple[str, str, bool]:
    """The baseline's value, the distance from it, and whether it is beaten; "" where there is none."""
    base = report.get("baseline") or {}
    mine, other = (each.get("headline", {}).get("value") for each in (report, base))
    if other is None and report.get("kind") == "mmlu":
        other = (report.get("random") or {"value": 0.25}).get("value")
    if mine is None or other is None:
        return "", "", True
    points = 100 * (float(mine) - float(other))
    return share(other), f"{points:+.1f} points".replace("-", "−"), points >= 0


def baseline_name(report: Report) -> str:
    """What the baseline is."""
    base = report.get("baseline")
    return str(base.get("title") or "Untuned base") if base else "Guessing"


def facts(report: Report) -> dict[str, tuple[str, str]]:
    """Caption -> (value, tooltip) of what stands beside the headline."""
    kind, found = report.get("kind"), {}
    if kind == "labels":
        found["Macro-F1"] = (share(report.get("macro_f1")), "Mean of the labels' F1, each counting the same")
    elif kind == "text":
        ends = interval(report.get("exact_interval"))
        found["Exact match"] = (share(report.get("exact_match")), f"Answers equal to the expected one; 95 % interval {ends}")
    else:
        found["Mean of subjects"] = (
            share(report.get("macro")),
            "Each subject counting the same; the headline counts each question",
        )
    rows = "Questions" if kind == "mmlu" else "Rows"
    found[rows] = (f"{int(report.get('rows', 0)):,}", "How many were scored")
    rate = report.get("per_second")
    if rate:
        found["A second"] = (f"{float(rate):,.0f}" if rate >= 10 else f"{float(rate):.1f}", f"{rows} answered in a second")
    device = " · ".join(filter(None, (str(report.get("device", "")).upper(), str(report.get("precision", "")))))
    if device:
        found["On"] = (device, "Device and precision")
    return found


def outside(report: Report) -> dict[str, tuple[str, str]]:
    """The same for rows that belong under no label."""
    out = report.get("outside")
    if not out:
        return {}
    ends = interval(out.get("interval"))
    return {
        "Out of scope found": (
            share(out.get("recall")),
            f"Of {int(out.get('rows', 0)):,} rows that belong under no label; 95 % interval {ends}",
        ),
        "Declined rightly": (share(out.get("precision")), "Of the rows that were declined, those that belong under no label"),
        "Declined wrongly": (share(out.get("declined_inside")), "Of the rows that belong under a label"),
        "Threshold": (f"{float(out.get('threshold') or 0.0):.2f}", "A label with less confidence counts as none"),
    }


def mistaken(report: Report, most: int = 200) -> list[tuple[int, int, int]]:
    """The mistakes that were made most often: row and column in the matrix, and how often."""
    confusion = report.get("confusion") or {}
    counts = confusion.get("counts") or []
    wrong = [(r, c, n) for r, row in enumerate(counts) for c, n in enumerate(row) if n and r != c]
    return sorted(wrong, key=lambda one: -one[2])[:most]


def subject_bars(report: Report) -> list[Bar]:
    """A bar for all questions, and one for each subject of MMLU, the best first."""
    head = report.get("headline") or {}
    low, high = (head.get("interval") or [None, None])[:2]
    rows = int(report.get("rows", 0))
    value = float(head.get("value") or 0.0)
    bars = [Bar("All questions", value, share(value), words.counted(rows, "question"), low, high, strong=True)]
    subjects = [
        (str(s["name"]), int(s["questions"]), int(s["right"])) for s in report.get("subjects") or [] if s.get("questions")
    ]
    for name, questions, right in sorted(subjects, key=lambda one: (-one[2] / one[1], one[0])):
        title = name.replace("_", " ").capitalize()
        bars.append(
            Bar(title, right / questions, share(right / questions), f"{right:,} of {words.counted(questions, 'question')}")
        )
    return bars


def references(report: Report) -> list[Reference]:
    """Published results to compare with, as shares."""
    given = [(str(one["name"]), float(one["value"])) for one in report.get("references") or []]
    return [Reference(name, value / 100) for name, value in given or PUBLISHED]
