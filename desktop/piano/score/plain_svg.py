"""Engraved pages in the small part of SVG that every viewer draws: no nested drawings, style sheets or embedded fonts.

Music symbols inside text become outlines; what remains as text is a plain ``text`` element a run. On the way the places of
bars and chords are noted by the ids that ``musicxml`` gave them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from xml.etree import ElementTree as ET

from desktop.piano.score.fonts import SERIF
from desktop.piano.score.glyphs import Glyphs, as_letters, is_symbol

_SVG, _XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_BOLD, _ITALIC = {"tempo", "ending", "reh", "fing"}, {"dynam", "dir", "mNum"}
_LINE = re.compile(r"M(-?[\d.]+) (-?[\d.]+) L(-?[\d.]+) (-?[\d.]+)$")
_TRANSLATE = re.compile(r"translate\((-?[\d.]+),? *(-?[\d.]+)\)")
_CHORD = re.compile(r"at-(-?\d+)-\d+-\d+$")
_BAR = re.compile(r"bar-(\d+)$")
_SHAPES = {"path", "polygon", "polyline", "ellipse", "rect", "circle", "use"}
ET.register_namespace("", _SVG)
ET.register_namespace("xlink", _XLINK)


@dataclass
class Places:
    """Where things stand on a page, in the page's own units.

    Attributes:
        bars: index of the bar -> left, top, right, bottom of its staves.
        chords: tick -> leftmost note head that starts there.
    """

    bars: dict[int, tuple[float, float, float, float]] = field(default_factory=dict)
    chords: dict[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class _Text:
    """Attributes that runs of text inherit."""

    x: float = 0.0
    y: float = 0.0
    anchor: str = "start"
    size: float = 0.0
    bold: bool = False
    italic: bool = False


def simplify(svg: str, glyphs: Glyphs, width: str, height: str) -> tuple[bytes, Places, tuple[float, float]]:
    """A page as plain SVG of size ``width`` x ``height`` (with units, or pixels), the places on it, its extent in own units."""
    root = ET.fromstring(svg)
    inner = next(child for child in root if _tag(child) == "svg")
    extent = tuple(float(v) for v in inner.get("viewBox", "0 0 21000 29700").split()[2:])
    out = ET.Element(
        f"{{{_SVG}}}svg", {"viewBox": f"0 0 {extent[0]:g} {extent[1]:g}", "width": width, "height": height, "version": "1.1"}
    )
    definitions = ET.SubElement(out, f"{{{_SVG}}}defs")
    used: dict[str, str] = {}
    for child in next((c for c in root if _tag(c) == "defs"), ()):
        glyph = child.find(f"{{{_SVG}}}path")
        if glyph is not None:
            used[child.get("id", "")] = name = child.get("id", "").split("-")[0]
            ET.SubElement(definitions, f"{{{_SVG}}}path", {"id": name, "d": glyph.get("d", ""), "transform": "scale(1,-1)"})
    page = ET.SubElement(out, f"{{{_SVG}}}g", {"stroke": "none", "fill": "#000"})
    writer = _Writer(glyphs, used)
    for child in inner:
        writer.copy(child, page, 0.0, 0.0, "")
    return ET.tostring(out, "utf-8", xml_declaration=True), writer.places, (extent[0], extent[1])


def _tag(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


class _Writer:
    def __init__(self, glyphs: Glyphs, symbols: dict[str, str]) -> None:
        self._glyphs, self._symbols = glyphs, symbols
        self.places = Places()

    def copy(self, element: ET.Element, parent: ET.Element, dx: float, dy: float, kind: str) -> None:
        """Copy an element below ``parent``; ``dx``, ``dy``: how far the groups around it are moved; ``kind``: their class."""
        tag = _tag(element)
        if tag == "g":
            self._group(element, parent, dx, dy, kind)
        elif tag == "text":
            for run in self._runs(element, _Text(bold=kind in _BOLD, italic=kind in _ITALIC)):
                parent.append(run)
        elif tag in _SHAPES:
            parent.append(self._shape(element, tag))

    def _group(self, element: ET.Element, parent: ET.Element, dx: float, dy: float, kind: str) -> None:
        classes = element.get("class", "").split()
        if "placeholder" in classes or not len(element):
            return
        own = parent
        moved = _TRANSLATE.match(element.get("transform", ""))
        if element.get("transform"):
            own = ET.SubElement(parent, f"{{{_SVG}}}g", {"transform": element.get("transform", "")})
        if moved:
            dx, dy = dx + float(moved[1]), dy + float(moved[2])
        self._note(element, classes, dx, dy)
        inherited = classes[0] if classes and classes[0] in _BOLD | _ITALIC else kind
        for child in element:
            self.copy(child, own, dx, dy, inherited)

    def _note(self, element: ET.Element, classes: list[str], dx: float, dy: float) -> None:
        name = element.get("id", "")
        if "measure" in classes and (bar := _BAR.match(name)):
            lines = [[float(v) for v in found.groups()] for found in self._staff_lines(element)]
            if lines:
                left, right = min(v[0] for v in lines) + dx, max(v[2] for v in lines) + dx
                self.places.bars[int(bar[1])] = (left, lines[0][1] + dy, right, lines[-1][1] + dy)
        elif chord := _CHORD.match(name):
            heads = [_TRANSLATE.match(use.get("transform", "")) for use in element.iter(f"{{{_SVG}}}use")]
            at = [float(found[1]) + dx for found in heads if found]
            if at:
                tick = int(chord[1])
                self.places.chords[tick] = min(at[0], self.places.chords.get(tick, at[0]))

    def _staff_lines(self, measure: ET.Element) -> Iterator[re.Match[str]]:
        for staff in measure:
            if staff.get("class") == "staff":
                for line in staff[:5]:
                    if found := _LINE.match(line.get("d", "")):
                        yield found

    def _shape(self, element: ET.Element, tag: str) -> ET.Element:
        attributes = {key: value for key, value in element.attrib.items() if key not in ("class", "id")}
        link = attributes.pop(f"{{{_XLINK}}}href", "") or attributes.pop("href", "")
        if link:
            attributes[f"{{{_XLINK}}}href"] = f"#{self._symbols.get(link[1:], link[1:])}"
        if "stroke-width" in attributes:
            attributes.setdefault("stroke", "#000")
        return ET.Element(f"{{{_SVG}}}{tag}", {k: v.replace("currentColor", "#000") for k, v in attributes.items()})

    def _runs(self, element: ET.Element, style: _Text) -> list[ET.Element]:
        """A text as plain runs and outlines, each with a place of its own."""
        out: list[ET.Element] = []
        for line in map(_balanced, self._lines(element, style)):
            whole = sum(self._width(text, part.size) for text, part in line)
            first = line[0][1]
            x = first.x - {"middle": whole / 2, "end": whole}.get(first.anchor, 0.0)
            parts = _joined([piece for text, part in line for piece in _split(text, part)])
            if len(parts) == 1 and not is_symbol(parts[0][0][0]):
                # One kind of letters: the viewer's own font decides how wide they are, about the same anchor.
                out.append(_text(first.x, first, parts[0][0], first.anchor))
                continue
            for text, part in parts:
                if is_symbol(text[0]):
                    out += self._symbol_paths(text, replace(part, y=first.y), x)
                else:
                    out.append(_text(x, replace(part, y=first.y), text, "start"))
                x += self._width(text, part.size)
        return out

    def _lines(self, element: ET.Element, style: _Text) -> list[list[tuple[str, _Text]]]:
        """Runs with their style, gathered by the places where text begins anew."""
        lines: list[list[tuple[str, _Text]]] = []

        def walk(node: ET.Element, inherited: _Text, *, anew: bool) -> None:
            if _tag(node) == "title":
                return
            mine = _styled(node, inherited)
            if anew or node.get("x") is not None or node.get("y") is not None:
                lines.append([])
            text = (node.text or "") if not len(node) else (node.text or "").strip()
            if text:
                # A symbol that became a letter is as large as the letters before it.
                grown = as_letters(text) != text and lines[-1]
                lines[-1].append((as_letters(text), replace(mine, size=lines[-1][-1][1].size) if grown else mine))
            for child in node:
                walk(child, mine, anew=False)
                if child.tail and child.tail.strip():
                    lines[-1].append((as_letters(child.tail), mine))

        walk(element, style, anew=True)
        return [line for line in lines if line]

    def _width(self, text: str, size: float) -> float:
        return sum(self._glyphs.advance(c) for c in text) * size

    def _symbol_paths(self, text: str, style: _Text, x: float) -> list[ET.Element]:
        out = []
        for character in text:
            place = f"translate({x:.0f}, {style.y:.0f}) scale({style.size / 1000:g}, {-style.size / 1000:g})"
            out.append(ET.Element(f"{{{_SVG}}}path", {"d": self._glyphs.outline(character), "transform": place}))
            x += self._glyphs.advance(character) * style.size
        return out


def _styled(node: ET.Element, before: _Text) -> _Text:
    size = node.get("font-size")
    x, y = node.get("x"), node.get("y")
    return replace(
        before,
        x=float(x) if x is not None else before.x,
        y=float(y) if y is not None else before.y,
        anchor=node.get("text-anchor", before.anchor),
        size=float(size.removesuffix("px")) if size else before.size,
        bold=node.get("font-weight") == "bold" if node.get("font-weight") else before.bold,
        italic=node.get("font-style") == "italic" if node.get("font-style") else before.italic,
    )


def _balanced(line: list[tuple[str, _Text]]) -> list[tuple[str, _Text]]:
    """Symbols beside words a third larger than them: the engraver's own size suits symbols that stand alone."""
    words = [part.size for text, part in line if not is_symbol(text[0])]
    if not words:
        return line
    return [(text, replace(part, size=1.35 * max(words)) if is_symbol(text[0]) else part) for text, part in line]


