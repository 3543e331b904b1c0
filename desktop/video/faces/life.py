"""One face while it is followed."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt

from desktop.video.faces import boxes as rectangles
from desktop.video.faces.data import FACE, Faces, Floats, Track

Array = npt.NDArray[Any]

_DAMPING = 0.8  # of the last motion that the next one is expected to have
_DOUBTS = 6  # looks at everything that may miss a face which is still followed
_MEAN_SCORE = 0.9  # of a face that a track must have


class Life:
    """Places of one face, growing.

    Attributes:
        last: number of the last picture that it was seen in.
        tried: number of the last picture that it was looked for in.
        missed: pictures since then in which it was looked for in vain.
        confirmed: times that a look at everything found it.
    """

    def __init__(self, number: int, index: int, face: Faces) -> None:
        self.id = number
        self.last = self.tried = index
        self.missed, self.confirmed = 0, 1
        self._frames: deque[int] = deque([index])
        self._points: deque[Floats] = deque([face["points"].copy()])
        self._scores: deque[float] = deque([float(face["score"])])
        self._motion = np.zeros(2, np.float32)
        self._doubts = 0
        self._sure = index

    @property
    def box(self) -> Array:
        """Where it was seen last."""
        return np.asarray(rectangles.around(self._points[-1][None])[0])

    @property
    def is_doubtful(self) -> bool:
        """Whether it has been followed too long without the detector finding it."""
        return self._doubts >= _DOUBTS

    def box_at(self, frame: int) -> Array | None:
        """Where it was seen in that picture, if it was."""
        for number, points in zip(reversed(self._frames), reversed(self._points), strict=True):
            if number <= frame:
                return np.asarray(rectangles.around(points[None])[0]) if number == frame else None
        return None

    def expected(self, index: int) -> Any:
        """Where it should be in picture ``index``: a ``FACE`` record."""
        ahead = min(index - self.last, 5)
        return _record(self._points[-1] + self._motion * sum(_DAMPING**step for step in range(1, ahead + 1)), self._scores[-1])

    def start(self) -> Faces:
        """Its first place, as an array of one."""
        return np.array([_record(self._points[0], self._scores[0])], FACE)

    def take(self, index: int, face: Any) -> bool:
        """Note what was found in picture ``index``; False when that is nothing."""
        self.tried = index
        if face["score"] <= 0:
            self.missed += 1
            return False
        points = face["points"].copy()
        step = (points - self._points[-1]).mean(axis=0) / max(1, index - self.last)
        self._motion = 0.5 * self._motion + 0.5 * step
        self._frames.append(index)
        self._points.append(points)
        self._scores.append(float(face["score"]))
        self.last, self.missed = index, 0
        return True

    def take_back(self) -> None:
        """Forget the last picture, unless it is the only one."""
        if len(self._frames) > 1:
            for values in (self._frames, self._points, self._scores):
                values.pop()
            self.last = self._frames[-1]

    def prepend(self, index: int, face: Any) -> None:
        """It was there in an earlier picture."""
        self._frames.appendleft(index)
        self._points.appendleft(face["points"].copy())
        self._scores.appendleft(float(face["score"]))

    def confirm(self, index: int) -> None:
        """A look at everything found it too."""
        self.confirmed += 1
        self._doubts, self._sure = 0, index

    def doubt(self, index: int) -> None:
        """A look at everything did not find it."""
        if self.last == index:
            self._doubts += 1

    def track(self, *, alone: bool) -> Track | None:
        """Its track without gaps; None when there is too little reason to believe in it.

        Args:
            alone: its shot was looked at once only, so that nothing could confirm it.
        """
        frames, points, scores = np.array(self._frames), np.array(self._points), np.array(self._scores)
        if self.is_doubtful:
            sure = frames <= self._sure
            frames, points, scores = frames[sure], points[sure], scores[sure]
        if (self.confirmed < 2 and not alone) or scores.mean() < _MEAN_SCORE:
            return None
        every = np.arange(frames[0], frames[-1] + 1, dtype=np.int32)
        columns = points.reshape(len(points), 10).T
        filled = np.stack([np.interp(every, frames, column) for column in columns], axis=1).reshape(-1, 5, 2).astype(np.float32)
        return Track(
            id=self.id,
            frames=every,
            points=filled,
            boxes=rectangles.around(filled).astype(np.float32),
            score=np.interp(every, frames, scores).astype(np.float32),
            seen=np.isin(every, frames),
        )


def _record(points: Array, score: float) -> Any:
    record = np.zeros((), FACE)
    record["points"], record["score"] = points, score
    record["box"] = rectangles.around(points[None])[0]
    return record
