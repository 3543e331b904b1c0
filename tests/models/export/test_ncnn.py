"""Upscalers out of ncnn's files: proven against torch, of any size and number, and refused with the layer's name when damaged."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models import upscaler_card
from desktop.models.export import upscaler, upscaler_nets
from desktop.models.export.ncnn import layers, weights
from desktop.models.onnxfile import read
from desktop.models.session import open_session
from tests.models.export import ncnn_nets
from tests.models.export.ncnn_nets import NcnnFiles

NETS = {
    "srvgg": (ncnn_nets.srvgg(), "srvgg", 4, 4),
    "steep": (ncnn_nets.srvgg(steep=True, scale=2), "srvgg", 2, 4),
    "halved": (ncnn_nets.srvgg(factor=0.5), "srvgg", 2, 5),
    "rrdb": (ncnn_nets.rrdb(), "rrdb", 4, 19),
    "span": (ncnn_nets.span(), "span", 2, 21),
}


def compared(folder: Path, image: np.ndarray) -> float:
    """Largest difference between the written network and torch's, for ``image``."""
    [param], [binary] = folder.glob("*.param"), folder.glob("*.bin")
    found = layers.read(param)
    net = upscaler_nets.recognise(found, weights.read(binary, found))
    [made] = open_session(folder / upscaler.EXPORTED, device="cpu").run({"image": image})
    wanted = upscaler_nets.run(net, image)
    assert made.shape == wanted.shape
    return float(np.abs(made - wanted).max())


@pytest.mark.parametrize("name", NETS)
def test_every_architecture_is_converted(name: str, tmp_path: Path) -> None:
    files, family, scale, reach = NETS[name]
    folder = files.save(tmp_path)
    upscaler.export_ncnn(folder, Progress())
    card = upscaler_card.read(folder)
    assert (card.family, card.scale, card.reach, card.margin) == (family, scale, reach, min(reach, 64))
    assert read(folder / card.file).precision == "fp32"
    for shape in ((1, 3, 16, 16), (3, 3, 9, 31), (1, 3, 1, 1)):
        if name == "halved" and shape[2] == 1:
            continue
        assert compared(folder, np.random.default_rng(0).random(shape, np.float32)) < 1e-5


@pytest.mark.parametrize(
    ("model", "scale", "reach"), [("realesrgan-animevideov3", 4, 18), ("span-x4", 4, 21), ("clearreality-v1", 4, 21)]
)
def test_published_networks_compute_what_torch_computes(
    installed: Callable[[str], Path], model: str, scale: int, reach: int
) -> None:
    folder = installed(model)
    card = upscaler_card.read(folder)
    assert (card.scale, card.reach) == (scale, reach)
    assert compared(folder, upscaler.picture(2, 33, 70)) < 1e-4


def test_a_picture_keeps_its_brightness_and_place(installed: Callable[[str], Path], carphone: Path) -> None:
    """Channels in their order, no shift: the result, reduced again, is nearly the picture."""
    with av.open(str(carphone / "carphone_pristine.mp4")) as clip:
        image = next(clip.decode(video=0)).to_ndarray(format="rgb24").astype(np.float32).transpose(2, 0, 1)[None] / 255
    [made] = open_session(installed("realesrgan-animevideov3") / upscaler.EXPORTED, device="cpu").run({"image": image})
    height, width = image.shape[2:]
    reduced = made.reshape(1, 3, height, 4, width, 4).mean(axis=(3, 5))
    assert np.abs(reduced - image).mean() < 0.02
    moved = [np.abs(np.roll(reduced, step, axis) - image).mean() for step in (-1, 1) for axis in (1, 2, 3)]
    assert np.abs(reduced - image).mean() < min(moved) / 1.2


