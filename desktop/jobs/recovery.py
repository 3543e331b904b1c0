"""Clearing up after processes that died: interrupted jobs, half-written files, scratch folders of no more use."""

from __future__ import annotations

from desktop.alive import is_alive
from desktop.errors import UserError
from desktop.jobs.rows import Row
from desktop.jobs.scratch import clear_scratch
from desktop.jobs.store import Store
from desktop.paths import cache_dir, clear_leftovers, config_dir, data_dir


def recover(store: Store) -> list[Row]:
    """Bring the jobs of dead processes into the state interrupted and clear up after them; returns these jobs."""
    interrupted = store.interrupt_dead()
    for row in interrupted:
        clear_after(row)
    for folder in (config_dir(), data_dir(), cache_dir()):
        clear_leftovers(folder)
    clear_scratch(lambda number: _needs_scratch(store, number))
    return interrupted


def _needs_scratch(store: Store, number: int) -> bool:
    try:
        row = store.row(number)
    except UserError:
        return False
    return not row.state.is_over or (row.job.resumable and row.state.can_retry)


def clear_before(row: Row) -> None:
    """Remove what the worker of an earlier try could not remove itself, such as in a folder that it might not write any more."""
    if row.worker_pid and not is_alive(row.worker_pid):
        clear_after(row)


def clear_after(row: Row) -> None:
    """Remove what the dead worker of ``row`` left half-written, in the folders of the job and in the cache.

    What another computer's worker left is in the folders that both see, unless a process of ours has the same number.
    """
    if not row.worker_pid or (row.node and is_alive(row.worker_pid)):
        return
    cache = cache_dir()
    own = () if row.node else (cache, *(path for path in cache.iterdir() if path.is_dir()))
    for folder in (*row.job.folders, *own):
        clear_leftovers(folder, pid=row.worker_pid)
