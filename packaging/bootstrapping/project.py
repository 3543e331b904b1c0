"""The checkout: where things are, and what must be installed for it."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

SCHEMA = 1
"""Rises when an older bootstrap's environment cannot be taken over."""


@dataclass(frozen=True)
class Project:
    """A checkout at ``root``."""

    root: Path

    @property
    def environment(self) -> Path:
        """The virtual environment."""
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    @property
    def stamp(self) -> Path:
        """Written last: what has been installed."""
        return self.environment / "bootstrap.json"

    @property
    def unfinished(self) -> Path:
        """There while an installation runs: what it leaves when it is killed."""
        return self.environment / "bootstrap.unfinished"

    @property
    def lock(self) -> Path:
        """Held by the bootstrap that installs."""
        return self.root / ".venv.lock"

    @property
    def log(self) -> Path:
        """Everything that the installers said."""
        return self.root / ".venv.log"

    @property
    def cpu_constraints(self) -> Path:
        """Names the build of torch without CUDA."""
        return self.root / "packaging" / "constraints-cpu.txt"


def fingerprint(project: Project, cuda: bool) -> str:
    """Changes when what must be installed changes: requirements, constraints, interpreter, place, kind of computer."""
    table = tomllib.loads((project.root / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = table["project"]
    parts = {
        "schema": SCHEMA,
        "python": [sys.version, sys.base_prefix],
        "root": str(project.root),
        "cuda": cuda,
        "build": table.get("build-system"),
        "name": wanted["name"],
        "requires": wanted.get("dependencies"),
        "extras": wanted.get("optional-dependencies"),
        "commands": [wanted.get("scripts"), wanted.get("gui-scripts")],
        "constraints": project.cpu_constraints.read_text(encoding="utf-8") if project.cpu_constraints.exists() else "",
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
