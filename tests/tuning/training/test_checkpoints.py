"""Files of tensors, folders that are whole or not there, checkpoints that are damaged or do not fit on the disk."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from desktop.errors import UserError
from desktop.tuning.training import checkpoints
from desktop.tuning.training.checkpoints import State
from desktop.tuning.training.folders import settle, whole_folder
from desktop.tuning.training.tensors import Planned, Written, write_stream, write_tensors

TENSORS = {
    "a": torch.arange(6, dtype=torch.float32).reshape(2, 3),
    "b": torch.tensor([1.5, -2.0], dtype=torch.bfloat16),
    "c": torch.zeros(0, 4, dtype=torch.int64),
    "d": torch.tensor(7.0),
    "e": torch.arange(12).reshape(3, 4).t(),
}


def test_tensors_are_read_by_safetensors(tmp_path: Path) -> None:
    written = write_tensors(tmp_path / "x.safetensors", TENSORS)
    found = load_file(tmp_path / "x.safetensors")
    assert found.keys() == TENSORS.keys()
    assert all(torch.equal(found[name], tensor) and found[name].dtype == tensor.dtype for name, tensor in TENSORS.items())
    assert written.size == (tmp_path / "x.safetensors").stat().st_size


def test_a_stream_must_keep_what_was_planned(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="planned"):
        write_stream(tmp_path / "x", [Planned("a", torch.float32, (2,))], lambda name: torch.zeros(3))


def _state(step: int) -> State:
    return State(identity="same", step=step, batch=8, evaluated=step, best_value=1.5, best_step=3, bad=1, tokens=99, elapsed=2.5)


def _weights(folder: Path) -> Mapping[str, Written]:
    return {"w.safetensors": write_tensors(folder / "w.safetensors", TENSORS)}


def _save(folder: Path, step: int, size: int = 4) -> Path:
    return checkpoints.save(folder, _state(step), weights=_weights, optimiser={"m": torch.full((size,), float(step))})


def test_the_last_two_are_kept_and_the_last_is_loaded(tmp_path: Path) -> None:
    for step in (5, 10, 15):
        _save(tmp_path, step)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["step-00000010", "step-00000015"]
    loaded = checkpoints.load(tmp_path, "same", pytest.fail)
    assert loaded is not None and loaded.state.step == 15 and loaded.state.bad == 1
    assert torch.equal(loaded.optimiser["m"], torch.full((4,), 15.0))


@pytest.mark.parametrize("name", ["state.json", "optimiser.safetensors", "weights/w.safetensors"])
@pytest.mark.parametrize("damage", ["flip", "cut", "gone"])
def test_a_damaged_checkpoint_is_passed_over_with_a_word(tmp_path: Path, name: str, damage: str) -> None:
    _save(tmp_path, 5)
    file = _save(tmp_path, 10) / name
    data = bytearray(file.read_bytes())
    if damage == "gone":
        file.unlink()
    else:
        # In the state: a digit that stays one, so that it can still be read.
        data[data.index(b"99") if name == "state.json" else -3] ^= 1
        file.write_bytes(bytes(data[: len(data) // 2] if damage == "cut" else data))
    said: list[str] = []
    loaded = checkpoints.load(tmp_path, "same", said.append)
    assert loaded is not None and loaded.state.step == 5
    assert len(said) == 1 and "step-00000010" in said[0]
    shutil.rmtree(tmp_path / "step-00000005")
    with pytest.raises(UserError, match="No checkpoint of this run is whole"):
        checkpoints.load(tmp_path, "same", said.append)


def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    assert checkpoints.load(tmp_path, "same", pytest.fail) is None
    _save(tmp_path, 5)
    with pytest.raises(UserError, match="another base"):
        checkpoints.load(tmp_path, "other", pytest.fail)


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    """The system refuses to let the file grow: the same path through the code as a full disk."""
    _save(tmp_path, 5)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(UserError, match="disk is full") as caught:
            _save(tmp_path, 10, size=1 << 20)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "resume" in caught.value.remedy
    assert [entry.name for entry in tmp_path.iterdir()] == ["step-00000005"]
    loaded = checkpoints.load(tmp_path, "same", pytest.fail)
    assert loaded is not None and loaded.state.step == 5


def test_a_folder_that_was_being_replaced_comes_back(tmp_path: Path) -> None:
    """Killed between moving the old folder aside and the new one into place, or while filling the new one."""
    target = tmp_path / "best"
    with whole_folder(target, "It") as hidden:
        (hidden / "file").write_text("old")
    target.rename(tmp_path / ".best.old-0123abcd")
    (tmp_path / ".best.new-0123abcd").mkdir()
    settle(target)
    assert [entry.name for entry in tmp_path.iterdir()] == ["best"]
    assert (target / "file").read_text() == "old"
    with pytest.raises(ZeroDivisionError), whole_folder(target, "It") as hidden:
        (hidden / "file").write_text(str(1 / 0))
    assert (target / "file").read_text() == "old"
