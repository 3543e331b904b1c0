"""The command line: every feature, for people and, with ``--json``, for programs."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

DONE, FAILED, USAGE, CANCELLED = 0, 1, 2, 130


def main(arguments: Sequence[str]) -> int:
    """Run a command; returns 0 done, 1 failed, 2 usage, 130 cancelled."""
    from desktop.cli.terminal import guarded

    with guarded():
        return _run(arguments)


def _run(arguments: Sequence[str]) -> int:
    from desktop.cli.app import app
    from desktop.cli.errors import explain
    from desktop.errors import UserError

    try:
        app(list(arguments), prog_name="reprise")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else FAILED if ended.code else DONE
    except UserError as error:
        return explain(error, json="--json" in arguments)
    except KeyboardInterrupt:
        return CANCELLED
    except BrokenPipeError:
        # Who read our output has gone; the interpreter must not fail once more when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    return DONE
