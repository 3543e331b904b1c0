"""Outlines and widths of what an engraver's text may hold: music symbols as paths, letters by a metric table."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from xml.etree import ElementTree as ET

_UNICODE = {
    "\ued60": "♭", "\ued61": "♮", "\ued62": "♯", "\ue260": "♭", "\ue261": "♮", "\ue262": "♯",
    "\uea64": "♭", "\uea65": "♮", "\uea66": "♯", "\ue870": "°", "\ue872": "+",
}  # fmt: skip
"""Music symbols that every text font, or its fallback, has as a letter."""


def is_symbol(character: str) -> bool:
    """Whether a character only exists in music fonts."""
    return "\ue000" <= character <= "\uf8ff" and character not in _UNICODE


def as_letters(text: str) -> str:
    """``text`` with music symbols replaced where ordinary fonts have them too."""
    return "".join(_UNICODE.get(c, c) for c in text)


class Glyphs:
    """Symbols of one music font.

    Args:
        folder: the engraver's data folder.
        font: its name there.
    """

    def __init__(self, folder: Path, font: str) -> None:
        self._folder, self._font = folder, font

    def outline(self, character: str) -> str:
        """SVG path data in thousandths of the font size, y upwards; "" when the font lacks the symbol."""
        return _outline(self._folder / self._font / f"{ord(character):04X}.xml")

    def advance(self, character: str) -> float:
        """Width in font sizes."""
        if is_symbol(character):
            return _widths(self._folder / f"{self._font}.xml").get(ord(character), 0.5)
        return _widths(self._folder / "text" / "Times.xml").get(ord(character), 0.6 if ord(character) < 0x2E80 else 1.0)


@cache
def _outline(path: Path) -> str:
    try:
        found = ET.parse(path).getroot().find(".//{*}path")
    except (OSError, ET.ParseError):
        return ""
    return found.get("d", "") if found is not None else ""


@cache
def _widths(path: Path) -> dict[int, float]:
    root = ET.parse(path).getroot()
    size = float(root.get("units-per-em", "1000"))
    return {int(g.get("c", "0"), 16): float(g.get("h-a-x") or g.get("w") or 0) / size for g in root if g.get("c")}
