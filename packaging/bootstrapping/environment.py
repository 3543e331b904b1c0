"""Makes and keeps the virtual environment."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

from bootstrapping import graphics, libraries
from bootstrapping.lock import only_one
from bootstrapping.pip import clean_environment, pip
from bootstrapping.project import Project, fingerprint
from bootstrapping.trouble import Trouble, say

GIGABYTE = 1024**3
ROOM = {"cpu": 4 * GIGABYTE, "cuda": 12 * GIGABYTE}
"""Free space that an installation needs at its fullest."""


def ensure(project: Project, extras: frozenset[str]) -> None:
    """Have an environment with the project and ``extras`` in it; does nothing when it is there."""
    cuda = graphics.cuda_usable()
    wanted = fingerprint(project, cuda)
    if ready(project, wanted, extras):
        return
    with only_one(project.lock):
        if ready(project, wanted, extras):
            return
        started = time.monotonic()
        stamp = read_stamp(project)
        everything = extras | frozenset(stamp.get("extras", []))
        prepare(project, stamp, cuda)
        say(f"Installing Reprise into {project.environment}")
        project.unfinished.write_text("An installation is under way, or was cut off.\n", encoding="utf-8")
        project.stamp.unlink(missing_ok=True)
        try:
            install(project, everything, cuda)
        except Trouble:
            # pip undoes what it could not finish, so the environment is old, not broken.
            project.unfinished.unlink()
            raise
        write_stamp(project, {"fingerprint": wanted, "extras": sorted(everything), "cuda": cuda})
        project.unfinished.unlink()
        say(f"Installed in {time.monotonic() - started:.0f} s.")


def ready(project: Project, wanted: str, extras: frozenset[str]) -> bool:
    """Whether the environment is complete, current and able to run."""
    stamp = read_stamp(project)
    if stamp.get("fingerprint") != wanted or not extras <= frozenset(stamp.get("extras", [])):
        return False
    return not project.unfinished.exists() and runs(project)


def runs(project: Project) -> bool:
    """Whether the environment's interpreter starts and is this version of Python."""
    program = "import sys; sys.stdout.write(sys.version)"
    try:
        command = [str(project.python), "-I", "-S", "-c", program]
        said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.SubprocessError):
        return False
    return said.returncode == 0 and said.stdout == sys.version


def prepare(project: Project, stamp: dict[str, Any], cuda: bool) -> None:
    """An environment that can be installed into: the one that is there if it is sound, else a new one."""
    sound = runs(project) and not project.unfinished.exists() and (project.environment / "pyvenv.cfg").exists()
    if sound and stamp.get("cuda", cuda) == cuda and has_pip(project):
        return
    check_room(project.root, ROOM["cuda" if cuda else "cpu"])
    if project.environment.is_symlink() or project.environment.exists():
        say("The environment is unfinished, broken or made for another computer; making it again.")
        discard(project.environment)
    check_venv_module()
    say(f"Making {project.environment} with Python {'.'.join(map(str, sys.version_info[:3]))}")
    project.environment.mkdir()
    project.unfinished.write_text("The environment is being made.\n", encoding="utf-8")
    command = [sys.executable, "-m", "venv", str(project.environment)]
    done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        raise Trouble(f"The environment could not be made:\n{(done.stdout + done.stderr).strip()}")


def has_pip(project: Project) -> bool:
    """Whether the environment has pip."""
    command = [str(project.python), "-I", "-c", "import pip"]
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0


def discard(folder: Path) -> None:
    """Remove an environment. Anything else of that name is the user's: raises Trouble."""
    if folder.is_symlink():
        folder.unlink()
        return
    marks = ("pyvenv.cfg", "bootstrap.unfinished", "bootstrap.json")
    if not folder.is_dir() or (any(folder.iterdir()) and not any((folder / mark).exists() for mark in marks)):
        raise Trouble(f"{folder} is there and is no Python environment", "Move it away and start again.")
    aside = folder.with_name(f"{folder.name}.old-{os.getpid()}")
    try:
        folder.rename(aside)
    except OSError as error:
        raise Trouble(f"{folder} cannot be replaced: {error.strerror}", "Close the programs that run from it.") from error
    shutil.rmtree(aside, ignore_errors=True)


def check_venv_module() -> None:
    """Debian and Ubuntu ship Python without the means to make an environment: get them, or say how."""
    if importlib.util.find_spec("ensurepip") is not None and importlib.util.find_spec("venv") is not None:
        return
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    if libraries.can_install():
        say(f"This Python cannot make environments; installing {package} ...")
        if libraries.apt_install([package]):
            return
    raise Trouble("This Python lacks the modules venv and ensurepip", f"Install them: sudo apt-get install {package}")


def check_room(folder: Path, needed: int) -> None:
    """Raise Trouble when the disk is too full for an installation."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise Trouble(
            f"{free / GIGABYTE:.1f} GB are free at {folder}; the installation needs {needed / GIGABYTE:.0f} GB",
            "Free some disk space, or move the project to a larger disk.",
        )


def install(project: Project, extras: frozenset[str], cuda: bool) -> None:
    """Install the project, editable, with ``extras``; on Linux without a graphics card with the small build of torch."""
    constraint: list[str] = []
    if sys.platform.startswith("linux") and not cuda and project.cpu_constraints.exists():
        constraint = cpu_torch(project)
    names = sorted(extras | ({"cuda"} if cuda and has_extra(project, "cuda") else set()))
    target = f"{project.root}[{','.join(names)}]" if names else str(project.root)
    pip(project.python, ["install", "--editable", target, *constraint], project.log)


def cpu_torch(project: Project) -> list[str]:
    """Install torch without CUDA and return the arguments that keep it; none when no index has it."""
    constraint = ["--constraint", str(project.cpu_constraints)]
    ask = ["install", "--dry-run", "--no-deps", "--only-binary", ":all:", "torch", *constraint]
    for index in ([], ["--extra-index-url", graphics.CPU_WHEELS]):
        if index and not graphics.cpu_wheels_reachable():
            break
        try:
            pip(project.python, [*ask, *index], project.log, quiet=True)
        except Trouble:
            continue
        pip(project.python, ["install", "torch", *constraint, *index], project.log)
        return constraint
    say("  No index here has torch without CUDA: the large build is installed (several GB).")
    check_room(project.root, ROOM["cuda"])
    return []


def has_extra(project: Project, name: str) -> bool:
    """Whether pyproject.toml offers the extra."""
    table = tomllib.loads((project.root / "pyproject.toml").read_text(encoding="utf-8"))
    return name in table["project"].get("optional-dependencies", {})


def read_stamp(project: Project) -> dict[str, Any]:
    """What the last installation wrote; nothing when there is none or it cannot be read."""
    try:
        data = json.loads(project.stamp.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def write_stamp(project: Project, data: dict[str, Any]) -> None:
    """Say that the installation is complete; at once or not at all."""
    fresh = project.stamp.with_suffix(".new")
    fresh.write_text(json.dumps(data, indent=1), encoding="utf-8")
    fresh.replace(project.stamp)
