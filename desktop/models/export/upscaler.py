"""Upscalers of pictures: networks published for ncnn or torch in, checked ONNX out.

The written network is compared with torch's own computation of the architecture on pictures of several sizes; one that differs is
deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models import upscaler_card
from desktop.models.export import srvgg, upscaler_nets
from desktop.models.export.ncnn import layers as ncnn_layers
from desktop.models.export.ncnn import onnx
from desktop.models.export.ncnn import weights as ncnn_weights
from desktop.models.export.ncnn.layers import Layer
from desktop.models.export.ncnn.weights import Floats, Weights
from desktop.models.export.upscaler_nets import Family
from desktop.models.upscaler_card import UpscalerCard

EXPORTED = "upscaler.onnx"
GENERAL, MILD = "realesr-general-x4v3.pth", "realesr-general-wdn-x4v3.pth"
DENOISE = {0.0: "upscaler-0.onnx", 0.5: EXPORTED, 1.0: "upscaler-1.onnx"}
TOLERANCE = 1e-4
SHAPES = ((1, 16, 16), (2, 37, 24), (1, 5, 61))
# ONNX Runtime takes more than what is alive between layers; so many times as much was measured on its CPU build.
_OVERHEAD = {Family.SRVGG: 1.75, Family.RRDB: 1.4, Family.SPAN: 1.75}
_FLOAT_BYTES = 4
# ESRGAN sees 94 (6 blocks) or 349 pixels (23) to each side. Behind 64 of them nothing changes a value by more than 0.004.
_ENOUGH = {Family.RRDB: 64}


def export_ncnn(folder: Path, progress: Progress) -> None:
    """Write ``upscaler.onnx`` and its card from the only .param and .bin file in ``folder``.

    Raises:
        UserError: one is missing, they are damaged or do not belong together, the architecture is unknown, or the written network
            computes something else.
    """
    progress.at(0.0, "Converting the upscaler")
    param, binary = (_only(folder, suffix) for suffix in (".param", ".bin"))
    try:
        layers = ncnn_layers.read(param)
        weights = ncnn_weights.read(binary, layers)
        card = convert(folder / EXPORTED, layers, weights, {"source": binary.name, "changes": "converted to ONNX"}, progress)
    except UserError as error:
        raise error if error.path else UserError(error.message, path=binary, remedy=error.remedy) from error
    upscaler_card.write(folder, card)
    progress.at(1.0)


def export_general(folder: Path, progress: Progress) -> None:
    """Write ``upscaler.onnx``, two more that remove less and more noise, and their card, from Real-ESRGAN's general networks.

    One was trained to remove noise and one to leave it; between them lies the mean of their weights, as their authors use them.

    Raises:
        UserError: the files are not those networks, or a written network computes something else.
    """
    progress.at(0.0, "Converting the upscaler")
    removes, leaves = (srvgg.read(folder / name) for name in (GENERAL, MILD))
    if [layer.name for layer in removes[0]] != [layer.name for layer in leaves[0]]:
        raise UserError("The two networks are not of one kind", path=folder / MILD)
    cards = {}
    for number, (strength, file) in enumerate(DENOISE.items()):
        weights = srvgg.mixed(removes[1], leaves[1], strength)
        notes = {"source": f"{GENERAL}, {MILD}", "changes": f"converted to ONNX, denoise {strength:g}"}
        part = progress.part(number / len(DENOISE), (number + 1) / len(DENOISE))
        cards[strength] = convert(folder / file, removes[0], weights, notes, part)
    upscaler_card.write(folder, msgspec.structs.replace(cards[0.5], denoise=DENOISE))
    progress.at(1.0)


def convert(path: Path, layers: Sequence[Layer], weights: Weights, notes: dict[str, str], progress: Progress) -> UpscalerCard:
    """Write and prove a network; its card."""
    net = upscaler_nets.recognise(layers, weights)
    facts = onnx.write(path, layers, weights, notes)
    try:
        _prove(path, net, facts.scale, progress)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return UpscalerCard(
        file=path.name,
        family=net.family.value,
        scale=facts.scale,
        reach=facts.reach,
        margin=min(facts.reach, _ENOUGH.get(net.family, facts.reach)),
        bytes_per_pixel=facts.live * _FLOAT_BYTES * _OVERHEAD[net.family],
    )


def _only(folder: Path, suffix: str) -> Path:
    found = sorted(path for path in folder.iterdir() if path.suffix == suffix and path.is_file())
    if len(found) != 1:
        raise UserError(f"There are {len(found)} {suffix} files where one is expected", path=folder)
    return found[0]


def _prove(path: Path, net: upscaler_nets.Net, scale: int, progress: Progress) -> None:
    """Compare with torch on pictures of several sizes, some at once."""
    from desktop.models.session import open_session

    session = open_session(path, device="cpu")
    for number, (count, height, width) in enumerate(SHAPES):
        progress.at(0.2 + 0.8 * number / len(SHAPES), "Comparing the converted network with the original")
        image = picture(count, height, width)
        [found] = session.run({onnx.IMAGE: image}, [onnx.UPSCALED])
        try:
            wanted = upscaler_nets.run(net, image)
        except (RuntimeError, ValueError, IndexError) as error:
            raise UserError(f"The network's weights do not fit its architecture ({net.family})", path=path) from error
        if found.shape != wanted.shape or found.shape[2:] != (height * scale, width * scale):
            raise UserError(f"The converted network gives pictures of {found.shape}, the original {wanted.shape}", path=path)
        worst = float(np.abs(found - wanted).max())
        if not worst <= TOLERANCE * max(1.0, float(np.abs(wanted).max())):
            raise UserError(f"The converted network differs from the original by {worst:.2g}", path=path)


def picture(count: int, height: int, width: int) -> Floats:
    """Something like pictures, [count, 3, height, width]: waves and a little noise. White noise drives some networks wild."""
    random = np.random.default_rng(height * 1000 + width)
    y, x = np.mgrid[:height, :width]
    waves = random.uniform(0.05, 0.6, (count, 3, 2, 1, 1))
    image = (
        0.5 + 0.35 * np.sin(waves[:, :, 0] * y) * np.cos(waves[:, :, 1] * x) + random.normal(0, 0.02, (count, 3, height, width))
    )
    result: Floats = image.clip(0, 1).astype(np.float32)
    return result
