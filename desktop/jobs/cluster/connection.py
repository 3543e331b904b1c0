"""The client's way into a cluster: kept open, watched, and made anew whenever it was lost."""

from __future__ import annotations

import contextlib
import logging
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psutil

from desktop.errors import UserError
from desktop.jobs.cluster.client import connect
from desktop.jobs.cluster.keys import Keys

LOOK_EVERY_S = 1.0
TRY_EVERY_S = 5.0
_CLOSE_S = 3.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Link:
    """A connection.

    Attributes:
        client: Dask's client.
        topic: where nodes tell what becomes of this link's jobs.
        plain, gpu: executors of ``concurrent.futures`` for jobs that need a slot, and one with a GPU.
    """

    client: Any
    topic: str
    plain: Any
    gpu: Any

    @property
    def stands(self) -> bool:
        """Whether it has not broken, as far as Dask knows."""
        return bool(self.client.status == "running")


class Connection:
    """Tries until there is a link, and again when it breaks; all callbacks come on threads of its own or Dask's.

    Attributes:
        link: the present one, None while there is none.
        problem: why there is none, "" while there is one or none was tried yet.
        slots: how many jobs all nodes can do at the same time, as of a second ago.
        gpus: how many of them with a GPU.
        is_here: this computer is among the nodes.
    """

    def __init__(
        self,
        address: str,
        keys: Keys,
        *,
        hear: Callable[[tuple[float, object]], None],
        changed: Callable[[], None],
        lost: Callable[[], None],
        say: Callable[[str], None] | None,
    ) -> None:
        """Connect to the scheduler at ``address``.

        Args:
            hear: is called with what nodes say; it must return at once.
            changed: is called when ``link`` or ``slots`` have changed.
            lost: is called when a link has broken.
            say: is told, for people, that the cluster cannot be reached, is lost or is back. Without it UserError is raised when
                it cannot be reached the first time.
        """
        self._address, self._keys = address, keys
        self._hear, self._changed, self._lost, self._say = hear, changed, lost, say or _log.warning
        self.link: Link | None = None
        self.problem = ""
        self.slots = self.gpus = 0
        self.is_here = False
        self._closed = threading.Event()
        if say is None:
            self.link = self._open()
            self._count()
        self._thread = threading.Thread(target=self._watch, name="cluster-connection", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it. The scheduler takes back what is left of our tasks, and the nodes end their workers."""
        self._closed.set()
        self._thread.join(_CLOSE_S)
        link, self.link = self.link, None
        if link is not None:
            link.client.close()

    def _watch(self) -> None:
        while True:
            try:
                if self.link is None:
                    self._try()
                else:
                    self._look()
            except Exception:
                _log.exception("the connection to the cluster could not be looked after")
            if self._closed.wait(LOOK_EVERY_S if self.link is not None else TRY_EVERY_S):
                return

    def _try(self) -> None:
        was_well = not self.problem
        try:
            self.link = self._open()
            self._count()
        except UserError as error:
            self.problem = f"{error.message}; this computer works alone meanwhile"
            if was_well:
                self._say(self.problem)
            return
        self.problem = ""
        if not was_well:
            self._say(f"The cluster at {self._address} is back")
        self._changed()

    def _look(self) -> None:
        before = (self.slots, self.is_here)
        if self.link is not None and not (self.link.stands and self._count()):
            broken, self.link, self.slots, self.gpus, self.is_here = self.link, None, 0, 0, False
            self.problem = f"The cluster at {self._address} was lost; this computer works alone meanwhile"
            self._say(self.problem)
            self._lost()
            self._changed()
            # Dask would connect again by itself, but forget what we had asked for.
            with contextlib.suppress(Exception):
                broken.client.close(_CLOSE_S)
        elif (self.slots, self.is_here) != before:
            self._changed()

    def _open(self) -> Link:
        client = connect(self._address, self._keys)
        topic = f"reprise-{secrets.token_hex(8)}"
        client.subscribe_topic(topic, self._hear)
        return Link(
            client,
            topic,
            client.get_executor(pure=False, resources={"SLOT": 1}),
            client.get_executor(pure=False, resources={"SLOT": 1, "GPU": 1}),
        )

    def _count(self) -> bool:
        """See how many slots there are; returns whether the scheduler answers."""
        if self.link is None:
            return False
        try:
            workers = self.link.client.scheduler_info(n_workers=-1)["workers"]
        except Exception as error:
            _log.info("the cluster's scheduler does not answer: %s", error)
            return False
        resources = [worker.get("resources", {}) for worker in workers.values()]
        self.slots = int(sum(one.get("SLOT", 0) for one in resources))
        self.gpus = int(sum(one.get("GPU", 0) for one in resources))
        own = {one.address for addresses in psutil.net_if_addrs().values() for one in addresses}
        self.is_here = any(address.removeprefix("tls://").rpartition(":")[0].strip("[]") in own for address in workers)
        return True
