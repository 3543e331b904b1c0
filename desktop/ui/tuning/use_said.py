"""What labelling and exporting gave, in words. Pure functions over the results of their jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from desktop.ui.library.shelf import bytes_text
from desktop.ui.tuning import words
from desktop.ui.widgets.bar_chart import Bar

Result = Mapping[str, Any]
Facts = dict[str, tuple[str, str]]


def label_facts(result: Result) -> Facts:
    """Caption -> (value, tooltip) of a finished labelling."""
    rate = float(result.get("rows_per_second") or 0.0)
    found: Facts = {"Rows": (f"{int(result.get('rows', 0)):,}", "Rows of the file")}
    found["Labelled"] = (f"{int(result.get('labelled', 0)):,}", "Rows that got an answer")
    if result.get("declined"):
        found["Unsure"] = (f"{int(result['declined']):,}", "Rows with less confidence than asked for")
    if rate:
        found["Rows an hour"] = (f"{rate * 3600:,.0f}", f"Rows labelled in an hour at {rate:,.0f} a second")
    if result.get("seconds"):
        found["Took"] = (
            words.seconds(float(result["seconds"])),
            "Since the last time it was stopped" if result.get("resumed") else "",
        )
    device = " · ".join(filter(None, (str(result.get("device", "")).upper(), str(result.get("precision", "")))))
    if device:
        found["On"] = (device, "Device and precision")
    return found


def troubles(result: Result) -> str:
    """What of the file could not be labelled; "" when all could."""
    total = int(result.get("bad_total") or 0)
    if not total:
        return ""
    shown = [f"line {int(one['line']):,}: {one['reason']}" for one in (result.get("bad") or [])[:3]]
    more = f", and {total - len(shown):,} more" if total > len(shown) else ""
    return f"{words.counted(total, 'row')} could not be read ({'; '.join(shown)}{more})."


def counts_bars(result: Result) -> list[Bar]:
    """A bar for each label, the most frequent first."""
    counts = {str(name): int(count) for name, count in (result.get("counts") or {}).items()}
    total = max(1, sum(counts.values()))
    ranked = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return [Bar(name or "(none)", count, f"{count:,}", f"{100 * count / total:.1f} % of the rows") for name, count in ranked]


def sizes(result: Result) -> list[tuple[str, str]]:
    """Files of an export and their sizes, the largest first, and their sum."""
    found = {str(name): int(size) for name, size in (result.get("sizes") or {}).items()}
    rows = [(name, bytes_text(size)) for name, size in sorted(found.items(), key=lambda one: (-one[1], one[0]))]
    return [*rows, ("All files", bytes_text(sum(found.values())))] if len(rows) > 1 else rows


def checks(result: Result) -> list[tuple[str, str]]:
    """What an export measured against the original."""
    return [(name.replace("_", " ").capitalize(), _value(value)) for name, value in (result.get("check") or {}).items()]


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_value(one)}" for name, one in value.items())
    return ", ".join(_value(one) for one in value) if isinstance(value, list | tuple) else str(value)
