"""What is finished of a job, on disk: written so that a power cut at any moment leaves the truth.

scratch/manifest.json          what the work belongs to
scratch/segments/00003.json    segment 3 is finished; written after its files are complete and synced
scratch/segments/00003.mov     its pictures
scratch/segments/00003.npz     what the next segment needs to know, if anything
"""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec

from desktop.malformed import MALFORMED
from desktop.paths import atomic_write, make_folder
from desktop.video.identity import of_file


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A finished segment.

    Attributes:
        number: its place, from 0.
        first, count: its pictures.
        offset: time stamp of its first picture, in the clip's units.
        digest, state_digest: SHA-256 of its files; "" where there is no state.
        restored: tracks with a restored face in it.
        left: why the faces of the other tracks in it were left, by track.
    """

    number: int
    first: int
    count: int
    offset: int
    digest: str
    state_digest: str = ""
    restored: tuple[int, ...] = ()
    left: dict[str, str] = {}


class Ledger:
    """The list of finished segments in one folder.

    Attributes:
        folder: the job's scratch folder.
        changed: what of ``facts`` differed from those of the work found there, which was thrown away for it; () otherwise.
    """

    def __init__(self, folder: Path, facts: dict[str, str]) -> None:
        self.folder = folder
        self._segments = folder / "segments"
        before = self._read_facts()
        self.changed = tuple(name for name in facts if before is not None and before.get(name) != facts[name])
        if before is None or self.changed:
            self._start_anew(facts)

    @property
    def has_begun(self) -> bool:
        """Whether there is work of an earlier try."""
        return any(self._segments.glob("*.json")) or (self.folder / "look.json").is_file()

    def video(self, number: int) -> Path:
        """Where the pictures of a segment go."""
        return self._segments / f"{number:05}.mov"

    def state(self, number: int) -> Path:
        """Where a segment's state for the next one goes."""
        return self._segments / f"{number:05}.npz"

    def add(self, segment: Segment) -> None:
        """List a segment whose files are complete and synced."""
        with atomic_write(self._record(segment.number)) as file:
            file.write(msgspec.json.encode(segment))

    def finished(self) -> dict[int, Segment]:
        """Segments whose files are there and whole, by number; everything else in their folder is removed."""
        found: dict[int, Segment] = {}
        for record in sorted(self._segments.glob("*.json")):
            segment = self._read(record)
            if segment is not None and self._is_whole(segment):
                found[segment.number] = segment
        kept = {f"{number:05}" for number in found}
        for path in list(self._segments.iterdir()):
            if path.stem not in kept:
                path.unlink()
        return found

    def clear(self) -> None:
        """Remove all of it."""
        shutil.rmtree(self._segments, ignore_errors=True)
        for path in self.folder.iterdir():
            if path.is_file():
                path.unlink()

    def _start_anew(self, facts: dict[str, str]) -> None:
        self.clear()
        make_folder(self._segments)
        with atomic_write(self.folder / "manifest.json") as file:
            file.write(msgspec.json.encode(facts))

    def _read_facts(self) -> dict[str, str] | None:
        make_folder(self._segments)
        try:
            return msgspec.json.decode((self.folder / "manifest.json").read_bytes(), type=dict[str, str])
        except (OSError, *MALFORMED):
            return None

    def _record(self, number: int) -> Path:
        return self._segments / f"{number:05}.json"

    def _read(self, record: Path) -> Segment | None:
        try:
            segment = msgspec.json.decode(record.read_bytes(), type=Segment)
        except (OSError, *MALFORMED):
            return None
        return segment if self._record(segment.number) == record else None

    def _is_whole(self, segment: Segment) -> bool:
        try:
            if of_file(self.video(segment.number)) != segment.digest:
                return False
            return not segment.state_digest or of_file(self.state(segment.number)) == segment.state_digest
        except OSError:
            return False
