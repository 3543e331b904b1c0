"""Upscalers that users bring: found, converted or tried out, and refused with a reason when they are of no use."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models import upscaler_card
from desktop.models.export import upscaler
from desktop.models.export.graph import Graph
from desktop.models.export.upscaler_ready import prepare
from desktop.video.background import Upscaler
from tests.models.export import ncnn_nets
from tests.models.export.test_ncnn import checkpoint


@pytest.fixture
def brought(tmp_path: Path) -> Path:
    folder = tmp_path / "brought"
    folder.mkdir()
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "target"
    folder.mkdir()
    return folder


def resizer(path: Path, *, channels: int = 3, height: int | str = "h", factor: float = 2.0, gain: float = 1.0) -> Path:
    """A network that enlarges, under names of its own."""
    graph = Graph("resizer")
    graph.add_input("x", (1, channels, height, "w"))
    graph.add_weight("scales", np.array([1, 1, factor, factor], np.float32))
    graph.add_weight("gain", np.array(gain, np.float32))
    graph.add_node("Resize", ["x", "", "scales"], ["large"], mode="linear")
    graph.add_node("Mul", ["large", "gain"], ["y"])
    graph.add_output("y", (1, channels, "H", "W"))
    graph.save(path, {})
    return path


def test_a_ready_network_is_tried_out_and_used(brought: Path, target: Path) -> None:
    card = prepare(resizer(brought / "my.onnx"), target, Progress())
    assert (card.image, card.upscaled, card.scale, card.family) == ("x", "y", 2, "ready")
    assert (card.reach, card.margin) == (4, 4) and card.bytes_per_pixel >= 512
    assert upscaler_card.read(target) == card
    enlarge = Upscaler("mine", target, device="cpu", threads=1, denoise=0.5)
    assert enlarge(np.full((20, 31, 3), 90, np.uint8)).mean() == 90


def test_a_network_that_sees_far_gets_a_margin(brought: Path, target: Path) -> None:
    ncnn_nets.srvgg(convs=12).save(brought)
    converted = brought / "converted"
    converted.mkdir()
    exact = prepare(brought, converted, Progress())
    card = prepare(converted / upscaler.EXPORTED, target, Progress())
    assert exact.reach == 12 and card.scale == 4 and 8 <= card.margin <= 12 and card.reach >= card.margin


@pytest.mark.parametrize("kind", ["folder", "param", "bin", "pth"])
def test_networks_are_found_and_converted(kind: str, brought: Path, target: Path) -> None:
    source = brought
    if kind == "pth":
        checkpoint(brought / "compact.pth", 0)
    else:
        ncnn_nets.span().save(brought, "some")
        source = brought if kind == "folder" else brought / f"some.{kind}"
    card = prepare(source, target, Progress())
    assert card.family == ("srvgg" if kind == "pth" else "span")
    assert (target / card.file).is_file() and upscaler_card.read(target) == card


def test_what_is_of_no_use_is_refused(brought: Path, target: Path) -> None:
    cases = {
        "no upscaler that Reprise can use|does not take": resizer(brought / "gray.onnx", channels=1),
        "does not take pictures": resizer(brought / "fixed.onnx", height=64),
        "makes": resizer(brought / "half.onnx", factor=0.5),
        "does not look like": resizer(brought / "bright.onnx", gain=255.0),
    }
    for message, file in cases.items():
        with pytest.raises(UserError, match=message):
            prepare(file, target, Progress())
        assert not list(target.iterdir())


def test_what_is_not_there_is_told(brought: Path, target: Path) -> None:
    with pytest.raises(UserError, match=r"no \.onnx, \.param or \.pth file"):
        prepare(brought, target, Progress())
    with pytest.raises(UserError, match="no such file or folder"):
        prepare(brought / "nothing", target, Progress())
    ncnn_nets.srvgg().save(brought)
    (brought / "net.bin").unlink()
    with pytest.raises(UserError, match="other half, is missing"):
        prepare(brought / "net.param", target, Progress())
    for name in ("a.onnx", "b.onnx"):
        resizer(brought / name)
    with pytest.raises(UserError, match=r"2 \.onnx files"):
        prepare(brought, target, Progress())
    (brought / "text.onnx").write_text("no network")
    with pytest.raises(UserError, match="not an ONNX file"):
        prepare(brought / "text.onnx", target, Progress())
