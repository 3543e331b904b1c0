"""BeatNet's conversion: proven against torch as it is installed, in pieces as in one, and refused for other weights."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models.export import beatnet
from desktop.models.library import Library
from desktop.models.onnxfile import read
from desktop.models.session import open_session


@pytest.fixture(scope="module")
def weights(machine_models: Path) -> Path:
    return Library(machine_models).ensure("beatnet", Progress()) / beatnet.WEIGHTS


def test_the_graph_is_sound_and_goes_on_from_piece_to_piece(weights: Path, tmp_path: Path) -> None:
    shutil.copy(weights, tmp_path)
    beatnet.export(tmp_path, Progress())
    assert read(tmp_path / beatnet.EXPORTED).precision == "fp32"
    session = open_session(tmp_path / beatnet.EXPORTED, device="cpu")
    features = np.random.default_rng(3).random((300, beatnet.BANDS), np.float32)
    start = np.zeros((beatnet.LAYERS, 1, beatnet.CELLS), np.float32)
    names = ["likelihood", "hidden_out", "cell_out"]
    whole, *_ = session.run({"features": features, "hidden": start, "cell": start}, names)
    first, hidden, cell = session.run({"features": features[:111], "hidden": start, "cell": start}, names)
    second, *_ = session.run({"features": features[111:], "hidden": hidden, "cell": cell}, names)
    assert np.allclose(np.concatenate([first, second]), whole, atol=1e-5)
    assert np.allclose(whole.sum(axis=1), 1, atol=1e-5)


def test_other_weights_are_refused(tmp_path: Path) -> None:
    torch.save({"lstm.weight_ih_l0": torch.zeros(3, 3)}, tmp_path / beatnet.WEIGHTS)
    with pytest.raises(UserError, match="not BeatNet's weights"):
        beatnet.export(tmp_path, Progress())
    assert not (tmp_path / beatnet.EXPORTED).exists()


def test_a_difference_from_torch_is_found(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(weights, tmp_path)
    monkeypatch.setattr(beatnet, "TOLERANCE", 1e-12)
    with pytest.raises(UserError, match="differs from the original"):
        beatnet.export(tmp_path, Progress())
    assert not (tmp_path / beatnet.EXPORTED).exists()
