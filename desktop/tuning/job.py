"""The tuning panel's jobs, each handed to the module that does it."""

from __future__ import annotations

from desktop.jobs.job import AskJob, CommitsJob, EstimateJob, EvaluateJob, ExportJob, LabelJob, RecordsJob, Result, TuneJob
from desktop.jobs.progress import Progress


def run_records(job: RecordsJob, progress: Progress) -> Result:
    """Import a file of examples and say what is in it."""
    from desktop.tuning.look import look

    return look(job, progress)


def run_commits(job: CommitsJob, progress: Progress) -> Result:
    """Pairs of a git repository's commits."""
    from desktop.tuning.commits import pairs

    return pairs(job, progress)


def run_estimate(job: EstimateJob, progress: Progress) -> Result:
    """Memory and time that a recipe needs."""
    from desktop.tuning.estimate import estimate

    return estimate(job, progress)


def run_tune(job: TuneJob, progress: Progress) -> Result:
    """Fine-tune a model."""
    from desktop.tuning.tune import tune

    return tune(job, progress)


def run_evaluate(job: EvaluateJob, progress: Progress) -> Result:
    """Score a model on rows or on MMLU."""
    from desktop.tuning.evaluation.evaluate import evaluate

    return evaluate(job, progress)


def run_export(job: ExportJob, progress: Progress) -> Result:
    """Write a model as checked ONNX."""
    from desktop.tuning.exports import export

    return export(job, progress)


def run_ask(job: AskJob, progress: Progress) -> Result:
    """Answer texts."""
    from desktop.tuning.ask import ask

    return ask(job, progress)


def run_label(job: LabelJob, progress: Progress) -> Result:
    """Add a model's answers to a file's rows."""
    from desktop.tuning.labelling import label

    return label(job, progress)
