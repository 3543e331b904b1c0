"""SoundFonts: where the default one is, and whether a file is one, before a synthesizer's native code sees it."""

from __future__ import annotations

import importlib.util
import mmap
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from desktop.errors import UserError

_RECORDS = {
    b"phdr": 38,
    b"pbag": 4,
    b"pmod": 10,
    b"pgen": 4,
    b"inst": 22,
    b"ibag": 4,
    b"imod": 10,
    b"igen": 4,
    b"shdr": 46,
}
"""Bytes of a record of each table."""
_SAMPLE, _INSTRUMENT = 53, 41
_REMEDY = "Choose an .sf2 or .sf3 file, or leave the choice empty for the built-in piano."


def default_soundfont() -> Path:
    """The small General MIDI SoundFont that comes with pretty_midi (found, not imported); UserError when it is not there."""
    found = importlib.util.find_spec("pretty_midi")
    if found is not None and found.origin is not None:
        path = Path(found.origin).with_name("TimGM6mb.sf2")
        if path.is_file():
            return path
    raise UserError("The built-in SoundFont is missing", remedy="Install pretty_midi again, or choose a SoundFont of your own.")


def check_soundfont(path: Path) -> None:
    """Raise UserError unless ``path`` is a complete SoundFont 2 or 3.

    Follows the SoundFont 2.04 specification, sections 4 to 7: RIFF form `sfbk`, the three lists, record sizes, and
    that every index of a preset, bag, generator or sample stays inside of its table.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            problem = _problem(data)
    except FileNotFoundError as error:
        raise UserError("There is no such SoundFont", path=path, remedy=_REMEDY) from error
    except ValueError as error:  # mmap refuses an empty file
        raise UserError("This SoundFont is empty", path=path, remedy=_REMEDY) from error
    except OSError as error:
        raise UserError(f"The SoundFont cannot be read: {error.strerror or error}", path=path, remedy=_REMEDY) from error
    if problem:
        raise UserError(f"This is not a usable SoundFont: {problem}", path=path, remedy=_REMEDY)


def _problem(data: mmap.mmap) -> str:
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"sfbk":
        return "it does not start like one"
    end = 8 + struct.unpack_from("<I", data, 4)[0]
    if end > len(data):
        return "its end is missing"
    tables: dict[bytes, bytes] = {}
    samples = 0
    for kind, start, stop in _chunks(data, 12, end):
        if stop > end:
            return "its end is missing"
        if kind != b"LIST" or stop - start < 4:
            continue
        for name, first, last in _chunks(data, start + 4, stop):
            if last > stop:
                return f"its part {name.decode('latin1')} is cut short"
            if name == b"smpl":
                samples = last - first
            elif name in _RECORDS:
                tables[name] = data[first:last]
    return _wrong_sizes(tables, samples) or _wrong_indices(tables, samples)


def _chunks(data: mmap.mmap, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    while at + 8 <= end:
        name, size = struct.unpack_from("<4sI", data, at)
        yield name, at + 8, at + 8 + size
        at += 8 + size
        # Some SF3 writers leave the padding byte after an odd size out.
        at += bool(size % 2 and at < end and data[at] == 0)


def _wrong_sizes(tables: dict[bytes, bytes], samples: int) -> str:
    for name, size in _RECORDS.items():
        if name not in tables:
            return f"its part {name.decode()} is missing"
        least = 1 if name in (b"pmod", b"imod", b"pgen", b"igen", b"pbag", b"ibag") else 2
        if len(tables[name]) % size or len(tables[name]) < least * size:
            return f"its part {name.decode()} has a wrong length"
    return "" if samples else "it has no samples"


def _wrong_indices(tables: dict[bytes, bytes], samples: int) -> str:
    def column(name: bytes, offset: int, kind: str = "<u2") -> npt.NDArray[np.int64]:
        rows = np.frombuffer(tables[name], np.uint8).reshape(-1, _RECORDS[name])
        return np.ascontiguousarray(rows[:, offset : offset + np.dtype(kind).itemsize]).view(kind).ravel().astype(np.int64)

    def count(name: bytes) -> int:
        return len(tables[name]) // _RECORDS[name]

    for name, offset, into in ((b"phdr", 24, b"pbag"), (b"inst", 20, b"ibag"), (b"pbag", 0, b"pgen"), (b"ibag", 0, b"igen")):
        index = column(name, offset)
        last = count(into) if into.endswith(b"gen") else count(into) - 1
        if np.any(np.diff(index) < 0) or index[-1] > last:
            return f"its part {name.decode()} points outside of the file"
    for name, operator, into in ((b"pgen", _INSTRUMENT, b"inst"), (b"igen", _SAMPLE, b"shdr")):
        if np.any(column(name, 2)[column(name, 0) == operator] >= count(into) - 1):
            return f"its part {name.decode()} points outside of the file"
    start, stop = column(b"shdr", 20, "<u4")[:-1], column(b"shdr", 24, "<u4")[:-1]
    bytes_each = np.where(column(b"shdr", 44)[:-1] & 0x10, 1, 2)
    if np.any(start > stop) or np.any(stop * bytes_each > samples):
        return "a sample points outside of the file"
    return ""
