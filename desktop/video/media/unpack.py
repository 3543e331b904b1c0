"""From decoded frames to planes: views of the decoder's memory wherever its format is one of ours."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from desktop.video.media.clip import VideoFacts
from desktop.video.media.formats import LAYOUTS, Format, choose_matrix, make_format

Planes = tuple[npt.NDArray[Any], ...]

_PLANAR = re.compile(r"^(?:yuv(?P<j>[aj]?)(?P<layout>4\d\d)p|(?P<gray>gray)|(?P<gbr>gbra?p))(?P<bits>9|1[0246])?(?:le)?$")
_CENTERED = frozenset({"mpeg1video", "mjpeg", "mjpegb", "h261", "h263", "flv1", "theora", "svq1", "svq3"})


def chroma_place(codec: str) -> str:
    """Where a codec's chroma samples lie: "left" or "center" (``Format.siting``)."""
    return "center" if codec in _CENTERED else "left"


def format_of(video: VideoFacts) -> Format:
    """The format in which a stream's pictures are worked on: its own, or the nearest planar one that holds all but alpha."""
    layout, bits = _planar(video.pixel_format) or _nearest(video.pixel_format)
    matrix = choose_matrix(video.matrix, video.width, video.height)
    full = video.color_range == "pc" or (layout == "gray" and not video.color_range)
    return make_format(layout, bits, full_range=full, matrix=matrix, siting=video.chroma)


def same_kind(frame: Any, form: Format, width: int, height: int) -> Any:
    """The frame itself when its planes are of the format ``form`` and the size given, else a converted one."""
    planar = _planar(frame.format.name)
    fits = planar is not None and make_format(*planar, full_range=form.full_range, matrix=form.matrix).name == form.name
    if fits and (frame.width, frame.height) == (width, height):
        return frame
    return frame.reformat(width=width, height=height, format=form.name, interpolation="BICUBIC")


def planes_of(frame: Any, form: Format, width: int, height: int) -> Planes:
    """Read-only planes of a frame in the format ``form`` and the size given; the frame's own memory where they fit."""
    frame = same_kind(frame, form, width, height)
    if any(plane.line_size < 0 for plane in frame.planes):
        frame = _upright(frame)
    return tuple(_view(frame.planes[number], form, number, width, height) for number in range(form.planes))


def _view(plane: Any, form: Format, number: int, width: int, height: int) -> npt.NDArray[Any]:
    rows, columns = form.plane_shape(number, width, height)
    dtype = np.dtype(form.dtype)
    stride = plane.line_size // dtype.itemsize
    view = np.frombuffer(plane, dtype)[: rows * stride].reshape(rows, stride)[:, :columns]
    view.flags.writeable = False
    return view


def _planar(name: str) -> tuple[str, int] | None:
    match = _PLANAR.match(name)
    if match is None or (match["layout"] and match["layout"] not in LAYOUTS):
        return None
    return match["layout"] or ("gray" if match["gray"] else "gbr"), int(match["bits"] or 8)


def _nearest(name: str) -> tuple[str, int]:
    form = av.VideoFormat(name, 16, 16)
    bits = 8 if form.has_palette else min(16, max(component.bits for component in form.components))
    if form.is_rgb or form.has_palette or form.is_bayer or name.startswith("xyz"):
        return "gbr", bits
    if len(form.components) < 3:
        return "gray", max(8, bits)
    ratios = (16 // form.chroma_width(), 16 // form.chroma_height())
    return next((layout for layout, (x, y) in LAYOUTS.items() if (1 << x, 1 << y) == ratios), "444"), max(8, bits)


def _upright(frame: Any) -> Any:
    """The same frame with its rows in memory from top to bottom; some decoders store them the other way about."""
    graph = av.filter.Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 25))
    flips = graph.add("hflip"), graph.add("hflip")
    graph.link_nodes(source, *flips, graph.add("buffersink"))
    graph.configure()
    graph.vpush(frame)
    return graph.vpull()
