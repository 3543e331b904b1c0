"""Analyses kept in the cache folder: one file each, the oldest dropped first, anything unreadable as good as absent."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from desktop.errors import UserError
from desktop.malformed import MALFORMED_ARRAYS
from desktop.paths import atomic_write, cache_dir
from desktop.piano.analysis_data import Analysis
from desktop.piano.cover import Chord, Grid, Key

LIMIT = 200_000_000
"""Bytes that all kept analyses may take together."""

_ARRAYS = ("melody", "bass", "energy", "loudness", "accents", "salience", "attacks")
_SMALL = ("salience", "attacks")


def load(key: str) -> Analysis | None:
    """The analysis kept under ``key``; None when there is none or its file is damaged."""
    path = _folder() / f"{key}.npz"
    try:
        with path.open("rb") as file:
            found = unpacked(file)
    except (OSError, *MALFORMED_ARRAYS):
        return None
    with contextlib.suppress(OSError):
        path.touch()  # used lately: dropped last
    return found


def save(key: str, analysis: Analysis) -> None:
    """Keep an analysis; a full disk only costs the next run's time."""
    content = packed(analysis)
    with contextlib.suppress(OSError, UserError):
        folder = _folder()
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(folder / f"{key}.npz") as file:
            file.write(content)
        _trim(folder)


def packed(analysis: Analysis) -> memoryview:
    """An analysis as the bytes of a file."""
    facts: dict[str, Any] = {name: getattr(analysis, name) for name in ("title", "source_hash", "duration", "device")}
    facts |= {"downbeat": analysis.grid.downbeat, "meter": analysis.grid.meter, "confidence": analysis.grid.confidence}
    facts |= {
        "key": asdict(analysis.key),
        "chords": [asdict(chord) for chord in analysis.chords],
        "warnings": list(analysis.warnings),
    }
    arrays = {name: getattr(analysis, name) for name in _ARRAYS}
    arrays |= {name: arrays[name].astype(np.float16) for name in _SMALL}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, facts=np.frombuffer(json.dumps(facts).encode(), np.uint8), beats=analysis.grid.times, **arrays)
    return buffer.getbuffer()


def unpacked(file: BinaryIO) -> Analysis:
    """What ``packed`` wrote; bytes that it did not write raise one of the errors that ``load`` catches."""
    with np.load(file, allow_pickle=False) as data:
        facts = json.loads(bytes(data["facts"]).decode())
        arrays = {name: data[name].astype(np.float32) if name in _SMALL else data[name] for name in _ARRAYS}
        grid = Grid(data["beats"], facts["downbeat"], facts["meter"], facts["confidence"])
    chords = tuple(Chord(**chord) for chord in facts["chords"])
    plain = {name: facts[name] for name in ("title", "source_hash", "duration", "device")}
    return Analysis(grid=grid, key=Key(**facts["key"]), chords=chords, warnings=tuple(facts["warnings"]), **arrays, **plain)


def _folder() -> Path:
    return cache_dir() / "analysis"


def _trim(folder: Path) -> None:
    """Drop the analyses that were not used for longest until the rest fits."""
    files = sorted(((item.stat().st_mtime, item.stat().st_size, item) for item in folder.glob("*.npz")), reverse=True)
    total = 0
    for _, size, item in files:
        total += size
        if total > LIMIT:
            item.unlink(missing_ok=True)
