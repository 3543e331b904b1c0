"""Upright pictures of a clip, one after another, in constant memory."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

from desktop.errors import UsageError
from desktop.video.media.clip import Clip
from desktop.video.media.deinterlace import CONTEXT, Deinterlace, Timed, Weaver, can_deinterlace
from desktop.video.media.entry import SAFE, trusted
from desktop.video.media.frames import Frames, threads_for
from desktop.video.media.picture import Picture
from desktop.video.media.probe import probe
from desktop.video.media.state import FileState
from desktop.video.media.timing import Stamps
from desktop.video.media.turn import Turn
from desktop.video.media.unpack import format_of, planes_of, same_kind

_TOLERANCE = Fraction(1, 10000)
_CONTEXT_S = 1
"""Seconds before a reading's start that are decoded as well, for the deinterlacer."""


def open_reader(
    path: Path | str,
    *,
    deinterlace: str = "off",
    start: float | None = None,
    end: float | None = None,
    threads: int | None = None,
    quick: bool = False,
) -> Reader:
    """Open a clip for reading.

    Args:
        deinterlace: "off", or which field comes first, "tff" or "bff", with "double-" before it for a picture of each field.
        start, end: only pictures from ``start`` to before ``end``, in seconds from the clip's beginning.
        threads: for decoding and filtering; as many as suit the pictures when None.
        quick: begin at the key frame nearest to ``start``. In some rare streams the first pictures are not yet right then; that
            does for showing them.

    Raises:
        UserError: the file is no clip, or nothing of it can be decoded.
    """
    if deinterlace not in list(Deinterlace):
        raise UsageError(f"deinterlace: {deinterlace!r} is not one of {', '.join(Deinterlace)}")
    return Reader(probe(path), Deinterlace(deinterlace), start, end, threads, 1 if quick else SAFE)


