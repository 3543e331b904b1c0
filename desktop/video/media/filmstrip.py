"""A strip of thumbnails over a clip, and where its shots begin."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import numpy as np
import numpy.typing as npt

from desktop.jobs.job import FilmstripJob, Result
from desktop.jobs.progress import Progress
from desktop.video.faces.shots import ShotFinder
from desktop.video.media import cache
from desktop.video.media.clip import Clip
from desktop.video.media.picture import Picture
from desktop.video.media.probe import probe
from desktop.video.media.reader import open_reader
from desktop.video.media.sizes import within
from desktop.video.media.state import FileState
from desktop.video.media.stills import is_still, read_still

_AT_ONCE_S = 2.0
"""When all of a clip is decoded in this time, its thumbnails come in passing; else they are looked for first."""
_AFFORDABLE_S = 60.0
"""So long a decoding of all of a clip is worth knowing its shots."""
_TRIED = 40
"""Pictures whose decoding is timed for the estimate."""


def filmstrip(job: FilmstripJob, progress: Progress) -> Result:
    """Thumbnails as they are found (previews "thumb"), then all of them and the shots.

    Returns:
        "thumbs": path of a .npy, uint8 [n, h, w, 3] RGB, upright, square pixels; "times": seconds of each; "shots": seconds at
        which shots begin; "shots_from": "pictures" (all were looked at) or "thumbs" (that would take too long: shots between two
        thumbnails are missing, and a shot may begin earlier than said); "duration", "frames" (None: unknown), "rate".

    Raises:
        UserError: the file is no clip and no picture.
    """
    path = Path(job.source)
    if is_still(path):
        return _of_still(path, job, progress)
    clip = probe(path)
    strip = _Strip(job, clip, progress)
    estimate = _seconds_to_decode(path, clip, strip)
    frames = clip.video.frames
    if estimate > _AT_ONCE_S:
        strip.look_around(path)
    if estimate <= _AFFORDABLE_S:
        frames, shots = strip.go_through(path, add=estimate <= _AT_ONCE_S), "pictures"
    else:
        strip.shots, shots = _shots_of(strip.thumbs), "thumbs"
    times = sorted(strip.thumbs)
    file = cache.keep(np.stack([strip.thumbs[time] for time in times]), FileState.of(path), "filmstrip", job.count, job.side)
    return {
        "thumbs": str(file),
        "times": times,
        "shots": strip.shots,
        "shots_from": shots,
        "duration": clip.duration or times[-1],
        "frames": frames,
        "rate": float(clip.video.rate or 0),
    }


@dataclass
class _Strip:
    """What was found so far.

    Attributes:
        thumbs: thumbnail by its time.
        shots: seconds at which shots begin.
    """

    job: FilmstripJob
    clip: Clip
    progress: Progress
    thumbs: dict[float, npt.NDArray[np.uint8]] = field(default_factory=dict)
    shots: list[float] = field(default_factory=list)

    @property
    def size(self) -> tuple[int, int]:
        """Of a thumbnail."""
        return within(self.clip.display_size, self.job.side)

    @property
    def spacing(self) -> float:
        """Seconds between thumbnails."""
        return (self.clip.duration or 0.0) / self.job.count

    def add(self, time: float, rgb: npt.NDArray[np.uint8]) -> None:
        """Keep a thumbnail and show it."""
        if time in self.thumbs:
            return
        self.thumbs[time] = rgb
        height, width = rgb.shape[:2]
        shown = {"number": len(self.thumbs) - 1, "time": time, "height": height, "width": width, "rgb": rgb.tobytes()}
        self.progress.preview("thumb", shown)

    def look_around(self, path: Path) -> None:
        """Find a thumbnail for every place, first far apart, then between."""
        for number, place in enumerate(_coarse_to_fine(self.job.count)):
            self.progress.at(0.5 * number / self.job.count, "Making thumbnails")
            time = (place + 0.5) * self.spacing
            # Any picture from about here does, so mostly a key frame alone is decoded.
            with open_reader(path, start=max(0.0, time - self.spacing / 2) or None, quick=True) as reader:
                picture = next(reader, None)
            if picture is not None:
                self.add(picture.time, picture.small(*self.size))

    def go_through(self, path: Path, *, add: bool) -> int:
        """Decode all of the clip; finds the shots and, with ``add``, the thumbnails. Returns the number of pictures."""
        finder = ShotFinder()
        count = 0
        with open_reader(path) as reader:
            for picture in reader:
                rgb = picture.small(*self.size)
                if finder.feed(rgb) or not count:
                    self.shots.append(picture.time)
                if add and picture.time >= len(self.thumbs) * self.spacing and len(self.thumbs) < self.job.count:
                    self.add(picture.time, rgb)
                count += 1
                self._say(picture)
        if not self.thumbs:
            self.add(picture.time, rgb)
        return count

    def _say(self, picture: Picture) -> None:
        share = picture.time / self.clip.duration if self.clip.duration else 0.0
        self.progress.at(0.5 + share / 2, "Looking for shots")


def _seconds_to_decode(path: Path, clip: Clip, strip: _Strip) -> float:
    """About how long it takes to decode and look at all of the clip."""
    began = perf_counter()
    count, time = 0, 0.0
    with open_reader(path) as reader:
        for picture in reader:
            picture.small(*strip.size)
            count, time = count + 1, picture.time
            if count == _TRIED:
                break
    taken = perf_counter() - began
    if count < _TRIED or not clip.duration:
        return 0.0 if count < _TRIED else _AFFORDABLE_S
    return taken * max(1.0, clip.duration / max(time, 1e-3))


def _shots_of(thumbs: dict[float, npt.NDArray[np.uint8]]) -> list[float]:
    finder = ShotFinder()
    times = sorted(thumbs)
    return [time for number, time in enumerate(times) if finder.feed(thumbs[time]) or number == 0]


def _coarse_to_fine(count: int) -> Iterator[int]:
    """0 .. count - 1 so that each next one falls into a large gap."""
    step = 1
    while step < count:
        step *= 2
    seen: set[int] = set()
    while step:
        for place in range(0, count, step):
            if place not in seen:
                seen.add(place)
                yield place
        step //= 2


def _of_still(path: Path, job: FilmstripJob, progress: Progress) -> Result:
    picture = read_still(path)
    rgb = picture.small(*within(picture.square_size, job.side))
    file = cache.keep(rgb[None], FileState.of(path), "filmstrip", job.count, job.side)
    height, width = rgb.shape[:2]
    progress.preview("thumb", {"number": 0, "time": 0.0, "height": height, "width": width, "rgb": rgb.tobytes()})
    return {
        "thumbs": str(file),
        "times": [0.0],
        "shots": [0.0],
        "shots_from": "pictures",
        "duration": 0.0,
        "frames": 1,
        "rate": 0.0,
    }
