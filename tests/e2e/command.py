"""The real command line, as a child process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Answer:
    """What a command gave back."""

    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """The lines of a command with --json."""
        return [json.loads(line) for line in self.out.splitlines()]


def command(*arguments: str | Path) -> list[str]:
    """The command's words."""
    return [sys.executable, "-P", "-m", "desktop", *map(str, arguments)]


def environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    """Our variables, with the way to the checkout; no display."""
    kept = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    return {**kept, "PYTHONPATH": str(ROOT), "COLUMNS": "200", **(extra or {})}


def reprise(
    *arguments: str | Path,
    cwd: Path | None = None,
    extra: dict[str, str] | None = None,
    before: Sequence[str] = (),
    timeout: float = 110,
) -> Answer:
    """Run a command to its end. ``before`` goes in front of it (a wrapper such as setpriv)."""
    done = subprocess.run(
        [*before, *command(*arguments)],
        env=environment(extra),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Answer(done.returncode, done.stdout, done.stderr)


def start(*arguments: str | Path, extra: dict[str, str] | None = None, **options: Any) -> subprocess.Popen[str]:
    """Start a command and leave it running; its output comes through pipes."""
    return subprocess.Popen(
        command(*arguments), env=environment(extra), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def files(folder: Path) -> list[str]:
    """Names of everything in a folder, hidden files too; [] when it does not exist."""
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
