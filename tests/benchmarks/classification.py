"""Classifiers from CSV to ONNX to labelled CSV: quality on Banking77 and CLINC150, seconds of each stage, rows an hour.

    python tests/benchmarks/classification.py [--only banking labelling clinc torch] [--data DIR] [--base NAME]

Wall time is given with processor time beside it, which other programs disturb less. Everything is computed in a fresh home; only
the installed models are shared. Not part of the test run.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from desktop import paths  # noqa: E402
from desktop.jobs.events import AnyEvent, Progressed  # noqa: E402
from desktop.jobs.progress import Progress  # noqa: E402
from desktop.jobs.tuning_jobs import LabelJob, Recipe, Records, TuneJob  # noqa: E402

Row = tuple[str, str]
STAGES = {
    "Reading the records": "import",
    "Reading the encoder": "encoder to ONNX",
    "Reading row": "embedding",
    "Step": "training",
    "Learning": "confidence",
}
OUTSIDE = "oos"
THREADS = 2


@dataclass
class Stages(Progress):
    """Times of the stages, told apart by the first words of messages."""

    times: dict[str, tuple[float, float]] = field(default_factory=dict)
    now: str = "import"
    since: tuple[float, float] = field(default_factory=lambda: (perf_counter(), process_time()))

    def emit(self, event: AnyEvent) -> None:
        if isinstance(event, Progressed):
            stage = next((name for words, name in STAGES.items() if event.message.startswith(words)), self.now)
            if stage != self.now:
                self.enter(stage)

    def enter(self, stage: str) -> None:
        """End the stage before."""
        wall, used = perf_counter(), process_time()
        before = self.times.get(self.now, (0.0, 0.0))
        self.times[self.now] = (before[0] + wall - self.since[0], before[1] + used - self.since[1])
        self.now, self.since = stage, (wall, used)

    def report(self) -> str:
        """All stages and their sum."""
        if self.now:
            self.enter("")
        total = tuple(sum(values) for values in zip(*self.times.values(), strict=True))
        parts = [f"{name} {wall:.1f} ({used:.1f})" for name, (wall, used) in self.times.items()]
        return f"{total[0]:.1f} s ({total[1]:.1f} s of processor time): {', '.join(parts)}"


@contextmanager
def measured() -> Any:
    """Wall and processor seconds of a block, in a list."""
    taken: list[float] = []
    wall, used = perf_counter(), process_time()
    yield taken
    taken += [perf_counter() - wall, process_time() - used]


def read(path: Path) -> list[Row]:
    with path.open(newline="", encoding="utf-8") as file:
        return [(row["text"], row["category"]) for row in csv.DictReader(file)]


def write(path: Path, rows: Sequence[Row]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "category"), *rows])
    return path


def tuned(base: str, train: Path, progress: Stages, validation: Path | None = None) -> str:
    """Train a head and export it; the run's id."""
    from desktop.models.library import Library
    from desktop.tuning.exports import onnx_of
    from desktop.tuning.runs import new_id
    from desktop.tuning.tune import tune

    records = Records(
        source=str(train), inputs=("text",), output="category", validation_file=str(validation or ""), keep_duplicates=True
    )
    result = tune(TuneJob(run=new_id(), device="cpu", records=records, recipe=Recipe(base=base, method="head")), progress)
    progress.enter("classifier to ONNX")
    onnx_of(result["run"], Progress(), library=Library())
    progress.enter("")
    return str(result["run"])


def answered(run: str, rows: Sequence[Row], precision: str) -> tuple[list[str], np.ndarray, float, list[float]]:
    """Labels, confidences, the model's threshold, and seconds (wall, processor)."""
    from desktop.models.library import Library
    from desktop.tuning.exports import onnx_of
    from desktop.tuning.predict import open_model

    model = open_model(onnx_of(run, Progress(), library=Library(), precision=precision), device="cpu", threads=THREADS)
    model.answer([{"text": "to begin with"}])
    with measured() as taken:
        answers = model.answer([{"text": text} for text, _ in rows])
    sure = np.array([answer.confidence for answer in answers], float)
    return [answer.text for answer in answers], sure, model.card.threshold or 0.0, taken


def banking(data: Path, base: str, home: Path) -> str:
    """Accuracy and time; the run."""
    from desktop.tuning.evaluation.metrics import score_labels

    progress = Stages()
    run = tuned(base, data / "banking77" / "train.csv", progress)
    print(f"Banking77, CSV to ONNX: {progress.report()} (target: 120 s)")
    rows = read(data / "banking77" / "test.csv")
    for precision in ("fp32", "int8"):
        labels, sure, threshold, taken = answered(run, rows, precision)
        scores = score_labels([label for _, label in rows], labels)
        kept = sure >= threshold
        right = np.array([found == wanted for found, (_, wanted) in zip(labels, rows, strict=True)])
        speeds = [len(rows) / seconds for seconds in taken]
        print(
            f"  {precision}: accuracy {scores.accuracy:.2%}, macro-F1 {scores.macro_f1:.2%} on {len(rows)} test rows "
            f"(target: 92 %); mean confidence {sure.mean():.2%}; at the threshold {threshold:.3f} {kept.mean():.1%} get a label, "
            f"{right[kept].mean():.2%} of them right; {speeds[0]:.0f} rows/s, {speeds[1]:.0f} a processor second"
        )
    return run


