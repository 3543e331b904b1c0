"""How the samples of a picture are laid out: the planar formats that Reprise works in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# Chroma layouts by their part of ffmpeg's names: shifts of width and height.
LAYOUTS = {"444": (0, 0), "440": (0, 1), "422": (1, 0), "420": (1, 1), "411": (2, 0), "410": (2, 2)}
_DEPTHS = {
    "444": (8, 9, 10, 12, 14, 16),
    "440": (8, 10, 12),
    "422": (8, 9, 10, 12, 14, 16),
    "420": (8, 9, 10, 12, 14, 16),
    "411": (8,),
    "410": (8,),
    "gray": (8, 9, 10, 12, 14, 16),
    "gbr": (8, 9, 10, 12, 14, 16),
}

MATRICES = {
    "bt709": "bt709",
    "bt470bg": "bt601",
    "smpte170m": "bt601",
    "smpte240m": "smpte240m",
    "fcc": "fcc",
    "bt2020nc": "bt2020nc",
    "bt2020c": "bt2020nc",
}
"""ffmpeg's names of matrices and what is calculated for them."""


@dataclass(frozen=True)
class Format:
    """The planes of a picture.

    Attributes:
        name: of ffmpeg's planar pixel format without alpha, such as "yuv420p10le"; never one of the "yuvj" family.
        shift_x, shift_y: chroma planes are narrower and lower by 2**shift.
        bits: of a sample, 8 to 16; above 8 samples are uint16 with the upper bits 0.
        full_range: black and white at the ends of the range.
        matrix: "bt601", "bt709", "bt2020nc", "smpte240m" or "fcc".
        kind: "yuv" (Y, U, V), "rgb" (planes G, B, R) or "gray".
        siting: chroma samples lie over the "left" pixel of their block or in its "center", across; down, always in the middle.
    """

    name: str
    shift_x: int = 0
    shift_y: int = 0
    bits: int = 8
    full_range: bool = False
    matrix: str = "bt601"
    kind: str = "yuv"
    siting: str = "left"

    @property
    def planes(self) -> int:
        """How many planes there are."""
        return 1 if self.kind == "gray" else 3

    @property
    def dtype(self) -> npt.DTypeLike:
        """numpy's type of a sample."""
        return np.uint8 if self.bits == 8 else np.uint16

    def plane_shape(self, number: int, width: int, height: int) -> tuple[int, int]:
        """Rows and columns of plane ``number`` of a picture."""
        if number == 0:
            return height, width
        return -(-height >> self.shift_y), -(-width >> self.shift_x)


def make_format(layout: str, bits: int, *, full_range: bool, matrix: str, siting: str = "left") -> Format:
    """The format with ``layout`` ("420", ..., "gray", "gbr") and at least ``bits`` bits.

    ffmpeg has no name for every pair; the next deeper one is taken, then 4:4:4.
    """
    if not any(depth >= bits for depth in _DEPTHS[layout]):
        layout = "444"
    depth = next(depth for depth in _DEPTHS[layout] if depth >= bits)
    suffix = "" if depth == 8 else f"{depth}le"
    if layout == "gray":
        return Format(f"gray{suffix}", 0, 0, depth, full_range, matrix, "gray", siting)
    if layout == "gbr":
        return Format(f"gbrp{suffix}", 0, 0, depth, True, matrix, "rgb", siting)
    return Format(f"yuv{layout}p{suffix}", *LAYOUTS[layout], depth, full_range, matrix, "yuv", siting)


def layout_of(form: Format) -> str:
    """The layout that ``make_format`` takes."""
    if form.kind != "yuv":
        return "gray" if form.kind == "gray" else "gbr"
    return next(name for name, shifts in LAYOUTS.items() if shifts == (form.shift_x, form.shift_y))


def choose_matrix(tagged: str, width: int, height: int) -> str:
    """The matrix to calculate with: the tagged one, or by size as players do (BT.709 for high definition)."""
    known = MATRICES.get(tagged)
    if known:
        return known
    return "bt709" if max(width, height) >= 1280 or min(width, height) > 576 else "bt601"
