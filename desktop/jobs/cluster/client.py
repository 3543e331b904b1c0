"""The way into a cluster, and what it looks like from there."""

from __future__ import annotations

import contextlib
import logging
from typing import Any

from desktop.errors import UsageError, UserError
from desktop.jobs.cluster import node, versions
from desktop.jobs.cluster.keys import NEEDED, Keys

PORT = 8786
_CONNECT_S = 10.0


def full_address(address: str) -> str:
    """``tls://HOST:PORT`` for HOST or HOST:PORT; raises UsageError."""
    host, colon, port = address.removeprefix("tls://").rpartition(":")
    if not colon:
        host, port = port, str(PORT)
    if not host or "/" in host or not port.isdecimal() or not 0 <= int(port) < 65536:
        raise UsageError(f"'{address}' is not an address", remedy="Write it as HOST or HOST:PORT.")
    return f"tls://{host}:{port}"


def connect(address: str, keys: Keys, *, timeout: float = _CONNECT_S) -> Any:
    """A client of the cluster at ``address``; raises UserError when it does not answer, refuses us or has another version."""
    need_dask()
    from distributed import Client

    quieten()
    try:
        client = Client(full_address(address), security=keys.security(), timeout=timeout, set_as_default=False, name="reprise")
    except (OSError, TimeoutError, ValueError, RuntimeError) as error:
        remedy = "Look whether it runs, whether the address is right, and whether both computers have the same key file."
        raise UserError(f"The cluster at {address} does not answer or refuses this computer's key", remedy=remedy) from error
    try:
        versions.check(client.sync(client.scheduler.reprise_version), address)
    except BaseException:
        client.close()
        raise
    return client


def nodes(address: str, keys: Keys) -> list[dict[str, Any]]:
    """What each node reports (``node.report``), in the order of their names; raises UserError."""
    with contextlib.closing(connect(address, keys)) as client:
        told = client.run(node.report, on_error="return")
    return sorted((one for one in told.values() if isinstance(one, dict)), key=lambda one: str(one["node"]))


def stop(address: str, keys: Keys) -> None:
    """End the cluster, its nodes included; raises UserError."""
    with contextlib.closing(connect(address, keys)) as client, contextlib.suppress(OSError, TimeoutError):
        client.shutdown()


def need_dask() -> None:
    """Raise UserError when Dask is not installed."""
    try:
        import distributed  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise UserError("The cluster needs a package that is not installed", remedy=NEEDED) from error


def quieten() -> None:
    """Keep Dask from writing to the terminal what we say in our own words. It must have been imported before."""
    # It gives some of its loggers levels of their own.
    names = [name for name in logging.root.manager.loggerDict if name.startswith(("distributed.", "tornado."))]
    for name in ("distributed", "tornado", "asyncio", *names):
        logging.getLogger(name).setLevel(logging.CRITICAL)
