"""From pictures to frames for an encoder: the same samples, or the same detail in a wider format."""

from __future__ import annotations

from typing import Any

import av
import numpy as np
import numpy.typing as npt

from desktop.video.media.formats import Format
from desktop.video.media.picture import Picture

Array = npt.NDArray[Any]
_SPACES = {"bt709": "ITU709", "bt601": "ITU601", "smpte240m": "SMPTE240M", "fcc": "FCC", "bt2020nc": "BT2020"}


def frame_of(picture: Picture, form: Format, pixel_format: str) -> Any:
    """The picture as a frame.

    Args:
        form: the format to have: the picture's own, or what ``encoders.output_format`` gave for it. Where that is wider in every
            respect, the samples can be had back from it exactly; where not, ffmpeg's scaler converts.
        pixel_format: how the encoder wants the planes of ``form`` packed.
    """
    planes, own = picture.planes, picture.format
    if own.name != form.name and _widens(own, form):
        planes, own = _widened(planes, own, form), form
    if own.name == form.name and pixel_format == "rgb24":
        green, blue, red = planes
        return av.VideoFrame.from_ndarray(np.dstack([red, green, blue]), "rgb24")
    frame = _filled(planes, own, picture.width, picture.height)
    if own.name == form.name == pixel_format:
        return frame
    space = _SPACES[own.matrix]
    ranges = {"src_color_range": _range(own), "dst_color_range": _range(form)}
    if pixel_format != form.name and own.name == form.name:
        return frame.reformat(format=pixel_format)
    return frame.reformat(format=pixel_format, src_colorspace=space, dst_colorspace=space, interpolation="BICUBIC", **ranges)


def _range(form: Format) -> str:
    return "JPEG" if form.full_range else "MPEG"


def _filled(planes: tuple[Array, ...], form: Format, width: int, height: int) -> Any:
    frame = av.VideoFrame(width, height, form.name)
    for plane, samples in zip(frame.planes, planes, strict=True):
        item = samples.dtype.itemsize
        target = np.frombuffer(plane, samples.dtype).reshape(-1, plane.line_size // item)
        target[: samples.shape[0], : samples.shape[1]] = samples
    return frame


def _widens(form: Format, other: Format) -> bool:
    same = form.kind == other.kind or (form.kind == "gray" and other.kind == "yuv")
    chroma = form.kind == "gray" or (other.shift_x <= form.shift_x and other.shift_y <= form.shift_y)
    return same and chroma and other.bits >= form.bits and other.full_range == form.full_range


def _widened(planes: tuple[Array, ...], form: Format, other: Format) -> tuple[Array, ...]:
    rows, columns = other.plane_shape(1, planes[0].shape[1], planes[0].shape[0])
    if form.kind == "gray" and other.kind == "yuv":
        planes = (planes[0], *(np.full((rows, columns), 1 << (form.bits - 1), planes[0].dtype) for _ in range(2)))
    elif form.kind == "yuv":
        across, down = form.shift_x - other.shift_x, form.shift_y - other.shift_y
        planes = (planes[0], *(_stretched(plane, across, down, form.siting == "left")[:rows, :columns] for plane in planes[1:]))
    return tuple(_deepened(plane, form, other) for plane in planes)


def _stretched(plane: Array, across: int, down: int, between: bool) -> Array:
    """Twice as many chroma samples, ``across`` and ``down`` times over; every old one stays as it is."""
    for _ in range(down):
        plane = np.repeat(plane, 2, axis=0)
    for _ in range(across):
        wide = np.repeat(plane, 2, axis=1)
        if between:
            # The new samples lie half way to the next old one.
            wide[:, 1:-1:2] = (plane[:, :-1].astype(np.uint32) + plane[:, 1:] + 1) >> 1
        plane = wide
    return plane


def _deepened(plane: Array, form: Format, other: Format) -> Array:
    extra = other.bits - form.bits
    if extra == 0:
        return plane
    deep = plane.astype(np.uint16) << extra
    # White stays white where it is the highest number.
    return deep | (plane.astype(np.uint16) >> (form.bits - extra)) if form.full_range else deep
