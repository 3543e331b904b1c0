"""SoundFont 2 and 3 files: where the default one is, and their tables, checked before anything is made of them."""

from __future__ import annotations

import importlib.util
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from desktop.errors import UserError
from desktop.plain_files import check_plain

_NAME = ("name", "S20")
RECORDS: dict[str, np.dtype[Any]] = {
    "phdr": np.dtype([_NAME, ("program", "<u2"), ("bank", "<u2"), ("bag", "<u2"), ("rest", "S12")]),
    "pbag": np.dtype([("generator", "<u2"), ("modulator", "<u2")]),
    "pgen": np.dtype([("kind", "<u2"), ("amount", "<i2")]),
    "inst": np.dtype([_NAME, ("bag", "<u2")]),
    "ibag": np.dtype([("generator", "<u2"), ("modulator", "<u2")]),
    "igen": np.dtype([("kind", "<u2"), ("amount", "<i2")]),
    "shdr": np.dtype(
        [
            _NAME,
            *((field, "<u4") for field in ("start", "end", "loop_start", "loop_end", "rate")),
            ("root", "u1"),
            ("correction", "i1"),
            ("link", "<u2"),
            ("type", "<u2"),
        ]
    ),
}
"""Tables of a SoundFont and the records they consist of (SoundFont 2.04, section 7)."""

SAMPLE, INSTRUMENT = 53, 41
COMPRESSED = 0x10
"""Bit of a sample's type: an Ogg Vorbis stream (SoundFont 3)."""
_REMEDY = "Choose an .sf2 or .sf3 file, or leave the choice empty for the built-in piano."


@dataclass(frozen=True)
class SoundFont:
    """A checked SoundFont.

    Attributes:
        tables: structured array of each of ``RECORDS``.
        data: bytes of all samples; a sample's place is in 16-bit words, or in bytes when it is compressed.
    """

    path: Path
    tables: dict[str, npt.NDArray[np.void]]
    data: npt.NDArray[np.uint8]

    def words(self, sample: np.void) -> npt.NDArray[np.int16]:
        """A sample that is not compressed."""
        first, last = 2 * int(sample["start"]), 2 * int(sample["end"])
        return self.data[first:last].view("<i2")

    def stream(self, sample: np.void) -> bytes:
        """A compressed sample as the Ogg file that it is."""
        return self.data[int(sample["start"]) : int(sample["end"])].tobytes()


def chosen_soundfont(choice: str) -> Path:
    """The SoundFont named by ``choice``, the default one for ""; raises UserError when it cannot be played with."""
    path = Path(choice) if choice else default_soundfont()
    open_soundfont(path)
    return path


def default_soundfont() -> Path:
    """The small General MIDI SoundFont that comes with pretty_midi (found, not imported); UserError when it is not there."""
    found = importlib.util.find_spec("pretty_midi")
    if found is not None and found.origin is not None:
        path = Path(found.origin).with_name("TimGM6mb.sf2")
        if path.is_file():
            return path
    raise UserError("The built-in SoundFont is missing", remedy="Install pretty_midi again, or choose a SoundFont of your own.")


def open_soundfont(path: Path | str) -> SoundFont:
    """Read a SoundFont's tables and map its samples.

    Raises UserError unless it is complete: RIFF form `sfbk`, every table there with whole records, and every index of a
    preset, bag, generator or sample inside of its table.
    """
    path = Path(path)
    try:
        check_plain(path)
        data = np.memmap(path, np.uint8, "r")
    except FileNotFoundError as error:
        raise UserError("There is no such SoundFont", path=path, remedy=_REMEDY) from error
    except ValueError as error:  # numpy refuses to map an empty file
        raise UserError("This SoundFont is empty", path=path, remedy=_REMEDY) from error
    except OSError as error:
        raise UserError(f"The SoundFont cannot be read: {error.strerror or error}", path=path, remedy=_REMEDY) from error
    try:
        font = SoundFont(path, *_read(data))
        _check_indices(font)
    except ValueError as error:
        raise UserError(f"This is not a usable SoundFont: {error}", path=path, remedy=_REMEDY) from error
    return font


def _read(data: npt.NDArray[np.uint8]) -> tuple[dict[str, npt.NDArray[np.void]], npt.NDArray[np.uint8]]:
    if len(data) < 12 or data[:4].tobytes() != b"RIFF" or data[8:12].tobytes() != b"sfbk":
        raise ValueError("it does not start like one")
    end = 8 + _u4(data, 4)
    if end > len(data):
        raise ValueError("its end is missing")
    tables: dict[str, npt.NDArray[np.void]] = {}
    samples = data[:0]
    for kind, start, stop in _chunks(data, 12, end):
        if kind != "LIST":
            continue
        for name, first, last in _chunks(data, start + 4, stop):
            if name == "smpl":
                samples = data[first:last]
            elif name in RECORDS:
                tables[name] = _table(name, data[first:last].tobytes())
    missing = [name for name in RECORDS if name not in tables]
    if missing or not len(samples):
        raise ValueError(f"its part {(missing or ['smpl'])[0]} is missing")
    return tables, samples


def _table(name: str, data: bytes) -> npt.NDArray[np.void]:
    record = RECORDS[name]
    least = 2 if name in ("phdr", "inst", "shdr") else 1
    if len(data) % record.itemsize or len(data) < least * record.itemsize:
        raise ValueError(f"its part {name} has a wrong length")
    return np.frombuffer(data, record)


def _u4(data: npt.NDArray[np.uint8], at: int) -> int:
    return int(struct.unpack("<I", data[at : at + 4].tobytes())[0])


def _chunks(data: npt.NDArray[np.uint8], at: int, end: int) -> Iterator[tuple[str, int, int]]:
    """Name, start and end of the chunks between two places; raises ValueError when one goes on beyond."""
    while at + 8 <= end:
        name, stop = data[at : at + 4].tobytes().decode("latin1"), at + 8 + _u4(data, at + 4)
        if stop > end:
            raise ValueError(f"its part {name} is cut short")
        yield name, at + 8, stop
        # Some writers leave the padding byte after an odd size out.
        odd = (stop - at) % 2 == 1
        at = stop + int(odd and stop < end and data[stop] == 0)


def _check_indices(font: SoundFont) -> None:
    tables = font.tables
    for name, column, into in (
        ("phdr", "bag", "pbag"),
        ("inst", "bag", "ibag"),
        ("pbag", "generator", "pgen"),
        ("ibag", "generator", "igen"),
    ):
        index = tables[name][column].astype(np.int64)
        last = len(tables[into]) - (0 if into.endswith("gen") else 1)
        if np.any(np.diff(index) < 0) or index[-1] > last:
            raise ValueError(f"its part {name} points outside of the file")
    for name, kind, into in (("pgen", INSTRUMENT, "inst"), ("igen", SAMPLE, "shdr")):
        amounts = tables[name]["amount"][tables[name]["kind"] == kind].astype(np.uint16)
        if np.any(amounts >= len(tables[into]) - 1):
            raise ValueError(f"its part {name} points outside of the file")
    samples = tables["shdr"][:-1]
    start, end = samples["start"].astype(np.int64), samples["end"].astype(np.int64)
    unit = np.where(samples["type"] & COMPRESSED, 1, 2)
    if np.any(start > end) or np.any(end * unit > len(font.data)):
        raise ValueError("a sample points outside of the file")
