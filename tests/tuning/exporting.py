"""Runs on tiny models, for the tests of exports and of asking."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from desktop.jobs.progress import Progress
from desktop.jobs.tuning_jobs import Recipe, Records, TuneJob
from desktop.tuning.runs import new_id
from desktop.tuning.tune import tune
from tests.tuning.training import tiny


def tiny_run(folder: Path, kind: str, **recipe: Any) -> str:
    """Tune a random model of ``kind`` for a few steps on rows of letters; the run's id."""
    base, rows = tiny.make_base(folder / kind, kind), tiny.make_rows(folder / f"{kind}.csv")
    job = tiny.job(base, rows, **{"max_steps": 6, "eval_every": 3, "checkpoint_every": 6, "samples": 0, **recipe})
    tune(job, Progress())
    return job.run


def classifier_run(folder: Path, base: Path) -> str:
    """Tune a head for three departments on frozen embeddings; the run's id."""
    texts = {
        "billing": ["I was charged twice", "where is my invoice", "refund the fee", "the bill is wrong", "my payment failed"],
        "travel": ["book a flight to Rome", "I need a hotel", "is there a train at noon", "cancel my trip", "rent a car"],
        "kitchen": ["how long do I boil an egg", "a recipe for soup", "is this pan non-stick", "bake bread", "chop the onions"],
    }
    with (folder / "queries.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "department"])
        writer.writerows(
            [f"{start}{text}", label] for label, lines in texts.items() for text in lines for start in ("", "please: ")
        )
    job = TuneJob(
        run=new_id(),
        name="Departments",
        device="cpu",
        records=Records(source=str(folder / "queries.csv"), validation=0.2),
        recipe=Recipe(base=str(base), method="head"),
    )
    tune(job, Progress())
    return job.run
