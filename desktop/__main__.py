"""Dispatch and nothing else: the worker, the version, the window or a command. Nothing heavy is imported here."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments say; returns the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["--worker"]:
        from desktop.jobs.worker import main as work

        return work()
    if given in (["--version"], ["-V"]):
        from desktop import __version__

        print(f"reprise {__version__}")
        return 0
    from desktop.cli import main as command

    return command(given or ["window"])


def window() -> int:
    """Entry point of the window's own launcher."""
    return main(["window", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
