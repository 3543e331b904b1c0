"""What the first pass over a clip found, and the files that keep it for another try."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from desktop.errors import UserError
from desktop.malformed import MALFORMED_ARRAYS
from desktop.paths import atomic_write
from desktop.video.faces.data import Track, load_tracks, save_tracks
from desktop.video.identity import of_file
from desktop.video.patches import Face


@dataclass(frozen=True)
class Look:
    """What the first pass found.

    Attributes:
        deinterlace: how the reader was told to treat fields; the second pass must do the same.
        times: time stamp of every picture [n], in ticks of ``time_base``.
        last_duration: ticks that the last picture is shown.
        shots: numbers of the pictures that begin a shot.
        tracks: faces, smoothed within their shots, the earliest first.
        problems: damage that the reader met, one sentence each.
    """

    deinterlace: str
    times: npt.NDArray[np.int64]
    time_base: Fraction
    last_duration: int
    width: int
    height: int
    sar: Fraction
    shots: list[int]
    tracks: list[Track]
    problems: list[str]

    @property
    def seconds(self) -> float:
        """Length of the clip."""
        return float((int(self.times[-1]) - int(self.times[0]) + self.last_duration) * self.time_base)

    def at(self, picture: int) -> float:
        """Seconds from the first picture to another."""
        return float((int(self.times[picture]) - int(self.times[0])) * self.time_base)

    @property
    def rate(self) -> Fraction | None:
        """Pictures a second on average; None for a single picture."""
        span = int(self.times[-1]) - int(self.times[0])
        return Fraction(len(self.times) - 1) / (span * self.time_base) if span > 0 else None


class FacesByPicture:
    """The faces of one picture after another; asking for an earlier one is fine, but slower."""

    def __init__(self, tracks: list[Track]) -> None:
        self._tracks = sorted(tracks, key=lambda track: track.first)
        self._next = 0
        self._open: list[Track] = []
        self._at = -1

    def __call__(self, picture: int) -> list[Face]:
        """Faces in picture number ``picture``."""
        if picture < self._at:
            self._next, self._open = 0, []
        self._at = picture
        while self._next < len(self._tracks) and self._tracks[self._next].first <= picture:
            self._open.append(self._tracks[self._next])
            self._next += 1
        self._open = [track for track in self._open if track.last >= picture]
        found = [(track, track.at(picture)) for track in self._open]
        return [Face(track.points[i], track.boxes[i], track.id) for track, i in found if i is not None]


class _Saved(msgspec.Struct, frozen=True):
    """The part of a look that is plain text, with the digests of its other files."""

    deinterlace: str
    time_base: tuple[int, int]
    last_duration: int
    width: int
    height: int
    sar: tuple[int, int]
    problems: list[str]
    digests: tuple[str, str]


def save(found: Look, folder: Path) -> None:
    """Keep a look in a folder; it counts as kept when its last file is there."""
    with atomic_write(folder / "times.npy") as file:
        np.save(file, found.times, allow_pickle=False)
    save_tracks(folder / "tracks.npz", found.tracks, found.shots)
    saved = _Saved(
        deinterlace=found.deinterlace,
        time_base=found.time_base.as_integer_ratio(),
        last_duration=found.last_duration,
        width=found.width,
        height=found.height,
        sar=found.sar.as_integer_ratio(),
        problems=found.problems,
        digests=(of_file(folder / "times.npy"), of_file(folder / "tracks.npz")),
    )
    with atomic_write(folder / "look.json") as file:
        file.write(msgspec.json.encode(saved))


def load(folder: Path) -> Look | None:
    """The look that was kept in a folder; None when there is none, or it is damaged."""
    with contextlib.suppress(OSError, *MALFORMED_ARRAYS, ArithmeticError, UserError):
        saved = msgspec.json.decode((folder / "look.json").read_bytes(), type=_Saved)
        if saved.digests != (of_file(folder / "times.npy"), of_file(folder / "tracks.npz")):
            return None
        tracks, shots = load_tracks(folder / "tracks.npz")
        return Look(
            deinterlace=saved.deinterlace,
            times=np.load(folder / "times.npy", allow_pickle=False),
            time_base=Fraction(*saved.time_base),
            last_duration=saved.last_duration,
            width=saved.width,
            height=saved.height,
            sar=Fraction(*saved.sar),
            shots=shots,
            tracks=tracks,
            problems=saved.problems,
        )
    return None
