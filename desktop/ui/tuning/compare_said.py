"""What distinguishes runs: their results, and the settings that are not the same in all. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from desktop.tuning.runs import Run
from desktop.ui.tuning import words
from desktop.ui.tuning.evaluate_said import headline, made_on
from desktop.ui.widgets.curve_axes import memory
from desktop.ui.widgets.curve_run import RISING

TITLES = {
    "base": "Base", "method": "Method", "epochs": "Epochs", "max_steps": "Most steps", "batch": "Batch",
    "accumulation": "Accumulation", "learning_rate": "Learning rate", "schedule": "Schedule", "warmup": "Warm-up",
    "weight_decay": "Weight decay", "clip": "Gradient clip", "max_tokens": "Most tokens",
    "max_answer": "Tokens of the answer", "lora_rank": "LoRA rank", "lora_alpha": "LoRA alpha",
    "lora_dropout": "LoRA dropout", "lora_targets": "LoRA targets", "eval_every": "Evaluated every",
    "checkpoint_every": "Saved every", "patience": "Patience", "samples": "Samples", "precision": "Precision",
    "gradient_checkpointing": "Gradient checkpointing", "seed": "Seed", "gpus": "GPUs", "source": "File",
    "inputs": "Input columns", "output": "Answer column", "template": "Template", "system": "System message",
    "validation": "Validation share", "test": "Test share", "limit": "Rows at most",
    "keep_duplicates": "Duplicates kept", "validation_file": "Validation file", "test_file": "Test file",
    "resumed_from": "Begun from run", "trainable": "Trainable parameters", "parameters": "Parameters",
    "device": "Device", "encoding": "Encoding", "delimiter": "Delimiter", "strict": "Stops at bad rows",
}  # fmt: skip


@dataclass(frozen=True)
class Line:
    """A row of the comparison: a title, what each run has, and which of them is best (-1: none is)."""

    title: str
    values: tuple[str, ...]
    best: int = -1
    tip: str = ""


def results(runs: Sequence[Run], losses: Sequence[float], reports: Sequence[Mapping[str, Any] | None]) -> list[Line]:
    """Results of runs.

    Args:
        losses: newest smoothed loss of each.
        reports: newest evaluation of each, or None.
    """
    lines = []
    for name in dict.fromkeys(run.best_name for run in runs if run.best_name):
        values = [run.best_value if run.best_name == name else None for run in runs]
        title = f"{words.METRICS.get(name, name)}, held-out"
        shown = tuple(
            _at(run, words.metric(name, value)) if value is not None else "–" for run, value in zip(runs, values, strict=True)
        )
        lines.append(Line(title, shown, best_of(values, rising=name in RISING), "The best one, and the step it was at"))
    lines.append(Line("Loss, smoothed", tuple(words.metric("loss", value) for value in losses), best_of(losses, rising=False)))
    scored = [(report, headline(report)) if report is not None else (None, ("–", "", "")) for report in reports]
    for kind in dict.fromkeys((said[1], made_on(report)) for report, said in scored if report is not None):
        shown = tuple(said[0] if report is not None and (said[1], made_on(report)) == kind else "–" for report, said in scored)
        values = [
            float(report["headline"]["value"]) if report is not None and (said[1], made_on(report)) == kind else None
            for report, said in scored
        ]
        lines.append(
            Line(f"{kind[0]}, {kind[1][:1].lower()}{kind[1][1:]}", shown, best_of(values, rising=True), "The newest evaluation")
        )
    lines += [
        Line("Steps", tuple(f"{run.step:,} of {run.total_steps:,}" if run.total_steps else f"{run.step:,}" for run in runs)),
        Line("Time", tuple(words.seconds(run.seconds) if run.seconds else "–" for run in runs)),
        Line("Training rows", tuple(words.count(run.train_rows) if run.train_rows else "–" for run in runs)),
        Line("State", tuple(words.STATES[run.state] for run in runs)),
    ]
    notes = tuple(run.note.strip().replace("\n", " ") for run in runs)
    return [*lines, Line("Note", notes)] if any(notes) else lines


def best_of(values: Sequence[float | None], *, rising: bool) -> int:
    """Which value is best; -1 when fewer than two are known, or all are equal."""
    known = [(value, number) for number, value in enumerate(values) if value is not None and value == value]
    if len(known) < 2 or len({value for value, _ in known}) < 2:
        return -1
    return (max if rising else min)(known, key=lambda one: one[0])[1]


def settings(runs: Sequence[Run]) -> tuple[list[Line], list[Line]]:
    """Settings that differ, and those that are the same in all runs."""
    tables = [_settings(run) for run in runs]
    names = list(dict.fromkeys(name for table in tables for name in table))
    differing: list[Line] = []
    same: list[Line] = []
    for name in names:
        values = tuple(table.get(name, "–") for table in tables)
        (same if len(set(values)) == 1 else differing).append(Line(TITLES.get(name, name.replace("_", " ").capitalize()), values))
    return differing, same


def _settings(run: Run) -> dict[str, str]:
    recipe, records = msgspec.structs.asdict(run.recipe), msgspec.structs.asdict(run.records)
    # What was settled counts, not what was left to the machine.
    settled = run.facts.get("settled")
    recipe |= {name: value for name, value in settled.items() if name in recipe} if isinstance(settled, dict) else {}
    found: dict[str, Any] = {**recipe, "base": run.base, "method": run.method}
    found |= {name: run.facts[name] for name in ("trainable", "parameters") if name in run.facts}
    found |= {f"split_{name}" if name == "seed" else name: value for name, value in records.items()}
    found |= {"resumed_from": run.resumed_from[:4], "device": run.device}
    return {name: _text(name, value) for name, value in found.items()}


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name == "learning_rate":
        return words.rate(float(value)) if value else "automatic"
    if name in ("validation", "test", "warmup"):
        return f"{100 * float(value):g} %"
    if name in ("source", "validation_file", "test_file"):
        return Path(str(value)).name or "–"
    if name in ("bytes", "memory", "peak_memory"):
        return memory(float(value))
    if isinstance(value, list | tuple):
        return ", ".join(str(one) for one in value) or "–"
    if isinstance(value, float):
        return f"{value:g}"
    return f"{value:,}" if isinstance(value, int) else str(value) or "–"


def _at(run: Run, value: str) -> str:
    return f"{value} at {run.best_step:,}" if run.best_step is not None else value
