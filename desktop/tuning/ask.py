"""Answering single texts with a model, and with the base that it was tuned from beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any

from desktop.jobs.progress import Progress
from desktop.jobs.tuning_jobs import AskJob
from desktop.models.library import Library
from desktop.tuning.exports import onnx_of
from desktop.tuning.predict import Answer, Model, open_model, rows_of
from desktop.tuning.writer import Writer

_SHOWN_EVERY_S = 0.1
_MADE = 0.5
"""Share of the progress for making and opening the models."""


def ask(job: AskJob, progress: Progress) -> dict[str, Any]:
    """Answer ``job.texts``.

    While a text is written, ``progress.preview("answer", {"number", "text", "baseline"})`` tells what there is of it.

    Returns:
        "answers": for each text {"text", "confidence", "scores", "tokens", "seconds"}; "baseline": the same of the base, None
        when it was not asked for or gives no answers; "device"; "precision".

    Raises:
        UserError: the model cannot be had or opened, or a text is not what it reads.
    """
    progress.at(0.0, "Opening the model")
    end = _MADE / 2 if job.baseline else _MADE
    folder = onnx_of(job.model, progress.part(0.0, end), library=Library(), weights=job.weights, precision=job.precision)
    model = open_model(folder, device=job.device)
    rows = rows_of(job.texts, model.card)
    base = _base_of(model, job, progress.part(end, _MADE)) if job.baseline else None
    half = (1 + _MADE) / 2 if base is not None else 1.0
    answers = _answers(model, rows, job, progress.part(_MADE, half), is_baseline=False)
    baseline = None if base is None else _answers(base, rows, job, progress.part(half, 1.0), is_baseline=True)
    progress.at(1.0, "Done")
    return {"answers": answers, "baseline": baseline, "device": model.device, "precision": model.precision}


def _base_of(model: Model, job: AskJob, progress: Progress) -> Model | None:
    """The base that a model was tuned from, asked in the model's way; None when there is none that answers."""
    if not model.card.run or not model.card.family.generates:
        return None
    folder = onnx_of(model.card.base, progress, library=Library(), precision=job.precision)
    return open_model(folder, device=job.device).like(model.card)


def _answers(
    model: Model, rows: Sequence[Mapping[str, str]], job: AskJob, progress: Progress, *, is_baseline: bool
) -> list[dict[str, Any]]:
    """One text after the other: each is wanted as soon as it is there."""
    found = []
    for number, row in enumerate(rows):
        progress.at(number / len(rows), f"Answering {number + 1} of {len(rows)}" if len(rows) > 1 else "Answering")
        began = monotonic()
        if isinstance(model, Writer):
            show = _Shown(progress, number, is_baseline)
            (answer,) = model.answer([row], max_answer=job.max_answer, beams=job.beams, progress=progress, on_text=show)
        else:
            (answer,) = model.answer([row], progress=progress)
        found.append(_plain(answer, monotonic() - began))
    return found


class _Shown:
    """Shows what is written so far, a few times a second."""

    def __init__(self, progress: Progress, number: int, is_baseline: bool) -> None:
        self._progress = progress
        self._facts = {"number": number, "baseline": is_baseline}
        self._last = 0.0

    def __call__(self, number: int, text: str) -> None:
        del number
        if monotonic() - self._last >= _SHOWN_EVERY_S:
            self._last = monotonic()
            self._progress.preview("answer", {**self._facts, "text": text})


def _plain(answer: Answer, seconds: float) -> dict[str, Any]:
    return {
        "text": answer.text,
        "confidence": answer.confidence,
        "scores": [list(score) for score in answer.scores],
        "tokens": answer.tokens,
        "seconds": seconds,
    }
