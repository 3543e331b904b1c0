"""A small classifier to label with, trained in seconds in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.faults.processes import ROOT


def make_head(folder: Path) -> Path:
    """The exported folder of a head that tells small texts' topics, below ``folder``."""
    environment = os.environ | {"REPRISE_HOME": str(folder / "home"), "REPRISE_THREADS": "1", "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-m", "tests.faults.head", str(folder)], env=environment, check=True, capture_output=True)
    return next((folder / "home" / "data" / "runs").glob("*/onnx-*"))


def _train(folder: Path) -> None:
    from desktop.jobs.progress import Progress
    from desktop.models.library import Library
    from desktop.tuning.exports import onnx_of
    from desktop.tuning.tune import tune
    from tests.tuning.head import small

    job = small.job(small.make_encoder(folder / "encoder"), small.make_rows(folder / "rows.csv", small.texts(60)), samples=1)
    tune(job, Progress())
    onnx_of(job.run, Progress(), library=Library())


if __name__ == "__main__":
    _train(Path(sys.argv[1]))
