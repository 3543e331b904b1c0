"""Scoring a run, an exported model or a base: which model, which rows, and where the result is kept."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec

from desktop.errors import UsageError, UserError
from desktop.jobs.job import EvaluateJob, Records
from desktop.jobs.progress import Progress
from desktop.models.library import Library
from desktop.paths import cache_dir, make_folder
from desktop.tuning.evaluation.rows import Row, answer_rows, report_labels, report_texts
from desktop.tuning.exports import onnx_of
from desktop.tuning.model_card import TOKENIZER, Family
from desktop.tuning.predict import Model, open_model
from desktop.tuning.records import Imported, import_records, open_imported
from desktop.tuning.runs import Run, Runs

_PREPARING = 0.1
"""Share of the progress for making the model, and for reading the rows."""


def evaluate(job: EvaluateJob, progress: Progress) -> dict[str, Any]:
    """Score ``job.model``; the result is kept in the history of runs as well.

    Raises:
        UserError: model, rows or exam cannot be had, or do not fit together.
    """
    began = monotonic()
    runs = Runs()
    try:
        run = runs.find(job.model) if not Path(job.model).is_dir() else None
        share = 0.6 if job.baseline else 1.0
        model = open_model(_folder(job, job.model, progress.part(0.0, _PREPARING)), device=job.device)
        report = _score(job, model, run, runs, progress.part(_PREPARING, share), "model")
        if job.baseline and run is not None:
            report["baseline"] = _baseline(job, model, run, runs, progress.part(share, 1.0), report)
        asked = {name: getattr(job, name) for name in _ASKED}
        report |= {"model": job.model, "on": asked, "seconds": monotonic() - began}
        report["evaluation"] = runs.add_evaluation(run.id if run else report["title"], report)
    finally:
        runs.close()
    progress.at(1.0, "Done")
    return report


_ASKED = ("source", "split", "mmlu", "shots", "limit", "weights")
"""What of the job tells one evaluation of a model from another."""


def _folder(job: EvaluateJob, name: str, progress: Progress) -> Path:
    return onnx_of(name, progress, library=Library(), weights=job.weights, precision=job.precision)


def _baseline(
    job: EvaluateJob, model: Model, run: Run, runs: Runs, progress: Progress, report: Mapping[str, Any]
) -> dict[str, Any]:
    """The same numbers of the untuned base; of a classifier, whose base has no labels, those of the most frequent label."""
    if model.card.family is Family.CLASSIFIER:
        counts = {one["label"]: one["count"] for one in report["per_class"]}
        label = max(counts, key=lambda name: counts[name])
        given = [{"expected": name, "answer": label} for name, count in counts.items() for _ in range(count)]
        found = {**report_labels(given), "title": f"Always “{label}”"}
    else:
        base = open_model(_folder(job, run.recipe.base, progress.part(0.0, _PREPARING)), device=job.device)
        title = base.card.title
        asked = base if job.mmlu else base.like(model.card)
        found = {**_score(job, asked, run, runs, progress.part(_PREPARING, 1.0), "base"), "title": title}
    return {key: found[key] for key in _COMPARED if key in found}


_COMPARED = (
    "title",
    "headline",
    "accuracy",
    "macro_f1",
    "exact_match",
    "exact_interval",
    "rouge_l",
    "micro",
    "macro",
    "rows_file",
)


def _score(job: EvaluateJob, model: Model, run: Run | None, runs: Runs, progress: Progress, who: str) -> dict[str, Any]:
    scratch = make_folder(progress.scratch() / who)
    report = _exam(job, model, progress, scratch) if job.mmlu else _rows(job, model, run, runs, progress, scratch)
    return {**report, "title": model.card.title, "device": model.device, "precision": model.precision}


def _exam(job: EvaluateJob, model: Model, progress: Progress, scratch: Path) -> dict[str, Any]:
    from tokenizers import Tokenizer

    from desktop.tuning.evaluation.mmlu import score_mmlu

    if not model.card.family.generates:
        raise UserError(
            f"{model.card.title} gives labels, so MMLU says nothing about it", remedy="Choose a model that writes text."
        )
    tokenizer = Tokenizer.from_file(str(model.folder / TOKENIZER))
    return score_mmlu(job, model.generator, tokenizer, progress, scratch)


def _rows(job: EvaluateJob, model: Model, run: Run | None, runs: Runs, progress: Progress, scratch: Path) -> dict[str, Any]:
    imported, part, warnings = _source(job, model, run, runs, progress.part(0.0, _PREPARING))
    rows = _chosen(imported, part, model, job)
    if not rows:
        raise UserError("There are no rows to score on", path=job.source or None, remedy="Choose another file or split.")
    threshold = job.threshold if job.threshold is not None else model.card.threshold or 0.0
    declining = bool(job.outside) or job.threshold is not None
    file = scratch / "rows.jsonl"
    part_left = progress.part(_PREPARING, 1.0)
    answers, rate = answer_rows(model, rows, file, part_left, threshold=threshold, declining=declining)
    is_labels = bool(model.card.labels)
    report = report_labels(answers, job.outside, threshold) if is_labels else report_texts(answers)
    unknown = sorted({row.expected for row in rows} - {*model.card.labels, *job.outside}) if is_labels else []
    if unknown:
        warnings.append(f"{len(unknown)} labels of these rows are none of the model's: {', '.join(unknown[:5])}")
    return report | {"rows_file": str(_keep(file, job, run, runs)), "per_second": rate, "warnings": warnings}


def _source(job: EvaluateJob, model: Model, run: Run | None, runs: Runs, progress: Progress) -> tuple[Imported, str, list[str]]:
    """The rows' file, the part of it to use, and what the user should know about them."""
    if job.source:
        given = job.records or Records(source=job.source)
        card = model.card.prompt
        named = card is not None and not given.inputs
        records = msgspec.structs.replace(
            given,
            source=job.source,
            validation=0.0,
            test=0.0,
            validation_file="",
            test_file="",
            limit=0,
            keep_duplicates=True,
            inputs=card.inputs if card is not None and named else given.inputs,
            output=given.output or (card.output if card is not None and named else ""),
        )
        imported = import_records(records, progress)
        bad = imported.facts.problems_total
        return imported, "train", [f"{bad} rows could not be read"] if bad else []
    if run is None:
        raise UsageError("Which rows? Give a file to score on, or a folder of MMLU")
    imported = open_imported(runs.folder(run.id) / "records")
    if imported.facts.splits.get(job.split):
        return imported, job.split, []
    if job.split == "test" and imported.facts.splits.get("validation"):
        note = "The run holds no test rows, so it is scored on its validation rows, which its best weights were chosen by"
        return imported, "validation", [note]
    raise UserError(f"The run holds no {job.split} rows", remedy="Give a file to score on.")


