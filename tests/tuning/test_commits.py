"""Pairs of a git repository, made for real; nothing that it configures may run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.jobs.tuning_jobs import CommitsJob
from desktop.tuning.change_summary import ChangeSummary
from desktop.tuning.commits import pairs


def git(folder: Path, *words: str, author: str = "Ann <ann@example.org>") -> None:
    """Run git in a folder."""
    name, address = author.rstrip(">").split(" <")
    identity = {"AUTHOR_NAME": name, "AUTHOR_EMAIL": address, "COMMITTER_NAME": name, "COMMITTER_EMAIL": address}
    environment = {
        **os.environ,
        **{f"GIT_{key}": value for key, value in identity.items()},
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True, env=environment)


def commit(folder: Path, name: str, content: str, message: str, author: str = "Ann <ann@example.org>") -> None:
    """Write a file and commit it."""
    (folder / name).write_text(content, encoding="utf-8")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message, author=author)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with commits that teach something and some that do not."""
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    commit(
        folder,
        "a.py",
        "import os\n\n\ndef area(width, height):\n    return width * height\n",
        "Add the area of a rectangle (#12)",
    )
    commit(folder, "größe.txt", "one\n", "Say what größe means\n\nIt is German.")
    commit(folder, "lock.txt", "2\n", "Bump leftpad from 1.0 to 2.0", author="dependabot[bot] <bot@users.example>")
    commit(folder, "a.py", "x = 1\n", "wip: more")
    commit(folder, "a.py", "x = 2\n", "cleanup")
    git(folder, "revert", "--no-edit", "HEAD")
    git(folder, "commit", "-q", "--allow-empty", "-m", "Nothing was changed here")
    git(folder, "checkout", "-q", "-b", "side", "HEAD~2")
    commit(folder, "b.py", "y = 1\n", "Give the side branch a file")
    git(folder, "checkout", "-q", "main")
    git(folder, "merge", "-q", "--no-ff", "-m", "Merge the side branch into main", "side")
    return folder


def made(repository: Path, output: Path, limit: int = 0) -> tuple[dict, list[dict[str, str]]]:
    """The result and the rows."""
    result = pairs(CommitsJob(repository=str(repository), output=str(output), limit=limit), Progress())
    return result, [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]


def test_pairs_are_change_and_subject(repository: Path, tmp_path: Path) -> None:
    result, rows = made(repository, tmp_path / "pairs.jsonl")
    messages = ["Add the area of a rectangle", "Give the side branch a file", "Say what größe means"]
    assert sorted(row["message"] for row in rows) == messages
    reasons = {"merges": 1, "reverts": 1, "by bots": 1, "unfinished": 1, "one word": 1, "empty": 1}
    assert result == {"files": {"pairs": str(tmp_path / "pairs.jsonl")}, "pairs": 3, "left_out": reasons}
    first = next(row for row in rows if "area" in row["message"])
    assert first["change"].splitlines() == [
        "1 file, +5 -0",
        "a.py +5 -0",
        "+def area(width, height):",
        "+return width * height",
    ]
    assert "größe.txt +1 -0" in next(row for row in rows if "größe" in row["message"])["change"]
    assert made(repository / ".git", tmp_path / "again.jsonl", limit=3)[0]["pairs"] == 1


def test_nothing_that_the_repository_configures_is_run(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trap = tmp_path / "trapped"
    script = tmp_path / "trap.sh"
    script.write_text(f"#!/bin/sh\ntouch '{trap}'\ncat \"$@\" 2>/dev/null\n", encoding="utf-8")
    script.chmod(0o755)
    drivers = ("diff.external", "diff.evil.textconv", "diff.evil.command")
    for name in (*drivers, "core.pager", "core.fsmonitor", "pager.log", "gpg.program"):
        git(repository, "config", name, str(script))
    git(repository, "config", "log.showSignature", "true")
    git(repository, "config", "core.hooksPath", str(tmp_path))
    (repository / ".git/info/attributes").write_text("* diff=evil\n", encoding="utf-8")
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", str(script))
    monkeypatch.setenv("GIT_PAGER", str(script))
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    assert made(repository, tmp_path / "pairs.jsonl")[0]["pairs"] == 3
    assert not trap.exists()


def test_what_is_no_repository_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = CommitsJob(repository=str(tmp_path / "none"), output=str(tmp_path / "pairs.jsonl"))
    with pytest.raises(UserError, match="no such folder"):
        pairs(job, Progress())
    (tmp_path / "none").mkdir()
    with pytest.raises(UserError, match="no git repository"):
        pairs(job, Progress())
    git(tmp_path / "none", "init", "-q")
    with pytest.raises(UserError, match="no commits"):
        pairs(job, Progress())
    commit(tmp_path / "none", "a", "1", "cleanup")
    with pytest.raises(UserError, match=r"No commit can be learned from \(1 one word\)"):
        pairs(job, Progress())
    assert not (tmp_path / "pairs.jsonl").exists()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="git is not installed"):
        pairs(job, Progress())


@pytest.mark.skipif(sys.platform == "win32", reason="damages an object's file")
def test_a_damaged_repository_is_told(repository: Path, tmp_path: Path) -> None:
    for thing in (repository / ".git/objects").glob("??/*"):
        thing.chmod(0o644)
        thing.write_bytes(b"damaged")
    with pytest.raises(UserError, match=r"git could not read|no commits"):
        made(repository, tmp_path / "pairs.jsonl")
    assert not (tmp_path / "pairs.jsonl").exists()


def test_a_giant_change_stays_short() -> None:
    summary = ChangeSummary()
    for number in range(30):
        summary.take(f"10\t2\tsrc/file{number}.py")
    for number in range(20_000):
        summary.take(f"diff --git a/{number} b/{number}")
        summary.take("@@ -0,0 +1 @@")
        summary.take(f"+value = {number} " + "x" * 500)
        summary.take(f"+def function{number}(): pass" if number == 19_999 else "+    }")
    text = summary.text().splitlines()
    assert text[:2] == ["30 files, +300 -60", "src/file0.py +10 -2"]
    assert "and 22 more" in text and "+def function19999(): pass" in text
    assert len(text) <= 22 and max(map(len, text)) <= 100
