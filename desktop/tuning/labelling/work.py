"""A labelling from the job to the result."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec

from desktop.errors import UsageError, UserError
from desktop.jobs.progress import Progress
from desktop.jobs.tuning_jobs import LabelJob
from desktop.models.library import Library
from desktop.tuning.classifier import Classifier
from desktop.tuning.exports import onnx_of
from desktop.tuning.labelling.ahead import Ahead
from desktop.tuning.labelling.forms import Form, Given, form_of, write_result
from desktop.tuning.labelling.parts import MOST_BAD, MOST_LABELS, Part, Parts, Work, source_facts
from desktop.tuning.labelling.sources import Source, Window, open_source
from desktop.tuning.origins import LABELLING, origin_of
from desktop.tuning.predict import Answer, Model, open_model
from desktop.tuning.records.reading import require_columns

ROWS, ROWS_WRITTEN = 4096, 256
"""Rows of a window: for a classifier, and for a model that writes its answers."""

_COUNTS = 200
_RECENT, _SHOWN = 5, 200
_BEGIN, _END = 0.05, 0.97


def label_file(job: LabelJob, progress: Progress) -> dict[str, Any]:
    """See ``desktop.tuning.labelling.label``."""
    source_path, output = Path(job.source).expanduser().absolute(), Path(job.output).expanduser().absolute()
    _check_places(source_path, output)
    facts = source_facts(source_path)
    library = Library()
    folder = onnx_of(job.model, progress.part(0.0, _BEGIN), library=library, weights=job.weights, precision=job.precision)
    origin = origin_of(job.model, job.weights, library)
    model = open_model(folder, device=job.device)
    inputs = _inputs(job, model)
    source = open_source(source_path, encoding=job.encoding, delimiter=job.delimiter, wanted=tuple(inputs.values()))
    if source.layout.columns:
        require_columns(source_path, source.layout.columns, inputs.values())
    form = form_of(source, output, (job.column, job.confidence), job.labels or model.card.labels)
    parts = Parts(progress.scratch(), Work(source=facts, settings=_settings(job, model, form)))
    labelling = _Labelling(job, model, source, form, inputs, parts, progress)
    done = labelling.run()
    if source_facts(source_path) != facts:
        parts.clear()
        raise UserError(
            "The file changed while it was labelled, so the result would be of no one state of it",
            path=source_path,
            remedy="Label it again when nobody writes to it.",
        )
    progress.at(_END, "Writing the result")
    write_result(form, [parts.file(part.number) for part in done], output)
    parts.clear()
    progress.artifact("rows", output, f"{output.name}")
    progress.at(1.0, "Done")
    return {**labelling.result(done, output), "models": {"reprise:labelling": str(LABELLING), job.model: origin}}


def _check_places(source: Path, output: Path) -> None:
    if output.exists() and source.exists() and output.samefile(source):
        raise UsageError("output: this is the file to label, which is never written to", remedy="Choose another name.")
    if not output.parent.is_dir():
        raise UserError("The folder for the result does not exist", path=output.parent, remedy="Make it, or choose another.")
    if output.is_dir():
        raise UserError("There is a folder with the result's name", path=output, remedy="Choose another name.")


def _inputs(job: LabelJob, model: Model) -> dict[str, str]:
    """Column of the source for each column that the model's prompts are made of."""
    wanted = model.card.prompt.inputs if model.card.prompt is not None else ("text",)
    if not job.inputs:
        return dict(zip(wanted, wanted, strict=True))
    if len(job.inputs) != len(wanted):
        raise UsageError(
            f"inputs: the model reads {len(wanted)} columns ({', '.join(wanted)}), and {len(job.inputs)} are given",
            remedy="Give them in that order.",
        )
    return dict(zip(wanted, job.inputs, strict=True))


def _settings(job: LabelJob, model: Model, form: Form) -> str:
    """Hash of all that decides the parts' bytes, besides the source."""
    named = {name: value for name, value in msgspec.to_builtins(job).items() if name not in ("source", "output")}
    parts = (named, msgspec.to_builtins(model.card), type(form).__name__, form.added, Path(job.output).suffix, model.device)
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()


