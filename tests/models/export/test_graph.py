"""The writer of ONNX files: types, domains, attributes, weights within the file and beside it."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from desktop.models import onnxfile
from desktop.models.export.graph import CONTRIB, Graph
from desktop.models.session import open_session

TYPES = [np.float32, np.float16, np.int64, np.int32, np.int8, np.uint8, np.bool_]


@pytest.mark.parametrize("external", [False, True])
def test_weights_of_all_types_and_shapes_arrive_whole(tmp_path: Path, external: bool) -> None:
    graph = Graph("types", opset=21)
    random = np.random.default_rng(0)
    wanted = {}
    for dtype in TYPES:
        for shape in ((), (0,), (3,), (70, 41), (2, 3, 1)):
            name = f"{np.dtype(dtype)}{shape}"
            wanted[f"{name} out"] = weight = np.asarray(random.integers(0, 2, shape)).astype(dtype)
            graph.add_weight(name, weight)
            graph.add_node("Identity", [name], [f"{name} out"])
            graph.add_output(f"{name} out", shape, dtype)
    # A view that is not contiguous.
    wanted["turned out"] = random.normal(size=(50, 90)).astype(np.float32).T
    graph.add_weight("turned", wanted["turned out"])
    graph.add_node("Identity", ["turned"], ["turned out"])
    graph.add_output("turned out", (90, 50))
    files = graph.save(tmp_path / "model.onnx", {"licence": "none"}, external=external)
    assert [file.name for file in files] == ["model.onnx", "model.onnx.data"][: 1 + external]
    facts = onnxfile.read(files[0])
    assert onnxfile.external_files(files[0], facts) == files[1:] and facts.opsets == {"": 21} and facts.ir_version == 10
    session = open_session(files[0], device="cpu")
    for port, found in zip(session.outputs, session.run({}), strict=True):
        assert found.dtype == wanted[port.name].dtype and found.shape == wanted[port.name].shape
        np.testing.assert_array_equal(found, wanted[port.name])


def test_attributes_and_domains(tmp_path: Path) -> None:
    graph = Graph("attributes", opset=23)
    graph.add_input("x", ("n", 4), np.float32)
    graph.add_weight("scale", np.ones(4, np.float32))
    graph.add_node("FastGelu", ["x"], ["gelu"], CONTRIB)
    graph.add_node("SimplifiedLayerNormalization", ["gelu", "scale"], ["norm"], axis=-1, epsilon=1e-5)
    graph.add_node("Constant", [], ["floats"], value_floats=[1.5, 2.0, -3.0, 4.0])
    graph.add_node("Constant", [], ["tensor"], value=np.array([[1, 0, 0, 1]], np.float32))
    graph.add_node("Mul", ["norm", "floats"], ["scaled"])
    graph.add_node("Add", ["scaled", "tensor"], ["y"])
    graph.add_output("y", ("n", 4))
    [path] = graph.save(tmp_path / "model.onnx", {})
    assert onnxfile.read(path).opsets == {"": 23, CONTRIB: 1}
    x = np.array([[0.5, -1.0, 2.0, 3.0]], np.float32)
    [y] = open_session(path, device="cpu").run({"x": x})
    gelu = 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    norm = gelu / np.sqrt((gelu**2).mean() + 1e-5)
    np.testing.assert_allclose(y, norm * [1.5, 2, -3, 4] + [1, 0, 0, 1], rtol=1e-5)


def test_lazy_weights_are_held_one_at_a_time(tmp_path: Path) -> None:
    graph = Graph("lazy")
    count, megabyte = 12, 1 << 20
    for number in range(count):
        graph.add_lazy_weight(f"w{number}", np.uint8, (megabyte,), lambda number=number: np.full(megabyte, number, np.uint8))
        graph.add_node("Identity", [f"w{number}"], [f"y{number}"])
        graph.add_output(f"y{number}", (megabyte,), np.uint8)
    tracemalloc.start()
    files = graph.save(tmp_path / "model.onnx", {}, external=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * megabyte and files[1].stat().st_size == count * megabyte
    results = open_session(files[0], device="cpu").run({})
    assert [int(result.max()) for result in results] == list(range(count)) == [int(result.min()) for result in results]


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    graph = Graph("refused")
    with pytest.raises(ValueError, match="complex128"):
        graph.add_weight("w", np.zeros(2, np.complex128))
    graph.add_lazy_weight("w", np.float32, (2,), lambda: np.zeros(3, np.float32))
    with pytest.raises(ValueError, match="already"):
        graph.add_weight("w", np.zeros(2, np.float32))
    with pytest.raises(ValueError, match="announced"):
        graph.save(tmp_path / "model.onnx", {})
    assert list(tmp_path.iterdir()) == []
