"""What of a batch has been done before, and what is to be done of the rest: the one place that says so.

A job is done when the same was asked of the same content with the same models, and its results are at its place as they were
left, whatever the source is called now. Results that the user has altered since are never replaced, nor is anything that Reprise
has not made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from desktop.batch.revisions import Revisions
from desktop.jobs.database import NotWritten
from desktop.jobs.job import AnyJob, CoverJob
from desktop.jobs.ledger import Fate, Made, Seen, content_hash, fate_of, recipe_of, see
from desktop.jobs.store import Store

_ALL = 10_000_000
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
    places = [job.place for job in jobs]
    look = _Look(store, jobs, places, again=again, tell=tell)
    found = Sorted({}, {})
    try:
        for number, (job, place) in enumerate(zip(jobs, places, strict=True)):
            one = look.sort(job, place)
            if isinstance(one, Done):
                found.done[number] = one
            else:
                found.left[number] = one
    finally:
        look.keep()
    return found


class _Look:
    """What is known of the places and the sources of many jobs."""

    def __init__(self, store: Store, jobs: Sequence[AnyJob], places: Sequence[str], *, again: bool, tell: Tell | None) -> None:
        self._store, self._again, self._tell = store, again, tell
        self._made = store.made(place for place in places if place)
        known = (job for job, place in zip(jobs, places, strict=True) if place in self._made)
        self._hashes = store.hashes(str(path) for job in known for path in job.sources)
        self._fresh: dict[str, tuple[str, str]] = {}
        self._read = 0
        self._taken = {*places, *(str(path) for job in jobs for path in job.sources)}
        self._kinds = {str(job.__struct_config__.tag) for job in jobs}
        self._revisions = Revisions()

    def sort(self, job: AnyJob, place: str) -> Done | AnyJob:
        """What is there of a job, or what is to be run for it."""
        made = self._made.get(place)
        number = 1
        if made is not None:
            found = self._at(job, made)
        else:
            found = None if self._is_anothers(job, place) else job
        while found is None:
            number += 1
            found = self._at_another(job.elsewhere(number))
        return found

    def _is_anothers(self, job: AnyJob, place: str) -> bool:
        """Whether something is at the place of a job that nobody remembers to have made."""
        there = bool(place) and any(path.exists() for path in job.results.values() or [Path(place)])
        return there and place not in self._begun

    @cached_property
    def _begun(self) -> set[str]:
        """Places at which a try has begun that came to no end that is remembered: what is there is of that try."""
        return {row.job.place for row in self._store.page(kinds=self._kinds, limit=_ALL) if row.started is not None}

    def keep(self) -> None:
        """Remember what was read."""
        # Where that cannot be, it is read again next time.
        with suppress(NotWritten):
            self._store.keep_hashes(self._fresh)

    def _at_another(self, job: AnyJob) -> Done | AnyJob | None:
        if job.place in self._taken:
            return None
        made = self._store.made([job.place]).get(job.place)
        if made is not None:
            found = self._at(job, made)
        else:
            found = None if self._is_anothers(job, job.place) else job
        if found is not None:
            self._taken.add(job.place)
        return found

    def _at(self, job: AnyJob, made: Made) -> Done | AnyJob | None:
        """What is there of a job at its place, or what is to be run for it there; None where it would replace the user's work."""
        fates = {kind: fate_of(left) for kind, left in made.files.items()}
        wanted = {kind: str(path) for kind, path in job.results.items()} or {kind: one.path for kind, one in made.files.items()}
        if any(_is_the_users(kind, path, made, fates) for kind, path in wanted.items()):
            return None
        if self._again or not self._is_same(job, made):
            return job
        manners = job.manners
        right = {kind for kind in wanted if fates.get(kind) is Fate.INTACT and made.files[kind].manner == manners.get(kind, "")}
        if len(right) == len(wanted):
            return Done(job, made.result)
        is_gone = all(fates.get(kind) is not Fate.INTACT for kind in wanted if kind not in right)
        if isinstance(job, CoverJob) and "project" in right and is_gone:
            return msgspec.structs.replace(job, project=made.files["project"].path)
        return job

    def _is_same(self, job: AnyJob, made: Made) -> bool:
        if recipe_of(job) != made.recipe or not self._revisions.agree(job, made.models):
            return False
        try:
            seen = {path: see(path) for path in job.sources}
            if tuple(one.size for one in seen.values()) != made.sizes:
                return False
            return tuple(self._hash(path, one) for path, one in seen.items()) == made.sources
        except OSError:
            return False

    def _hash(self, path: Path, seen: Seen) -> str:
        """Of the content of a file, which is read only when it has changed since that was last done."""
        name = str(path)
        stamp, sha256 = self._fresh.get(name) or self._hashes.get(name) or ("", "")
        if stamp == seen.stamp:
            return sha256
        before, self._read = self._read, self._read + seen.size
        if self._tell is not None and before < _MUCH <= self._read:
            self._tell("Reading large files that may have been done before under other names")
        self._fresh[name] = (seen.stamp, content_hash(path))
        return self._fresh[name][1]


def _is_the_users(kind: str, path: str, made: Made, fates: Mapping[str, Fate]) -> bool:
    """Whether there is something at ``path`` that is not as Reprise has left it."""
    left = made.files.get(kind)
    return fates[kind] is Fate.ALTERED if left is not None and left.path == path else Path(path).exists()