def labelling(run: str, data: Path, home: Path) -> None:
    """Rows an hour from CSV to CSV."""
    from desktop.tuning.labelling import label

    rows = read(data / "banking77" / "train.csv") + read(data / "banking77" / "test.csv")
    source = write(home / "rows.csv", rows)
    for precision in ("fp32", "int8"):
        job = LabelJob(model=run, source=str(source), output=str(home / f"{precision}.csv"), precision=precision, device="cpu")
        with measured() as taken:
            result = label(job, Progress())
        hour = (result["rows_per_second"] * 3600, len(rows) / taken[1] * 3600 * THREADS)
        print(
            f"Labelling {len(rows):,} rows CSV to CSV, {precision}: {hour[0]:,.0f} rows an hour by the clock, "
            f"{hour[1]:,.0f} by the processor time of {THREADS} threads (target: 500,000)"
        )


def clinc(data: Path, base: str, home: Path) -> None:
    """Accuracy within the scope, and recall of what is outside, at the threshold chosen on validation rows."""
    found = json.loads((data / "clinc150" / "data_full.json").read_text(encoding="utf-8"))
    rows: dict[str, list[Row]] = {name: [(text, label) for text, label in values] for name, values in found.items()}
    train = write(home / "clinc.csv", rows["train"])
    test = rows["test"] + [(text, OUTSIDE) for text, _ in rows["oos_test"]]
    for name, validation in (
        ("with 100 examples of what is outside", rows["val"] + rows["oos_val"]),
        ("without any", rows["val"]),
    ):
        progress = Stages()
        run = tuned(base, train, progress, write(home / "validation.csv", validation))
        labels, sure, threshold, _ = answered(run, test, "fp32")
        inside = np.array([label != OUTSIDE for _, label in test])
        right = np.array([found == wanted for found, (_, wanted) in zip(labels, test, strict=True)])
        kept = sure >= threshold
        print(
            f"CLINC150, threshold chosen {name}: {threshold:.3f}; accuracy within the scope {right[inside].mean():.2%} "
            f"without it, {(right & kept)[inside].mean():.2%} with it; recall outside {(~kept)[~inside].mean():.2%}; "
            f"AUROC of the confidence {auroc(sure[inside], sure[~inside]):.4f}; {progress.report()}"
        )


def auroc(higher: np.ndarray, lower: np.ndarray) -> float:
    """Chance that one of ``higher`` is above one of ``lower``."""
    both = np.concatenate([higher, lower])
    ranks = both.argsort().argsort() + 1.0
    return float((ranks[: len(higher)].sum() - len(higher) * (len(higher) + 1) / 2) / (len(higher) * len(lower)))


def torch_beside(data: Path, base: str, home: Path) -> None:
    """Embeddings by torch and by the exported graph: same texts, same batches, same threads."""
    import torch
    import transformers
    from tokenizers import Tokenizer

    from desktop.models.encoding import Encoder, batches_of, padded
    from desktop.models.export.encoder import EXPORTED, export_encoder
    from desktop.models.library import Library
    from desktop.tuning.bases import find_base

    folder = find_base(base, Library(), Progress()).folder
    export_encoder(folder, home, Progress())
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    texts = [encoding.ids for encoding in tokenizer.encode_batch([text for text, _ in read(data / "banking77" / "test.csv")])]
    torch.set_num_threads(THREADS)
    model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    lengths = np.array([len(text) for text in texts], np.int64)

    def by_torch() -> None:
        with torch.no_grad():
            for batch in batches_of(lengths, 1024, 512):
                ids, mask = (torch.from_numpy(values) for values in padded([texts[row] for row in batch]))
                model(input_ids=ids, attention_mask=mask)

    encoder = Encoder(home / EXPORTED, device="cpu", threads=THREADS)

    def by_onnx() -> None:
        encoder.run(texts, ["embedding"])

    figures = {}
    for name, work in (("torch", by_torch), ("onnx", by_onnx)):
        figures[name] = faster(work)
    ratio = [one / other for one, other in zip(figures["torch"], figures["onnx"], strict=True)]
    speeds = {name: f"{len(texts) / seconds[1]:.0f}" for name, seconds in figures.items()}
    print(
        f"Embedding {len(texts)} texts, {int(lengths.sum())} tokens: torch {torch.__version__} {speeds['torch']}, ONNX Runtime "
        f"{speeds['onnx']} texts a processor second ({ratio[1]:.2f}× less of it, {ratio[0]:.2f}× less wall)"
    )


def faster(work: Callable[[], None]) -> list[float]:
    """Wall and processor seconds of the faster of two calls."""
    found = []
    for _ in range(2):
        with measured() as taken:
            work()
        found.append(taken)
    return [min(values) for values in zip(*found, strict=True)]


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="*", default=["banking", "labelling", "clinc", "torch"])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "text")
    parser.add_argument("--base", default="minilm")
    given = parser.parse_args()
    os.environ["REPRISE_MODELS"] = str(paths.models_dir())
    os.environ.setdefault("REPRISE_THREADS", str(THREADS))
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        os.environ["REPRISE_HOME"] = str(home / "home")
        if {"banking", "labelling"} & set(given.only):
            run = banking(given.data, given.base, home)
            if "labelling" in given.only:
                labelling(run, given.data, home)
        if "clinc" in given.only:
            clinc(given.data, given.base, home)
        if "torch" in given.only:
            torch_beside(given.data, given.base, home)


if __name__ == "__main__":
    main()
