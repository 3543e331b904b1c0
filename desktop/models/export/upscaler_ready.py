"""Upscalers that the user brings: converted, or, when they are ONNX already, tried out for what their card must say."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models import headroom, upscaler_card
from desktop.models.export import srvgg, upscaler
from desktop.models.export.ncnn.weights import Floats
from desktop.models.upscaler_card import UpscalerCard

_MAX_BYTES = 1 << 30
_LARGEST_SCALE = 16
# Odd sizes, so that a network that wants multiples of something shows it.
_SIZES = ((24, 40), (33, 27))
_MARGINS, _CORE = (4, 8, 12, 16, 24, 32, 48, 64), 16
# Differences behind a margin that nobody sees, and those that are rounding alone.
_UNSEEN, _NOTHING = 1e-3, 1e-5
_SLACK, _HEAVY_BYTES = 1.15, 16_384.0
_REMEDY = (
    "It must take RGB pictures of any size, [batch, 3, height, width], 0 to 1, and give them a whole number of times larger."
)


def prepare(source: Path, folder: Path, progress: Progress) -> UpscalerCard:
    """Make an upscaler in ``folder`` from what the user has; its card.

    Args:
        source: an ONNX file; a .param or .bin file with its other half beside it; a .pth file of Real-ESRGAN's compact networks;
            or a folder with one of these.

    Raises:
        UserError: nothing of that kind, or a network that cannot be used or proven.
    """
    file = source if source.is_file() else _find(source)
    if file.stat().st_size > _MAX_BYTES:
        raise UserError("This file is too large for an upscaler", path=file)
    if file.suffix == ".onnx":
        return _adopt(file, folder, progress)
    if file.suffix == ".pth":
        layers, weights = srvgg.read(file)
        card = upscaler.convert(folder / upscaler.EXPORTED, layers, weights, {"source": file.name}, progress)
        upscaler_card.write(folder, card)
        return card
    for suffix in (".param", ".bin"):
        half = file.with_suffix(suffix)
        if not half.is_file():
            raise UserError(f"{half.name}, the network's other half, is missing", path=half)
        shutil.copyfile(half, folder / half.name)
    upscaler.export_ncnn(folder, progress)
    return upscaler_card.read(folder)


def _find(folder: Path) -> Path:
    if not folder.is_dir():
        raise UserError("There is no such file or folder", path=folder)
    for suffix in (".onnx", ".param", ".pth"):
        found = sorted(path for path in folder.iterdir() if path.suffix == suffix and path.is_file())
        if len(found) > 1:
            raise UserError(f"There are {len(found)} {suffix} files; choose one", path=folder)
        if found:
            return found[0]
    raise UserError("There is no .onnx, .param or .pth file in this folder", path=folder)


def _adopt(file: Path, folder: Path, progress: Progress) -> UpscalerCard:
    """Copy an ONNX file and try it out."""
    from desktop.models.session import open_session

    progress.at(0.0, "Trying the upscaler")
    path = folder / upscaler.EXPORTED
    shutil.copyfile(file, path)
    try:
        session = open_session(path, device="cpu")
        ports = (*session.inputs, *session.outputs)
        if len(ports) != 2 or any(port.type != "tensor(float)" or len(port.shape) != 4 for port in ports):
            kinds = ", ".join(f"{port.name}: {port.type} {list(port.shape)}" for port in ports)
            raise UserError(f"This network is no upscaler that Reprise can use ({kinds})", path=file, remedy=_REMEDY)
        image, upscaled = (port.name for port in ports)

        def run(picture: Floats) -> Floats:
            try:
                [made] = session.run({image: picture}, [upscaled])
            except (ValueError, UserError) as error:
                size = "×".join(map(str, picture.shape))
                raise UserError(f"This network does not take pictures of {size}: {error}", path=file, remedy=_REMEDY) from error
            result: Floats = made
            return result

        scale = _scale(run, file)
        progress.at(0.3)
        need = _need(run)
        progress.at(0.5, "Looking how far the upscaler sees")
        reach, margin = _reach(run, scale)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    card = UpscalerCard(
        file=path.name,
        image=image,
        upscaled=upscaled,
        family="ready",
        scale=scale,
        reach=reach,
        margin=margin,
        bytes_per_pixel=need,
    )
    upscaler_card.write(folder, card)
    progress.at(1.0)
    return card


def _scale(run: Callable[[Floats], Floats], file: Path) -> int:
    """How much larger results are; the results must look like their pictures."""
    scales: set[int] = set()
    for height, width in _SIZES:
        picture = upscaler.picture(1, height, width)
        made = run(picture)
        scale = int(made.shape[-1]) // width
        if made.shape != (1, 3, height * scale, width * scale) or not 1 <= scale <= _LARGEST_SCALE:
            raise UserError(f"This network makes {list(made.shape)} of {list(picture.shape)}", path=file, remedy=_REMEDY)
        scales.add(scale)
        reduced = made.reshape(1, 3, height, scale, width, scale).mean(axis=(3, 5))
        if not float(np.abs(reduced - picture).mean()) < 0.15:
            raise UserError("What this network gives does not look like the picture it was given", path=file, remedy=_REMEDY)
    if len(scales) != 1:
        raise UserError("This network enlarges pictures of different sizes differently", path=file, remedy=_REMEDY)
    return scales.pop()


def _need(run: Callable[[Floats], Floats]) -> float:
    """Bytes of memory for each pixel, measured where the system tells; the network ran on small pictures only before."""
    side = 160
    before = headroom.taken_bytes()
    run(upscaler.picture(1, side, side))
    after = headroom.taken_bytes()
    if before is None or after is None:
        return _HEAVY_BYTES
    # What the system shows as taken may have been free for reuse before; no network of use needs less than this.
    return max(512.0, (after - before) / side**2 * _SLACK)


def _reach(run: Callable[[Floats], Floats], scale: int) -> tuple[int, int]:
    """(pixels that decide, pixels that matter) to each side: the first is only known to be more where no margin was enough."""
    most = _MARGINS[-1]
    side = 2 * (most + 16) + _CORE
    picture = upscaler.picture(1, side, side)

    def core(margin: int) -> Floats:
        first, last = side // 2 - _CORE // 2 - margin, side // 2 + _CORE // 2 + margin
        made = run(np.ascontiguousarray(picture[:, :, first:last, first:last]))
        return made[:, :, margin * scale : (margin + _CORE) * scale, margin * scale : (margin + _CORE) * scale]

    truth = core((side - _CORE) // 2)
    errors = [float(np.abs(core(margin) - truth).max()) for margin in _MARGINS]
    margin = next((margin for margin, error in zip(_MARGINS, errors, strict=True) if error <= _UNSEEN), most)
    exact = errors[_MARGINS.index(margin)] <= _NOTHING
    return (margin if exact else margin + 1), margin