class _Labelling:
    def __init__(
        self,
        job: LabelJob,
        model: Model,
        source: Source,
        form: Form,
        inputs: dict[str, str],
        parts: Parts,
        progress: Progress,
    ) -> None:
        self._job, self._model, self._source, self._form, self._inputs = job, model, source, form, inputs
        self._parts, self._progress = parts, progress
        # Without a label for rows that the model is unsure of, every row gets its best one.
        own = (model.card.threshold or 0.0) if job.other else 0.0
        self._threshold = own if job.threshold is None else job.threshold
        self._rows = self._before = self._declined = 0
        self._resumed = False
        self._began = monotonic()
        self._ended = self._began

    def run(self) -> list[Part]:
        """Label all that is not done yet; all parts."""
        done = self._parts.finished()
        self._resumed = bool(done)
        self._rows = self._before = sum(part.rows for part in done)
        self._declined = sum(part.declined for part in done)
        start = done[-1].position if done else 0
        size = ROWS_WRITTEN if self._model.card.family.generates else ROWS
        windows = self._source.windows(size, len(done), start)
        self._progress.at(_BEGIN, "Reading the first rows")
        writer = ThreadPoolExecutor(1, "parts")
        waiting: Future[Part] | None = None
        try:
            with Ahead(windows) as read, Ahead(self._tokenised(read)) as ready:
                for window in ready:
                    given = self._given(window)
                    # One part at most waits to be written; what went wrong with it shows here.
                    if waiting is not None:
                        done.append(waiting.result())
                    waiting = writer.submit(self._finish, window, given)
                    self._tell(window, given)
                if waiting is not None:
                    done.append(waiting.result())
        finally:
            writer.shutdown(wait=True)
        if not any(part.rows for part in done):
            raise UserError("There is no row that can be labelled", path=self._source.path, remedy="Check the file.")
        self._ended = monotonic()
        return done

    def result(self, done: Sequence[Part], output: Path) -> dict[str, Any]:
        """The job's result."""
        counts: Counter[str] = Counter()
        bad: list[dict[str, Any]] = []
        for part in done:
            if len(counts) < MOST_LABELS:
                counts.update(part.counts)
            bad += [{"line": line, "reason": reason} for line, reason in part.bad]
        rows, declined = sum(part.rows for part in done), sum(part.declined for part in done)
        seconds = self._ended - self._began
        return {
            "files": {"rows": str(output)},
            "rows": rows,
            "labelled": rows - declined,
            "declined": declined,
            "bad": bad[:MOST_BAD],
            "bad_total": sum(part.bad_total for part in done),
            "columns": list(self._form.added),
            "rows_per_second": round((rows - self._before) / max(seconds, 1e-9), 1),
            "seconds": round(seconds, 3),
            "resumed": self._resumed,
            "counts": dict(counts.most_common(_COUNTS)),
            "threshold": self._threshold,
            "device": self._model.device,
            "precision": self._model.precision,
        }

    def _tokenised(self, windows: Ahead[Window]) -> Iterator[Window]:
        """The windows, with the tokens of those that a classifier gets; made while it computes the ones before."""
        model = self._model
        for window in windows:
            if isinstance(model, Classifier):
                window.tokens = model.tokens([self._prompted(row) for row in self._filled(window)])
            yield window

    def _prompted(self, row: dict[str, str]) -> dict[str, str]:
        """A row by the names that the model knows."""
        return {name: row.get(column, "") for name, column in self._inputs.items()}

    def _filled(self, window: Window) -> list[dict[str, str]]:
        """Rows with something to read."""
        return [row for row in window.rows if self._has_input(row)]

    def _has_input(self, row: dict[str, str]) -> bool:
        return any(row.get(column, "").strip() for column in self._inputs.values())

    def _given(self, window: Window) -> list[Given]:
        answers = iter(self._answers(window))
        return [self._decided(next(answers)) if self._has_input(row) else Given(self._job.other, 0.0) for row in window.rows]

    def _answers(self, window: Window) -> list[Answer]:
        job, model = self._job, self._model
        share = _Quiet(self._progress)
        if isinstance(model, Classifier) and window.tokens is not None:
            return model.answer_tokens(window.tokens, labels=job.labels, progress=share, batch=job.batch)
        return model.answer(
            [self._prompted(row) for row in self._filled(window)],
            max_answer=job.max_answer,
            labels=job.labels,
            progress=share,
        )

    def _decided(self, answer: Answer) -> Given:
        # As it is written: a reader sees why a row was declined.
        sure = None if answer.confidence is None else round(answer.confidence, 4)
        if sure is not None and sure < self._threshold:
            return Given(self._job.other, sure)
        return Given(answer.text, sure)

    def _finish(self, window: Window, given: Sequence[Given]) -> Part:
        counts = Counter(one.label for one in given if not self._is_declined(one))
        part = Part(
            number=window.number,
            position=window.position,
            rows=len(given),
            declined=sum(map(self._is_declined, given)),
            bad=[(problem.line, problem.reason) for problem in window.problems[:MOST_BAD]],
            bad_total=len(window.problems),
            counts=dict(counts.most_common(MOST_LABELS)),
        )
        self._parts.add(part, self._form.part(window, given))
        return part

    def _is_declined(self, one: Given) -> bool:
        return one.confidence is not None and (one.confidence < self._threshold or one == Given(self._job.other, 0.0))

    def _tell(self, window: Window, given: Sequence[Given]) -> None:
        self._rows += len(given)
        self._declined += sum(map(self._is_declined, given))
        rate = (self._rows - self._before) / max(monotonic() - self._began, 1e-9)
        declined = f" · {self._declined:,} declined" if self._declined else ""
        fraction = min(1.0, window.position / self._source.length)
        recent = [
            [" · ".join(row.get(column, "") for column in self._inputs.values())[:_SHOWN], one.label, one.confidence]
            for row, one in list(zip(window.rows, given, strict=True))[-_RECENT:]
        ]
        self._progress.preview("labels", {"rows": self._rows, "recent": recent})
        self._progress.at(_BEGIN + (_END - _BEGIN) * fraction, f"{self._rows:,} rows · {rate:,.0f} rows/s{declined}")


class _Quiet(Progress):
    """Asks whether to go on, and says nothing: how far a window is means little."""

    def __init__(self, whole: Progress) -> None:
        self._whole = whole

    def checkpoint(self) -> None:
        self._whole.checkpoint()

    def will_stop(self) -> bool:
        return self._whole.will_stop()

    def scratch(self) -> Path:
        return self._whole.scratch()
