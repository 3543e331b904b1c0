"""The first pass over a clip: every time stamp, where shots begin, and where the faces are."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np

from desktop.errors import UsageError, UserError
from desktop.jobs.progress import Progress
from desktop.video.faces.detect import Detector, reduced_size
from desktop.video.faces.shots import ShotFinder
from desktop.video.faces.smooth import smooth
from desktop.video.faces.track import Tracker
from desktop.video.findings import Look
from desktop.video.flow import Flow, Pipe
from desktop.video.media.picture import Picture
from desktop.video.media.reader import open_reader
from desktop.video.summary import clock

_EVERY_S = 0.2
"""A face is looked for this often; tracking holds between."""

_AHEAD = 4


def look(
    path: Path,
    detector: Detector,
    progress: Progress,
    *,
    deinterlace: str,
    start: float | None,
    end: float | None,
    promised: int | None,
    interrupt: Callable[[], None] = lambda: None,
) -> Look:
    """Go through all of a clip.

    Args:
        promised: about how many pictures there are, for the progress; None when nobody knows.

    Raises:
        UserError: no picture could be decoded, or none lies between ``start`` and ``end``.
    """
    flow = Flow(interrupt)
    pictures: Pipe[Picture] = flow.pipe(_AHEAD)
    finder = _Finder(detector)
    with open_reader(path, deinterlace=deinterlace, start=start, end=end) as reader:

        def decode() -> None:
            for picture in reader:
                pictures.put(picture)
            pictures.close()

        def find() -> None:
            for picture in pictures:
                finder.feed(picture)

        flow.stage("decode", decode)
        flow.stage("find", find)
        flow.run(lambda: progress.at(_share(finder.seen, promised), "Looking for faces"))
        if not finder.seen:
            if (start is not None or end is not None) and not reader.problems:
                length = f"It is {clock(reader.clip.duration)} long." if reader.clip.duration else ""
                raise UsageError("The clip has no picture in the part that was asked for", path=path, remedy=length)
            raise UserError("No picture of this clip could be decoded", path=path, remedy=" ".join(reader.problems))
        rate = reader.clip.video.rate
        return finder.found(deinterlace, reader.time_base, float(rate or 25), list(reader.problems))


class _Finder:
    """Collects what a pass finds, picture by picture."""

    def __init__(self, detector: Detector) -> None:
        self.seen = 0
        self._detector = detector
        self._times = array("q")
        self._shots: list[int] = []
        self._finder = ShotFinder()
        self._tracker: Tracker | None = None
        self._last: Picture | None = None

    def feed(self, picture: Picture) -> None:
        width, height = picture.square_size
        if self._tracker is None:
            self._tracker = Tracker(self._detector, every=_every(picture))
            self._last = picture
        small = reduced_size(width, height)
        rgb = picture.small(*small)
        begins = self._finder.feed(rgb)
        if begins or not self._shots:
            self._shots.append(len(self._times))
        self._tracker.feed(len(self._times), rgb, small[0] / width, cut=begins)
        self._times.append(picture.pts)
        self._last = picture
        self.seen += 1

    def found(self, deinterlace: str, time_base: Fraction, rate: float, problems: list[str]) -> Look:
        last = self._last
        assert last is not None and self._tracker is not None
        times = np.frombuffer(self._times, np.int64).copy()
        step = int(np.median(np.diff(times))) if len(times) > 1 else round(Fraction(1, 25) / time_base)
        tracks = [smooth(track, rate) for track in self._tracker.finish()]
        return Look(
            deinterlace=deinterlace,
            times=times,
            time_base=time_base,
            last_duration=last.duration or step,
            width=last.width,
            height=last.height,
            sar=last.sar,
            shots=self._shots,
            tracks=tracks,
            problems=problems,
        )


def _every(picture: Picture) -> int:
    duration = float(picture.duration * picture.time_base) or 0.04
    return max(1, min(12, round(_EVERY_S / duration)))


def _share(seen: int, promised: int | None) -> float:
    return min(0.99, seen / promised) if promised else 1.0 - 1.0 / (1.0 + seen / 2000)