DAMAGE: dict[str, tuple[Callable[[str], str], str]] = {
    "no layers": (lambda text: "", "does not begin with 7767517"),
    "binary": (lambda text: text.replace("7767517", "7767516", 1), "does not begin with 7767517"),
    "cut off": (lambda text: text[: len(text) // 2].rsplit("\n", 1)[0], "is cut off"),
    "unknown layer": (lambda text: text.replace("PixelShuffle pix", "Softmax pix"), r"pixelshuffle_\d+ \(Softmax\).*kind"),
    "unknown option": (lambda text: text.replace("0=8 1=3", "0=8 one=3", 1), "Line 5 .* bad option: one=3"),
    "a list too short": (lambda text: text.replace("PReLU prelu_3 1 1", "PReLU prelu_3 1 1 1 1"), "Line|cut off|takes"),
    "values from nowhere": (lambda text: text.replace("value_2 large", "value_99 large"), "takes 'value_99'"),
    "a value given twice": (lambda text: text.replace("value_2 large", "value_2 spread"), "gives 'spread'"),
    "huge counts": (lambda text: text.replace("Split split_1 1 2", "Split split_1 999999999999 2"), "no layer"),
    "a huge kernel": (lambda text: text.replace("1=3 4=1", "1=3000 4=1", 1), r"convolution_2 \(Convolution\).*kernel"),
    "huge channels": (lambda text: text.replace("0=8 1=3", "0=99999999 1=3", 1), r"convolution_2 .*channels"),
    "an infinite number": (lambda text: text.replace("1=4.000000e+00", "1=1e999", 1), "bad option"),
    "weights that do not fit": (lambda text: text.replace("6=216", "6=217", 1), "convolution_2 .*217 weights"),
    "other channels": (lambda text: text.replace("6=216", "6=288", 1), "convolution_2|longer|wants|tag"),
    "strides": (lambda text: text.replace("4=1 5=1", "3=2 4=1 5=1", 1), "strides"),
    "no padding": (lambda text: text.replace("4=1 5=1", "4=0 5=1", 1), "shifts or crops"),
    "too many slopes": (lambda text: text.replace("0=8\n", "0=9\n", 1), "prelu_3|convolution|longer|wants"),
    "not to be spread": (lambda text: text.replace("spread 0=4", "spread 0=5"), "cannot spread 48 channels"),
    "an unknown way to resize": (lambda text: text.replace("large 0=1", "large 0=2"), "resizes"),
    "too large": (lambda text: text.replace("1=4.000000e+00 2=4.000000e+00", "1=64 2=64"), "resizes|too much"),
    "different sizes": (lambda text: text.replace("1=4.000000e+00 2=4.000000e+00", "1=2 2=2"), "different sizes"),
    "two results": (
        lambda text: text.replace("BinaryOp binaryop_11 2 1 spread large", "PReLU p 1 1 spread"),
        "results|wants|PReLU",
    ),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damaged_layers_are_named(case: str, tmp_path: Path) -> None:
    change, message = DAMAGE[case]
    folder = ncnn_nets.srvgg().save(tmp_path)
    param = folder / "net.param"
    text = change(param.read_text())
    assert text != param.read_text()
    param.write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        upscaler.export_ncnn(folder, Progress())
    assert caught.value.path
    assert not (folder / upscaler.EXPORTED).exists() and not (folder / upscaler_card.NAME).exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[:-5], "the file is cut off"),
        (lambda data: data[:3], "convolution_2 .*wants 4 bytes"),
        (lambda data: b"", "convolution_2"),
        (lambda data: data + b"\0\0\0\0", "4 bytes longer"),
        (lambda data: struct.pack("<I", 0x000D4B38) + data[4:], "convolution_2 .*8-bit"),
        (lambda data: struct.pack("<I", 77) + data[4:], "unknown way"),
        (lambda data: data[:4] + b"\x00\x7e" + data[6:], "convolution_2 .*no numbers"),
    ],
)
def test_damaged_weights_are_named(change: Callable[[bytes], bytes], message: str, tmp_path: Path) -> None:
    folder = ncnn_nets.srvgg().save(tmp_path)
    binary = folder / "net.bin"
    binary.write_bytes(change(binary.read_bytes()))
    with pytest.raises(UserError, match=message):
        upscaler.export_ncnn(folder, Progress())
    assert not (folder / upscaler.EXPORTED).exists()


