"""The executors of a queue: a cluster's nodes, where there is one, and this computer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from desktop.jobs.executors import local_slots

if TYPE_CHECKING:
    from desktop.jobs.executor import JobExecutor


def executors(address: str, key: str = "", *, workers: int = 1, threads: int = 0, patient: bool = False) -> list[JobExecutor]:
    """Where jobs may run, the first choice first.

    Args:
        address: HOST or HOST:PORT of a cluster, "" for none.
        key: its key file, "" for this computer's own.
        workers, threads: of this computer, as of ``local_slots``.
        patient: a cluster that cannot be reached is tried again and again, while this computer works alone; otherwise UserError.
            A key file that is missing or none, and an address that is none, are always errors.
    """
    from desktop.jobs.local import LocalExecutor

    local = LocalExecutor(local_slots(workers, threads=threads))
    if not address:
        return [local]
    from desktop.jobs.cluster.client import full_address
    from desktop.jobs.cluster.executor import ClusterExecutor
    from desktop.jobs.cluster.keys import key_path, read_keys

    full_address(address)
    return [ClusterExecutor(address, read_keys(Path(key) if key else key_path()), patient=patient), local]
