"""Turning pictures upright, sample by sample."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from desktop.video.media.formats import Format, layout_of, make_format
from desktop.video.media.pixels import fill_columns

Planes = tuple[npt.NDArray[Any], ...]

_CLOCKWISE = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


@dataclass(frozen=True)
class Turn:
    """A rotation, then a mirroring.

    Attributes:
        degrees: clockwise, 0, 90, 180 or 270.
        mirrored: left and right are exchanged after that.
    """

    degrees: int = 0
    mirrored: bool = False

    @property
    def is_nothing(self) -> bool:
        """Whether pictures stay as they are."""
        return self.degrees == 0 and not self.mirrored

    @property
    def swaps(self) -> bool:
        """Whether width becomes height."""
        return self.degrees % 180 != 0

    def sar(self, sar: Fraction) -> Fraction:
        """The pixel aspect after turning."""
        return 1 / sar if self.swaps else sar

    def format(self, form: Format) -> Format:
        """The format after turning.

        4:4:0 becomes 4:2:2. 4:2:2 and 4:1:1 become 4:4:4 with every sample kept, for hardly anything can store them lying.
        Chroma that lay at the left of its block lies above or at the right of it then: the middle is nearest.
        """
        if self.is_nothing or form.kind != "yuv":
            return form
        layout = layout_of(form)
        if self.swaps and layout in ("422", "411", "440"):
            layout = "422" if layout == "440" else "444"
        turned = make_format(layout, form.bits, full_range=form.full_range, matrix=form.matrix, siting="center")
        return turned if turned.bits == form.bits else replace(form, siting="center")

    def planes(self, planes: Planes, form: Format) -> Planes:
        """The turned planes, of the format ``self.format(form)``; luma is exact."""
        if self.is_nothing:
            return planes
        if self.swaps and form.shift_x and not form.shift_y:
            planes = (planes[0], *(fill_columns(plane, form, planes[0].shape[1]) for plane in planes[1:]))
        return tuple(self._plane(plane) for plane in planes)

    def _plane(self, plane: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if self.degrees:
            plane = np.asarray(cv2.rotate(plane, _CLOCKWISE[self.degrees]))
        return np.asarray(cv2.flip(plane, 1)) if self.mirrored else plane


def read_matrix(data: bytes) -> Turn:
    """The turn nearest to a display matrix: nine int32 as in an MP4 track header, x' = a x + c y, y' = b x + d y."""
    a, b, _, c, d = struct.unpack_from("=5i", data)
    mirrored = a * d - b * c < 0
    if mirrored:
        a, c = -a, -c
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Turn(0 if a + d >= 0 else 180, mirrored)
    return Turn(90 if b - c >= 0 else 270, mirrored)


def turn_of(frame: Any) -> Turn:
    """The turn that a decoded frame asks for."""
    for data in frame.side_data:
        if data.type.name == "DISPLAYMATRIX" and len(bytes(data)) >= 36:
            return read_matrix(bytes(data))
    return Turn()
