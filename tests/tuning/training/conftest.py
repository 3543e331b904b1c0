"""Tiny bases and rows for trainings, made once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from tests.tuning.training.tiny import make_base, make_rows


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny random base: "llama", "bloom" or "t5"."""
    made: dict[str, Path] = {}

    def folder(kind: str) -> Path:
        if kind not in made:
            made[kind] = make_base(tmp_path_factory.mktemp(f"base-{kind}"), kind)
        return made[kind]

    return folder


@pytest.fixture(scope="session")
def tiny_rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty examples in a CSV file."""
    return make_rows(tmp_path_factory.mktemp("rows") / "rows.csv")


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Networks this small lose time with more, above all where others use the processors."""
    monkeypatch.setenv("REPRISE_THREADS", "1")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
