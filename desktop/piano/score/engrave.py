"""Pages of a score, laid out by verovio (LGPL-3.0); it is loaded here only, where an engraving is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop.errors import UserError
from desktop.piano.score.glyphs import Glyphs
from desktop.piano.score.plain_svg import Places, simplify

FONT = "Leland"
PAPER_MM = {"a4": (210.0, 297.0), "letter": (215.9, 279.4)}


@dataclass(frozen=True)
class Page:
    """An engraved page: SVG, places on it and its extent in the same units."""

    svg: bytes
    places: Places
    extent: tuple[float, float]


@dataclass(frozen=True)
class Sheet:
    """Size of a page.

    Attributes:
        width, height: as they are written into the SVG: millimetres for paper, else pixels.
        unit: "mm" or "".
        staff: height of a staff in the same unit.
        margin: around the page, in the same unit.
    """

    width: float
    height: float
    unit: str
    staff: float
    margin: float


def paper(name: str) -> Sheet:
    """A sheet of paper ("a4", "letter") with the staves of piano editions."""
    width, height = PAPER_MM[name]
    return Sheet(width, height, "mm", 6.6, 12.0)


def screen(width: int, height: int) -> Sheet:
    """A page of so many pixels, in the proportions of paper."""
    return Sheet(width, height, "", width * 0.0315, width * 0.05)


class Engraver:
    """Lays a MusicXML document out on ``sheet``; raises UserError when the engraver will not take it."""

    def __init__(self, document: bytes, sheet: Sheet) -> None:
        try:
            import verovio
        except ImportError as error:
            raise UserError(
                f"The engraver cannot be loaded: {error}", remedy="Install it: `pip install verovio`, or export MusicXML instead."
            ) from error
        verovio.enableLog(verovio.LOG_WARNING)
        self._toolkit: Any = verovio.toolkit()
        self._sheet = sheet
        # Verovio counts in tenths of its page unit; a staff is 8 units of 9 high.
        scale = 72.0 / sheet.staff
        self._toolkit.setOptions(
            {
                "pageWidth": round(sheet.width * scale),
                "pageHeight": round(sheet.height * scale),
                "pageMarginTop": round(sheet.margin * scale),
                "pageMarginBottom": round(sheet.margin * scale),
                "pageMarginLeft": round(sheet.margin * scale * 1.1),
                "pageMarginRight": round(sheet.margin * scale),
                "font": FONT,
                "smuflTextFont": "none",
                "svgViewBox": True,
                "svgFormatRaw": True,
                "footer": "none",
                "header": "auto",
                "breaks": "auto",
                "justifyVertically": True,
                "pedalStyle": "line",
                "xmlIdSeed": 1,
            }
        )
        if not self._toolkit.loadData(document.decode()):
            raise UserError("The score could not be engraved", remedy="Export MusicXML and open it in a notation program.")
        self._glyphs = Glyphs(Path(str(self._toolkit.getResourcePath())), FONT)
        self.count = int(self._toolkit.getPageCount())

    def pages(self) -> Iterator[Page]:
        """The pages in order."""
        width, height = (f"{size:g}{self._sheet.unit}" for size in (self._sheet.width, self._sheet.height))
        for number in range(1, self.count + 1):
            yield Page(*simplify(self._toolkit.renderToSVG(number), self._glyphs, width, height))
