"""The commands of bootstrap.py."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from bootstrapping import environment, libraries
from bootstrapping.lock import only_one
from bootstrapping.pip import clean_environment
from bootstrapping.project import Project
from bootstrapping.trouble import Trouble, say

USAGE = """%(prog)s COMMAND [options]

  demo          install, turn the demo song into a piano cover, show it
  window        install, open the application
  test [--all]  install with the test tools, run the tests (--all: the slow ones too)
  install       install only

More arguments go on to the command: %(prog)s test -- tests/piano -x"""


MOST_DISTURBED = 5
"""Of more failed tests than this, none is run again: that is no accident."""


def run(argv: list[str], root: Path | None = None) -> int:
    """Exit code of one command line: 0 done, 1 failed, 2 usage, 130 interrupted."""
    parser = argparse.ArgumentParser(usage=USAGE, add_help=True)
    parser.add_argument("command", choices=("demo", "window", "test", "install"))
    parser.add_argument("--all", action="store_true", help="test: the slow tests too")
    options, more = parser.parse_known_args(argv)
    if options.all and options.command != "test":
        parser.error("--all belongs to test")
    project = Project(root or Path(__file__).resolve().parents[2])
    more = [argument for argument in more if argument != "--"]
    try:
        provide_libraries(project)
        environment.ensure(project, frozenset({"test"}) if options.command == "test" else frozenset())
        return start(project, options.command, more, options.all)
    except Trouble as trouble:
        say(f"\n{trouble.message}")
        if trouble.remedy:
            say(f"{trouble.remedy}")
        return 1
    except KeyboardInterrupt:
        say("\nStopped.")
        return 130


def provide_libraries(project: Project) -> None:
    """Install or name the system libraries that are missing."""
    if libraries.missing():
        with only_one(project.lock):
            libraries.provide(libraries.missing())


def start(project: Project, command: str, more: list[str], everything: bool) -> int:
    """Run a command in the finished environment; its exit code."""
    if command == "window" and not has_display():
        raise Trouble("There is no display to open a window on", "Start this from a desktop session, or use: bootstrap.py demo")
    get_models(project)
    if command == "test":
        return test(project, more, everything)
    if command == "demo":
        return reprise(project, ["demo", *(["--open"] if has_display() else []), *more])
    if command == "window":
        return reprise(project, ["window", *more])
    say(f"Reprise is ready: {project.python.with_name('reprise')}")
    return 0


def test(project: Project, more: list[str], everything: bool) -> int:
    """Run the tests; pytest's own last line is the last line.

    A few that failed while others ran beside them are run once more, alone: what fails then as well has failed.
    """
    surroundings = clean_environment()
    if not has_display():
        surroundings["QT_QPA_PLATFORM"] = "offscreen"
    chosen = [] if everything else ["-m", "not slow"]
    # All of them: several files at a time. Tests that were asked for by name: one after the other, as pytest does.
    spread = [] if more else ["-n", str(min(4, os.cpu_count() or 1)), "--dist", "loadfile"]
    command = [str(project.python), "-m", "pytest", "-q", *chosen]
    began = time.time()
    returned = subprocess.run([*command, *spread, *more], cwd=project.root, env=surroundings, check=False).returncode
    disturbed = failed_tests(project, since=began) if spread and returned == 1 else []
    if 0 < len(disturbed) <= MOST_DISTURBED:
        say("Failed beside others, and run once more alone: " + ", ".join(disturbed))
        again = [*command, "--last-failed", "--last-failed-no-failures", "none"]
        returned = subprocess.run(again, cwd=project.root, env=surroundings, check=False).returncode
    return exit_code(returned)


def failed_tests(project: Project, since: float) -> list[str]:
    """What failed in the run of pytest that began at ``since`` (seconds of the clock), as pytest notes it."""
    note = project.root / ".pytest_cache" / "v" / "cache" / "lastfailed"
    try:
        return sorted(json.loads(note.read_text(encoding="utf-8"))) if note.stat().st_mtime >= since - 1.0 else []
    except (OSError, ValueError):
        return []


def get_models(project: Project) -> None:
    """Install the default models, once for each version of the catalog; going on without them when that fails."""
    catalog = project.root / "resources" / "catalog.toml"
    stamp = environment.read_stamp(project)
    version = hashlib.sha256(catalog.read_bytes()).hexdigest() if catalog.exists() else ""
    if stamp.get("models") == version:
        return
    if reprise(project, ["models", "install"]):
        say("The models are not there yet; Reprise fetches them when it first needs them.")
        return
    environment.write_stamp(project, {**stamp, "models": version})


def reprise(project: Project, arguments: list[str]) -> int:
    """Run the application's own command line, sharing the terminal; its exit code."""
    command = [str(project.python), "-P", "-m", "desktop", *arguments]
    return exit_code(subprocess.run(command, env=clean_environment(), check=False).returncode)


def exit_code(returned: int) -> int:
    """A shell's number for a process that a signal ended."""
    return returned if returned >= 0 else 128 - returned


def has_display() -> bool:
    """Whether a window could be shown."""
    return sys.platform in ("win32", "darwin") or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
