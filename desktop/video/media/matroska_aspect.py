"""Tell a finished Matroska or WebM file how wide its pictures are shown.

The muxer says it only for streams that bring the pixel aspect along, which PyAV cannot hand over. It leaves a little room in the
entry of a Matroska track, though, and a title of the track that nobody needs (``FILLER``) makes some in WebM: the two elements
fit into that. Elements and their layout: RFC 8794 (EBML) and RFC 9559 (Matroska).
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

_SEGMENT, _TRACKS, _ENTRY, _NUMBER, _VIDEO = 0x18538067, 0x1654AE6B, 0xAE, 0xD7, 0xE0
_VOID, _CRC = 0xEC, 0xBF
_NAME = 0x536E
_SHOWN_WIDTH, _SHOWN_HEIGHT, _UNIT = 0x54B0, 0x54BA, 0x54B2
_HEAD = 1 << 20
FILLER = "............"
"""A title that makes room; it goes when the room is used."""


@dataclass(frozen=True)
class _Element:
    """An element: its id, where its header and its content begin, and where it ends."""

    id: int
    start: int
    content: int
    end: int


def set_aspect(path: Path, track: int, width: int, height: int, sar: Fraction) -> bool:
    """Write the size at which track number ``track`` (from 1) is shown into the file.

    Args:
        width, height: of the stored pictures.
        sar: width of a pixel over its height.

    Returns:
        whether there was room for it; the file is unchanged where there was none.
    """
    with path.open("r+b") as file:
        head = file.read(_HEAD)
        segment = _find(head, 0, len(head), _SEGMENT)
        tracks = _find(head, segment.content, len(head), _TRACKS) if segment else None
        entry = _entry(head, tracks, track) if tracks else None
        if tracks is None or entry is None or tracks.end > len(head):
            return False
        patched = _patched(head, entry, _coded_size(width, height, sar))
        if patched is None:
            return False
        content = head[tracks.content : entry.content] + patched + head[entry.end : tracks.end]
        file.seek(tracks.content)
        file.write(_checked(content))
        file.flush()
        os.fsync(file.fileno())
    return True


def _coded_size(width: int, height: int, sar: Fraction) -> tuple[int, int]:
    """The shown size in pixels; where that would round the aspect away, both sides are taken larger."""
    scale = 1 if (width * sar).denominator == 1 else min(sar.denominator, 16)
    return round(width * sar * scale), height * scale


def _entry(head: bytes, tracks: _Element, track: int) -> _Element | None:
    for entry in _children(head, tracks.content, tracks.end):
        number = _find(head, entry.content, entry.end, _NUMBER) if entry.id == _ENTRY else None
        if number and int.from_bytes(head[number.content : number.end]) == track:
            return entry
    return None


def _patched(head: bytes, entry: _Element, size: tuple[int, int]) -> bytes | None:
    """The content of the track's entry with the size in it, as long as before."""
    parts = []
    found = False
    for child in _children(head, entry.content, entry.end):
        if child.id == _VIDEO:
            found = True
            kept = [
                head[part.start : part.end]
                for part in _children(head, child.content, child.end)
                if part.id not in (_SHOWN_WIDTH, _SHOWN_HEIGHT, _UNIT, _VOID)
            ]
            shown = _number(_SHOWN_WIDTH, size[0]) + _number(_SHOWN_HEIGHT, size[1])
            parts.append(_master(_VIDEO, b"".join(kept) + shown))
        elif child.id != _VOID and not (child.id == _NAME and head[child.content : child.end] == FILLER.encode()):
            parts.append(head[child.start : child.end])
    content = b"".join(parts)
    spare = entry.end - entry.content - len(content)
    if not found or spare < 0 or spare == 1:
        return None
    return content + _void(spare)


def _checked(content: bytes) -> bytes:
    """The content of a master element with its checksum, when it has one, made right."""
    first = next(_children(content, 0, len(content)), None)
    if first is None or first.id != _CRC:
        return content
    return content[: first.content] + zlib.crc32(content[first.end :]).to_bytes(4, "little") + content[first.end :]


def _void(length: int) -> bytes:
    if length == 0:
        return b""
    if length < 10:
        return bytes([_VOID, 0x80 | (length - 2)]) + bytes(length - 2)
    return bytes([_VOID, 0x01]) + (length - 9).to_bytes(7) + bytes(length - 9)


def _number(name: int, value: int) -> bytes:
    return name.to_bytes(2) + b"\x84" + value.to_bytes(4) if value > 0xFFFF else name.to_bytes(2) + b"\x82" + value.to_bytes(2)


def _master(name: int, content: bytes) -> bytes:
    size = bytes([0x80 | len(content)]) if len(content) < 127 else (0x4000 | len(content)).to_bytes(2)
    return bytes([name]) + size + content


def _find(data: bytes, start: int, end: int, wanted: int) -> _Element | None:
    return next((element for element in _children(data, start, end) if element.id == wanted), None)


def _children(data: bytes, start: int, end: int) -> Iterator[_Element]:
    """The elements between two places, as far as their headers are there."""
    place = start
    while place < min(end, len(data)) - 1:
        id_length = _length(data[place])
        name = int.from_bytes(data[place : place + id_length])
        at = place + id_length
        if at >= len(data):
            return
        size_length = _length(data[at])
        size = int.from_bytes(data[at : at + size_length]) & ((1 << (7 * size_length)) - 1)
        content = at + size_length
        # All ones is "unknown", which only the segment itself may be.
        finish = end if size == (1 << (7 * size_length)) - 1 else content + size
        yield _Element(name, place, content, finish)
        place = finish


def _length(first: int) -> int:
    """Bytes of a number of variable length, from its first byte."""
    return 9 - first.bit_length() if first else 9
