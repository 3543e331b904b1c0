"""Pictures and the window; Qt is loaded only here, and pictures are drawn in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from desktop.cli.window import has_display, open_window
from desktop.jobs.executors import program_command, program_environment

_DRAWING_S = 120


def window(
    files: Annotated[list[str] | None, typer.Argument(metavar="FILE", help="Songs or covers to open.")] = None,
) -> None:
    """Open the window."""
    raise typer.Exit(open_window(files or []))


def screenshots(output: Annotated[str, typer.Argument(metavar="DIR", help="Folder for the pictures.")]) -> None:
    """Draw every panel of the window into pictures, in light and dark."""
    _without_display()
    from desktop.ui import screenshots as panels

    raise typer.Exit(panels.main(Path(output).absolute()) or 0)


def snapshot(saved: str, picture: str) -> None:
    """Draw the piano roll of a saved cover into a PNG file."""
    _without_display()
    from desktop.ui.snapshot import roll_picture

    roll_picture(Path(saved), Path(picture))


def draw_apart(saved: Path, picture: Path) -> str:
    """Draw a roll in a process of its own, so that a broken Qt harms nothing; returns why it could not be drawn, or ""."""
    command = [*program_command(), "snapshot", str(saved), str(picture)]
    try:
        done = subprocess.run(
            command, env=program_environment(), capture_output=True, text=True, errors="replace", timeout=_DRAWING_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0 and picture.is_file():
        return ""
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return lines[-1].removeprefix("Error: ") if lines else f"exit code {done.returncode}"


def _without_display() -> None:
    """Let Qt draw into memory where there is nothing to show it on."""
    if not has_display() or sys.platform == "linux":
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
