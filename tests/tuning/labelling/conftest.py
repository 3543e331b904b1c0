"""A tuned classifier to label with, made once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.jobs.progress import Progress
from desktop.models.library import Library
from desktop.tuning.exports import onnx_of
from desktop.tuning.tune import tune
from tests.tuning.head import small


@pytest.fixture(scope="session")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The exported folder of a head that tells small texts' topics."""
    folder = tmp_path_factory.mktemp("classifier")
    rows = small.make_rows(folder / "rows.csv", small.texts(240))
    job = small.job(small.make_encoder(folder / "encoder"), rows)
    before = {name: os.environ.get(name) for name in ("REPRISE_HOME", "REPRISE_THREADS")}
    os.environ |= {"REPRISE_HOME": str(folder / "home"), "REPRISE_THREADS": "1"}
    try:
        tune(job, Progress())
        yield onnx_of(job.run, Progress(), library=Library())
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