def test_full_precision_weights_are_read(tmp_path: Path) -> None:
    net = NcnnFiles()
    value = net.layer("Split", ["data"], ["picture"])
    values = np.random.default_rng(0).normal(0, 0.2, 3 * 3 * 9).astype("<f4")
    for number in range(2):
        net.data += struct.pack("<I", 0) + values.tobytes() + bytes(12)
        value = net.layer("Convolution", [value], [net.fresh()], "0=3 1=3 4=1 5=1 6=81")
        if number == 0:
            net.floats(3, 0, 1)
            value = net.layer("PReLU", [value], [net.fresh()], "0=3")
    folder = net.save(tmp_path)
    found = layers.read(folder / "net.param")
    assert np.array_equal(weights.read(folder / "net.bin", found)["convolution_2"]["weight"].ravel(), values)


def test_a_network_that_computes_something_else_is_refused(tmp_path: Path) -> None:
    """The layers say 0.3 where the architecture has 0.2: what is written is not the network that was published."""
    folder = ncnn_nets.rrdb(residual=0.3).save(tmp_path)
    with pytest.raises(UserError, match="differs from the original"):
        upscaler.export_ncnn(folder, Progress())
    assert not (folder / upscaler.EXPORTED).exists()


def test_an_unknown_architecture_is_refused(tmp_path: Path) -> None:
    net = NcnnFiles()
    net.conv(net.conv("data", (3, 8), options="9=1"), (8, 3))
    with pytest.raises(UserError, match=r"architecture is not known \(2 convolutions"):
        upscaler.export_ncnn(net.save(tmp_path), Progress())


def test_the_files_must_be_one_pair(tmp_path: Path) -> None:
    folder = ncnn_nets.srvgg().save(tmp_path)
    ncnn_nets.srvgg().save(tmp_path, "other")
    with pytest.raises(UserError, match=r"2 \.param files"):
        upscaler.export_ncnn(folder, Progress())
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()
    with pytest.raises(UserError, match=r"0 \.param files"):
        upscaler.export_ncnn(tmp_path, Progress())


def checkpoint(path: Path, seed: int, convs: int = 5) -> None:
    torch.manual_seed(seed)
    state = {}
    for number in range(2 * convs - 1):
        name = f"body.{number}"
        if number % 2:
            state[f"{name}.weight"] = torch.rand(8) / 2
        else:
            shape = (48 if number == 2 * convs - 2 else 8, 3 if number == 0 else 8, 3, 3)
            state[f"{name}.weight"], state[f"{name}.bias"] = torch.randn(shape) * 0.1, torch.randn(shape[0]) * 0.1
    torch.save({"params": state}, path)


def test_the_general_network_comes_in_three_strengths(tmp_path: Path) -> None:
    checkpoint(tmp_path / upscaler.GENERAL, 0)
    checkpoint(tmp_path / upscaler.MILD, 1)
    upscaler.export_general(tmp_path, Progress())
    card = upscaler_card.read(tmp_path)
    assert card.scale == 4 and [card.file_for(each) for each in (0.1, 0.5, 0.6, 1.0)] == [
        "upscaler-0.onnx",
        "upscaler.onnx",
        "upscaler.onnx",
        "upscaler-1.onnx",
    ]
    image = upscaler.picture(1, 20, 20)
    made = [open_session(tmp_path / name, device="cpu").run({"image": image})[0] for name in card.denoise.values()]
    assert np.abs(made[0] - made[2]).max() > 0.01 and np.abs(made[0] - made[1]).max() > 0.01


def test_checkpoints_of_other_networks_are_refused(tmp_path: Path) -> None:
    checkpoint(tmp_path / upscaler.GENERAL, 0)
    for wrong in ({"params": {"conv_first.weight": torch.zeros(3)}}, {"params": {"body.0.weight": torch.zeros(3)}}, [1, 2]):
        torch.save(wrong, tmp_path / upscaler.MILD)
        with pytest.raises(UserError, match=r"not a compact Real-ESRGAN|no weights by name"):
            upscaler.export_general(tmp_path, Progress())
    checkpoint(tmp_path / upscaler.MILD, 0, convs=4)
    with pytest.raises(UserError, match="not of one kind"):
        upscaler.export_general(tmp_path, Progress())
    assert not list(tmp_path.glob("*.onnx"))
