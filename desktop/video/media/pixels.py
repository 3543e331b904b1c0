"""Between planes and RGB: the arithmetic of luma, colour difference, range and chroma places.

All of it works on boxes, so a face costs what the face's box costs. Coefficients: ITU-R BT.601, BT.709, BT.2020 (non-constant
luminance), SMPTE 240M, FCC Title 47; code values of full and limited range: BT.601 and BT.2100 for any number of bits. Transfer
curves are left alone: RGB here is the stream's own R'G'B'.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from desktop.video.media.formats import Format

Array = npt.NDArray[Any]
Planes = tuple[Array, ...]
Box = tuple[int, int, int, int]

# Shares of red and blue in luma.
_SHARES = {
    "bt601": (0.299, 0.114),
    "bt709": (0.2126, 0.0722),
    "bt2020nc": (0.2627, 0.0593),
    "smpte240m": (0.212, 0.087),
    "fcc": (0.30, 0.11),
}
_STRIP = 256


def to_rgb(planes: Planes, form: Format, box: Box, size: tuple[int, int] | None = None) -> npt.NDArray[np.uint8]:
    """The pixels of ``box`` (x0, y0, x1, y1) as uint8 RGB; chroma between its samples is interpolated linearly.

    With ``size`` (width, height; no larger than the box) they are averaged over areas first, plane by plane.
    """
    x0, y0, x1, y1 = box
    size = size or (x1 - x0, y1 - y0)
    if form.kind == "gray":
        return _gray_rgb(_resized(planes[0][y0:y1, x0:x1], *size), form)
    if form.kind == "rgb":
        green, blue, red = (_resized(plane[y0:y1, x0:x1], *size) for plane in planes)
        return to_bytes(cv2.merge([red, green, blue]), form.bits)
    channels = [_resized(planes[0][y0:y1, x0:x1], *size), *(_chroma_at(plane, form, box, size) for plane in planes[1:])]
    return _yuv_rgb(cv2.merge(channels), form)


def small_rgb(planes: Planes, form: Format, width: int, height: int) -> npt.NDArray[np.uint8]:
    """The whole picture as uint8 RGB [height, width, 3]: every plane is reduced by area before it is converted."""
    reduced = [_resized(plane, width, height) for plane in planes]
    if form.kind == "gray":
        return _gray_rgb(reduced[0], form)
    if form.kind == "rgb":
        return to_bytes(cv2.merge([reduced[2], reduced[0], reduced[1]]), form.bits)
    return _yuv_rgb(cv2.merge(reduced), form)


def blend(planes: Planes, form: Format, rgb: npt.NDArray[np.float32], mask: npt.NDArray[np.float32], box: Box) -> None:
    """Mix ``rgb`` (float32 0..1) into the writable ``planes`` by ``mask`` (float32 0..1).

    Samples change where their mask is above 0; a chroma sample, where a pixel of its block is, by the mask's average about it.
    """
    x0, y0, x1, y1 = box
    values = cv2.split(cv2.transform(rgb, from_rgb_matrix(form)))
    full = form.planes if form.shift_x == form.shift_y == 0 else 1
    for number in range(full):
        target = planes[number][y0:y1, x0:x1]
        _add(target, _masked(cv2.subtract(values[number], target, dtype=cv2.CV_32F), mask))
    if full < form.planes:
        _blend_chroma(planes, form, values[1:], mask, box)


def from_rgb(rgb: npt.NDArray[np.uint8], form: Format) -> Planes:
    """Planes in the format ``form`` of a whole picture given as uint8 RGB [h, w, 3]; in strips, to need little memory."""
    if form.bits == 8 and form.kind == "yuv":
        return _yuv_bytes(rgb, form)
    height, width = rgb.shape[:2]
    planes = tuple(np.empty(form.plane_shape(number, width, height), form.dtype) for number in range(form.planes))
    mask = np.ones((min(_STRIP, height), width), np.float32)
    for top in range(0, height, _STRIP):
        bottom = min(top + _STRIP, height)
        part = rgb[top:bottom].astype(np.float32) / np.float32(255)
        rows = [slice(top, bottom), *([slice(top >> form.shift_y, -(-bottom >> form.shift_y))] * (form.planes - 1))]
        views = tuple(plane[slice_] for plane, slice_ in zip(planes, rows, strict=True))
        blend(views, form, part, mask[: bottom - top], (0, 0, width, bottom - top))
    return planes


def fill_columns(plane: Array, form: Format, width: int) -> Array:
    """A chroma plane with a sample for each of ``width`` columns of luma; the samples that were there stay where they lie."""
    return _warped(plane, (1 / (1 << form.shift_x), _place_x(form)), (1.0, 0.0), (width, plane.shape[0]))


def to_bytes(samples: Array, bits: int) -> npt.NDArray[np.uint8]:
    """Full-range samples of ``bits`` bits, rounded to 8."""
    if samples.dtype == np.uint8:
        return samples
    return np.asarray(cv2.convertScaleAbs(samples, alpha=255.0 / ((1 << bits) - 1)))


@lru_cache(maxsize=64)
def from_rgb_matrix(form: Format) -> npt.NDArray[np.float32]:
    """float32 [planes, 4]: from R, G, B of 0..1 and 1 to the code values of the planes, in their order."""
    top = float((1 << form.bits) - 1)
    if form.kind == "rgb":
        return np.array([[0, top, 0, 0], [0, 0, top, 0], [top, 0, 0, 0]], np.float32)
    red, blue = _SHARES[form.matrix]
    luma = np.array([red, 1 - red - blue, blue])
    unit = np.stack([luma, (np.array([0, 0, 1]) - luma) / (2 - 2 * blue), (np.array([1, 0, 0]) - luma) / (2 - 2 * red)])
    scale, offset = _code_values(form)
    return np.hstack([unit * scale[:, None], offset[:, None]])[: form.planes].astype(np.float32)


@lru_cache(maxsize=64)
def _to_rgb_matrix(form: Format) -> npt.NDArray[np.float32]:
    """float32 [3, 4]: from code values and 1 to R, G, B of 0..255 for 8-bit planes, 0..65535 for deeper ones."""
    forward = from_rgb_matrix(form).astype(np.float64)
    inverse = np.linalg.inv(forward[:, :3])
    top = 255.0 if form.bits == 8 else 65535.0
    return (np.hstack([inverse, -inverse @ forward[:, 3:]]) * top).astype(np.float32)


def _code_values(form: Format) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Scale and offset of luma 0..1 and colour differences -0.5..0.5."""
    if form.full_range:
        top = float((1 << form.bits) - 1)
        return np.array([top, top, top]), np.array([0.0, 1 << (form.bits - 1), 1 << (form.bits - 1)])
    unit = float(1 << (form.bits - 8))
    return np.array([219, 224, 224]) * unit, np.array([16, 128, 128]) * unit


