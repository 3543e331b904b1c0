"""Errors in words, on stderr; as the last line of output for programs."""

from __future__ import annotations

import sys

import msgspec

from desktop.cli import FAILED, USAGE
from desktop.errors import UsageError, UserError
from desktop.jobs.events import Failed


def explain(error: UserError, *, json: bool) -> int:
    """Say what went wrong before or outside a job; returns the exit code."""
    usage = isinstance(error, UsageError)
    failed = Failed(error.message, error.path, error.remedy, usage=usage)
    if json:
        print(msgspec.json.encode(failed).decode(), flush=True)
    print("\n".join(sentences(failed)), file=sys.stderr)
    return USAGE if usage else FAILED


def sentences(failed: Failed) -> list[str]:
    """What happened, to which file, and what to do, a line each."""
    lines = [f"Error: {failed.message}"]
    if failed.path and failed.path not in failed.message:
        lines.append(f"  File: {failed.path}")
    if failed.remedy:
        lines.append(f"  {failed.remedy}")
    return lines
