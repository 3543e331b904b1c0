"""The processes of a cluster: the scheduler and the nodes, until they are told to end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any

from desktop.errors import UserError
from desktop.jobs.cluster import node, versions
from desktop.jobs.cluster.client import full_address, need_dask, quieten
from desktop.jobs.cluster.keys import Keys
from desktop.jobs.executors import Slot
from desktop.jobs.local import IDLE_S
from desktop.paths import cache_dir

LOST_AFTER = "30 seconds"
"""A node that is silent for so long is given up, and its jobs are done elsewhere."""

TRIES = 3
"""How many times a job is given to another node before it counts as the one to blame."""

_JOIN_S, _JOIN_AGAIN_S = 6, 3.0
_IDLE_LOOK_S = 30.0
_LOST = "The cluster was lost; joining again as soon as it is back"

Say = Callable[[str], None]


class _Servers:
    """Dask's scheduler and worker without the web pages, which nothing would protect."""

    def __init__(self) -> None:
        need_dask()
        import dask
        from distributed import Scheduler, Worker
        from distributed.http.routing import RoutingApplication
        from tornado.httpserver import HTTPServer

        # The scheduler keeps the last messages of every topic: few, as previews are large.
        dask.config.set(
            {
                "distributed.admin.low-level-log-length": 20,
                # Nobody looks at what it measures of itself fifty times a second.
                "distributed.admin.tick.interval": "1s",
                "distributed.admin.system-monitor.interval": "5s",
                "distributed.scheduler.active-memory-manager.start": False,
                # There each start clears what killed ones left.
                "temporary-directory": str(cache_dir()),
                "distributed.scheduler.worker-ttl": LOST_AFTER,
                "distributed.scheduler.allowed-failures": TRIES,
                "distributed.worker.memory.target": False,
                "distributed.worker.memory.spill": False,
                "distributed.worker.memory.pause": False,
                "distributed.worker.memory.terminate": False,
                "distributed.worker.profile.enabled": False,
            }
        )

        def no_pages(self: Any, *_: object, **__: object) -> None:
            self.http_application = RoutingApplication([])
            self.http_server = HTTPServer(self.http_application)

        async def close(self: Any, *arguments: Any, **named: Any) -> Any:
            self.why_closed = self.why_closed or named.get("reason", "")
            return await Worker.close(self, *arguments, **named)

        self.scheduler: Any = type("RepriseScheduler", (Scheduler,), {"start_http_server": no_pages})
        of_node = {"start_http_server": no_pages, "close": close, "why_closed": ""}
        self.worker: Any = type("RepriseNode", (Worker,), of_node)


def serve(
    address: str, keys: Keys, slots: Sequence[Slot], say: Say, *, name: str = "", ready: Callable[[str], None] = lambda _: None
) -> None:
    """Be the scheduler at ``address`` and, unless ``slots`` is empty, a node as well; returns when it is told to end.

    ``ready`` is called with the address when others can join. Raises UserError when the address cannot be listened at.
    """
    _run(_serve(address, keys, slots, say, name, ready))


def join(address: str, keys: Keys, slots: Sequence[Slot], say: Say, *, name: str = "", shares_folders: bool = True) -> None:
    """Be a node of the cluster at ``address``, joining again whenever it was lost; returns when it or the cluster is told to end.

    Raises UserError when it cannot be joined the first time.
    """
    _run(_join(address, keys, slots, say, name, shares_folders))


def computer_name() -> str:
    """What this computer is called."""
    return socket.gethostname().partition(".")[0] or "computer"


def _run(work: Coroutine[Any, Any, None]) -> None:
    """As ``asyncio.run``, without waiting for what Dask leaves behind: some of that does not let itself be cancelled."""
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(work)
    finally:
        loop.close()


