"""Only computers with the same version of Reprise work together: their jobs, messages and catalogs are the same then."""

from __future__ import annotations

from typing import Any

from desktop import __version__
from desktop.errors import UserError


class OtherVersion(UserError):
    """The cluster runs another version."""


def check(found: object, address: str) -> None:
    """Raise OtherVersion unless the cluster at ``address`` said that it runs this version."""
    if found != __version__:
        raise OtherVersion(
            f"The cluster at {address} runs Reprise {found}, this computer {__version__}",
            remedy="Install the same version on all computers of the cluster.",
        )


async def ask(address: str, security: Any, seconds: float) -> object:
    """What version the scheduler at ``address`` (a full one) runs; raises OSError or TimeoutError when it does not say."""
    import asyncio

    from distributed.core import rpc

    async with rpc(address, timeout=seconds, connection_args=security.get_connection_args("worker")) as scheduler:
        return await asyncio.wait_for(scheduler.reprise_version(), seconds)


def answer() -> str:
    """What a scheduler says."""
    return __version__
