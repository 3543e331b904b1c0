"""Where each moment of the song stands on the engraved pages, for a cursor that follows and for clicks that seek.

``places.json``::

    {"version": 1, "width": 1000, "height": 1400,            a page in pixels, as its SVG says
     "pages": ["page-1.svg", ...],
     "bars": [{"number": 1, "page": 0, "x": .., "y": .., "width": .., "height": .., "start": seconds, "end": seconds}, ...],
     "onsets": [[seconds, page, x], ...]}                     centre of what is struck there, in order

Bars are in order and cover the staves of both hands; a bar's number is the one of the beat grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from desktop.piano.cover import Grid
from desktop.piano.score.engrave import Page
from desktop.piano.score.model import Score

VERSION = 1
_HALF_HEAD = 110.0
"""Half a note head in the engraver's units."""


def places(score: Score, pages: Sequence[Page], grid: Grid, width: int, height: int) -> dict[str, Any]:
    """See the module's docstring."""
    bars: list[dict[str, Any]] = []
    onsets: list[tuple[float, int, float]] = []
    beat = score.metre.beat
    for number, page in enumerate(pages):
        scale = width / page.extent[0]
        for index, (left, top, right, bottom) in sorted(page.places.bars.items()):
            bar = score.bars[index]
            first, last = grid.seconds([bar.start / beat, (bar.start + bar.length) / beat]).tolist()
            bars.append(
                {
                    "number": bar.number,
                    "page": number,
                    "x": round(left * scale, 2),
                    "y": round(top * scale, 2),
                    "width": round((right - left) * scale, 2),
                    "height": round((bottom - top) * scale, 2),
                    "start": round(first, 4),
                    "end": round(last, 4),
                }
            )
        for tick, x in sorted(page.places.chords.items()):
            onsets.append((round(float(grid.seconds(tick / beat)), 4), number, round((x + _HALF_HEAD) * scale, 2)))
    return {
        "version": VERSION,
        "width": width,
        "height": height,
        "pages": [page_name(number) for number in range(len(pages))],
        "bars": bars,
        "onsets": [list(onset) for onset in sorted(onsets)],
    }


def page_name(number: int) -> str:
    """File name of a page, counted from 0."""
    return f"page-{number + 1}.svg"
