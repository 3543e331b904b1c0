"""A small network that hears what the real one hears, with random weights, installed in a library of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from desktop.jobs.progress import Progress
from desktop.models import catalog, manifest
from desktop.models.export import pop2piano
from desktop.models.export.pop2piano_layout import PUBLISHED
from desktop.models.session import close_sessions
from tests.models.random_pop2piano import write_random

SMALL = replace(PUBLISHED, inner=64, layers=1, decoder_layers=1, heads=4, head=16)


@pytest.fixture(scope="session")
def _network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_random(tmp_path_factory.mktemp("network"), SMALL, 10, ending=0.01, musical=True)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    pop2piano.convert(folder / pop2piano.WEIGHTS, folder, Progress(), plan=SMALL)
    torch.set_num_threads(threads)
    return folder


@pytest.fixture
def home_with_pop2piano(
    home: Path, machine_models: Path, _network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """An empty REPRISE_HOME whose library has the installed models and the small network as "pop2piano"."""
    models = tmp_path / "models"
    models.mkdir()
    for installed in machine_models.iterdir():
        if installed.is_dir() and not installed.name.startswith(".") and installed.name != "pop2piano":
            (models / installed.name).symlink_to(installed)
    entry = catalog.default()["pop2piano"]
    place = models / entry.id / entry.revision
    shutil.copytree(_network, place)
    manifest.write(entry, place, "a test")
    monkeypatch.setenv("REPRISE_MODELS", str(models))
    yield home
    close_sessions()
