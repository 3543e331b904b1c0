"""Fixtures for every test: folders of its own, and the shared data when they are there."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from desktop import paths
from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models.library import Library

if TYPE_CHECKING:
    from tests.patient_bot import PatientBot

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "data"

# The ordinary run tries the same examples each time; HYPOTHESIS_PROFILE=explore looks for new ones.
hypothesis.settings.register_profile("same", derandomize=True, database=None)
hypothesis.settings.register_profile("explore", print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


@pytest.fixture(scope="session")
def machine_models() -> Path:
    """The folder of the models installed on this computer; look, do not change."""
    return paths.models_dir()


@pytest.fixture(scope="session", autouse=True)
def _no_real_folders(machine_models: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test reads the user's settings or writes to the user's queue; the installed models stay visible."""
    os.environ["REPRISE_MODELS"] = str(machine_models)
    os.environ["REPRISE_HOME"] = str(tmp_path_factory.mktemp("home"))


@pytest.fixture
def qtbot(qapp: Any, request: pytest.FixtureRequest) -> PatientBot:
    """pytest-qt's bot with more patience; needs Qt, so it is loaded for who wants it."""
    from tests.patient_bot import PatientBot

    return PatientBot(request)


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty REPRISE_HOME without any model, beside ``tmp_path``."""
    folder = tmp_path_factory.mktemp("reprise-home")
    monkeypatch.setenv("REPRISE_HOME", str(folder))
    monkeypatch.delenv("REPRISE_MODELS")
    return folder


@pytest.fixture
def home_with_models(home: Path, machine_models: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty REPRISE_HOME that sees the models installed on this computer."""
    monkeypatch.setenv("REPRISE_MODELS", str(machine_models))
    return home


@pytest.fixture
def disk_of(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a file system of its own, of a size like "40m", once for a test; skips where that is not allowed."""
    folder = tmp_path / "small disk"
    with contextlib.ExitStack() as undo:

        def mount(size: str) -> Path:
            folder.mkdir()
            command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
            if sys.platform != "linux" or subprocess.run(command, capture_output=True, check=False).returncode:
                pytest.skip("no small file system may be mounted here")
            undo.callback(subprocess.run, ["umount", str(folder)], check=True)
            return folder

        yield mount


@pytest.fixture(scope="session")
def shared() -> Path:
    """The shared data folder, beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip(f"needs the shared data in {SHARED}")
    return SHARED


@pytest.fixture(scope="session")
def installed(machine_models: Path) -> Callable[[str], Path]:
    """The folder of a model of the catalog, fetched once for this computer; skips the test when it cannot be had."""

    def folder(model: str) -> Path:
        try:
            return Library(machine_models).ensure(model, Progress())
        except UserError as error:
            pytest.skip(f"needs the model {model}: {error}")

    return folder


@pytest.fixture(scope="session")
def carphone(installed: Callable[[str], Path]) -> Path:
    """The test pair's folder: carphone_distorted.mp4, carphone_pristine.mp4 (176×144, 120 pictures), niqe_image_params.mat."""
    return installed("niqe")
