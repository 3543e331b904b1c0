"""What is known of the faces in a clip: single findings, tracks through a shot, and the file that keeps them.

All coordinates are in square pixels of the upright full-size picture, measured from its upper left corner (the centre of the
first pixel is at 0.5, 0.5), so that they scale with the picture. Needs numpy only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from desktop.errors import UserError
from desktop.malformed import MALFORMED_ARRAYS
from desktop.paths import atomic_write

Floats = npt.NDArray[np.float32]
Faces = npt.NDArray[np.void]
"""A structured array of ``FACE``."""

FACE = np.dtype([("box", "<f4", (4,)), ("points", "<f4", (5, 2)), ("score", "<f4")])
"""A finding: box x0, y0, x1, y1; points image-left eye, image-right eye, nose, left and right mouth corner; score 0..1."""

Shots = list[int]
"""Numbers of the pictures that begin a shot, rising; the first is that of the clip's first picture."""

FORMAT = 1
_COLUMNS = {"frames": (np.int32, ()), "points": (np.float32, (5, 2)), "boxes": (np.float32, (4,)), "score": (np.float32, ())}


@dataclass(frozen=True)
class Track:
    """One face through consecutive pictures of one shot.

    Attributes:
        id: number of the track, unique in its clip.
        frames: picture numbers [n], consecutive.
        points: [n, 5, 2]; order as in ``FACE``.
        boxes: [n, 4].
        score: [n], 0..1; that of the neighbours where the face was not seen.
        seen: [n]; False where the position was interpolated.
    """

    id: int
    frames: npt.NDArray[np.int32]
    points: Floats
    boxes: Floats
    score: Floats
    seen: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def first(self) -> int:
        """Number of the first picture."""
        return int(self.frames[0])

    @property
    def last(self) -> int:
        """Number of the last picture."""
        return int(self.frames[-1])

    def at(self, frame: int) -> int | None:
        """Position in the arrays of picture number ``frame``; None outside the track."""
        position = frame - self.first
        return position if 0 <= position < len(self.frames) else None


def empty() -> Faces:
    """No faces."""
    return np.zeros(0, FACE)


def face_size(points: npt.NDArray[Any]) -> float:
    """Side of the square face box that goes with five points [5, 2], px: 2.2 × the longer of the eyes' distance and 1.1 × the
    way from eyes to mouth, so that a head that turns or nods does not shrink."""
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    across = float(np.hypot(*(points[1] - points[0])))
    down = float(np.hypot(*(mouth - eyes)))
    return 2.2 * max(across, 1.1 * down)


def size(track: Track, i: int) -> float:
    """Side of the face's square box at position ``i`` of a track, px (``face_size``)."""
    return face_size(track.points[i])


def faces_at(tracks: Iterable[Track], frame: int) -> Iterator[tuple[Track, int]]:
    """Tracks that show in picture number ``frame``, with the position in each."""
    for track in tracks:
        position = track.at(frame)
        if position is not None:
            yield track, position


def save_tracks(path: Path, tracks: Sequence[Track], shots: Sequence[int] = ()) -> None:
    """Write tracks and shots as one .npz file, in one step."""
    lengths = np.array([len(track) for track in tracks], np.int64)
    arrays: dict[str, npt.NDArray[Any]] = {
        "format": np.array(FORMAT),
        "id": np.array([track.id for track in tracks], np.int64),
        "length": lengths,
        "shots": np.array(list(shots), np.int64),
        "seen": np.concatenate([np.zeros(0, bool), *(track.seen for track in tracks)]),
    }
    for name, (kind, shape) in _COLUMNS.items():
        arrays[name] = np.concatenate([np.zeros((0, *shape), kind), *(getattr(track, name) for track in tracks)])
    with atomic_write(path) as file:
        np.savez(file, allow_pickle=False, **arrays)


def load_tracks(path: Path) -> tuple[list[Track], Shots]:
    """Tracks and shots of a file that ``save_tracks`` wrote.

    Raises:
        UserError: it cannot be read, or what it holds is not what was written.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = {name: file[name] for name in ("format", "id", "length", "shots", "seen", *_COLUMNS)}
        return _parsed(arrays)
    except (OSError, *MALFORMED_ARRAYS) as error:
        raise UserError(
            f"The file of tracks cannot be used: {error}", path=path, remedy="Let the faces be found again."
        ) from error


def _parsed(arrays: dict[str, npt.NDArray[Any]]) -> tuple[list[Track], Shots]:
    if int(arrays["format"]) != FORMAT:
        raise ValueError(f"format {arrays['format']}, expected {FORMAT}")
    length, ids, shots = arrays["length"], arrays["id"], arrays["shots"]
    if length.shape != ids.shape or length.ndim != 1 or (length < 1).any() or len(set(ids.tolist())) != len(ids):
        raise ValueError("lengths and ids do not fit")
    if shots.ndim != 1 or (np.diff(shots) <= 0).any():
        raise ValueError("shots are not in order")
    total = int(length.sum())
    for name, (kind, shape) in (*_COLUMNS.items(), ("seen", (np.bool_, ()))):
        column = arrays[name]
        if column.shape != (total, *shape) or column.dtype != kind:
            raise ValueError(f"{name} has shape {column.shape} and type {column.dtype}")
        if not np.isfinite(column).all():
            raise ValueError(f"{name} holds values that are not numbers")
    tracks = []
    ends = np.cumsum(length)
    for number, start, end in zip(ids.tolist(), (ends - length).tolist(), ends.tolist(), strict=True):
        part = {name: arrays[name][start:end] for name in (*_COLUMNS, "seen")}
        if (np.diff(part["frames"]) != 1).any():
            raise ValueError(f"track {number} has gaps")
        tracks.append(Track(number, **part))
    return tracks, [int(shot) for shot in shots]
