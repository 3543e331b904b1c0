"""Free space of the disks that jobs write to: what is there, and what jobs will need."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from desktop.jobs.job import AnyJob, CoverJob, ExportJob, LabelJob, RestoreJob, TuneJob
from desktop.paths import cache_dir, data_dir

MB = 1_000_000
GB = 1_000_000_000

SMALL_PART = 20
"""A disk may always be filled up to this part of it (one in twenty), however large the limit is: think of a USB stick."""

_LOSSLESS = {"ffv1": 30.0, "prores": 25.0}
_TUNED_BYTES = 2 * GB
_EXPORTED_BYTES = GB
_COVER_BYTES = MB // 5
_SOUND_BYTES = 50 * MB
_OTHER_BYTES = 20 * MB


@dataclass(frozen=True)
class Disk:
    """A file system that jobs write to.

    Attributes:
        folder: a folder of the user's on it, for messages.
        free, total: bytes.
    """

    folder: Path
    free: int
    total: int

    def least(self, limit: int) -> int:
        """Bytes that are to stay free when the user wants ``limit`` of them."""
        return min(limit, self.total // SMALL_PART)

    def is_short(self, limit: int, *, more: int = 0) -> bool:
        """Whether less than the limit is free, or would be after ``more`` bytes."""
        return self.free - more < self.least(limit)


def disks(jobs: Iterable[AnyJob]) -> tuple[Disk, ...]:
    """The disks that ``jobs`` write to, and those of the queue and of unfinished work; each once."""
    return tuple(disk for _, disk in _by_device({folder for job in jobs for folder in job.folders}).values())


def needed(job: AnyJob) -> dict[Path, int]:
    """About how many bytes a job will write, by folder (that of unfinished work among them).

    A rough guess from the size of what it reads: results of known kinds differ by less than a factor of three from it, except
    for codecs that keep everything, whose factors are their own.
    """
    if not job.folders:
        return {}
    target = job.folders[0]
    if isinstance(job, RestoreJob):
        size = int(_size(job.source) * job.options.scale**2 * _LOSSLESS.get(job.encoder, 1.5))
        # Pieces of the clip are kept until they are joined.
        return {target: size, cache_dir(): size}
    if isinstance(job, LabelJob):
        return {target: int(_size(job.source) * 1.3)}
    if isinstance(job, CoverJob):
        return {target: _COVER_BYTES + (_SOUND_BYTES if job.audio else 0)}
    if isinstance(job, TuneJob):
        return {target: _TUNED_BYTES}
    return {target: _EXPORTED_BYTES if isinstance(job, ExportJob) else _OTHER_BYTES}


def shortages(jobs: Sequence[AnyJob], limit: int) -> list[str]:
    """What the user should know before ``jobs`` are queued: a sentence for each disk on which they will probably not fit.

    Unfinished work is counted once for the largest job, as it goes when a job ends; results are counted all.
    """
    cache = cache_dir()
    sums: dict[Path, int] = {}
    for job in jobs:
        for folder, size in needed(job).items():
            sums[folder] = max(sums.get(folder, 0), size) if folder == cache else sums.get(folder, 0) + size
    return list(_sentences(sums, limit))


def _sentences(sums: dict[Path, int], limit: int) -> Iterator[str]:
    for device, disk in _by_device(sums).values():
        wanted = sum(size for folder, size in sums.items() if _device(folder)[0] == device)
        if wanted and disk.is_short(limit, more=wanted):
            yield (
                f"This will take about {amount(wanted)} on the disk of {disk.folder}, where {amount(disk.free)} are free. "
                f"It will stand still when less than {amount(disk.least(limit))} are left."
            )


def amount(size: int) -> str:
    """Bytes for people: "1.5 GB", "20 MB"."""
    return f"{size / GB:.1f} GB" if size >= GB else f"{max(size, 0) / MB:.0f} MB"


def _by_device(folders: Iterable[Path]) -> dict[int, tuple[int, Disk]]:
    """The disks of ``folders``, and of the queue and unfinished work; named after the first of the user's folders."""
    found: dict[int, tuple[int, Disk]] = {}
    for folder in (*sorted(folders), cache_dir(), data_dir()):
        device, there = _device(folder)
        if there is None or device in found:
            continue
        try:
            usage = shutil.disk_usage(there)
        except OSError:
            continue
        # Some network file systems do not know their size.
        if usage.total:
            found[device] = (device, Disk(folder, usage.free, usage.total))
    return found


def _device(folder: Path) -> tuple[int, Path | None]:
    """Number of the disk that ``folder`` is or will be on, and the nearest folder that exists."""
    for one in (folder, *folder.absolute().parents):
        try:
            return one.stat().st_dev, one
        except OSError:
            continue
    return -1, None


def _size(source: str) -> int:
    """Bytes of a file, or of the files directly in a folder; 0 for what cannot be read."""
    try:
        path = Path(source)
        if not path.is_dir():
            return path.stat().st_size
        with os.scandir(path) as entries:
            return sum(entry.stat().st_size for entry in entries if entry.is_file())
    except OSError:
        return 0
