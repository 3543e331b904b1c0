"""The `.reprise` file: a cover, saved so that every later version can open it.

Layout: magic (8 bytes), version u32, length of the body u64, CRC-32 of the body u32, all little-endian; the body is
msgpack. Arrays are kept as raw bytes of their dtype, so that opening takes no time with 50,000 notes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from desktop.errors import UserError
from desktop.malformed import MALFORMED
from desktop.paths import atomic_write
from desktop.piano.cover import NOTE, PEDAL, QUALITIES, Chord, Cover, Grid, Key, Notes, sort_notes
from desktop.plain_files import check_plain

SUFFIX = ".reprise"
VERSION = 2
"""2: the beats as they were found are kept beside those in use."""
_MAGIC = b"REPRISE\n"
_HEADER = struct.Struct("<8sIQI")
_LARGEST = 1 << 28
"""No cover comes near 256 MB: a longer file is not read into memory."""
_FURTHEST, _CLOSEST = 1e7, 1e-7
"""Beats and seconds beyond which nothing lies, and seconds that two beats are apart: numbers that can be reckoned with."""


class _Document(msgspec.Struct, kw_only=True):
    title: str
    notes: bytes
    pedals: bytes
    beats: bytes
    downbeat: int
    meter: int
    confidence: float
    chords: list[tuple[float, float, int, str, int]]
    key: tuple[int, str]
    duration: float
    info: dict[str, Any]
    found: tuple[bytes, int, int, float] | None


def _with_found_beats(tree: dict[str, Any]) -> dict[str, Any]:
    """Version 1 to 2: the beats of a cover whose beats nobody had corrected are those that were found."""
    untouched = isinstance(tree["info"], dict) and tree["info"].get("beats") == "auto"
    found = (tree["beats"], tree["downbeat"], tree["meter"], tree["confidence"])
    return {**tree, "found": found if untouched else None}


UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _with_found_beats}
"""For each past version the function that turns its body into the next version's."""


def save_project(cover: Cover, path: Path | str) -> None:
    """Write ``cover`` to ``path``, whole or not at all; raises UserError when it cannot be written."""
    with atomic_write(Path(path)) as file:
        file.write(encode_project(cover))


def encode_project(cover: Cover) -> bytes:
    """What ``save_project`` writes: the same bytes for the same cover."""
    found = cover.found
    document = _Document(
        title=cover.title,
        notes=np.ascontiguousarray(cover.notes, NOTE).tobytes(),
        pedals=np.ascontiguousarray(cover.pedals, PEDAL).tobytes(),
        beats=_times(cover.grid),
        downbeat=cover.grid.downbeat,
        meter=cover.grid.meter,
        confidence=cover.grid.confidence,
        chords=[(c.start, c.end, c.root, c.quality, c.bass) for c in cover.chords],
        key=(cover.key.tonic, cover.key.mode),
        duration=cover.duration,
        info=cover.info,
        found=None if found is None else (_times(found), found.downbeat, found.meter, found.confidence),
    )
    body = msgspec.msgpack.encode(document)
    return _HEADER.pack(_MAGIC, VERSION, len(body), zlib.crc32(body)) + body


def load_project(path: Path | str) -> Cover:
    """Read a `.reprise` file; raises UserError when it is none, is cut short, damaged, or of a newer version."""
    path = Path(path)
    try:
        check_plain(path)
        with path.open("rb") as file:
            # Asked for more than there is, it would take that much memory first.
            data = file.read(min(_LARGEST, path.stat().st_size) + 1)
    except FileNotFoundError as error:
        raise UserError("There is no such project", path=path, remedy="Check the name, or make the cover again.") from error
    except OSError as error:
        raise UserError(f"The project cannot be read: {error.strerror}", path=path) from error
    version, body = _unwrap(data, path)
    try:
        tree = msgspec.msgpack.decode(body)
        for step in range(version, VERSION):
            tree = UPGRADES[step](tree)
        return _cover(msgspec.convert(tree, _Document))
    except (*MALFORMED, KeyError, TypeError) as error:
        raise _damaged(path, str(error)) from error


def _unwrap(data: bytes, path: Path) -> tuple[int, bytes]:
    if not data.startswith(_MAGIC[: max(1, len(data))]) or len(data) > _LARGEST:
        raise UserError("This file is not a Reprise project", path=path, remedy=f"Open a file that ends in {SUFFIX}.")
    if len(data) < _HEADER.size:
        raise _truncated(path)
    _, version, length, checksum = _HEADER.unpack_from(data)
    if version > VERSION:
        raise UserError(
            f"This project was made by a newer Reprise (file version {version}, known up to {VERSION})",
            path=path,
            remedy="Update Reprise to open it.",
        )
    body = data[_HEADER.size : _HEADER.size + length]
    if len(body) < length:
        raise _truncated(path)
    if zlib.crc32(body) != checksum or any(step not in UPGRADES for step in range(version, VERSION)):
        raise _damaged(path, "checksum")
    return version, body


def _cover(document: _Document) -> Cover:
    notes = np.frombuffer(document.notes, NOTE)
    pedals = np.frombuffer(document.pedals, PEDAL)
    _check(notes, pedals)
    chords = tuple(Chord(*chord) for chord in document.chords)
    if not all(c.quality in QUALITIES and 0 <= c.root < 12 and 0 <= c.bass < 12 and _is_span(c.start, c.end) for c in chords):
        raise ValueError("a chord that does not exist")
    tonic, mode = document.key
    if not 0 <= tonic < 12 or mode not in ("major", "minor"):
        raise ValueError("a key that does not exist")
    if not 0 <= document.duration <= _FURTHEST:
        raise ValueError("a length that no song has")
    return Cover(
        title=document.title,
        notes=sort_notes(notes),
        pedals=pedals.copy(),
        grid=_grid(document.beats, document.downbeat, document.meter, document.confidence),
        chords=chords,
        key=Key(tonic, mode),
        duration=document.duration,
        info=document.info,
        found=None if document.found is None else _grid(*document.found),
    )


def _times(grid: Grid) -> bytes:
    return grid.times.astype("<f8").tobytes()


def _grid(beats: bytes, downbeat: int, meter: int, confidence: float) -> Grid:
    times = np.frombuffer(beats, "<f8")
    if not np.all(np.abs(times) <= _FURTHEST) or np.any(np.diff(times) < _CLOSEST) or not 0 <= confidence <= 1:
        raise ValueError("beats that no song has")
    return Grid(times, downbeat, meter, confidence)


def _is_span(start: float, end: float) -> bool:
    return -_FURTHEST <= start < end <= _FURTHEST


def _check(notes: Notes, pedals: Notes) -> None:
    spans = np.concatenate([notes["start"], notes["end"], pedals["down"], pedals["up"]])
    # Also false for what is no number.
    if not np.all(np.abs(spans) <= _FURTHEST):
        raise ValueError("a note without a time")
    if np.any(notes["end"] <= notes["start"]) or np.any(notes["pitch"] > 127) or np.any(notes["velocity"] > 127):
        raise ValueError("a note that does not exist")
    if np.any(notes["hand"] > 1):
        raise ValueError("a third hand")


def _truncated(path: Path) -> UserError:
    return UserError("This project is cut short: its end is missing", path=path, remedy="Copy it again, or make the cover again.")


def _damaged(path: Path, why: str) -> UserError:
    return UserError(f"This project is damaged ({why})", path=path, remedy="Use another copy, or make the cover again.")
