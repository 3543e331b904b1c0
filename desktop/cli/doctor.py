"""``reprise doctor``: looks at this computer from inside a worker, where models run."""

from __future__ import annotations

import sys

import typer

from desktop.cli import FAILED
from desktop.cli.errors import sentences
from desktop.cli.options import Device, Table
from desktop.cli.running import settings
from desktop.cli.tables import print_json
from desktop.jobs.events import Failed
from desktop.jobs.job import DoctorJob
from desktop.jobs.once import run_once


def doctor(device: Device = "auto", json: Table = False) -> None:
    """Look at devices, sessions, codecs, folders, models and libraries, and say what is wrong and what to do.

    Ends with 1 when something is wrong.
    """
    settings()
    found = run_once(DoctorJob(device=device))
    if isinstance(found, Failed):
        print("\n".join([*sentences(found), found.details]), file=sys.stderr)
        raise typer.Exit(FAILED)
    if json:
        print_json(found.result)
    else:
        from desktop.models.report import report

        typer.echo(report(found.result))
    raise typer.Exit(FAILED if found.result["problems"] else 0)
