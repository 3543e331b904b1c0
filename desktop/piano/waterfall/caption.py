"""The words at the start of a video, and how they come and go."""

from __future__ import annotations

import numpy as np

from desktop.piano.waterfall.looks import Look
from desktop.piano.waterfall.shapes import ramp
from desktop.piano.waterfall.strip import Letters
from desktop.piano.waterfall.surface import Ink, flat

COMES, STANDS, GOES, GONE = 0.25, 0.85, 3.4, 4.2
"""Seconds from the start at which the caption begins to show, is there, begins to go and is gone."""
_WIDEST = 0.86
"""Share of the picture's width that a line takes at most."""
_LINES = 3


def opacity(since: float) -> float:
    """How much of the caption shows ``since`` seconds after the start (0..1)."""
    if not COMES < since < GONE:
        return 0.0
    at = np.array([since], np.float32)
    return float((ramp(at, COMES, STANDS) * (1 - ramp(at, GOES, GONE)))[0])


def caption(text: str, width: int, height: int, look: Look, letters: Letters, veil: bool) -> Ink:
    """The words on a soft veil; [even, even, 4], at most ``width`` wide, for a picture of ``width`` x ``height`` pixels."""
    lines, size = _fit(" ".join(text.split()), width, height, letters)
    drawn = [letters(line, size) for line in lines]
    step = round(1.28 * size)
    margin = round(0.9 * size)
    wide = min(width, max(one.shape[1] for one in drawn) + 4 * margin) // 2 * 2
    tall = (step * (len(drawn) - 1) + max(one.shape[0] for one in drawn) + 2 * margin + 1) // 2 * 2
    words = np.zeros((tall, wide), np.float32)
    for number, one in enumerate(drawn):
        top, left = margin + number * step, max(0, (wide - one.shape[1]) // 2)
        part = words[top : top + one.shape[0], left : left + one.shape[1]]
        np.maximum(part, one[: part.shape[0], : part.shape[1]], out=part)
    ink = flat(look.words, words)
    if veil:
        y = np.abs(np.arange(tall, dtype=np.float32)[:, None] + 0.5 - tall / 2) / (tall / 2)
        x = np.abs(np.arange(wide, dtype=np.float32)[None, :] + 0.5 - wide / 2) / (wide / 2)
        below = flat(look.ground, look.veil * (1 - ramp(y, 0.25, 1.0)) * (1 - ramp(x, 0.45, 1.0)))
        ink = below * (1 - ink[..., 3:]) + ink
    return ink


def _fit(text: str, width: int, height: int, letters: Letters) -> tuple[list[str], int]:
    """Lines and letter height: as large as looks good, on up to ``_LINES`` lines, smaller only when it must."""
    largest = round(min(0.075 * height, 0.062 * width * (1.0 if width > height else 1.25)))
    for share in (1.0, 0.85, 0.7, 0.58, 0.48, 0.4, 0.33, 0.27):
        size = max(8, round(largest * share))
        lines = _wrapped(text, _WIDEST * width, size, letters)
        if len(lines) <= (1 if share > 0.75 else _LINES) and all(letters(x, size).shape[1] <= _WIDEST * width for x in lines):
            return lines, size
    return _wrapped(text, _WIDEST * width, size, letters)[:_LINES], size


def _wrapped(text: str, widest: float, size: int, letters: Letters) -> list[str]:
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and letters(longer, size).shape[1] > widest:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
