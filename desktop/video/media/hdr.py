"""What a stream says about the screen that it was graded on, and how encoders are told (SMPTE ST 2086, CTA-861.3)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

Point = tuple[Fraction, Fraction]


@dataclass(frozen=True)
class Screen:
    """The mastering display.

    Attributes:
        red, green, blue, white: CIE 1931 x and y.
        darkest, brightest: in candela per square metre.
    """

    red: Point
    green: Point
    blue: Point
    white: Point
    darkest: Fraction
    brightest: Fraction


@dataclass(frozen=True)
class Hdr:
    """Static metadata of high dynamic range.

    Attributes:
        screen: the mastering display, None when it is not told.
        light: the brightest pixel and the brightest picture on average, in candela per square metre; None when not told.
    """

    screen: Screen | None = None
    light: tuple[int, int] | None = None


def hdr_of(frame: Any) -> Hdr | None:
    """The metadata that a decoded frame carries; None for nearly all."""
    screen, light = None, None
    for data in frame.side_data:
        if data.type.name == "MASTERING_DISPLAY_METADATA":
            screen = _screen(bytes(data))
        elif data.type.name == "CONTENT_LIGHT_LEVEL":
            light = struct.unpack_from("=II", bytes(data))
    return Hdr(screen, light) if screen or light else None


def hdr_options(encoder: str, hdr: Hdr | None) -> dict[str, str]:
    """Options for the encoder with this id; empty where there is nothing to tell, or no way to tell it."""
    parameters = {
        "x264": ("x264-params", "mastering-display", "cll"),
        "x265": ("x265-params", "master-display", "max-cll"),
        "av1": ("svtav1-params", "mastering-display", "content-light"),
    }
    if hdr is None or encoder not in parameters:
        return {}
    option, screen, light = parameters[encoder]
    told = []
    if hdr.screen:
        told.append(f"{screen}={_spelled(hdr.screen, whole=encoder != 'av1')}")
    if hdr.light:
        told.append(f"{light}={hdr.light[0]},{hdr.light[1]}")
    return {option: ":".join(told)}


def _screen(data: bytes) -> Screen | None:
    """FFmpeg's structure: ten fractions, then whether the colours and whether the brightness are set."""
    numbers = struct.unpack_from("=22i", data)
    if not numbers[20] or not numbers[21] or not all(numbers[1:20:2]):
        return None
    values = [Fraction(top, bottom) for top, bottom in zip(numbers[0:20:2], numbers[1:20:2], strict=True)]
    red, green, blue, white = ((values[place], values[place + 1]) for place in range(0, 8, 2))
    return Screen(red, green, blue, white, values[8], values[9])


def _spelled(screen: Screen, *, whole: bool) -> str:
    """In steps of 0.00002 and 0.0001, as H.264 and H.265 count, or in plain numbers."""

    def colour(value: Fraction) -> str:
        return str(round(value * 50_000)) if whole else f"{float(value):.5f}"

    def light(value: Fraction) -> str:
        return str(round(value * 10_000)) if whole else f"{float(value):.4f}"

    points = {"G": screen.green, "B": screen.blue, "R": screen.red, "WP": screen.white}
    colours = "".join(f"{name}({colour(x)},{colour(y)})" for name, (x, y) in points.items())
    return f"{colours}L({light(screen.brightest)},{light(screen.darkest)})"
