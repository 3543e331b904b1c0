"""Dispatch and nothing else: the worker, its helpers, the version, the window or a command. Nothing heavy is imported here."""

from __future__ import annotations

import faulthandler
import importlib
import os
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments say; returns the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["--worker"]:
        from desktop.jobs.worker import main as work

        return work()
    if given[:1] == ["--trainer"]:
        # By name, as the worker finds its runners: this module must not lead to torch.
        return int(importlib.import_module("desktop.tuning.training.helper").main(given[1:]))
    if given[:1] == ["--instrument"]:
        return int(importlib.import_module("desktop.piano.instrument_host").main(given[1:]))
    _fill_closed_streams()
    if given in (["--version"], ["-V"]):
        from desktop import __version__

        print(f"reprise {__version__}")
        return 0
    if not given or (given[0] == "window" and not any(word.startswith("-") for word in given)):
        return _open_window(given[1:])
    from desktop.cli import main as command

    if sys.stderr is not None:
        faulthandler.enable()
    return command(given)


def _fill_closed_streams() -> None:
    """Point closed standard streams to nowhere; else the next files opened would take their places, and get what is printed."""
    if os.name != "posix":
        return
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115


def window() -> int:
    """Entry point of the window's own launcher."""
    return main(["window", *sys.argv[1:]])


def _open_window(files: Sequence[str]) -> int:
    """The window without the commands' machinery, which would cost a tenth of a second."""
    from desktop.cli.window import open_window
    from desktop.errors import UserError

    try:
        return open_window(files)
    except UserError as error:
        from desktop.cli.errors import explain

        return explain(error, json=False)


if __name__ == "__main__":
    sys.exit(main())
