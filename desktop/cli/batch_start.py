"""A batch as the commands start it: its files planned and ordered, what is there left out, new ones of a folder taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from desktop.cli.batch_options import ORDERS
from desktop.cli.covers import absolute
from desktop.cli.running import exit_code
from desktop.errors import UsageError, UserError
from desktop.folders import files_below
from desktop.jobs.base import choose
from desktop.jobs.batches import OnError
from desktop.jobs.cores import cores
from desktop.jobs.job import CoverJob, LabelJob, RestoreJob
from desktop.settings import Settings

if TYPE_CHECKING:
    from desktop.batch.sources import Source

_Kind = TypeVar("_Kind", CoverJob, RestoreJob, LabelJob)


class BatchRun:
    """A batch as the three commands start it."""

    def __init__(
        self,
        kind: str,
        files: Sequence[str] | None,
        output: str,
        order: str,
        on_error: OnError,
        resume: bool,
        watch: str,
        again: bool,
        report: str,
        workers: int,
        json: bool,
        chosen: Settings,
        cluster: str | None,
        cluster_key: str | None,
    ) -> None:
        from desktop.batch.request import spec_of

        if not files and not watch:
            raise UsageError("Which files? Name them, or a folder with --watch")
        if watch and not Path(watch).is_dir():
            raise UserError("There is no such folder to watch", path=watch)
        choose("order", order, ORDERS)
        self.given = list(files or ())
        self._spec = spec_of(kind, self.given, output, on_error=on_error, report=report, watch=watch)
        self._order, self._again, self._resume, self._workers = order, again, resume, workers
        self._json, self._chosen, self._must_reach = json, with_cluster(chosen, cluster, cluster_key), bool(cluster)

    def go_with(self, plan: Callable[[Sequence[Source]], list[_Kind]]) -> int:
        """Run the files that are found, by their plan."""
        from desktop.batch.sources import files_in, gather

        kind, without = self._spec.kind, Path(self._spec.output) if self._spec.output else None
        jobs = plan(gather(self.given, kind, without=without)) if self.given else []
        return self.go(jobs, lambda: plan(files_in(Path(self._spec.watch), kind, without=without)))

    def go(
        self,
        jobs: Sequence[_Kind],
        look: Callable[[], Sequence[_Kind]],
    ) -> int:
        """Run the jobs, and what ``look`` finds in the watched folder; returns the exit code."""
        from desktop.batch.keeping import Kept
        from desktop.batch.order import Order, arrange
        from desktop.batch.pictures import lengths
        from desktop.cli.batch_running import Request, run_batch

        order = Order(self._order)
        ordered = arrange(jobs, order, lengths=lengths(job.source for job in jobs) if order is Order.SHORTEST else None)
        more = _watching(look, ordered) if self._spec.watch else None
        kept = Kept(Path(self._spec.report), self._spec.title)
        request = Request(self._spec, ordered, self._again, self._resume, more, self._must_reach)
        rows = run_batch(request, kept, display_of(kept, json=self._json), at_once(self._chosen, self._workers, len(ordered)))
        kept.close()
        if not self._json:
            typer.echo("\n".join(kept.words()))
        return exit_code(rows)


def _watching(look: Callable[[], Sequence[_Kind]], known: Sequence[_Kind]) -> Callable[[], list[_Kind]]:
    """What gives the jobs of new files."""
    from desktop.batch.sources import Source
    from desktop.batch.watch import Watcher

    watcher = Watcher(Path(job.source) for job in known)

    def more() -> list[_Kind]:
        jobs = {Path(job.source): job for job in look()}
        return [jobs[source.path] for source in watcher.ready(Source(path) for path in jobs)]

    return more


def display_of(kept: Any, *, json: bool) -> Any:
    from desktop.cli.batch_running import BatchLines
    from desktop.cli.show import display

    return display(json=True) if json else BatchLines(kept.waiting)


def has_songs(folder: Path) -> bool:
    from desktop.piano.names import SOUNDS

    return any(path.suffix.lower() in SOUNDS for path in files_below(folder))


def with_cluster(chosen: Settings, address: str | None, key: str | None) -> Settings:
    """With the cluster that a command names instead of that of the preferences; an empty address names none."""
    if key and not (address or chosen.cluster_address):
        raise UsageError("--cluster-key: of which cluster? Name it with --cluster")
    return replace(
        chosen,
        cluster_address=chosen.cluster_address if address is None else address,
        cluster_key=absolute(key) if key else "" if address else chosen.cluster_key,
    )


def at_once(chosen: Settings, wanted: int, files: int = 64) -> Settings:
    """On the CPU as many files as cores are quicker than one on all of them."""
    count = wanted or max(chosen.workers, cores() if chosen.device != "cuda" else 1)
    return replace(chosen, workers=max(1, min(count, files or 1, 16)))
