"""Pages into one PDF. Qt paints them, in a process of its own: this package knows no Qt, and a broken Qt ends no worker."""

from __future__ import annotations

import subprocess
from pathlib import Path

from desktop.errors import UserError
from desktop.jobs.executors import program_command, program_environment
from desktop.jobs.progress import Progress

_LONGEST_S = 300.0
_POLL_S = 0.05


def write_pdf(folder: Path, target: Path, title: str, progress: Progress) -> None:
    """Paint ``page-1.svg``, ... of ``folder`` into the file ``target``; raises UserError when that cannot be done."""
    command = [*program_command(), "engrave", str(folder), str(target), "--title", title]
    environment = program_environment()
    try:
        child = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            encoding="utf-8", errors="replace",
        )  # fmt: skip
    except OSError as error:
        raise UserError(f"The PDF could not be painted: {error}") from error
    waited = 0.0
    said = ""
    try:
        while True:
            try:
                _, said = child.communicate(timeout=_POLL_S)
                break
            except subprocess.TimeoutExpired:
                waited += _POLL_S
                progress.checkpoint()
                if waited > _LONGEST_S:
                    said = "it took too long"
                    break
    finally:
        if child.poll() is None:
            child.kill()
            child.communicate()
    if child.returncode != 0 or not target.is_file():
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        why = lines[0].removeprefix("Error: ") if lines else f"exit code {child.returncode}"
        raise UserError(
            f"The PDF could not be painted: {why}", remedy="Export SVG or MusicXML instead; `reprise doctor` checks Qt."
        )
