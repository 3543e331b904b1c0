"""Face restorers: the one that comes with Reprise, and graphs of every kind that circulates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from desktop.errors import UserError
from desktop.models import sidecar
from desktop.models.library import Library
from desktop.models.sidecar import FaceNetwork
from desktop.video.restorers import Restorer, open_restorer, restorer_ids
from tests.models.site import Recorder
from tests.video.networks import DOUBLE, FLOAT, HALF, restorer


def _faces(count: int, size: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(seed).random((count, size, size, 3), np.float32)


def _open(folder: Path, card: dict[str, Any], progress: Recorder | None = None, **graph: Any) -> Restorer:
    restorer(folder / "net.onnx", **graph)
    wanted = {"file": "net.onnx", "size": 64, "image": "input", "restored": "output"}
    sidecar.write(folder, FaceNetwork(**{**wanted, **card}))
    return Restorer("net", "Net", folder, device="cpu", threads=None, progress=progress or Recorder())


def test_the_default_restorer_is_there_and_restores_faces() -> None:
    library = Library()
    assert "face-restorer" in restorer_ids(library)
    net = open_restorer(library, "face-restorer", device="cpu")
    assert (net.size, net.template, net.has_fidelity, net.device, net.precision) == (256, "ffhq", True, "CPU", "fp32")
    crops = _faces(5, 256)
    kept = crops.copy()
    restored = net(crops, np.linspace(0, 1, 5, dtype=np.float32))
    assert restored.shape == crops.shape and restored.dtype == np.float32
    assert restored.min() >= 0 and restored.max() <= 1
    assert np.array_equal(crops, kept)
    alone = net(crops[3:4], 0.75)
    assert np.abs(restored[3] - alone[0]).max() < 1e-4, "a face does not depend on its neighbours in the batch"
    assert np.abs(net(crops[:1], 0.0) - net(crops[:1], 1.0)).max() > 0.01
    assert net(crops[:0]).shape == (0, 256, 256, 3)


def test_a_photograph_comes_back_cleaner(shared: Path) -> None:
    import cv2

    net = open_restorer(Library(), "face-restorer", device="cpu")
    picture = cv2.imread(str(sorted((shared / "faces512" / "val").glob("*.jpg"))[0]))
    whole = cv2.resize(picture, (256, 256), interpolation=cv2.INTER_AREA)
    small = cv2.resize(picture, (80, 80), interpolation=cv2.INTER_AREA)
    blocks = cv2.imdecode(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], cv2.IMREAD_COLOR)
    poor = cv2.resize(blocks, (256, 256), interpolation=cv2.INTER_CUBIC)
    truth, crop = (cv2.cvtColor(each, cv2.COLOR_BGR2RGB).astype(np.float32) / 255 for each in (whole, poor))
    restored = net(crop[None], 0.5)[0]
    errors = [float(np.mean((each - truth) ** 2)) for each in (restored, crop)]
    assert errors[0] < 0.8 * errors[1], errors


def test_wrong_shapes_and_values_are_told() -> None:
    net = open_restorer(Library(), "face-restorer", device="cpu")
    with pytest.raises(ValueError, match="wants"):
        net(_faces(1, 128))
    with pytest.raises(ValueError, match="fidelity"):
        net(_faces(1, 256), 1.5)
    with pytest.raises(UserError, match="does not restore faces"):
        open_restorer(Library(), "basic-pitch")
    with pytest.raises(UserError, match="no model 'nobody'"):
        open_restorer(Library(), "nobody")


@pytest.mark.parametrize(
    ("batch", "weights", "most"), [(1, (1,), 1), ("n", (1,), 1), ("n", (), 1), ("n", ("n",), 32), ("n", ("n", 1), 32)]
)
@pytest.mark.parametrize("weight_type", [FLOAT, DOUBLE])
def test_every_form_of_the_fidelity_input_is_fed(
    tmp_path: Path, batch: int | str, weights: tuple[int | str, ...], most: int, weight_type: int
) -> None:
    net = _open(
        tmp_path, {"fidelity": "w"}, size=64, fidelity="w", fidelity_shape=weights, batch=batch, fidelity_kind=weight_type
    )
    assert net.max_batch == most
    crops, fidelity = _faces(3, 64), np.array([0.0, 0.5, 1.0], np.float32)
    assert np.abs(net(crops, fidelity) - crops * fidelity[:, None, None, None]).max() < 1e-6


def test_ranges_and_channel_order_are_kept(tmp_path: Path) -> None:
    crops = _faces(2, 64)
    for number, card in enumerate(
        ({"range": (-1, 1), "range_out": (-1, 1)}, {"channels": "bgr"}, {"range": (0, 255), "range_out": (0, 255)})
    ):
        net = _open(tmp_path / str(number), card, size=64, batch="n")
        assert np.abs(net(crops) - crops).max() < 1e-6
    # What the network itself sees: an all-positive operator undoes the sign of -1..1 and leaves the upper half alone.
    net = _open(tmp_path / "abs", {"range": (-1, 1), "range_out": (-1, 1)}, size=64, batch="n", operator="Abs")
    assert np.abs(net(crops) - (np.abs(crops * 2 - 1) + 1) / 2).max() < 1e-6


def test_half_precision_ports_are_fed(tmp_path: Path) -> None:
    crops = _faces(2, 64)
    net = _open(tmp_path, {}, size=64, batch="n", kind=HALF)
    assert np.abs(net(crops) - crops).max() < 1e-3


def test_a_face_without_numbers_stays_as_it_was_and_is_told_once(tmp_path: Path) -> None:
    told = Recorder()
    net = _open(tmp_path, {"range": (-1, 1)}, told, size=64, batch="n", operator="Sqrt")
    crops = np.concatenate([np.full((1, 64, 64, 3), 0.9, np.float32), np.full((1, 64, 64, 3), 0.2, np.float32)])
    for _ in range(2):
        assert np.array_equal(net(crops)[1], crops[1])
        assert not np.array_equal(net(crops)[0], crops[0])
    assert len(told.logs) == 1 and "stay as they were" in told.logs[0]


def test_when_memory_runs_out_fewer_faces_go_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Recorder()
    net = _open(tmp_path, {}, told, size=64, batch="n")
    run, sizes = net._session.run, []

    def small(feeds: dict[str, Any], outputs: Any) -> Any:
        sizes.append(len(feeds["input"]))
        if sizes[-1] > 2:
            raise MemoryError("Failed to allocate memory for requested buffer")
        return run(feeds, outputs)

    monkeypatch.setattr(net._session, "run", small)
    crops = _faces(9, 64)
    assert np.array_equal(net(crops), crops)
    assert net.max_batch == 2 and len(told.logs) == 2, told.logs


def test_a_card_that_does_not_fit_its_graph_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="inputs are input, its card says picture"):
        _open(tmp_path, {"image": "picture"}, size=64)
    for field, value in (("template", "none"), ("channels", "xyz"), ("range", (1, 0)), ("file", "../net.onnx"), ("size", 3)):
        with pytest.raises(UserError, match=field):
            _open(tmp_path, {field: value}, size=64)
    (tmp_path / sidecar.NAME).write_text("{")
    with pytest.raises(UserError, match="card is not valid"):
        sidecar.read(tmp_path)
