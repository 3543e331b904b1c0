"""The tuning panel's job kinds."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import msgspec

from desktop.errors import UsageError
from desktop.jobs.base import Job, choose, require

METHODS = ("auto", "head", "lora", "full")
SCHEDULES = ("cosine", "linear", "constant")
PRECISIONS = ("auto", "fp32", "bf16")
EXPORT_PRECISIONS = ("fp32", "fp16", "int8")
WEIGHTS = ("best", "last")
SPLITS = ("train", "validation", "test")
DEFAULT_BASE = "minilm"


class Records(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of examples, and what of each row the model sees.

    Attributes:
        source: CSV, TSV, JSONL, JSON (a list of objects) or Parquet file; never written to.
        inputs: columns that make the prompt; found by name and content when empty.
        output: column of the answer or label; found when empty.
        template: Jinja template of the prompt over the row's columns; "" joins the input columns.
        system: system message, for bases with a chat template.
        encoding: as Python names it; "auto" detects it.
        delimiter: of CSV; "auto" detects it.
        validation, test: shares held out, 0..0.5 each; a file given below takes the share's place.
        validation_file, test_file: files with the same columns.
        seed: of the split, which depends on it and the rows' content only.
        limit: use at most so many rows, chosen by ``seed``; 0 for all.
        keep_duplicates: rows equal in prompt and answer are kept; otherwise all but the first are left out.
        strict: a bad row ends the import instead of being listed and left out.
    """

    source: str
    inputs: tuple[str, ...] = ()
    output: str = ""
    template: str = ""
    system: str = ""
    encoding: str = "auto"
    delimiter: str = "auto"
    validation: float = 0.1
    test: float = 0.0
    validation_file: str = ""
    test_file: str = ""
    seed: int = 1
    limit: int = 0
    keep_duplicates: bool = False
    strict: bool = False

    def __post_init__(self) -> None:
        require("source", self.source)
        for field in ("validation", "test"):
            if not 0.0 <= getattr(self, field) <= 0.5:
                raise UsageError(f"{field}: {getattr(self, field)} is not between 0 and 0.5")
        if self.limit < 0:
            raise UsageError(f"limit: {self.limit} is less than 0")
        if self.output and self.output in self.inputs:
            raise UsageError(f"output: '{self.output}' is an input column too")


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a base model is tuned. Zero (or "auto") leaves a value to the method and the machine.

    Attributes:
        base: id of an installed model, a folder in the hub's layout, or "owner/name" on the hub.
        method: "head" trains a classifier on a frozen sentence encoder, "lora" adapters, "full" all weights.
        epochs: passes over the training rows; ``max_steps`` ends it sooner when not 0.
        batch: rows a step on each device; ``accumulation`` such batches make one step of the optimiser.
        learning_rate: peak.
        warmup: share of the steps over which the rate rises, 0..1.
        max_tokens: longest prompt and answer together; longer ones are cut as the preview shows.
        max_answer: tokens kept for the answer.
        lora_rank, lora_alpha, lora_dropout, lora_targets: Hu et al. 2021; targets are ends of module names.
        eval_every, checkpoint_every: steps.
        patience: evaluations without a better one before training ends; 0 never ends early.
        clip: bound of the gradient's norm; 0 for none.
        samples: prompts answered at each evaluation, to be looked at.
        gpus: processes of distributed training; 1 trains in the worker.
    """

    base: str = DEFAULT_BASE
    method: str = "auto"
    epochs: float = 0.0
    max_steps: int = 0
    batch: int = 0
    accumulation: int = 1
    learning_rate: float = 0.0
    schedule: str = "cosine"
    warmup: float = 0.05
    weight_decay: float = 0.01
    clip: float = 1.0
    max_tokens: int = 0
    max_answer: int = 0
    lora_rank: int = 8
    lora_alpha: int = 16
    lora_dropout: float = 0.0
    lora_targets: tuple[str, ...] = ()
    eval_every: int = 0
    checkpoint_every: int = 0
    patience: int = 3
    samples: int = 3
    precision: str = "auto"
    gradient_checkpointing: bool = False
    seed: int = 1
    gpus: int = 1

    def __post_init__(self) -> None:
        require("base", self.base)
        choose("method", self.method, METHODS)
        choose("schedule", self.schedule, SCHEDULES)
        choose("precision", self.precision, PRECISIONS)
        for field in ("epochs", "max_steps", "batch", "learning_rate", "weight_decay", "clip", "max_tokens", "max_answer"):
            _at_least(field, getattr(self, field), 0)
        for field in ("eval_every", "checkpoint_every", "patience", "samples", "lora_dropout"):
            _at_least(field, getattr(self, field), 0)
        for field in ("accumulation", "lora_rank", "lora_alpha", "gpus"):
            _at_least(field, getattr(self, field), 1)
        if not 0.0 <= self.warmup <= 1.0:
            raise UsageError(f"warmup: {self.warmup} is not between 0 and 1")
        if self.learning_rate > 1.0:
            raise UsageError(f"learning_rate: {self.learning_rate} is more than 1")


class RecordsJob(Job, frozen=True, kw_only=True, tag="records"):
    """Import a file of examples and say what is in it.

    Attributes:
        base: its tokenizer counts tokens and cuts; "" counts none.
        max_tokens, max_answer: as in ``Recipe``.
        rows: how many records to show as the model will see them.
    """

    runner: ClassVar[str] = "desktop.tuning.job:run_records"
    records: Records
    base: str = ""
    max_tokens: int = 0
    max_answer: int = 0
    rows: int = 50

    @property
    def title(self) -> str:
        return f"Look at {Path(self.records.source).name}"


class CommitsJob(Job, frozen=True, kw_only=True, tag="commits"):
    """Make pairs (what a commit changed → its subject line) of a git repository of the user's; writes JSONL.

    Attributes:
        repository: a folder inside it; never written to.
        limit: at most so many commits, newest first; 0 for all.
    """

    runner: ClassVar[str] = "desktop.tuning.job:run_commits"
    repository: str
    output: str
    limit: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        require("repository", self.repository)
        require("output", self.output)
        _at_least("limit", self.limit, 0)

    @property
    def title(self) -> str:
        return f"Commits of {Path(self.repository).name}"


class EstimateJob(Job, frozen=True, kw_only=True, tag="estimate"):
    """Say what memory and time a recipe needs on these records, before the start."""

    runner: ClassVar[str] = "desktop.tuning.job:run_estimate"
    records: Records
    recipe: Recipe

    @property
    def title(self) -> str:
        return f"Estimate for {Path(self.records.source).name}"


class TuneJob(Job, frozen=True, kw_only=True, tag="tune"):
    """Fine-tune a model, or go on with a run that was stopped.

    Attributes:
        run: id of the run (``desktop.tuning.runs.new_id``), which names its folder; a run that has checkpoints goes on from
            the last one.
        name: what the user calls it.
        resumed_from: id of a run whose tuned weights it starts from; "" for the base's.
    """

    runner: ClassVar[str] = "desktop.tuning.job:run_tune"
    resumable: ClassVar[bool] = True
    run: str
    records: Records
    recipe: Recipe
    name: str = ""
    resumed_from: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        require("run", self.run)

    @property
    def title(self) -> str:
        return self.name or f"Tune on {Path(self.records.source).name}"


class EvaluateJob(Job, frozen=True, kw_only=True, tag="evaluate"):
    """Score a run, an exported model or a base on held-out rows, or on MMLU.

    Attributes:
        model: id of a run, folder of an exported model, or a base as in ``Recipe.base``.
        source: file with the run's columns; "" takes the run's own split ``split``.
        records: how to read ``source`` when the model does not say; None takes the run's.
        mmlu: folder with MMLU's ``dev`` and ``test``; questions instead of rows when not "".
        shots: worked examples before each question, 0..5.
        limit: at most so many rows or questions, chosen by ``seed``; 0 for all.
        baseline: score the run's base as well.
        weights: of the run: best or last.
        threshold: least confidence with which a label counts as given; None takes the model's own.
        outside: labels of ``source`` that mean "none of these"; a row that has one is answered rightly by declining.
    """

    runner: ClassVar[str] = "desktop.tuning.job:run_evaluate"
    resumable: ClassVar[bool] = True
    model: str
    source: str = ""
    split: str = "test"
    records: Records | None = None
    mmlu: str = ""
    shots: int = 5
    limit: int = 0
    seed: int = 1
    baseline: bool = False
    weights: str = "best"
    precision: str = "fp32"
    threshold: float | None = None
    outside: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        require("model", self.model)
        choose("split", self.split, SPLITS)
        choose("weights", self.weights, WEIGHTS)
        choose("precision", self.precision, EXPORT_PRECISIONS)
        if not 0 <= self.shots <= 5:
            raise UsageError(f"shots: {self.shots} is not between 0 and 5")
        _at_least("limit", self.limit, 0)
        _threshold(self.threshold)

    @property
    def title(self) -> str:
        return f"Evaluate {Path(self.model).name}{' on MMLU' if self.mmlu else ''}"


class ExportJob(Job, frozen=True, kw_only=True, tag="export"):
    """Write a run, or a base, as checked ONNX with all that is needed to use it.

    Attributes:
        output: folder to write; must not exist, or be one that an export wrote.
    """

    runner: ClassVar[str] = "desktop.tuning.job:run_export"
    model: str
    output: str
    precision: str = "fp32"
    weights: str = "best"

    def __post_init__(self) -> None:
        super().__post_init__()
        require("model", self.model)
        require("output", self.output)
        choose("precision", self.precision, EXPORT_PRECISIONS)
        choose("weights", self.weights, WEIGHTS)

    @property
    def title(self) -> str:
        return f"Export {Path(self.model).name}"

    @property
    def folders(self) -> tuple[Path, ...]:
        return (Path(self.output).parent,)


class AskJob(Job, frozen=True, kw_only=True, tag="ask"):
    """Answer texts with a run, an exported model or a base, and with the run's base beside it.

    Attributes:
        texts: each the whole input, or a JSON object of the input columns' values.
        baseline: answer with the run's base too.
        max_answer: tokens; 0 takes the model's own bound.
        beams: 1 is greedy.
    """

    runner: ClassVar[str] = "desktop.tuning.job:run_ask"
    model: str
    texts: tuple[str, ...]
    baseline: bool = False
    max_answer: int = 0
    beams: int = 1
    weights: str = "best"
    precision: str = "fp32"

    def __post_init__(self) -> None:
        super().__post_init__()
        require("model", self.model)
        if not self.texts or not all(text.strip() for text in self.texts):
            raise UsageError("texts: must not be empty")
        if not 1 <= self.beams <= 16:
            raise UsageError(f"beams: {self.beams} is not between 1 and 16")
        _at_least("max_answer", self.max_answer, 0)
        choose("weights", self.weights, WEIGHTS)
        choose("precision", self.precision, EXPORT_PRECISIONS)

    @property
    def title(self) -> str:
        return f"Ask {Path(self.model).name}"


class LabelJob(Job, frozen=True, kw_only=True, tag="label"):
    """Add the model's answer and its confidence to each row of a file, in constant memory.

    Attributes:
        source: CSV, TSV, JSONL or Parquet; the result has the same form, unless ``output`` ends otherwise.
        inputs: columns that make the prompt, where they are not called as in training.
        column, confidence: names of the added columns.
        threshold: rows with less confidence get ``other`` as their label; None takes the model's own when there is an ``other``,
            and else labels every row.
        labels: the only answers that a generating model may give; empty for the run's own, or any text.
        batch: rows at once; 0 chooses.
    """

    runner: ClassVar[str] = "desktop.tuning.job:run_label"
    is_remembered: ClassVar[bool] = True
    source_noun: ClassVar[str] = "file"
    resumable: ClassVar[bool] = True
    model: str
    source: str
    output: str
    inputs: tuple[str, ...] = ()
    column: str = "label"
    confidence: str = "confidence"
    threshold: float | None = None
    other: str = ""
    labels: tuple[str, ...] = ()
    encoding: str = "auto"
    delimiter: str = "auto"
    batch: int = 0
    max_answer: int = 0
    weights: str = "best"
    precision: str = "fp32"

    def __post_init__(self) -> None:
        super().__post_init__()
        for field in ("model", "source", "output", "column", "confidence"):
            require(field, getattr(self, field))
        choose("weights", self.weights, WEIGHTS)
        choose("precision", self.precision, EXPORT_PRECISIONS)
        _at_least("batch", self.batch, 0)
        _at_least("max_answer", self.max_answer, 0)
        _threshold(self.threshold)
        if self.column == self.confidence:
            raise UsageError(f"confidence: '{self.confidence}' is the label's column too")

    @property
    def title(self) -> str:
        return f"Label {Path(self.source).name}"

    @property
    def sources(self) -> tuple[Path, ...]:
        return (Path(self.source),)

    @property
    def folders(self) -> tuple[Path, ...]:
        return (Path(self.output).parent,)


def _at_least(field: str, value: float, least: int) -> None:
    if value < least:
        raise UsageError(f"{field}: {value} is less than {least}")


def _threshold(value: float | None) -> None:
    if value is not None and not 0.0 <= value <= 1.0:
        raise UsageError(f"threshold: {value} is not between 0 and 1")
