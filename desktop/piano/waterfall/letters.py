"""Words as pictures, for the video: Pillow's own typeface, or the system's when that lacks a letter."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from desktop.piano.waterfall.surface import Ink

_ENDINGS = (".ttf", ".otf", ".ttc")
_PREFERRED = ("notosans-regular", "notosanscjk", "segoeui", "helveticaneue", "dejavusans.", "arialunicode", "arial")
_MOST_FILES = 4000
_MOST_TRIED = 400


def letters(text: str, size: int) -> Ink:
    """Draw ``text`` in letters ``size`` pixels high: float32 [h, w], 0 background .. 1 letter, all texts of a size equally high.

    Letters that no typeface of the system has are drawn as boxes.
    """
    name, number = _typeface(text)
    face = _face(name, number, size)
    ascent, descent = face.getmetrics()
    left, _, right, _ = face.getbbox(text)
    wide, high = max(1, int(right - min(0, left)) + 2), max(1, int(ascent + descent))
    image = Image.new("L", (wide, high), 0)
    ImageDraw.Draw(image).text((1 - min(0, left), 0), text, fill=255, font=face)
    return np.asarray(image, np.float32) / np.float32(255)


@lru_cache(maxsize=64)
def _face(name: str, number: int, size: int) -> Any:
    if not name:
        return ImageFont.load_default(size)
    return ImageFont.truetype(name, size, index=number)


@lru_cache(maxsize=256)
def _typeface(text: str) -> tuple[str, int]:
    """File and number of the first typeface that has all letters of ``text``; "" is Pillow's own."""
    wanted = {c for c in text if not c.isspace()}
    if _has(_face("", 0, 24), wanted):
        return "", 0
    for path in _system_fonts()[:_MOST_TRIED]:
        try:
            if _has(_face(str(path), 0, 24), wanted):
                return str(path), 0
        except OSError:
            continue
    return "", 0


def _has(face: Any, wanted: set[str]) -> bool:
    """Whether a typeface has letters of its own for all of ``wanted``; a missing one is drawn as what no typeface has."""
    missing = bytes(face.getmask("\U0010fffe")), face.getlength("\U0010fffe")
    return all((bytes(face.getmask(c)), face.getlength(c)) != missing for c in wanted)


@lru_cache(maxsize=1)
def _system_fonts() -> tuple[Path, ...]:
    """Typefaces of the system, those with many letters and a plain look first."""
    found: list[Path] = []
    for folder in _folders():
        for root, _, names in os.walk(folder):
            found += [Path(root) / name for name in names if name.lower().endswith(_ENDINGS)]
            if len(found) > _MOST_FILES:
                break

    def rank(path: Path) -> tuple[int, str]:
        name = path.name.lower().replace(" ", "").replace("_", "-")
        return next((i for i, wish in enumerate(_PREFERRED) if name.startswith(wish)), len(_PREFERRED)), name

    return tuple(sorted(found, key=rank))


def _folders() -> Iterator[Path]:
    if sys.platform == "win32":
        yield Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts"
    elif sys.platform == "darwin":
        yield from (Path("/System/Library/Fonts"), Path("/Library/Fonts"), Path.home() / "Library/Fonts")
    else:
        yield from (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".local/share/fonts")
