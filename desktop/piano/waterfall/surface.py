"""Pixels in the form that they leave in: planes for a video encoder, or one plane for the screen and for transparent video.

Everything is painted as *ink*: float32 [h, w, 4], red, green and blue already multiplied by opacity, 0..1 (more colour than
opacity adds light). A *sprite* is ink in a form's own numbers: ``plane += add - plane * hide``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Ink = npt.NDArray[np.float32]
Planes = tuple[Bytes, ...]

# ITU-R BT.709, limited range: rows are Y, Cb, Cr in 8-bit steps per unit of red, green, blue; then what opacity adds.
_R, _G, _B = 0.2126, 0.7152, 0.0722
_YUV = np.array(
    [
        [219 * _R, 219 * _G, 219 * _B, 16],
        [-224 * _R / 1.8556, -224 * _G / 1.8556, 112, 128],
        [112, -224 * _G / 1.5748, -224 * _B / 1.5748, 128],
    ],
    np.float32,
)


ROUNDING = np.float32(0.49)
"""In what a sprite adds, so that numbers are rounded, not cut, when they become bytes."""


@dataclass(frozen=True)
class Sprite:
    """Ink in a form's numbers: for each plane how much is hidden of what lies below (0..1), and what is added (0..255).

    ``clips``: whether a sum can leave 0..255.
    """

    hide: tuple[Ink, ...]
    add: tuple[Ink, ...]
    clips: tuple[bool, ...]


@dataclass(frozen=True)
class Wash:
    """Ink of one colour (0..1): ``opacity`` [h, w], of which what lies below is hidden by the share 1 - ``light`` only."""

    colour: tuple[float, float, float]
    opacity: Ink
    light: float = 0.0


def _sprite(hide: tuple[Ink, ...], add: tuple[Ink, ...], clips: bool | None = None) -> Sprite:
    over = tuple(
        bool(np.any(one < 0) or np.any(one > 255 * cover + 0.5)) if clips is None else clips
        for cover, one in zip(hide, add, strict=True)
    )
    for one in {id(one): one for one in add}.values():
        one += ROUNDING
    return Sprite(hide, add, over)


def _halved(field: Ink) -> Ink:
    """Means of squares of 2 x 2 pixels; [h, w, ...]."""
    half = field[::2, ::2] + field[1::2, ::2]
    half += field[::2, 1::2]
    half += field[1::2, 1::2]
    half *= np.float32(0.25)
    return half


class Screen:
    """One plane of blue, green, red and opacity: [h, w, 4] bytes, colours multiplied by opacity (QImage's ARGB32 and RGB32)."""

    unit = 1
    """Places and sizes are multiples of so many pixels."""

    def planes(self, height: int, width: int) -> Planes:
        """Black, opacity 0."""
        return (np.zeros((height, width, 4), np.uint8),)

    def sprite(self, ink: Ink | Wash) -> Sprite:
        """See ``Sprite``."""
        if isinstance(ink, Wash):
            hide = ink.opacity * np.float32(1 - ink.light)
            add = np.stack([*(np.float32(255 * c) * ink.opacity for c in reversed(ink.colour)), np.float32(255) * hide], axis=-1)
            return _sprite((np.repeat(hide[..., None], 4, axis=2),), (add,), ink.light > 0)
        add = np.empty(ink.shape, np.float32)
        for channel, source in enumerate((2, 1, 0, 3)):
            np.multiply(ink[..., source], np.float32(255), out=add[..., channel])
        return _sprite((np.repeat(ink[..., 3:], 4, axis=2),), (add,))

    def rows(self, plane: int, row: int) -> int:
        """The row of a plane where the picture's row ``row`` begins."""
        del plane
        return row

    def room(self, field: Planes) -> tuple[tuple[Bytes, Bytes], ...]:
        """Smallest and largest numbers, for each plane and channel, to which ``field`` can be added."""
        return tuple((np.zeros(4, np.uint8), 255 - plane.max(axis=(0, 1))) for plane in field)


class Video:
    """Y, Cb, Cr with halved chroma (yuv420p), ITU-R BT.709, limited range; places and sizes are even."""

    unit = 2

    def planes(self, height: int, width: int) -> Planes:
        """Black."""
        luma = np.full((height, width), 16, np.uint8)
        half = (height // 2, width // 2)
        return luma, np.full(half, 128, np.uint8), np.full(half, 128, np.uint8)

    def sprite(self, ink: Ink | Wash) -> Sprite:
        """See ``Sprite``; ``ink`` has even sizes."""
        if isinstance(ink, Wash):
            return self._washed(ink)
        small = _halved(ink)
        hide = np.ascontiguousarray(small[..., 3])
        add = ink @ _YUV[0], small @ _YUV[1], small @ _YUV[2]
        return _sprite((np.ascontiguousarray(ink[..., 3]), hide, hide), add)

    def _washed(self, wash: Wash) -> Sprite:
        small = _halved(wash.opacity)
        share = np.float32(1 - wash.light)
        # What one unit of opacity adds to each plane.
        gains = [np.float32(row[:3] @ np.array(wash.colour, np.float32) + row[3] * share) for row in _YUV]
        hide = small * share
        add = gains[0] * wash.opacity, gains[1] * small, gains[2] * small
        return _sprite((wash.opacity * share, hide, hide), add, wash.light > 0)

    def rows(self, plane: int, row: int) -> int:
        """The row of a plane where the picture's row ``row`` begins."""
        return row if plane == 0 else row // 2

    def room(self, field: Planes) -> tuple[tuple[Bytes, Bytes], ...]:
        """Smallest and largest numbers, for each plane, to which ``field`` can be added."""
        if not field:
            return ()
        # In chroma little is added or taken away; its limits are those of the standard.
        chroma = np.array(16, np.uint8), np.array(240, np.uint8)
        return (np.array(0, np.uint8), np.array(255 - field[0].max(), np.uint8)), chroma, chroma


class Layer(Video):
    """What is laid over a picture: the planes of ``Video``, multiplied by opacity, then how much of the picture's luma and of its
    chroma stays (0..255). Ink must not add light."""

    def planes(self, height: int, width: int) -> Planes:
        """Nothing: the picture stays as it is."""
        half = (height // 2, width // 2)
        stays = np.full((height, width), 255, np.uint8), np.full(half, 255, np.uint8)
        return np.zeros((height, width), np.uint8), np.zeros(half, np.uint8), np.zeros(half, np.uint8), *stays

    def sprite(self, ink: Ink | Wash) -> Sprite:
        """See ``Sprite``; ``ink`` has even sizes."""
        video = super().sprite(ink)
        luma, chroma = video.hide[0], video.hide[1]
        nothing = np.zeros_like(luma), np.zeros_like(chroma)
        return Sprite((*video.hide, luma, chroma), (*video.add, *nothing), (*video.clips, False, False))

    def rows(self, plane: int, row: int) -> int:
        """The row of a plane where the picture's row ``row`` begins."""
        return row if plane in (0, 3) else row // 2


Form = Screen | Video


def stamp(form: Form, planes: Planes, top: int, left: int, sprite: Sprite, strength: float = 1.0) -> None:
    """Paint a sprite with its upper left corner at a place (multiples of ``form.unit``); what lies outside is cut off."""
    height, width = planes[0].shape[:2]
    tall, wide = sprite.add[0].shape[:2]
    first, last = max(0, -top), min(tall, height - top)
    begin, end = max(0, -left), min(wide, width - left)
    if first >= last or begin >= end or strength <= 0:
        return
    for number, plane in enumerate(planes):
        y0, y1, ty = (form.rows(number, value) for value in (first, last, top))
        x0, x1, tx = (form.rows(number, value) for value in (begin, end, left))
        part = plane[ty + y0 : ty + y1, tx + x0 : tx + x1]
        change = part * sprite.hide[number][y0:y1, x0:x1]
        np.subtract(sprite.add[number][y0:y1, x0:x1], change, out=change)
        if strength != 1.0:
            change *= np.float32(strength)
        change += part
        if sprite.clips[number]:
            np.clip(change, 0, 255, out=change)
        part[...] = change.astype(np.uint8)


def scatter(form: Form, planes: Planes, tops: Ink, lefts: Ink, sprite: Sprite, strengths: Ink) -> None:
    """Paint a small sprite at many places, in pixels by its middle, each with a strength; those that stick out are left away.

    Where they overlap the stronger one is seen, not their sum.
    """
    for number, plane in enumerate(planes):
        hide, add = sprite.hide[number], sprite.add[number]
        tall, wide = add.shape[:2]
        scale = form.rows(number, 2) / 2
        y = np.round(tops * scale - tall / 2).astype(np.int64)
        x = np.round(lefts * scale - wide / 2).astype(np.int64)
        fits = (y >= 0) & (x >= 0) & (y + tall <= plane.shape[0]) & (x + wide <= plane.shape[1])
        shape = hide if hide.ndim == 2 else hide[..., 0]
        down, right = np.nonzero(shape > 0.04)
        power = (strengths[fits][:, None] * shape[down, right]).reshape(-1)
        # Of several numbers for one pixel the last is kept.
        order = np.argsort(power)
        rows, columns = ((at[fits][:, None] + off).reshape(-1)[order] for at, off in ((y, down), (x, right)))
        which, dot = order // max(1, len(down)), order % max(1, len(down))
        share = strengths[fits][which].reshape(-1, *(1,) * (add.ndim - 2))
        below = plane[rows, columns]
        painted = below + share * (add[down, right][dot] - below * hide[down, right][dot])
        plane[rows, columns] = np.clip(painted, 0, 255).astype(np.uint8)


def paint(form: Form, planes: Planes, top: int, left: int, ink: Ink | Wash) -> None:
    """Paint ink once; see ``stamp``."""
    stamp(form, planes, top, left, form.sprite(ink))


def padded(ink: Ink, unit: int) -> Ink:
    """Ink with empty pixels added below and at the right, so that its sizes are multiples of ``unit``."""
    down, right = -ink.shape[0] % unit, -ink.shape[1] % unit
    return np.pad(ink, ((0, down), (0, right), (0, 0))) if down or right else ink


def flat(colour: tuple[float, float, float], opacity: Ink | float) -> Ink:
    """Ink of one colour (0..1) with the opacity of each pixel."""
    shape = np.asarray(opacity, np.float32)[..., None]
    return np.asarray(shape * np.array([*colour, 1.0], np.float32), np.float32)