def _joined(parts: list[tuple[str, _Text]]) -> list[tuple[str, _Text]]:
    """Words that follow one another in one style as one."""
    out: list[tuple[str, _Text]] = []
    for text, part in parts:
        if out and not is_symbol(text[0]) and not is_symbol(out[-1][0][0]) and _letters(part) == _letters(out[-1][1]):
            out[-1] = (out[-1][0] + text, out[-1][1])
        else:
            out.append((text, part))
    return out


def _letters(style: _Text) -> tuple[float, bool, bool]:
    return style.size, style.bold, style.italic


def _split(text: str, style: _Text) -> list[tuple[str, _Text]]:
    """Letters and symbols apart."""
    out: list[tuple[str, _Text]] = []
    for character in text:
        if out and is_symbol(out[-1][0][0]) == is_symbol(character):
            out[-1] = (out[-1][0] + character, style)
        else:
            out.append((character, style))
    return out


def _text(x: float, style: _Text, text: str, anchor: str) -> ET.Element:
    place = {"x": f"{x:.0f}", "y": f"{style.y:.0f}"}
    attributes = {**place, "font-family": SERIF, "font-size": f"{style.size:g}", "xml:space": "preserve"}
    if anchor != "start":
        attributes["text-anchor"] = anchor
    if style.bold:
        attributes["font-weight"] = "bold"
    if style.italic:
        attributes["font-style"] = "italic"
    element = ET.Element(f"{{{_SVG}}}text", attributes)
    element.text = text
    return element
