"""Encoding segments and listing each when its files are complete and on the disk."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from desktop.paths import atomic_write
from desktop.video.flow import Stopped
from desktop.video.identity import of_file
from desktop.video.media.picture import Picture
from desktop.video.media.writer import SegmentWriter
from desktop.video.patches import Patch
from desktop.video.restoration.ledger import Ledger, Segment

State = Mapping[str, npt.NDArray[Any]]


class Keeper:
    """Writes one segment after another.

    Attributes:
        finished: the segments that it has listed, by number.
    """

    def __init__(self, open_writer: Callable[[Path, Picture], SegmentWriter], ledger: Ledger) -> None:
        self.finished: dict[int, Segment] = {}
        self._open_writer = open_writer
        self._ledger = ledger
        self._writer: SegmentWriter | None = None
        self._number = -1
        self._pictures = range(0)
        self._offset = 0
        self._restored: set[int] = set()
        self._left: dict[str, str] = {}

    def open(self, number: int, pictures: range) -> None:
        """Begin segment ``number`` with these pictures."""
        self.check_closed()
        self._number, self._pictures = number, pictures
        self._restored, self._left = set(), {}

    def write(self, picture: Picture, patches: Iterable[Patch]) -> None:
        """Encode the next picture and note what became of its faces."""
        if self._writer is None:
            self._writer = self._open_writer(self._ledger.video(self._number), picture)
            self._offset = picture.pts
        self._writer.write(picture)
        for patch in patches:
            if patch.face.track is None:
                continue
            if patch.is_wanted:
                self._restored.add(patch.face.track)
            else:
                self._left[str(patch.face.track)] = str(patch.verdict.kind)

    def close(self, state: State | None) -> None:
        """Finish the segment: its files first, then its line in the ledger."""
        assert self._writer is not None
        self._writer.close()
        self._writer = None
        video, digest = self._ledger.video(self._number), ""
        if state is not None:
            save_state(self._ledger.state(self._number), state)
            digest = of_file(self._ledger.state(self._number))
        segment = Segment(
            number=self._number,
            first=self._pictures[0],
            count=len(self._pictures),
            offset=self._offset,
            digest=of_file(video),
            state_digest=digest,
            restored=tuple(sorted(self._restored)),
            left={track: why for track, why in self._left.items() if int(track) not in self._restored},
        )
        self._ledger.add(segment)
        self.finished[self._number] = segment

    def check_closed(self) -> None:
        """Raise RuntimeError in the middle of a segment."""
        if self._writer is not None:
            raise RuntimeError(f"segment {self._number} was left open")

    def discard(self) -> None:
        """Let go of a segment that was begun and not finished."""
        writer, self._writer = self._writer, None
        if writer is not None:
            error = Stopped()
            with contextlib.suppress(Stopped):
                writer.__exit__(Stopped, error, error.__traceback__)


def save_state(path: Path, state: State) -> None:
    """Keep what one segment hands to the next."""
    with atomic_write(path) as file:
        np.savez(file, allow_pickle=False, **state)


def load_state(path: Path) -> dict[str, npt.NDArray[Any]]:
    """What ``save_state`` kept."""
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}
