"""YuNet's decoder on a graph with the layout of the published file, against OpenCV's own reading of the same graph."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from desktop.errors import UserError
from desktop.models.export.graph import Graph
from desktop.models.library import Library
from desktop.video.faces import yunet
from desktop.video.faces.yunet import STRIDES, YuNet, decode
from tests.video.faces.drawn import POINTS, texture

WIDTHS = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
SIDE = 640


def a_network(path: Path, values: dict[str, np.ndarray]) -> None:
    """A graph of the published inputs and outputs that says ``values`` whatever it sees."""
    graph = Graph("yunet")
    graph.add_input("input", (1, 3, SIDE, SIDE))
    graph.add_node("GlobalAveragePool", ["input"], ["mean"])
    graph.add_weight("none", np.zeros((1, 3, 1, 1), np.float32))
    graph.add_node("Conv", ["mean", "none"], ["zero"], kernel_shape=[1, 1])
    graph.add_weight("shape", np.array([1, 1, 1], np.int64))
    graph.add_node("Reshape", ["zero", "shape"], ["nothing"])
    for name, value in values.items():
        graph.add_weight(f"{name}_value", value)
        graph.add_node("Add", [f"{name}_value", "nothing"], [name])
        graph.add_output(name, value.shape)
    graph.save(path, {})


def nothing_found() -> dict[str, np.ndarray]:
    return {
        f"{kind}_{stride}": np.full((1, (SIDE // stride) ** 2, width), 0.01 if width == 1 else 0.0, np.float32)
        for kind, width in WIDTHS.items()
        for stride in STRIDES
    }


def put(values: dict[str, np.ndarray], stride: int, points: np.ndarray, score: float) -> None:
    """Say that there is a face with these points (px of the input), in the cell of its middle."""
    low, high = points.min(axis=0) - 20, points.max(axis=0) + 20
    centre = (low + high) / 2
    column, row = (int(v) for v in centre // stride)
    cell = row * (SIDE // stride) + column
    values[f"cls_{stride}"][0, cell] = values[f"obj_{stride}"][0, cell] = score
    values[f"bbox_{stride}"][0, cell] = [*(centre / stride - (column, row)), *np.log((high - low) / stride)]
    values[f"kps_{stride}"][0, cell] = (points / stride - (column, row)).ravel()


def test_it_reads_as_opencv_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    values = nothing_found()
    for stride in STRIDES:
        cells = (SIDE // stride) ** 2
        for cell in rng.integers(0, cells, 6):
            values[f"cls_{stride}"][0, cell], values[f"obj_{stride}"][0, cell] = rng.uniform(0.7, 1.2, 2)
        values[f"bbox_{stride}"][:] = rng.normal(1, 0.5, (1, cells, 4))
        values[f"kps_{stride}"][:] = rng.normal(0, 1, (1, cells, 10))
    a_network(tmp_path / "yunet.onnx", values)
    found = decode(values, SIDE, SIDE, 0.7)
    theirs = cv2.FaceDetectorYN.create(str(tmp_path / "yunet.onnx"), "", (SIDE, SIDE), 0.7, 0.3, 5000)
    wanted = theirs.detect(texture(SIDE, SIDE))[1]
    wanted = wanted[np.argsort(-wanted[:, 14], kind="stable")]
    inside = ((wanted[:, 4:14].reshape(-1, 5, 2).mean(axis=1)) < SIDE).all(axis=1)
    wanted = wanted[inside]
    assert len(found) == len(wanted) >= 10
    assert np.allclose(found["score"], wanted[:, 14], atol=1e-5)
    assert np.allclose(found["box"][:, :2], wanted[:, :2], atol=1e-2)
    assert np.allclose(found["box"][:, 2:] - found["box"][:, :2], wanted[:, 2:4], atol=1e-2)
    assert np.allclose(found["points"].reshape(-1, 10), wanted[:, 4:14], atol=1e-2)


@pytest.mark.parametrize(("width", "height"), [(768, 576), (320, 640), (100, 60)])
def test_faces_come_out_in_the_pictures_own_pixels(width: int, height: int, tmp_path: Path) -> None:
    scale = min(SIDE / width, SIDE / height)
    faces = [
        (POINTS - 256) * 0.1 * height / 512 + (0.3 * width, 0.4 * height),
        (POINTS - 256) * 0.1 * height / 512 + (0.7 * width, 0.6 * height),
    ]
    values = nothing_found()
    put(values, 8, faces[0] * scale, 0.95)
    put(values, 16, faces[1] * scale, 0.9)
    a_network(tmp_path / "yunet.onnx", values)
    detector = YuNet(tmp_path, device="cpu")
    picture = texture(height, width)
    found = detector(picture)
    assert found["score"] == pytest.approx([0.95, 0.9], abs=1e-4)
    for face, wanted in zip(found, faces, strict=True):
        assert np.abs(face["points"] - wanted).max() < 0.01
    guess = found[::-1].copy()
    guess["points"] += 1.0
    assert np.array_equal(detector.refine(picture, guess)["points"], found[::-1]["points"])
    guess["points"] += 100
    assert (detector.refine(picture, guess)["score"] == 0).all()


def test_points_that_are_no_face_are_dropped(tmp_path: Path) -> None:
    values = nothing_found()
    put(values, 16, (POINTS * (1, -1) + (0, 512)) * 0.5, 0.99)
    a_network(tmp_path / "yunet.onnx", values)
    assert len(YuNet(tmp_path, device="cpu")(texture(640, 640))) == 0


def test_another_network_is_refused(tmp_path: Path) -> None:
    graph = Graph("other")
    graph.add_input("input", (1, 3, SIDE, SIDE))
    graph.add_node("Relu", ["input"], ["output"])
    graph.add_output("output", (1, 3, SIDE, SIDE))
    graph.save(tmp_path / "yunet.onnx", {})
    with pytest.raises(UserError, match="not a YuNet"):
        YuNet(tmp_path, device="cpu")


def test_the_catalog_names_the_published_file() -> None:
    entry = Library().entry("yunet")
    assert (entry.files[0].size, entry.files[0].sha256[:8], entry.default) == (232589, "8f2383e4", False)
    assert yunet.YuNet.name == entry.id
