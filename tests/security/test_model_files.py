"""Model files never execute code, never leave their folder, and never take more than they are."""

from __future__ import annotations

import contextlib
import json
import pickle
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models import hub_folder, safetensors_head
from desktop.models.adopt import adopt
from desktop.models.adopt_language import adopt as adopt_language
from desktop.models.catalog import Catalog, ModelFile
from desktop.models.export import beatnet, checkpoint, mtcnn, srvgg, upscaler_ready
from desktop.models.export.weights import Weights
from desktop.models.face_ports import Hints
from desktop.models.library import Library
from desktop.models.session import close_sessions, open_session
from desktop.models.sources import archive, folder
from desktop.video.faces.data import load_tracks
from tests.models import graphs
from tests.security import attacks

ATTACKS = {"bare": attacks.bare_pickle, "archive": attacks.torch_zip, "old": attacks.old_torch}


@pytest.fixture
def proof(tmp_path: Path) -> Path:
    """Is there when something was executed."""
    return tmp_path / "executed"


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """An empty library without a catalog."""
    return Library(tmp_path / "models", Catalog([]), offline=True)


@pytest.mark.parametrize("kind", ATTACKS)
def test_the_attacks_are_real(tmp_path: Path, proof: Path, kind: str) -> None:
    (file := tmp_path / "x.pth").write_bytes(ATTACKS[kind](proof))
    if kind == "bare":
        pickle.loads(file.read_bytes())
    else:
        torch.load(file, weights_only=False)
    assert proof.is_dir()


@pytest.mark.parametrize("kind", ATTACKS)
@pytest.mark.parametrize("name", ["net.pth", "net.pt", "net.ckpt"])
def test_checkpoints_are_not_executed(tmp_path: Path, proof: Path, library: Library, kind: str, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(ATTACKS[kind](proof))
    readers: list[Callable[[], object]] = [
        lambda: checkpoint.read(file),
        lambda: srvgg.read(file),
        lambda: adopt(library, file, "", Hints(), Progress()),
        lambda: upscaler_ready.prepare(file, tmp_path, Progress()),
    ]
    for read in readers:
        with pytest.raises(UserError):
            read()
    assert not proof.exists()


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("kind", attacks.CRAFTED)
def test_pickles_written_by_hand_are_not_executed(tmp_path: Path, proof: Path, kind: str) -> None:
    (file := tmp_path / "net.pth").write_bytes(attacks.crafted_zip(proof, kind))
    (tmp_path / beatnet.WEIGHTS).write_bytes(file.read_bytes())
    for read in (lambda: checkpoint.read(file), lambda: srvgg.read(file), lambda: beatnet.export(tmp_path, Progress())):
        with pytest.raises(UserError):
            read()
    assert not proof.exists()
    with contextlib.suppress(Exception):
        torch.load(file, weights_only=False)
    assert proof.is_dir(), "the attack is a real one"


@pytest.mark.parametrize("kind", ATTACKS)
def test_checkpoints_of_the_catalog_are_not_executed_either(tmp_path: Path, proof: Path, kind: str) -> None:
    """Their hashes are known, but a model that came by another way is read with the same care."""
    for name in (beatnet.WEIGHTS, *(f"{net.name}.pt" for net in mtcnn.NETS)):
        (tmp_path / name).write_bytes(ATTACKS[kind](proof))
    for export in (beatnet.export, mtcnn.export):
        with pytest.raises(UserError):
            export(tmp_path, Progress())
    assert not proof.exists()


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.ckpt"])
def test_language_models_of_pickles_alone_are_refused(tmp_path: Path, proof: Path, library: Library, name: str) -> None:
    place = tmp_path / "llama"
    place.mkdir()
    config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "auto_map": {"AutoModel": "evil.Evil"}}
    (place / "config.json").write_text(json.dumps(config))
    (place / "evil.py").write_text(f"import os\nos.mkdir({str(proof)!r})\n")
    (place / "tokenizer.json").write_text("{}")
    (place / name).write_bytes(attacks.bare_pickle(proof))
    for read in (hub_folder.read, lambda at: adopt_language(library, at, "", Progress()), Weights):
        with pytest.raises(UserError):
            read(place)
    assert not proof.exists()


def test_arrays_of_objects_are_not_unpickled(tmp_path: Path, proof: Path) -> None:
    (plain := tmp_path / "x.npy").write_bytes(attacks.object_array(proof))
    (several := tmp_path / "x.npz").write_bytes(attacks.object_arrays(proof, notes=np.zeros(2)))
    for file in (plain, several):
        with pytest.raises(UserError):
            load_tracks(file)
    assert not proof.exists()
    np.load(plain, allow_pickle=True)
    assert proof.is_dir(), "the attack is a real one"


