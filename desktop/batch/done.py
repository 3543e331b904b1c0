"""What of a batch has been done before, and what is to be done of the rest: the one place that says so.

A job is done when the same was asked of the same content with the same models, and its results are at its place as they were
left, whatever the source is called now. Results that the user has altered since are never replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from desktop.batch.revisions import Revisions
from desktop.jobs.job import AnyJob, CoverJob
from desktop.jobs.ledger import Fate, Made, content_hash, fate_of, recipe_of, size_of, stamp
from desktop.jobs.store import Store

_MUCH = 1 << 30
"""Bytes that take long enough to be read that the user should know of it."""

Tell = Callable[[str], None]


class Done(NamedTuple):
    """A job that was done before, as it is there, and what its run returned."""

    job: AnyJob
    result: Mapping[str, Any]


class Sorted(NamedTuple):
    """Places in a list of jobs: what was done before, and what is to be run for the others."""

    done: dict[int, Done]
    left: dict[int, AnyJob]


def done_before(store: Store, jobs: Sequence[AnyJob], *, again: bool = False, tell: Tell | None = None) -> Sorted:
    """Sort ``jobs`` into those that were done before and those to be run.

    A job to be run may differ from the one asked for: it makes only what is missing of results that are there, or goes to
    another place than results that the user has altered.

    Args:
        again: nothing counts as done; altered results stay all the same.
        tell: hears of anything that takes long.
    """
    look = _Look(store, jobs, again=again)
    found = Sorted({}, {})
    try:
        if tell is not None and (much := look.unread(jobs)) > _MUCH:
            tell(f"Reading {much / 1e9:.1f} GB of files that may have been done before under other names")
        for number, job in enumerate(jobs):
            one = look.sort(job)
            if isinstance(one, Done):
                found.done[number] = one
            else:
                found.left[number] = one
    finally:
        look.keep()
    return found


class _Look:
    """What is known of the places and the sources of many jobs."""

    def __init__(self, store: Store, jobs: Sequence[AnyJob], *, again: bool) -> None:
        self._store, self._again = store, again
        self._made = store.made(job.place for job in jobs if job.place)
        self._hashes = store.hashes(str(path) for job in jobs if job.place in self._made for path in job.sources)
        self._fresh: dict[str, tuple[str, str]] = {}
        self._taken = {job.place for job in jobs}
        self._revisions = Revisions()

    def unread(self, jobs: Sequence[AnyJob]) -> int:
        """Bytes that must be read to know what was done."""
        paths = {
            path for job in jobs if job.place in self._made and self._may_be(job, self._made[job.place]) for path in job.sources
        }
        return sum(size_of(path) for path in paths if self._known(path) is None)

    def sort(self, job: AnyJob) -> Done | AnyJob:
        """What is there of a job, or what is to be run for it."""
        made = self._made.get(job.place)
        number, found = 1, job if made is None else self._at(job, made)
        while found is None:
            number += 1
            found = self._at_another(job.elsewhere(number))
        return found

    def keep(self) -> None:
        """Remember what was read."""
        if self._fresh:
            self._store.keep_hashes(self._fresh)

    def _at_another(self, job: AnyJob) -> Done | AnyJob | None:
        if job.place in self._taken:
            return None
        made = self._store.made([job.place]).get(job.place)
        if made is not None:
            found = self._at(job, made)
        else:
            targets = job.results.values() or [Path(job.place)]
            found = None if any(path.exists() for path in targets) else job
        if found is not None:
            self._taken.add(job.place)
        return found

    def _at(self, job: AnyJob, made: Made) -> Done | AnyJob | None:
        """What is there of a job at its place, or what is to be run for it there; None where it would replace the user's work."""
        fates = {kind: fate_of(left) for kind, left in made.files.items()}
        wanted = job.results or {kind: Path(left.path) for kind, left in made.files.items()}
        if any(_is_the_users(path, made, fates) for path in wanted.values()):
            return None
        if self._again or not self._is_same(job, made):
            return job
        right = {
            kind for kind in wanted if fates.get(kind) is Fate.INTACT and made.files[kind].manner == job.manners.get(kind, "")
        }
        if len(right) == len(wanted):
            return Done(job, made.result)
        is_gone = all(fates.get(kind) is not Fate.INTACT for kind in wanted if kind not in right)
        if isinstance(job, CoverJob) and "project" in right and is_gone:
            return msgspec.structs.replace(job, project=made.files["project"].path)
        return job

    def _is_same(self, job: AnyJob, made: Made) -> bool:
        try:
            return self._may_be(job, made) and made.sources == tuple(self._hash(path) for path in job.sources)
        except OSError:
            return False

    def _may_be(self, job: AnyJob, made: Made) -> bool:
        """Whether only the content of the sources can still tell the work from what was made."""
        try:
            sizes = tuple(size_of(path) for path in job.sources)
        except OSError:
            return False
        return sizes == made.sizes and recipe_of(job) == made.recipe and self._revisions.agree(job, made.models)

    def _hash(self, path: Path) -> str:
        sha256 = self._known(path)
        if sha256 is None:
            now = stamp(path)
            sha256 = content_hash(path)
            self._fresh[str(path)] = (now, sha256)
        return sha256

    def _known(self, path: Path) -> str | None:
        """The hash of a file that has been read since it was last changed; raises OSError."""
        before, sha256 = self._fresh.get(str(path)) or self._hashes.get(str(path)) or ("", "")
        return sha256 if before == stamp(path) else None


def _is_the_users(path: Path, made: Made, fates: Mapping[str, Fate]) -> bool:
    """Whether there is something at ``path`` that is not as Reprise has left it."""
    kind = next((kind for kind, left in made.files.items() if Path(left.path) == path), None)
    return path.exists() if kind is None else fates[kind] is Fate.ALTERED
