"""Going through clips (or images) side by side, and measuring every moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from desktop.jobs.progress import Progress
from desktop.video.comparison.matching import Follower
from desktop.video.comparison.moments import Comparison, square
from desktop.video.comparison.series import Series
from desktop.video.faces.detect import Detector
from desktop.video.findings import FacesByPicture, Look
from desktop.video.look import look
from desktop.video.media.picture import Picture
from desktop.video.media.probe import probe
from desktop.video.media.reader import open_reader
from desktop.video.media.stills import read_still
from desktop.video.patches import Face
from desktop.video.quality.naturalness import PATCH, Naturalness
from desktop.video.reading import how_to_read
from desktop.video.single import find_faces

_MOST_NATURE = 50  # pictures whose naturalness is looked at
_LOOKING = 0.35  # of the time

_Pictures = Mapping[str, Picture | None]


class Measuring:
    """One comparison. Holds two pictures of each clip, whatever their length.

    Args:
        paths: files by name; the first is the reference, in which faces are found.

    Attributes:
        series: what was measured, a row for each picture of the reference.
        cuts: seconds where new shots begin in the reference.
        faces: how many were found (each is one as long as it stays).
        compared: pictures that all clips have.
        notes: what the user should know, one sentence each.
    """

    def __init__(self, paths: Mapping[str, Path], detector: Detector, naturalness: Naturalness | None) -> None:
        self.reference = next(iter(paths))
        self.series = Series(tuple(paths))
        self.cuts: list[float] = []
        self.faces = self.compared = 0
        self.notes: list[str] = []
        self._paths, self._detector, self._naturalness = paths, detector, naturalness
        self._sizes: dict[str, tuple[int, int]] = {}
        self._niqe: dict[str, float] = {}

    def images(self) -> None:
        """Compare images; raises UserError when one cannot be read."""
        pictures = {name: read_still(path) for name, path in self._paths.items()}
        found = find_faces(pictures[self.reference], self._detector)
        faces = [Face(face.points, face.box, number) for number, face in enumerate(found)]
        comparison = self._comparison(len(faces))
        self._moment(comparison, pictures[self.reference], pictures, faces, cut=True, nature=True)
        self._finish(comparison)

    def clips(self, progress: Progress) -> None:
        """Compare clips: one pass for the reference's faces, one over all of them side by side.

        Raises UserError when one cannot be read.
        """
        ways = {name: self._way(name, path) for name, path in self._paths.items()}
        path, way = self._paths[self.reference], ways[self.reference]
        promised = probe(path).video.frames
        looking = progress.part(0.0, _LOOKING)
        found = look(path, self._detector, looking, deinterlace=way, start=None, end=None, promised=promised)
        comparison = self._comparison(len(found.tracks))
        with ExitStack() as stack:
            readers = {name: stack.enter_context(open_reader(p, deinterlace=ways[name])) for name, p in self._paths.items()}
            followers: dict[str, Follower[Picture]] = {name: Follower(iter(reader)) for name, reader in readers.items()}
            self._follow(comparison, followers, found, progress.part(_LOOKING, 1.0))
            self._say_counts({name: follower.seen for name, follower in followers.items()})
            for name, reader in readers.items():
                self.notes += [f"{name.capitalize()}: {problem}" for problem in reader.problems]
        self._finish(comparison)

    def means(self, key: str) -> dict[str, float]:
        """One value of a measure for each clip that has it."""
        return self._niqe if key == "niqe" else self.series.means(key)

    def _comparison(self, faces: int) -> Comparison:
        self.faces = faces
        if not faces:
            self.notes.append("No face was found; whole pictures are measured instead.")
        names = tuple(self._paths)
        return Comparison(names, self.reference, self._detector, self._naturalness, has_faces=faces > 0)

    def _way(self, name: str, path: Path) -> str:
        way = how_to_read(path, probe(path), "auto")
        if way != "off":
            self.notes.append(f"{name.capitalize()} is interlaced; its pictures are made of both fields.")
        return way

    def _follow(
        self, comparison: Comparison, followers: Mapping[str, Follower[Picture]], found: Look, progress: Progress
    ) -> None:
        count = len(found.times)
        faces_of, cuts, every = FacesByPicture(found.tracks), set(found.shots), max(1, -(-count // _MOST_NATURE))
        for picture, pictures in _moments(followers, self.reference, found):
            progress.at(picture.index / count, "Measuring")
            cut = picture.index in cuts
            if cut and picture.index:
                self.cuts.append(picture.time)
            nature = picture.index % every == 0
            self._moment(comparison, picture, pictures, faces_of(picture.index), cut=cut, nature=nature)

    def _moment(
        self, comparison: Comparison, here: Picture, pictures: _Pictures, faces: Sequence[Face], *, cut: bool, nature: bool
    ) -> None:
        shown = {name: None if one is None else square(one.rgb(), one.square_size) for name, one in pictures.items()}
        for name, rgb in shown.items():
            if rgb is not None:
                self._sizes.setdefault(name, (rgb.shape[1], rgb.shape[0]))
        numbers = comparison.feed(shown, faces, cut=cut, nature=nature)
        whose = max(faces, key=lambda face: face.size).track if faces else None
        self.compared += all(rgb is not None for rgb in shown.values())
        self.series.add(here.time, here.index, numbers, (whose, len(self.cuts)))

    def _finish(self, comparison: Comparison) -> None:
        self._niqe = comparison.niqe()
        if self._naturalness is not None and not self._niqe:
            self.notes.append(f"NIQE is left out: it needs pictures of {PATCH} px at least, and some of them.")
        if len(set(self._sizes.values())) > 1:
            sizes = ", ".join(f"{name} {width}x{height}" for name, (width, height) in self._sizes.items())
            width, height = self._sizes[self.reference]
            self.notes.append(f"The pictures differ in size ({sizes}); likeness and steadiness are judged at {width}x{height}.")

    def _say_counts(self, seen: dict[str, int]) -> None:
        if len(set(seen.values())) > 1 or self.compared < min(seen.values()):
            counts = ", ".join(f"{name} {count}" for name, count in seen.items())
            self.notes.append(f"The clips do not have the same pictures ({counts}); {self.compared} are at the same time.")


def _moments(
    followers: Mapping[str, Follower[Picture]], reference: str, found: Look
) -> Iterator[tuple[Picture, dict[str, Picture | None]]]:
    """Each picture of the reference with those of the other clips at its time, within half a step."""
    steps = np.diff(found.times) if len(found.times) > 1 else np.array([found.last_duration])
    tolerance = 0.5 * float(np.median(steps) * found.time_base) + 1e-6
    others = {name: follower for name, follower in followers.items() if name != reference}
    for picture in followers[reference]:
        shown: dict[str, Picture | None] = {reference: picture}
        for name, follower in others.items():
            shown[name] = follower.at(picture.time, tolerance)
        yield picture, shown
    for follower in others.values():
        follower.finish()
