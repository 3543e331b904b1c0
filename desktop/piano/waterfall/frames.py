"""Pictures of the renderer as frames for an encoder."""

from __future__ import annotations

from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from desktop.piano.waterfall.containers import Kind
from desktop.piano.waterfall.renderer import Renderer
from desktop.piano.waterfall.surface import Bytes

_BT709 = 1
_LIMITED = 1


def draw_frame(renderer: Renderer, second: float, kind: Kind) -> Any:
    """The picture at a second as an ``av.VideoFrame`` in the kind's pixel format."""
    frame = _seen_through(renderer, second, kind) if kind.alpha else _opaque(renderer, second)
    frame.colorspace, frame.color_range = _BT709, _LIMITED
    frame.color_primaries, frame.color_trc = _BT709, _BT709
    return frame


def _opaque(renderer: Renderer, second: float) -> Any:
    """Drawn straight into the frame's memory."""
    frame = av.VideoFrame(renderer.width, renderer.height, "yuv420p")
    planes = tuple(
        np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width] for plane in frame.planes
    )
    renderer.draw(second, planes)
    return frame


def _seen_through(renderer: Renderer, second: float, kind: Kind) -> Any:
    drawn = renderer.frame(second)
    divide(drawn)
    frame = av.VideoFrame.from_ndarray(drawn, format="bgra")
    return frame.reformat(
        format=kind.pixels,
        src_colorspace=Colorspace.ITU709,
        dst_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
    )


def divide(drawn: Bytes) -> None:
    """Divide colours by opacity in place, as video editors expect them; [h, w, 4] with opacity last."""
    flat = drawn.reshape(-1, 4)
    alpha = flat[:, 3]
    soft = np.flatnonzero((alpha > 0) & (alpha < 255))
    part = flat[soft].astype(np.uint16)
    part[:, :3] = np.minimum(255, (part[:, :3] * 255 + part[:, 3:] // 2) // part[:, 3:])
    flat[soft] = part.astype(np.uint8)