def _yuv_bytes(rgb: npt.NDArray[np.uint8], form: Format) -> Planes:
    """``from_rgb`` for the common formats, in integers throughout."""
    matrix = from_rgb_matrix(form) / np.array([255, 255, 255, 1], np.float32)
    luma, *chroma = cv2.split(cv2.transform(rgb, matrix))
    across, down = 1 << form.shift_x, 1 << form.shift_y
    height, width = luma.shape
    planes = [np.asarray(luma)]
    for plane in chroma:
        if form.siting == "left" and across > 1:
            # A triangle about each sample's place, which is that of the first pixel in its block.
            weights = (across - np.abs(np.arange(1 - across, across))).astype(np.float32) / across**2
            plane = cv2.sepFilter2D(plane, -1, weights, np.ones(1, np.float32), borderType=cv2.BORDER_REPLICATE)[:, ::across]
        elif across > 1:
            plane = cv2.copyMakeBorder(plane, 0, 0, 0, -width % across, cv2.BORDER_REPLICATE)
        plane = cv2.copyMakeBorder(plane, 0, -height % down, 0, 0, cv2.BORDER_REPLICATE)
        rows, columns = form.plane_shape(1, width, height)
        planes.append(np.ascontiguousarray(_resized(plane, columns, rows)))
    return tuple(planes)


def _yuv_rgb(samples: Array, form: Format) -> npt.NDArray[np.uint8]:
    return to_bytes(np.asarray(cv2.transform(samples, _to_rgb_matrix(form))), 16)