async def _serve(address: str, keys: Keys, slots: Sequence[Slot], say: Say, name: str, ready: Callable[[str], None]) -> None:
    servers = _Servers()
    quieten()
    host, _, port = full_address(address).removeprefix("tls://").rpartition(":")
    try:
        scheduler = servers.scheduler(protocol="tls", host=host, port=int(port), security=keys.security(), dashboard=False)
        scheduler.handlers["reprise_version"] = versions.answer
        await scheduler
    except OSError as error:
        remedy = "Choose another one with --address HOST:PORT, or end what uses it."
        raise UserError(f"The address {host}:{port} cannot be used: {error.strerror or error}", remedy=remedy) from error
    ready(scheduler.address)
    with _end_signals() as ended:
        over = asyncio.create_task(scheduler.finished())
        own = asyncio.create_task(_work(servers, scheduler.address, keys, slots, name, True, ended)) if slots else None
        await asyncio.wait([over, asyncio.create_task(ended.wait())], return_when=asyncio.FIRST_COMPLETED)
        ended.set()
        if own is not None:
            await own
    say("Ending the cluster")
    await scheduler.close()


async def _join(address: str, keys: Keys, slots: Sequence[Slot], say: Say, name: str, shares_folders: bool) -> None:
    servers = _Servers()
    quieten()
    with _end_signals() as ended:
        last = ""

        def tell(text: str) -> None:
            """Say what has changed since the last time."""
            nonlocal last
            if text != last:
                say(text)
            last = text

        while not ended.is_set():
            try:
                where = full_address(address)
                if await _work(servers, where, keys, slots, name, shares_folders, ended, lambda: tell("Joined")):
                    say("The cluster was ended")
                    return
                lost = _LOST
            except versions.OtherVersion as error:
                if not last:
                    raise
                lost = str(error)
            except (OSError, TimeoutError, ValueError, RuntimeError) as error:
                lost = _LOST
                if not last:
                    remedy = "Look whether it runs, whether the address is right, and whether the key file is its own."
                    raise UserError(f"The cluster at {address} does not answer or refuses the key", remedy=remedy) from error
            if not ended.is_set():
                tell(lost)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(ended.wait(), _JOIN_AGAIN_S)


async def _work(
    servers: _Servers,
    address: str,
    keys: Keys,
    slots: Sequence[Slot],
    name: str,
    shares_folders: bool,
    ended: asyncio.Event,
    joined: Callable[[], None] = lambda: None,
) -> bool:
    """Be a node until ``ended``, or until the scheduler is lost or ends; returns whether it ended because somebody wanted that.

    Raises OtherVersion, and OSError or others of Dask's when it cannot be joined.
    """
    versions.check(await versions.ask(address, keys.security(), _JOIN_S), address.removeprefix("tls://"))
    from distributed.comm import get_local_address_for

    me = node.Node(name or computer_name(), slots, shares_folders=shares_folders)
    node.set_up(me)
    worker = servers.worker(
        address,
        nthreads=len(slots),
        resources={"SLOT": len(slots), "GPU": me.pool.gpus},
        security=keys.security(),
        dashboard=False,
        death_timeout=_JOIN_S,
        # The scheduler alone must reach it: it listens where it is seen from there, and nowhere else.
        host=get_local_address_for(address).removeprefix("tls://"),
        protocol="tls",
    )
    try:
        await worker
        joined()
        over = asyncio.create_task(worker.finished())
        stop = asyncio.create_task(ended.wait())
        while not (over.done() or stop.done()):
            await asyncio.wait([over, stop], timeout=_IDLE_LOOK_S, return_when=asyncio.FIRST_COMPLETED)
            me.pool.release_idle(IDLE_S)
        stop.cancel()
        return bool(worker.why_closed == "scheduler-close")
    finally:
        # Its jobs are done elsewhere from now on; the workers need not come to an end.
        closing = asyncio.create_task(worker.close(executor_wait=False, reason="reprise-ends"))
        await asyncio.to_thread(me.pool.close)
        # How it ends must not hide why it ends.
        with contextlib.suppress(Exception):
            await asyncio.wait_for(closing, 10.0)


@contextlib.contextmanager
def _end_signals() -> Iterator[asyncio.Event]:
    """An event that Ctrl-C and the signals by which systems end programs set."""
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]
    before = {one: signal.signal(one, lambda *_: loop.call_soon_threadsafe(ended.set)) for one in numbers}
    try:
        yield ended
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
