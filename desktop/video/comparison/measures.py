"""The measures that a comparison reports: what they are called, their units, and which way is better. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Better(StrEnum):
    """Which way a measure gets better; NEITHER where a change is no merit in itself."""

    HIGHER = "higher"
    LOWER = "lower"
    NEITHER = "neither"


@dataclass(frozen=True)
class Measure:
    """One measure.

    Attributes:
        key: its name in results and tables.
        unit: after the number; "" for pure numbers.
        whole: what a percentage is of.
        compared: it says how near a clip is to the reference (the truth, else the clip before), not what it is by itself.
    """

    key: str
    title: str
    unit: str
    better: Better
    digits: int
    compared: bool = False
    whole: str = ""

    def text(self, value: float | None) -> str:
        """The value for people; "-" when there is none."""
        return "-" if value is None else f"{value:.{self.digits}f}{' ' if self.unit else ''}{self.unit}"


MEASURES = (
    Measure("psnr_faces", "PSNR of faces", "dB", Better.HIGHER, 2, compared=True),
    Measure("ssim_faces", "SSIM of faces", "", Better.HIGHER, 4, compared=True),
    Measure("psnr", "PSNR of the whole", "dB", Better.HIGHER, 2, compared=True),
    Measure("ssim", "SSIM of the whole", "", Better.HIGHER, 4, compared=True),
    Measure("drift", "Landmark drift", "%", Better.LOWER, 2, compared=True, whole="of eye distance"),
    Measure("tlme", "Landmark motion error", "%", Better.LOWER, 2, compared=True, whole="of eye distance"),
    Measure("sharpness", "Sharpness of faces", "", Better.NEITHER, 2),
    Measure("niqe", "NIQE", "", Better.LOWER, 2),
    Measure("warping", "Warping error", "levels", Better.LOWER, 2),
    Measure("jitter", "Landmark jitter", "%", Better.LOWER, 2, whole="of eye distance"),
    Measure("light", "Flicker of light", "levels", Better.LOWER, 2),
)

BY_KEY = {measure.key: measure for measure in MEASURES}