def _chosen(imported: Imported, part: str, model: Model, job: EvaluateJob) -> list[Row]:
    """The rows to answer: all, or ``job.limit`` of them chosen by ``job.seed``, in the file's order."""
    import numpy as np

    facts = imported.facts
    wanted = model.card.prompt.inputs if model.card.prompt is not None else facts.inputs
    # A file may call the columns otherwise than the training did; their order decides then.
    renamed = dict(zip(wanted, facts.inputs, strict=False)) if len(wanted) == len(facts.inputs) else {}
    rows: list[Row] = []
    data = imported.split(part)
    if job.limit and job.limit < len(data):
        data = data.select(np.sort(np.random.default_rng(job.seed).choice(len(data), job.limit, replace=False)))
    for values in data:
        line, expected = int(values.pop("_line")), values[facts.output]
        rows.append(Row(line, {**values, **{name: values[column] for name, column in renamed.items()}}, expected))
    return rows


def _keep(file: Path, job: EvaluateJob, run: Run | None, runs: Runs) -> Path:
    """Bring the answers from the scratch folder to where the window finds them later."""
    folder = make_folder((runs.folder(run.id) if run else cache_dir()) / "evaluations")
    key = hashlib.sha256(msgspec.json.encode(job)).hexdigest()[:12]
    place = folder / f"{file.parent.name}-{key}.jsonl"
    hidden = place.with_name(f".{place.name}.part")
    shutil.copyfile(file, hidden)
    hidden.replace(place)
    return place
