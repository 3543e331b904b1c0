"""Fixtures of the models' tests: a server that misbehaves, folders, and the one real model of the default pack."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models.library import Library
from tests.models.site import Site, running


@pytest.fixture
def site() -> Iterator[Site]:
    with running() as server:
        yield server


@pytest.fixture(scope="session")
def basic_pitch(machine_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real Basic Pitch graph: this computer's, else fetched from the package index."""
    try:
        return Library(machine_models).folder("basic-pitch") / "nmp.onnx"
    except UserError:
        pass
    try:
        return Library(tmp_path_factory.mktemp("models")).install("basic-pitch", Progress()) / "nmp.onnx"
    except UserError as error:
        pytest.skip(f"needs the model basic-pitch: {error}")
