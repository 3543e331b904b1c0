"""Runs, records, estimates, evaluations and answers in words."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from desktop.cli.bars import sparkline
from desktop.cli.quantities import duration, size
from desktop.tuning.runs import Run, Runs

_SCORES = {
    "loss": "Loss",
    "accuracy": "Accuracy",
    "macro_f1": "Macro-F1",
    "exact_match": "Exact match",
    "rouge_l": "ROUGE-L",
    "mmlu": "MMLU",
}
_SHOWN_PROBLEMS = 20
_SHOWN_CLASSES = 30
_SPARKS = 12


def score(name: str, value: float | None) -> str:
    """A score as people read it: shares in per cent, losses as they are."""
    if value is None:
        return ""
    return f"{value:.4f}" if name == "loss" else f"{value:.1%}"


def named_score(name: str, value: float | None) -> str:
    """A score with its name; "" for None."""
    return "" if value is None else f"{_SCORES.get(name, name)} {score(name, value)}"


def run_facts(run: Run) -> dict[str, Any]:
    """A run as plain data."""
    facts: dict[str, Any] = msgspec.to_builtins(run)
    return facts


def run_line(run: Run, sparks: Sequence[float]) -> list[str]:
    """A run as a line of the table."""
    curve = sparkline(sparks, min(sparks), max(sparks), _SPARKS) if len(sparks) > 1 else ""
    best = named_score(run.best_name, run.best_value)
    step = f"{run.step}/{run.total_steps}" if run.total_steps else ""
    begun = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.created))
    return [run.id, run.name, run.state, run.base, run.method, str(run.train_rows or ""), step, best, curve, begun]


def run_lines(run: Run, history: Runs) -> list[str]:
    """Everything about a run, a line each."""
    facts = [
        ("Run", f"{run.id}{f' ({run.name})' if run.name else ''}, {run.state}"),
        ("Base", f"{run.base}, {run.method}"),
        ("Records", f"{run.records.source}{f', {run.train_rows} rows to train on' if run.train_rows else ''}"),
        ("Steps", f"{run.step} of {run.total_steps}" if run.total_steps else ""),
        ("Time", f"{run.seconds:.0f} s{f' on {run.device}' if run.device else ''}" if run.seconds else ""),
        ("Best", _best(run)),
        ("Error", run.error),
        ("Note", run.note),
        ("Files", str(history.folder(run.id))),
    ]
    lines = [f"{name:<10}{text}" for name, text in facts if text]
    sparks = history.sparkline(run.id)
    if len(sparks) > 1:
        lines.append(
            f"{'Loss':<10}{sparkline(sparks, min(sparks), max(sparks), len(sparks))}  {sparks[0]:.3f} to {sparks[-1]:.3f}"
        )
    lines += [f"{name:<10}{text}" for name, text in _settled(run)]
    by_step: dict[int, list[str]] = {}
    for one in history.scores(run.id):
        by_step.setdefault(one.step, []).append(named_score(one.name, one.value))
    lines += [f"{f'Step {step}':<10}{', '.join(scores)}" for step, scores in by_step.items()]
    samples = history.samples(run.id)
    for sample in (one for one in samples if one.step == samples[-1].step):
        lines += ["", f"Prompt    {sample.prompt}", f"Expected  {sample.expected}", f"Answer    {sample.answer}"]
    for report in history.evaluations(run.id):
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(report["made"]))
        lines += ["", f"Evaluated {when}", *evaluated(report)]
    return lines


def compared(runs: Sequence[Run], history: Runs) -> tuple[list[str], list[list[str]]]:
    """Heads and lines of a table: what differs between runs, and their results."""
    heads = ["", *(run.name or run.id for run in runs)]
    settings = [_settings(run) for run in runs]
    names = list(dict.fromkeys(name for those in settings for name in those))
    lines = [[name, *row] for name in names if len(set(row := [those.get(name, "") for those in settings])) > 1]
    results = [("state", [str(run.state) for run in runs]), ("best", [_best(run) for run in runs])]
    results += [("steps", [str(run.step) for run in runs]), ("seconds", [f"{run.seconds:.0f}" for run in runs])]
    results.append(("evaluation", [_headline(next(iter(history.evaluations(run.id)), None)) for run in runs]))
    return heads, [*lines, *([name, *row] for name, row in results)]


def looked(result: Mapping[str, Any]) -> list[str]:
    """What a file of examples holds, a line each."""
    facts = result["facts"]
    splits = ", ".join(f"{count} {name}" for name, count in facts["splits"].items() if count)
    lines = [
        f"{'File':<12}{facts['format']}, {facts.get('encoding') or ''}".rstrip(", "),
        f"{'Rows':<12}{facts['rows']} ({splits})",
        f"{'Prompt':<12}{', '.join(facts['inputs'])}",
        f"{'Answer':<12}{facts['output']}{', labels' if facts['is_classification'] else ''}",
    ]
    lines += [
        f"{'Column':<12}{one['name']}: {one['kind']}, {one['filled']:.0%} filled, {one['distinct']} values"
        for one in facts["columns"]
    ]
    for name, text in (("duplicates", "rows twice"), ("problems_total", "bad rows")):
        if facts.get(name):
            lines.append(f"{'Note':<12}{facts[name]} {text}")
    lines += [
        f"{'Note':<12}{count} rows of {part} are in training too" for part, count in facts.get("leakage", {}).items() if count
    ]
    lines += [f"  line {one['line']}: {one['reason']}" for one in facts["problems"][:_SHOWN_PROBLEMS]]
    classes = sorted(facts.get("classes", {}).items(), key=lambda item: -sum(item[1].values()))
    lines += [f"  {sum(counts.values()):>8}  {label}" for label, counts in classes[:_SHOWN_CLASSES]]
    if len(classes) > _SHOWN_CLASSES:
        lines.append(f"  … and {len(classes) - _SHOWN_CLASSES} labels more")
    for one in result.get("seen", [])[:3]:
        lines += ["", f"{one['prompt_tokens']} + {one['answer_tokens']} tokens, {one['cut_tokens']} cut:"]
        lines.append("".join(f"[{text}]" if kind == "answer" else text for text, kind in one["pieces"] if kind != "cut"))
    return lines


def estimated(result: Mapping[str, Any]) -> list[str]:
    """What a recipe needs, a line each."""
    memory = result["memory"]
    parts = ", ".join(f"{name} {size(value)}" for name, value in memory.items() if name != "total" and value)
    fits = "fits" if result["fits"] else "does not fit"
    recipe = result["recipe"]
    rate = recipe["learning_rate"]
    lines = [
        f"{'Memory':<10}{size(memory['total'])} ({parts})",
        f"{'Free':<10}{size(result['available'])} on {result['device']}: {fits}",
        f"{'Trained':<10}{result['trainable']:,} of {result['parameters']:,} weights",
        f"{'Steps':<10}{result['steps']}, {result['tokens']:,} tokens",
        f"{'Recipe':<10}{recipe['method']}, {recipe['epochs']:g} epochs, batch {recipe['batch']}, rate {rate:g}",
    ]
    if result.get("seconds"):
        lines.append(f"{'Time':<10}about {duration(result['seconds'])}")
    return [*lines, *(f"{'Note':<10}{warning}" for warning in result.get("warnings", []))]


def tuned(result: Mapping[str, Any]) -> list[str]:
    """How a run ended, a line each."""
    best = result.get("best") or {}
    ended = {"early": ", ended early as it got no better", "asked": ", ended as you asked"}.get(result.get("stopped", ""), "")
    lines = [f"{'Run':<10}{result['run']}", f"{'Steps':<10}{result['steps']} in {duration(result['seconds'])}{ended}"]
    if best.get("value") is not None:
        lines.append(f"{'Best':<10}{named_score(best['name'], best['value'])} at step {best['step']}")
    lines += [f"{kind.capitalize():<10}{path}" for kind, path in result.get("files", {}).items()]
    return [*lines, *(f"{'Note':<10}{warning}" for warning in result.get("warnings", []))]


def evaluated(result: Mapping[str, Any]) -> list[str]:
    """How a model scored, a line each."""
    if result["kind"] == "mmlu":
        return _mmlu(result)
    lines = [f"{'Rows':<14}{result['rows']}", f"{'Score':<14}{_headline(result)}"]
    lines += [
        f"{_SCORES[name]:<14}{score(name, result[name])}" for name in ("macro_f1", "exact_match") if result.get(name) is not None
    ]
    outside = result.get("outside")
    if outside:
        lines.append(
            f"{'Out of scope':<14}{outside['recall']:.1%} of {outside['rows']} declined at {outside['threshold']:.3f}; "
            f"{outside['declined_inside']:.1%} of the others were declined too"
        )
    baseline = result.get("baseline")
    if baseline:
        lines.append(f"{'Baseline':<14}{baseline.get('title', 'base')}: {_headline(baseline)}")
        if baseline.get("exact_match") is not None:
            lines.append(f"{'':<14}exact match {score('exact_match', baseline['exact_match'])}")
    lines += [f"{'Rows file':<14}{result['rows_file']}"] if result.get("rows_file") else []
    lines.append(f"{'Speed':<14}{result['per_second']:.1f} a second on {result.get('device', '')}")
    return [*lines, *(f"{'Note':<14}{warning}" for warning in result.get("warnings", []))]


def labelled(result: Mapping[str, Any]) -> list[str]:
    """What labelling a file gave, a line each."""
    rate = result["rows_per_second"]
    lines = [
        f"{'File':<10}{result['files']['rows']}",
        f"{'Rows':<10}{result['rows']}, {result['labelled']} labelled, {result['declined']} below the threshold",
        f"{'Time':<10}{duration(result['seconds'])}, {rate:.0f} rows a second ({rate * 3600:,.0f} an hour)",
    ]
    if result.get("bad_total"):
        lines.append(f"{'Note':<10}{result['bad_total']} rows could not be read")
        lines += [f"  line {one['line']}: {one['reason']}" for one in result["bad"][:_SHOWN_PROBLEMS]]
    counts = sorted(result.get("counts", {}).items(), key=lambda item: -item[1])
    return [*lines, *(f"  {count:>8}  {label}" for label, count in counts[:_SHOWN_CLASSES])]


def exported(result: Mapping[str, Any]) -> list[str]:
    """What an export wrote, a line each."""
    check = ", ".join(
        f"{name.replace('_', ' ')} {value}" for name, value in result["check"].items() if not isinstance(value, dict | list)
    )
    lines = [f"{'Folder':<10}{result['files']['folder']}", f"{'Precision':<10}{result['precision']}", f"{'Check':<10}{check}"]
    return [*lines, *(f"  {size(count):>9}  {name}" for name, count in result["sizes"].items())]


def answered(texts: Sequence[str], result: Mapping[str, Any]) -> list[str]:
    """Answers, each below its text when there are several or two models."""
    baseline = result.get("baseline")
    lines: list[str] = []
    for number, (text, answer) in enumerate(zip(texts, result["answers"], strict=True)):
        if len(texts) > 1:
            lines.append(f"> {text}")
        lines.append(f"{_answer(answer)}" if not baseline else f"Tuned: {_answer(answer)}")
        if baseline:
            lines.append(f"Base:  {_answer(baseline[number])}")
    return lines


def _answer(answer: Mapping[str, Any]) -> str:
    sure = f"  ({answer['confidence']:.0%})" if answer.get("confidence") is not None else ""
    return f"{answer['text']}{sure}"


def _mmlu(result: Mapping[str, Any]) -> list[str]:
    low, high = result["headline"]["interval"]
    chance = result["random"]["interval"]
    share = f"{result['micro']:.1%} of questions (95 % interval {low:.1%} to {high:.1%})"
    lines = [
        f"{'Questions':<12}{result['rows']} of {len(result['subjects'])} subjects, {result['shots']} shots",
        f"{'MMLU':<12}{share}, {result['macro']:.1%} mean over subjects",
        f"{'Random':<12}25.0% (95 % of guesses lie within {chance[0]:.1%} to {chance[1]:.1%})",
        f"{'Speed':<12}{result['per_second']:.1f} questions a second on {result.get('device', '')}",
    ]
    if result.get("baseline"):
        lines.append(f"{'Baseline':<12}{result['baseline'].get('title', 'base')}: {result['baseline']['micro']:.1%}")
    lines += [
        f"  {one['right'] / one['questions']:>6.1%}  {one['name'].replace('_', ' ')} ({one['questions']})"
        for one in result["subjects"]
    ]
    lines += ["Published (5 shots, test questions):"]
    lines += [f"  {one['value']:>5.1f}%  {one['name']}" for one in result["references"]]
    return [*lines, *(f"{'Note':<12}{warning}" for warning in result.get("warnings", []))]


def _headline(result: Mapping[str, Any] | None) -> str:
    if not result:
        return ""
    headline = result["headline"]
    low, high = headline["interval"]
    return f"{named_score(headline['name'], headline['value'])} (95 % interval {low:.1%} to {high:.1%})"


def _best(run: Run) -> str:
    if run.best_value is None:
        return ""
    before = f", {score(run.best_name, run.best_before)} before" if run.best_before is not None else ""
    return f"{named_score(run.best_name, run.best_value)} at step {run.best_step}{before}"


def _settled(run: Run) -> list[tuple[str, str]]:
    """What the run settled by itself: its recipe, and facts that are numbers or sentences."""
    recipe = {**msgspec.to_builtins(run.recipe), **run.facts.get("settled", {})}
    facts = {name: value for name, value in run.facts.items() if isinstance(value, str | int | float) and value != ""}
    parts = (("Recipe", recipe, ("base", "method")), ("Facts", facts, ()))
    return [
        (
            title,
            ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in values.items() if name not in but and value != []),
        )
        for title, values, but in parts
    ]


def _settings(run: Run) -> dict[str, str]:
    settled = run.facts.get("settled", {})
    given: dict[str, Any] = {**msgspec.to_builtins(run.records), **msgspec.to_builtins(run.recipe), **settled, **run.facts}
    given.pop("settled", None)
    return {name: str(value) for name, value in given.items()}