@pytest.mark.parametrize("length", [2**63 - 1, 2**40, 100 << 20])
def test_a_head_that_promises_gigabytes_takes_nothing(tmp_path: Path, length: int) -> None:
    (file := tmp_path / "model.safetensors").write_bytes(struct.pack("<Q", length) + b"{}")
    tracemalloc.start()
    try:
        for read in (safetensors_head.read, lambda path: Weights(path.parent)):
            with pytest.raises(UserError):
                read(file)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_tensors_that_overlap_the_head_or_leave_the_file_are_refused(tmp_path: Path) -> None:
    for offsets in ([-8, 8], [0, 2**40], [8, 0]):
        head = json.dumps({"a": {"dtype": "F32", "shape": [4], "data_offsets": offsets}}).encode()
        (file := tmp_path / "model.safetensors").write_bytes(struct.pack("<Q", len(head)) + head + bytes(16))
        for read in (safetensors_head.read, lambda path: Weights(path.parent)):
            with pytest.raises(UserError):
                read(file)


def test_shards_are_read_from_the_model_s_own_folder_only(tmp_path: Path) -> None:
    head = json.dumps({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
    (tmp_path / "secret.safetensors").write_bytes(struct.pack("<Q", len(head)) + head + bytes(16))
    place = tmp_path / "model"
    place.mkdir()
    for name in ("../secret.safetensors", str(tmp_path / "secret.safetensors"), "a/../../secret.safetensors"):
        (place / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": name}}))
        for read in (Weights, hub_folder.read):
            with pytest.raises(UserError):
                read(place)


@pytest.mark.parametrize(
    "location", ["../secret.bin", "a/../../secret.bin", "..\\secret.bin", "ABSOLUTE", "link.bin", "links/secret.bin"]
)
def test_weights_outside_of_a_graph_s_folder_are_not_read(tmp_path: Path, location: str) -> None:
    secret = tmp_path / "secret.bin"
    secret.write_bytes(graphs.floats(1, 2, 3, 4))
    place = tmp_path / "net"
    (place / "a").mkdir(parents=True)
    (place / "link.bin").symlink_to(secret)
    (place / "links").symlink_to(tmp_path)
    file = place / "net.onnx"
    file.write_bytes(graphs.add(graphs.external("w", str(secret) if location == "ABSOLUTE" else location, 4)))
    try:
        with pytest.raises(UserError, match="refers to"):
            open_session(file, device="cpu")
    finally:
        close_sessions()


HELLO = b"hello"
WANTED = ModelFile("model.bin", "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824", len(HELLO))


def test_members_that_climb_out_of_an_archive_stay_in_it(tmp_path: Path) -> None:
    into = tmp_path / "a" / "b"
    into.mkdir(parents=True)
    names = ["../../climbed.bin", "/tmp-climbed.bin", "..\\..\\climbed.bin", "C:\\climbed.bin"]
    (file := tmp_path / "x.zip").write_bytes(attacks.archive({**dict.fromkeys(names, HELLO), "good.bin": HELLO}))
    archive.extract(file, {"model.bin": "good.bin"}, [WANTED], into, Progress())
    assert [path.name for path in sorted(tmp_path.rglob("*.bin"))] == ["model.bin"]
    archive.extract(file, {"model.bin": names[0]}, [WANTED], into, Progress())
    assert [path.name for path in sorted(tmp_path.rglob("*.bin"))] == ["model.bin"]


def test_links_in_an_archive_are_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(HELLO)
    (file := tmp_path / "x.zip").write_bytes(attacks.archive({}, {"good.bin": "../secret", "dir": ".."}))
    for member in ("good.bin", "dir", "dir/secret"):
        with pytest.raises(UserError, match=r"not a plain file|has no file"):
            archive.extract(file, {"model.bin": member}, [WANTED], tmp_path / "into", Progress())
    assert not list(tmp_path.rglob("model.bin"))


def test_an_archive_of_gigabytes_takes_neither_memory_nor_disk(tmp_path: Path) -> None:
    (tmp_path / "into").mkdir()
    with zipfile.ZipFile(file := tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as bomb, bomb.open("good.bin", "w") as member:
        for _ in range(64):
            member.write(bytes(1 << 20))
    head = file.read_bytes()
    # The same bomb once more, with sizes that lie.
    lying = head.replace(struct.pack("<I", 64 << 20), struct.pack("<I", len(HELLO)))
    for data in (head, lying):
        file.write_bytes(data)
        tracemalloc.start()
        try:
            with pytest.raises(UserError):
                archive.extract(file, {"model.bin": "good.bin"}, [WANTED], tmp_path / "into", Progress())
            assert tracemalloc.get_traced_memory()[1] < 8 << 20
        finally:
            tracemalloc.stop()
        assert sum(path.stat().st_size for path in (tmp_path / "into").rglob("*")) <= len(HELLO)


def test_a_folder_with_links_gives_verified_content_only(tmp_path: Path) -> None:
    """A link to the right content is as good as the content; nothing is copied that is not the expected file."""
    (place := tmp_path / "brought").mkdir()
    (place / "model.bin").symlink_to("/etc/hostname")
    (place / "loop").symlink_to(place)
    (into := tmp_path / "into").mkdir()
    with pytest.raises(UserError):
        folder.fetch(place, [WANTED], [], into, Progress())
    assert not list(into.iterdir())
