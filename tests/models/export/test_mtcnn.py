"""MTCNN's conversion: proven against torch as it is installed, for any size and batch, and refused for other weights."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models.export import mtcnn
from desktop.models.library import Library
from desktop.models.onnxfile import read
from desktop.models.session import open_session

WEIGHTS = [f"{net.name}.pt" for net in mtcnn.NETS]


@pytest.fixture
def weights(machine_models: Path, tmp_path: Path) -> Path:
    """A folder with the published weights."""
    installed = Library(machine_models).ensure("mtcnn", Progress())
    for name in WEIGHTS:
        shutil.copy(installed / name, tmp_path)
    return tmp_path


def test_the_graphs_are_sound_and_take_any_batch(weights: Path) -> None:
    mtcnn.export(weights, Progress())
    for net in mtcnn.NETS:
        assert read(weights / net.exported).precision == "fp32"
        session = open_session(weights / net.exported, device="cpu")
        side = net.side or 35
        images = np.random.default_rng(1).uniform(-1, 1, (5, 3, side, side)).astype(np.float32)
        together = session.run({"image": images}, list(net.heads))
        for number in range(5):
            alone = session.run({"image": images[number : number + 1]}, list(net.heads))
            assert all(np.allclose(a[0], b[number], atol=1e-5) for a, b in zip(alone, together, strict=True))
        assert np.allclose(together[0].sum(axis=1), 1, atol=1e-5)


def test_other_weights_are_refused(weights: Path) -> None:
    torch.save({"conv1.weight": torch.zeros(3, 3)}, weights / "rnet.pt")
    with pytest.raises(UserError, match="not MTCNN's weights"):
        mtcnn.export(weights, Progress())
    assert not (weights / "rnet.onnx").exists()


def test_a_difference_from_torch_is_found(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mtcnn, "TOLERANCE", 1e-12)
    with pytest.raises(UserError, match="differs from the original"):
        mtcnn.export(weights, Progress())
    assert not (weights / "pnet.onnx").exists()