class Reader:
    """Reads pictures; also a context manager.

    Attributes:
        clip: what the file holds.
        format: of every picture.
        width, height: upright, in stored pixels, of every picture.
        sar: width of a pixel over its height, upright.
        time_base: seconds of a tick of the pictures' time stamps.
    """

    def __init__(
        self, clip: Clip, mode: Deinterlace, start: float | None, end: float | None, threads: int | None, keys: int
    ) -> None:
        video = clip.video
        self.clip = clip
        self._stored = format_of(video)
        self._turn = Turn(video.rotation, video.mirrored)
        self.format = self._turn.format(self._stored)
        self.width, self.height = video.upright_size
        self.sar = video.upright_sar
        self._mode = mode
        self._weaves = mode is not Deinterlace.OFF and can_deinterlace(video.width, video.height)
        self._ticks = 2 if self._weaves and mode.doubles else 1
        self.time_base = video.time_base / self._ticks
        self._first = None if start is None else Fraction(start) + clip.start - _TOLERANCE
        self._end = None if end is None else Fraction(end) + clip.start - _TOLERANCE
        self._threads, self._keys = threads, keys
        quick = keys < SAFE
        self._frames = Frames(clip.path, threads if quick else threads_for(video.width, video.height, threads))
        self._stamps = Stamps(video.time_base, video.rate)
        self._resized: set[tuple[int, int]] = set()
        self._count: int | None = None
        self._pictures = self._read(None, 0, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Picture]:
        return self

    def __next__(self) -> Picture:
        return next(self._pictures)

    def close(self) -> None:
        """Free the file; pictures that were handed out stay good."""
        self._pictures.close()
        self._frames.close()

    @property
    def problems(self) -> list[str]:
        """What is odd about what was read so far, one sentence each."""
        found = list(self.clip.problems)
        if self._mode is not Deinterlace.OFF and not self._weaves:
            found.append("The pictures are too small to be deinterlaced.")
        if self._frames.decoder.errors:
            found.append(f"{_places(self._frames.decoder.errors)} could not be decoded; pictures may be missing there.")
        if self._frames.decoder.damaged:
            found.append(f"{_pictures(self._frames.decoder.damaged)} could be decoded only in part.")
        promised = self.clip.video.frames
        if promised and self._count is not None and promised - self._count > max(2, promised // 50):
            found.append(f"{_pictures(self._count)} could be decoded, {promised} promised.")
        if self._resized:
            sizes = ", ".join(f"{width}x{height}" for width, height in sorted(self._resized))
            found.append(f"The size of the pictures changes ({sizes}); all are scaled to {self.width}x{self.height}.")
        if self._stamps.made:
            found.append(f"{_pictures(self._stamps.made)} had no time stamp; it was made from the rate.")
        if self._stamps.jumps:
            found.append(f"Time stamps jump in {_places(self._stamps.jumps).lower()}; what follows was moved, to go on there.")
        return found

    def resume_at(self, index: int, times: Sequence[int]) -> None:
        """Go to just before picture ``index``; what follows is what an unbroken reading gives, bit for bit.

        Args:
            times: time stamps of all pictures of this reading, as an earlier pass gave them.
        """
        stamps = [int(time) // self._ticks for time in times[:: self._ticks]]
        before = index // self._ticks - (CONTEXT if self._weaves else 0)
        self._pictures.close()
        self._stamps = Stamps(self.clip.video.time_base, self.clip.video.rate)
        self._count = None
        known = trusted(FileState.of(self.clip.path), stamps) if before > 0 else None
        if known is not None:
            frames = self._frames.from_stamp(stamps[before], known=known)
            if frames is not None:
                self._pictures = self._read(frames, before * self._ticks, index)
                return
        self._pictures = self._read(None, 0, index)

    def _from_start(self) -> Iterator[Any]:
        """Frames that hold the first picture of this reading and whatever it is made from."""
        goal = None if self._first is None else self._first - (_CONTEXT_S if self._weaves else 0)
        if goal is not None and goal > self.clip.video.start:
            stamp = int(goal / self.clip.video.time_base)
            frames = self._frames.from_stamp(stamp, keys=self._keys)
            if frames is not None:
                return frames
        return self._frames.from_start()

    def _read(self, frames: Iterator[Any] | None, number: int, index: int) -> Generator[Picture, None, None]:
        """Pictures from number ``index`` on; ``number`` is that of the first one that ``frames`` (None: from the start) hold."""
        frames = self._from_start() if frames is None else frames
        for timed in _with_durations(self._timed(frames)):
            time = timed.pts * self.time_base
            if self._first is not None and time < self._first:
                continue
            if self._end is not None and time >= self._end:
                return
            if number >= index:
                yield self._picture(timed, number)
            number += 1
        if self._first is None:
            self._count = number // self._ticks

    def _timed(self, frames: Iterator[Any]) -> Iterator[Timed]:
        if not self._weaves:
            yield from self._stamped(frames)
            return
        weaver: Weaver | None = None
        for frame, pts, duration in self._stamped(frames):
            frame = same_kind(frame, self._stored, self.clip.video.width, self.clip.video.height)
            weaver = weaver or Weaver(self._mode, frame, self._threads)
            yield from weaver.feed(frame, pts, duration)
        if weaver:
            yield from weaver.flush()

    def _stamped(self, frames: Iterator[Any]) -> Iterator[Timed]:
        size = self.clip.video.width, self.clip.video.height
        for frame in frames:
            if (frame.width, frame.height) != size:
                self._resized.add((frame.width, frame.height))
            duration = frame.duration or 0
            yield Timed(frame, self._stamps.next(frame.pts, duration), duration)

    def _picture(self, timed: Timed, number: int) -> Picture:
        video = self.clip.video
        planes = planes_of(timed.frame, self._stored, video.width, video.height)
        return Picture(
            self._turn.planes(planes, self._stored),
            self.format,
            self.width,
            self.height,
            sar=self.sar,
            index=number,
            pts=timed.pts,
            time_base=self.time_base,
            duration=timed.duration,
            origin=self.clip.start,
        )


def _with_durations(pictures: Iterator[Timed]) -> Iterator[Timed]:
    """The same with the time to the next picture for a duration; streams state what they like."""
    held = next(pictures, None)
    for timed in pictures:
        assert held is not None
        yield held._replace(duration=timed.pts - held.pts)
        held = timed
    if held is not None:
        yield held


def _places(count: int) -> str:
    return "One place" if count == 1 else f"{count} places"


def _pictures(count: int) -> str:
    return "One picture" if count == 1 else f"{count} pictures"