def _gray_rgb(samples: Array, form: Format) -> npt.NDArray[np.uint8]:
    scale, offset = _code_values(form)
    stretched = np.rint((samples.astype(np.float32) - offset[0]) * (255.0 / scale[0]))
    return np.repeat(np.clip(stretched, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def _resized(plane: Array, width: int, height: int) -> Array:
    if plane.shape == (height, width):
        return plane
    shrinks = plane.shape[0] >= height and plane.shape[1] >= width
    return np.asarray(cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR))


def _chroma_at(plane: Array, form: Format, box: Box, size: tuple[int, int]) -> Array:
    """The chroma of every pixel of the box reduced to ``size``, linearly between the samples at their places."""
    x0, y0, x1, y1 = box
    if form.shift_x == form.shift_y == 0:
        return _resized(plane[y0:y1, x0:x1], *size)
    across, down = 1 << form.shift_x, 1 << form.shift_y
    # One sample more on each side than the box covers, where there is one.
    left, top = max(0, (x0 >> form.shift_x) - 1), max(0, (y0 >> form.shift_y) - 1)
    part = plane[top : (y1 >> form.shift_y) + 2, left : (x1 >> form.shift_x) + 2]
    # Pixels of the box that one pixel of the result covers.
    step_x, step_y = (x1 - x0) / size[0], (y1 - y0) / size[1]
    horizontal = step_x / across, (x0 + step_x / 2 - 0.5) / across + _place_x(form) - left
    vertical = step_y / down, (y0 + step_y / 2 - 0.5) / down + (1 - down) / 2 / down - top
    times = max(1, round(horizontal[0])), max(1, round(vertical[0]))
    if times != (1, 1):
        part = _whole_blocks(part, *times)
        horizontal, vertical = (
            (scale / count, (offset - (count - 1) / 2) / count)
            for (scale, offset), count in zip((horizontal, vertical), times, strict=True)
        )
    return _warped(part, horizontal, vertical, size)


def _whole_blocks(plane: Array, across: int, down: int) -> Array:
    """Means over blocks of that many samples; the last ones repeat the edge."""
    plane = np.asarray(cv2.copyMakeBorder(plane, 0, -plane.shape[0] % down, 0, -plane.shape[1] % across, cv2.BORDER_REPLICATE))
    return _resized(plane, plane.shape[1] // across, plane.shape[0] // down)


def _place_x(form: Format) -> float:
    """Where the pixel in column 0 lies among chroma samples, across."""
    across = 1 << form.shift_x
    return 0.0 if form.siting == "left" else (1 - across) / 2 / across


def _warped(plane: Array, horizontal: tuple[float, float], vertical: tuple[float, float], size: tuple[int, int]) -> Array:
    """Samples of ``plane`` at scale * place + offset, linearly interpolated; its edges go on for ever."""
    matrix = np.array([[horizontal[0], 0, horizontal[1]], [0, vertical[0], vertical[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(plane, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE))


def _blend_chroma(planes: Planes, form: Format, values: Sequence[Array], mask: Array, box: Box) -> None:
    height, width = planes[0].shape
    padded, aligned = _pad_to_blocks(mask, form, box, (width, height))
    share, blocks = _average(padded, form)
    touched = blocks > 0
    columns = slice(aligned[0] >> form.shift_x, (aligned[0] >> form.shift_x) + share.shape[1])
    rows = slice(aligned[1] >> form.shift_y, (aligned[1] >> form.shift_y) + share.shape[0])
    for plane, value in zip(planes[1:], values, strict=True):
        target = plane[rows, columns]
        new, _ = _average(_pad_to_blocks(_masked(value, mask), form, box, (width, height))[0], form)
        new -= np.asarray(cv2.multiply(share, target, dtype=cv2.CV_32F))
        new *= touched
        _add(target, new)


def _pad_to_blocks(values: Array, form: Format, box: Box, size: tuple[int, int]) -> tuple[Array, tuple[int, int]]:
    """``values`` [h, w] of the box, widened to whole chroma blocks and, for samples at the left, by one block more.

    What is outside the box counts as 0; what is outside the picture repeats its edge. Returns the values and where they begin.
    """
    (x0, y0, x1, y1), (width, height) = box, size
    across, down = 1 << form.shift_x, 1 << form.shift_y
    margin = _margin(form)
    left, top = (x0 >> form.shift_x << form.shift_x) - margin, y0 >> form.shift_y << form.shift_y
    right, bottom = -(-x1 // across) * across, -(-y1 // down) * down
    inside = (y0 - top, min(bottom, height) - y1, x0 - max(left, 0), min(right, width) - x1)
    if any(inside):
        values = np.asarray(cv2.copyMakeBorder(values, *inside, cv2.BORDER_CONSTANT, value=0))
    beyond = (0, max(0, bottom - height), max(0, -left), max(0, right - width))
    if any(beyond):
        values = np.asarray(cv2.copyMakeBorder(values, *beyond, cv2.BORDER_REPLICATE))
    return values, (left + margin, top)


def _margin(form: Format) -> int:
    """Pixels left of a block that its samples depend on, in whole blocks."""
    return 1 << form.shift_x if form.siting == "left" and form.shift_x else 0


def _average(values: Array, form: Format) -> tuple[Array, Array]:
    """Average about each chroma sample, and over its block."""
    across, down, margin = 1 << form.shift_x, 1 << form.shift_y, _margin(form)
    height, width = values.shape
    size = (width - margin) // across, height // down
    block = np.asarray(cv2.resize(values[:, margin:], size, interpolation=cv2.INTER_AREA))
    if not margin:
        return block, block
    # A triangle about the block's first pixel is the mean of as many blocks, each a pixel further to the left.
    total = block.copy()
    for offset in range(1, across):
        total += np.asarray(cv2.resize(values[:, margin - offset : width - offset], size, interpolation=cv2.INTER_AREA))
    total *= np.float32(1 / across)
    return total, block


def _masked(values: Array, mask: Array) -> Array:
    """``values * mask``, 0 where the mask is 0 and the value is none."""
    product = np.asarray(cv2.multiply(values, mask))
    cv2.patchNaNs(product, 0)
    return product


def _add(target: Array, change: Array) -> None:
    """Change integer samples, in place; nothing where the change is 0."""
    target[...] = cv2.add(target, change, dtype=cv2.CV_8U if target.dtype == np.uint8 else cv2.CV_16U)
