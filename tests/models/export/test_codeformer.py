"""CodeFormer: the published layout, the graph against torch, and checkpoints that are not what they say."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models import sidecar
from desktop.models.export import checkpoint, codeformer, codeformer_graph
from desktop.models.export.codeformer_net import CodeFormer, Plan
from desktop.models.session import close_sessions, open_session
from tests.models.site import Recorder

SMALL = Plan(size=128, base=32, widths=(1, 1, 1, 1, 2, 2), code=32, codes=48, dim=64, heads=4, layers=2, hidden=96)


def _network(plan: Plan = SMALL, seed: int = 0) -> CodeFormer:
    """The network with random weights, also where a fresh one has none (scales of 1, summands and positions of 0)."""
    torch.manual_seed(seed)
    net = CodeFormer(plan)
    for name, value in net.state_dict().items():
        if "norm" in name or name.startswith("idx_pred_layer.0"):
            value.add_(torch.randn_like(value), alpha=0.1)
    net.position_emb.normal_()
    return net


def _checkpoint(path: Path, weights: dict[str, Any], key: str = "params_ema") -> Path:
    torch.save({key: weights} if key else weights, path)
    return path


@pytest.fixture(scope="module")
def net() -> CodeFormer:
    return _network()


@pytest.fixture(scope="module")
def good(net: CodeFormer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _checkpoint(tmp_path_factory.mktemp("good") / "small.pth", net.state_dict())


def _convert(source: Path, folder: Path, progress: Progress | None = None) -> None:
    codeformer.convert(source, folder, "net.onnx", progress or Progress(), SMALL)


def test_the_layout_is_the_published_one() -> None:
    with torch.device("meta"):
        layout = CodeFormer(Plan()).state_dict()
    assert len(layout) == 515
    assert sum(value.numel() for value in layout.values()) == 94_112_707
    parts = {
        "encoder": 29_416_000,
        "generator": 34_061_955,
        "ft_layers": 18_925_056,
        "fuse_convs_dict": 10_659_584,
        "idx_pred_layer": 525_312,
        "quantize": 262_144,
        "feat_emb": 131_584,
        "position_emb": 131_072,
    }
    for part, count in parts.items():
        assert sum(value.numel() for name, value in layout.items() if name.split(".")[0] == part) == count, part
    for name, shape in (
        ("position_emb", [256, 512]),
        ("quantize.embedding.weight", [1024, 256]),
        ("ft_layers.8.self_attn.in_proj_weight", [1536, 512]),
        ("encoder.blocks.10.conv_out.weight", [256, 128, 1, 1]),
        ("encoder.blocks.21.proj_out.bias", [512]),
        ("generator.blocks.20.conv.weight", [128, 128, 3, 3]),
        ("generator.blocks.24.bias", [3]),
        ("fuse_convs_dict.256.encode_enc.conv1.weight", [128, 256, 3, 3]),
        ("fuse_convs_dict.32.shift.2.weight", [256, 256, 3, 3]),
    ):
        assert list(layout[name].shape) == shape, name
    assert {number: (name, source) for number, (name, source, _) in Plan().fusions.items()} == {
        9: ("32", 14),
        12: ("64", 11),
        15: ("128", 8),
        18: ("256", 5),
    }


def test_the_graph_computes_what_torch_computes(net: CodeFormer, good: Path, tmp_path: Path) -> None:
    heard = Recorder()
    _convert(good, tmp_path, heard)
    card = sidecar.read(tmp_path)
    assert (card.size, card.template, card.range, card.has_fidelity) == (128, "ffhq", (-1.0, 1.0), True)
    assert any("differs from the original by" in line for line in heard.logs)
    session = open_session(tmp_path / card.file, device="cpu")
    for seed, fidelity in ((11, (0.0,)), (12, (1.0,)), (13, (0.0, 0.5, 1.0)), (14, (0.25, 0.25, 0.9, 0.1, 1.0))):
        faces = codeformer._faces(SMALL.size, len(fidelity), seed)
        weights = torch.tensor(fidelity)
        wanted = net(faces, weights).numpy()
        found = session.run({"image": faces.numpy(), "fidelity": weights.numpy()}, ["restored"])[0]
        assert np.abs(found - wanted).max() <= 1e-4
        if len(fidelity) > 1:
            alone = session.run({"image": faces[1:2].numpy(), "fidelity": weights[1:2].numpy()}, ["restored"])[0]
            assert np.abs(found[1] - alone[0]).max() <= 1e-4, "each face has its own fidelity"
    close_sessions()


def test_without_fidelity_the_encoder_has_no_say(net: CodeFormer) -> None:
    faces = codeformer._faces(SMALL.size, 1, 3)
    others = {number: (name, source, width) for number, (name, source, width) in SMALL.fusions.items()}
    plain, bent = net(faces, torch.tensor([0.0])), net(faces, torch.tensor([1.0]))
    try:
        SMALL.fusions.clear()
        unfused = net(faces, torch.tensor([1.0]))
    finally:
        SMALL.fusions.update(others)
    assert torch.equal(plain, unfused)
    assert (plain - bent).abs().max() > 1e-3


@pytest.mark.parametrize("key", ["params", "state_dict", ""])
def test_other_wrappers_are_understood(net: CodeFormer, tmp_path: Path, key: str) -> None:
    weights = checkpoint.read(_checkpoint(tmp_path / "w.pth", net.state_dict(), key))
    assert set(weights) == set(net.state_dict())


def test_half_precision_is_widened(net: CodeFormer, tmp_path: Path) -> None:
    halves = {name: value.half() for name, value in net.state_dict().items()}
    path = _checkpoint(tmp_path / "half.pth", halves)
    found = checkpoint.match(checkpoint.read(path), net.state_dict(), "CodeFormer", path)
    assert {value.dtype for value in found.values()} == {torch.float32}


def test_a_graph_that_computes_something_else_is_deleted(good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = codeformer_graph.write
    change: dict[str, Any] = {}

    def wrong(path: Path, plan: Plan, weights: dict[str, Any], notes: dict[str, str]) -> None:
        right(path, plan, {**weights, **change}, notes)

    monkeypatch.setattr(codeformer_graph, "write", wrong)
    state = torch.load(good, weights_only=True)["params_ema"]
    change["generator.blocks.24.bias"] = state["generator.blocks.24.bias"].numpy() + 3e-3
    with pytest.raises(UserError, match=r"differs from the original by 0\.00\d"):
        _convert(good, tmp_path)
    change.clear()
    change["idx_pred_layer.1.weight"] = state["idx_pred_layer.1.weight"].numpy()[::-1].copy()
    with pytest.raises(UserError, match="chooses other codes than the original"):
        _convert(good, tmp_path)
    assert not list(tmp_path.iterdir())


def _without(weights: dict[str, Any]) -> None:
    del weights["feat_emb.weight"], weights["feat_emb.bias"]


def _with_more(weights: dict[str, Any]) -> None:
    weights["stylegan.weight"] = torch.zeros(3)


def _reshaped(weights: dict[str, Any]) -> None:
    weights["position_emb"] = torch.zeros(5, 7)


def _no_numbers(weights: dict[str, Any]) -> None:
    weights["position_emb"] = torch.full_like(weights["position_emb"], float("nan"))


def _enormous(weights: dict[str, Any]) -> None:
    weights["position_emb"] = torch.zeros(1).expand(1 << 40)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_without, r"not CodeFormer: 2 of \d+ weights are missing \(feat_emb.weight, feat_emb.bias\)"),
        (_with_more, r"1 of \d+ weights do not belong to it \(stylegan.weight\)"),
        (_reshaped, r"have another shape \(position_emb is \[5, 7\] instead of \[16, 64\]\)"),
        (_enormous, r"have another shape \(position_emb is \[1099511627776\]"),
        (_no_numbers, "damaged: position_emb holds values that are not numbers"),
    ],
)
def test_another_network_is_refused_with_its_differences(
    net: CodeFormer, tmp_path: Path, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    weights = dict(net.state_dict())
    change(weights)
    with pytest.raises(UserError, match=said):
        _convert(_checkpoint(tmp_path / "other.pth", weights), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["other.pth"]


class _Attack:
    """Makes a folder when it is unpickled the ordinary way."""

    def __init__(self, proof: Path) -> None:
        self._proof = proof

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._proof),)


def test_a_pickle_that_tries_to_run_something_does_not(net: CodeFormer, tmp_path: Path) -> None:
    proof = tmp_path / "executed"
    attack = _checkpoint(tmp_path / "attack.pth", {**net.state_dict(), "extra": _Attack(proof)})
    with pytest.raises(UserError, match=r"asks to run '(posix|nt)\.mkdir'.*was not opened"):
        checkpoint.read(attack)
    bare = tmp_path / "bare.pth"
    bare.write_bytes(pickle.dumps(_Attack(proof)))
    with pytest.raises(UserError, match=r"bare pickle.*was not opened"):
        checkpoint.read(bare)
    assert not proof.exists()
    torch.load(attack, weights_only=False)
    assert proof.exists(), "the attack is a real one"


def test_old_checkpoints_without_an_archive_are_refused(net: CodeFormer, tmp_path: Path) -> None:
    torch.save({"params_ema": net.state_dict()}, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    with pytest.raises(UserError, match=r"bare pickle.*Save it again"):
        checkpoint.read(tmp_path / "old.pth")


def test_damaged_files_are_told_apart(good: Path, tmp_path: Path) -> None:
    content = good.read_bytes()
    for size in (10, 1000, len(content) // 2, len(content) - 100):
        (tmp_path / "cut.pth").write_bytes(content[:size])
        with pytest.raises(UserError, match=r"cut off or damaged|not a PyTorch"):
            checkpoint.read(tmp_path / "cut.pth")
    for text, said in ((b"", "is empty"), (b"hello, I am a song", "not a PyTorch checkpoint")):
        (tmp_path / "x.pth").write_bytes(text)
        with pytest.raises(UserError, match=said):
            checkpoint.read(tmp_path / "x.pth")
    with pytest.raises(UserError, match="cannot be read"):
        checkpoint.read(tmp_path / "nothing.pth")
    # A zip that is no checkpoint, and one whose index is garbage.
    for index in (None, b"\x80\x02garbage"):
        with zipfile.ZipFile(tmp_path / "zip.pth", "w") as archive:
            archive.writestr("a/readme.txt", "hello")
            if index is not None:
                archive.writestr("a/data.pkl", index)
                archive.writestr("a/version", "3")
        with pytest.raises(UserError, match="damaged"):
            checkpoint.read(tmp_path / "zip.pth")


def test_an_archive_that_unpacks_to_more_than_it_is_stays_closed(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.pth"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("bomb/data.pkl", "w") as member:
        for _ in range(200):
            member.write(bytes(1 << 20))
    assert bomb.stat().st_size < 1 << 20
    with pytest.raises(UserError, match="claims to hold more than the file can"):
        checkpoint.read(bomb)


def test_what_is_not_a_table_of_weights_is_refused(tmp_path: Path) -> None:
    for content, said in (({}, "no weights"), ([1, 2], "no weights"), ({"a": "text"}, "something else than weights: a")):
        torch.save(content, tmp_path / "w.pth")
        with pytest.raises(UserError, match=said):
            checkpoint.read(tmp_path / "w.pth")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_whole_network_at_its_real_size(tmp_path: Path) -> None:
    torch.save({"params_ema": _network(Plan()).state_dict()}, tmp_path / codeformer.WEIGHTS)
    heard = Recorder()
    codeformer.export(tmp_path, heard)
    session = open_session(tmp_path / codeformer.EXPORTED, device="cpu")
    assert session.inputs[0].shape == ("faces", 3, 512, 512)
    assert session.precision == "fp32"
    close_sessions()
    print(heard.logs)
