"""Faces followed from picture to picture: found by looking everywhere now and then, kept by looking where they must be."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt

from desktop.video.faces import boxes as rectangles
from desktop.video.faces.data import FACE, Faces, Track, empty, face_size
from desktop.video.faces.detect import RGB, Detector
from desktop.video.faces.life import Life

Array = npt.NDArray[Any]

_MOST_REFINED = 32  # faces a picture; more than that take turns
_SAME = 0.4  # overlap of two findings of one face
_NEAR = 0.6  # of the face's size: where a lost face may come back
_ALIKE = 1.6  # ratio of sizes of one face lost and found
_BACK = 0.85  # score that a face must have to be followed back to where it began


class Tracker:
    """Follows all faces of a clip, shot by shot.

    Every ``every`` pictures, at a new shot, and when a face was lost, the detector looks at the whole picture; in between each
    face is refined about where it is expected. A new face is followed back through the pictures since the last look, so that it
    is there from its first picture on. Memory: ``every`` reduced pictures, and about 70 bytes for each face of each picture.

    Args:
        every: pictures from one look at everything to the next.
    """

    def __init__(self, detector: Detector, *, every: int = 5) -> None:
        if every < 1:
            raise ValueError(f"every: {every} is not a number of pictures")
        self._detector, self._every = detector, every
        self._lives: list[Life] = []
        self._tracks: list[Track] = []
        self._recent: deque[tuple[int, RGB, float]] = deque(maxlen=every)
        self._since_look = 0
        self._looks = 0  # in this shot
        self._next = 1
        self._index: int | None = None

    def feed(self, index: int, rgb: RGB, scale: float = 1.0, *, cut: bool = False) -> None:
        """The next picture.

        Args:
            index: its number; one more than that of the picture before.
            rgb: reduced copy in square pixels (``desktop.video.faces.detect.reduced_size``); kept, so do not change it.
            scale: its size over that of the full picture.
            cut: a new shot begins here.

        Raises:
            ValueError: pictures were left out.
        """
        if self._index is not None and index != self._index + 1:
            raise ValueError(f"picture {index} after picture {self._index}")
        first = self._index is None
        self._index = index
        if cut or first:
            self._end_shot()
        lost = self._follow(index, rgb, scale)
        self._since_look += 1
        # A crowd takes turns in being refined, and the look at everything waits as long as a turn.
        turns = max(1, -(-len(self._lives) // _MOST_REFINED))
        if self._looks == 0 or self._since_look >= turns * self._every or (lost and self._since_look > turns):
            self._look(index, rgb, scale)
        self._recent.append((index, rgb, scale))

    def finish(self) -> list[Track]:
        """All tracks, in the order in which they begin; nothing can be fed after that."""
        self._end_shot()
        return sorted(self._tracks, key=lambda track: (track.first, track.id))

    def _end_shot(self) -> None:
        waiting = [life for life in self._lives if not life.missed]
        if self._recent and any(life.tried < self._recent[-1][0] for life in waiting):
            # Of a crowd that takes turns, everyone is looked for in the last picture.
            self._refine([life for life in waiting if life.tried < self._recent[-1][0]], *self._recent[-1])
        for life in self._lives:
            self._end(life)
        self._lives = []
        self._recent.clear()
        self._looks = self._since_look = 0

    def _end(self, life: Life) -> None:
        track = life.track(alone=self._looks < 2)
        if track is not None:
            self._tracks.append(track)

    def _follow(self, index: int, rgb: RGB, scale: float) -> bool:
        """Refine the faces that are due; whether one was lost just now."""
        due = sorted(self._lives, key=lambda life: life.tried)[:_MOST_REFINED]
        if not due:
            return False
        lost = self._refine(due, index, rgb, scale)
        self._drop_doubles(index)
        for life in [life for life in self._lives if life.missed > 3 * self._every]:
            self._end(life)
            self._lives.remove(life)
        return lost

    def _refine(self, lives: list[Life], index: int, rgb: RGB, scale: float) -> bool:
        """Look for these faces where they are expected; whether one was lost just now."""
        expected = np.array([life.expected(index) for life in lives], FACE)
        found = _scaled(self._detector.refine(rgb, _scaled(expected, scale)), 1 / scale)
        taken = [life.take(index, face) for life, face in zip(lives, found, strict=True)]
        return any(not seen and life.missed == 1 for life, seen in zip(lives, taken, strict=True))

    def _drop_doubles(self, index: int) -> None:
        """Two tracks that have run into each other are one face: the better founded goes on."""
        seen = [life for life in self._lives if life.last == index]
        if len(seen) < 2:
            return
        order = sorted(seen, key=lambda life: (-life.confirmed, life.id))
        kept = rectangles.suppress(np.array([life.box for life in order]), np.arange(len(order), 0.0, -1.0), _SAME)
        for position, life in enumerate(order):
            if position not in kept:
                life.take_back()
                self._end(life)
                self._lives.remove(life)

    def _look(self, index: int, rgb: RGB, scale: float) -> None:
        self._since_look = 0
        self._looks += 1
        faces = _scaled(self._detector(rgb), 1 / scale)
        faces = self._confirm(index, faces)
        faces = self._bring_back(index, faces)
        for face in faces:
            self._begin(index, face)
        for life in [life for life in self._lives if life.is_doubtful]:
            self._end(life)
            self._lives.remove(life)

    def _confirm(self, index: int, faces: Faces) -> Faces:
        """Give the findings to the tracks that they overlap; what is left over."""
        expected = np.array([life.box if life.last == index else life.expected(index)["box"] for life in self._lives])
        free = np.ones(len(faces), bool)
        shared = rectangles.overlaps(expected.reshape(-1, 4), faces["box"])
        for life, row in zip(self._lives, shared, strict=True):
            best = int(row.argmax()) if len(row) else -1
            if best < 0 or row[best] < _SAME:
                life.doubt(index)
                continue
            free[row >= _SAME] = False
            if life.last != index:
                life.take(index, faces[best])
            life.confirm(index)
        return faces[free]

    def _bring_back(self, index: int, faces: Faces) -> Faces:
        """Findings near lost faces of the same size are those; what is left over."""
        free = np.ones(len(faces), bool)
        for life in self._lives:
            if life.last == index or not free.any():
                continue
            expected = life.expected(index)
            size = face_size(expected["points"])
            away = np.hypot(*(faces["points"].mean(axis=1) - expected["points"].mean(axis=0)).T) / size
            ratio = np.array([face_size(points) for points in faces["points"]]) / size
            good = free & (away < _NEAR) & (ratio < _ALIKE) & (ratio > 1 / _ALIKE)
            if good.any():
                best = int(np.where(good, away, np.inf).argmin())
                free[best] = False
                life.take(index, faces[best])
                life.confirm(index)
        return faces[free]

    def _begin(self, index: int, face: Faces) -> None:
        life = Life(self._next, index, face)
        self._next += 1
        for number, rgb, scale in reversed(self._recent):
            before = _scaled(self._detector.refine(rgb, _scaled(life.start(), scale)), 1 / scale)
            if before["score"][0] < _BACK or self._is_taken(number, before["box"]):
                break
            life.prepend(number, before[0])
        self._lives.append(life)

    def _is_taken(self, number: int, box: Array) -> bool:
        others = [other.box_at(number) for other in self._lives]
        known = np.array([other for other in others if other is not None])
        return bool(len(known)) and bool((rectangles.overlaps(known, box) > _SAME).any())


def _scaled(faces: Faces, scale: float) -> Faces:
    result = faces.copy() if len(faces) else empty()
    result["box"] *= np.float32(scale)
    result["points"] *= np.float32(scale)
    return result
