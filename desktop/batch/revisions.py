"""Revisions of models and engines at this moment, by the names that results tell them by."""

from __future__ import annotations

from functools import cache

from desktop.errors import UserError
from desktop.jobs.job import AnyJob, LabelJob
from desktop.models.library import Library
from desktop.piano import versions
from desktop.tuning.origins import LABELLING, origin_of
from desktop.video.identity import FORMAT

_OWN = {
    "reprise:listening": versions.LISTENING,
    **{f"reprise:{engine}": version for engine, version in versions.ENGINES.items()},
    "reprise:restoring": FORMAT,
    "reprise:labelling": LABELLING,
}


class Revisions:
    """Looks each of them up once."""

    def __init__(self) -> None:
        self._library = Library()
        self._model = cache(self._look)
        self._origin = cache(origin_of)

    def agree(self, job: AnyJob, models: dict[str, str]) -> bool:
        """Whether ``job`` would be done with the same ``models`` (name: revision, "" for one that was not there) as before."""
        return all(self._current(job, name, revision) == revision for name, revision in models.items())

    def _current(self, job: AnyJob, name: str, noted: str) -> str:
        if name in _OWN:
            return str(_OWN[name])
        if isinstance(job, LabelJob):
            return self._origin(name, job.weights, self._library)
        return self._model(name, not noted)

    def _look(self, name: str, only_if_there: bool) -> str:
        try:
            return "" if only_if_there and not self._library.has(name) else self._library.revision(name)
        except UserError:
            # Not in the catalog any more.
            return ""
