"""The executors of a queue: a cluster's nodes, where there is one, and this computer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from desktop.jobs.executors import local_slots
from desktop.jobs.local import LocalExecutor

if TYPE_CHECKING:
    from desktop.jobs.cluster.executor import ClusterExecutor
    from desktop.jobs.executor import JobExecutor
    from desktop.jobs.executors import Slot
    from desktop.jobs.job import AnyJob


def executors(
    address: str,
    key: str = "",
    *,
    workers: int = 1,
    threads: int = 0,
    say: Callable[[str], None] | None = None,
) -> list[JobExecutor]:
    """Where jobs may run, the first choice first.

    Args:
        address: HOST or HOST:PORT of a cluster, "" for none.
        key: its key file, "" for this computer's own.
        workers, threads: of this computer, as of ``local_slots``.
        say: is told, on any thread, when the cluster cannot be reached, is lost or is back; this computer works alone meanwhile.
            Without it a cluster that cannot be reached is a UserError. A key file that cannot be read always is.
    """
    slots = local_slots(workers, threads=threads)
    if not address:
        return [LocalExecutor(slots)]
    from desktop.jobs.cluster.client import full_address
    from desktop.jobs.cluster.executor import ClusterExecutor
    from desktop.jobs.cluster.keys import key_path, read_keys

    full_address(address)
    cluster = ClusterExecutor(address, read_keys(Path(key) if key else key_path()), say=say)
    return [cluster, _Beside(slots, cluster)]


class _Beside(LocalExecutor):
    """This computer beside a cluster: what the cluster does is left to its node where this computer has one as well."""

    def __init__(self, slots: tuple[Slot, ...], cluster: ClusterExecutor) -> None:
        super().__init__(slots)
        self._cluster = cluster

    def room_for(self, job: AnyJob, priority: int) -> bool:
        return not (self._cluster.is_here and self._cluster.takes(job, priority)) and super().room_for(job, priority)
