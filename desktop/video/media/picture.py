"""One picture in the clip's own format, and what is done to it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from desktop.video.media import pixels
from desktop.video.media.clip import square_size
from desktop.video.media.formats import Format

__all__ = ["Box", "Format", "Picture"]

Box = tuple[int, int, int, int]
Planes = tuple[npt.NDArray[Any], ...]


class Picture:
    """An upright picture.

    ``planes`` may be read-only views of the decoder's memory: what changes pixels copies them first.

    Attributes:
        format: how the planes are laid out.
        width, height: in stored pixels, upright.
        sar: width of a pixel over its height.
        index: number of the picture in its clip, from 0.
        pts: time stamp, in ticks of ``time_base`` seconds, on the container's clock.
        duration: in ticks, 0 when unknown.
        origin: seconds on the container's clock that ``time`` counts from.
        notes: what of a still's file is not in the picture, one sentence each.
    """

    __slots__ = ("_planes", "duration", "format", "height", "index", "notes", "origin", "pts", "sar", "time_base", "width")

    def __init__(
        self,
        planes: Planes,
        form: Format,
        width: int,
        height: int,
        *,
        sar: Fraction = Fraction(1),
        index: int = 0,
        pts: int = 0,
        time_base: Fraction = Fraction(1, 1000),
        duration: int = 0,
        origin: Fraction = Fraction(0),
        notes: tuple[str, ...] = (),
    ) -> None:
        self._planes = planes
        self.format, self.width, self.height, self.sar = form, width, height, sar
        self.index, self.pts, self.time_base, self.duration, self.origin = index, pts, time_base, duration, origin
        self.notes = notes

    def __repr__(self) -> str:
        return f"<Picture {self.index} at {self.time:.3f} s, {self.width}x{self.height} {self.format.name}>"

    @property
    def planes(self) -> Planes:
        """uint8 or uint16 [rows, columns]: Y, U, V; or Y; or G, B, R."""
        return self._planes

    @property
    def time(self) -> float:
        """Seconds from the clip's beginning."""
        return float(self.pts * self.time_base - self.origin)

    @property
    def square_size(self) -> tuple[int, int]:
        """Width and height in square pixels."""
        return square_size(self.width, self.height, self.sar)

    def rgb(self, box: Box | None = None, size: tuple[int, int] | None = None) -> npt.NDArray[np.uint8]:
        """uint8 [h, w, 3] of ``box`` (x0, y0, x1, y1 in stored pixels, inside the picture), or of all of it.

        Args:
            size: width and height to reduce it to by area, neither larger than the box's.
        """
        box = self._checked(box)
        return pixels.to_rgb(self._planes, self.format, box, size)

    def small(self, width: int, height: int) -> npt.NDArray[np.uint8]:
        """uint8 RGB [height, width, 3], reduced by area."""
        return pixels.small_rgb(self._planes, self.format, width, height)

    def blend(self, rgb: npt.NDArray[np.float32], mask: npt.NDArray[np.float32], box: Box) -> None:
        """Mix ``rgb`` into the picture, in place.

        Args:
            rgb: float32 [h, w, 3], 0..1.
            mask: float32 [h, w], 0 (keeps the picture, bit for bit) .. 1 (takes ``rgb``).
            box: where, in stored pixels, inside the picture; its size is that of ``rgb``.
        """
        x0, y0, x1, y1 = self._checked(box)
        if rgb.shape != (y1 - y0, x1 - x0, 3) or mask.shape != rgb.shape[:2]:
            raise ValueError(f"rgb {rgb.shape} and mask {mask.shape} do not fit the box {box}")
        if not all(plane.flags.writeable for plane in self._planes):
            self._planes = tuple(plane.copy() for plane in self._planes)
        pixels.blend(self._planes, self.format, rgb, mask, box)

    def copy(self) -> Picture:
        """A picture of its own."""
        return self.with_planes(tuple(plane.copy() for plane in self._planes), self.width, self.height)

    def like(self, rgb: npt.NDArray[np.uint8]) -> Picture:
        """``rgb`` (uint8 [h, w, 3], of any size) in this picture's format, at its place in the clip."""
        height, width = rgb.shape[:2]
        return self.with_planes(pixels.from_rgb(rgb, self.format), width, height)

    def with_planes(self, planes: Planes, width: int, height: int) -> Picture:
        """Other pixels in the same format, at the same place in the clip."""
        return Picture(
            planes,
            self.format,
            width,
            height,
            sar=self.sar,
            index=self.index,
            pts=self.pts,
            time_base=self.time_base,
            duration=self.duration,
            origin=self.origin,
            notes=self.notes,
        )

    def _checked(self, box: Box | None) -> Box:
        x0, y0, x1, y1 = box = box or (0, 0, self.width, self.height)
        if not (0 <= x0 < x1 <= self.width and 0 <= y0 < y1 <= self.height):
            raise ValueError(f"the box {box} is not inside {self.width}x{self.height}")
        return box
