"""``reprise score`` as a user types it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from desktop.jobs.executors import program_environment
from desktop.paths import resources

MIDI = resources() / "demo" / "six-oclock-ferry.mid"


def reprise(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "desktop", *arguments]
    return subprocess.run(command, env=program_environment(), capture_output=True, text=True, check=False, timeout=110)


def test_a_score_of_a_midi_file(home: Path, tmp_path: Path) -> None:
    target = tmp_path / "ferry.mxl"
    done = reprise("score", str(MIDI), "-o", str(target), "--no-chords", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert str(target) in json.dumps(result) and target.read_bytes().startswith(b"PK")


@pytest.mark.parametrize(("target", "option"), [("a.doc", []), ("a.pdf", ["--paper", "a3"])])
def test_what_cannot_be_asked_for(home: Path, tmp_path: Path, target: str, option: list[str]) -> None:
    done = reprise("score", str(MIDI), "-o", str(tmp_path / target), *option)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: ") and list(tmp_path.iterdir()) == []


def test_pages_that_are_not_there_are_said_so(home: Path, tmp_path: Path) -> None:
    done = reprise("engrave", str(tmp_path), str(tmp_path / "a.pdf"))
    assert done.returncode == 1 and "no pages" in done.stderr
