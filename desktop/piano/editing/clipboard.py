"""Notes as bytes for the clipboard, so that they can be pasted in another window."""

from __future__ import annotations

import struct
from collections.abc import Iterable

import numpy as np

from desktop.errors import UserError
from desktop.piano.cover import NOTE, Notes
from desktop.piano.editing.edited import HIGHEST, LOUDEST, LOWEST, SOFTEST, Edited, as_indices
from desktop.piano.editing.making import add, shifted

MIME = "application/x-reprise-notes"
_HEADER = struct.Struct("<8sI")
_MAGIC = b"RPNOTES1"


def pack(notes: Notes, chosen: Iterable[int]) -> bytes:
    """Notes in beats from the beat in which the first of them begins."""
    copied = np.ascontiguousarray(notes[as_indices(chosen)], NOTE)
    if len(copied):
        copied = shifted(copied, -float(np.floor(copied["start"].min() + 1e-6)))
    return _HEADER.pack(_MAGIC, len(copied)) + copied.tobytes()


def unpack(data: bytes) -> Notes:
    """The notes of ``pack``; raises UserError when the bytes are something else."""
    size = _HEADER.size
    if len(data) >= size:
        magic, count = _HEADER.unpack_from(data)
        if magic == _MAGIC and len(data) == size + count * NOTE.itemsize:
            notes = np.frombuffer(data, NOTE, count, size)
            if _is_sound(notes):
                return notes
    raise UserError("What was copied are no notes of Reprise", remedy="Copy the notes again.")


def paste(notes: Notes, data: bytes, at: float) -> Edited:
    """Add copied notes so that the beat in which they begin is beat ``at``; raises UserError as ``unpack`` does."""
    return add(notes, shifted(unpack(data), at))


def _is_sound(notes: Notes) -> bool:
    spans = np.all(np.isfinite(notes["start"])) and np.all(np.isfinite(notes["end"])) and np.all(notes["end"] > notes["start"])
    pitches = np.all((notes["pitch"] >= LOWEST) & (notes["pitch"] <= HIGHEST))
    loud = np.all((notes["velocity"] >= SOFTEST) & (notes["velocity"] <= LOUDEST))
    return bool(spans and pitches and loud and np.all(notes["hand"] <= 1))
