"""Commits of a repository through the ``git`` command, read as a stream; nothing that the repository configures is run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from desktop.errors import UserError
from desktop.tuning.change_summary import ChangeSummary

_HEAD = b"\0"
_FORMAT = "%x00%H%x1f%P%x1f%an <%ae>%x1f%s"
_LONGEST = 4_096
"""Bytes of a line that are looked at."""

_CHECKED_EVERY = 2_000
_SAFE = (
    "core.fsmonitor=false",
    f"core.hooksPath={os.devnull}",
    "core.pager=cat",
    "core.quotePath=false",
    "color.ui=false",
    "log.showSignature=false",
    "log.showRoot=true",
    "log.diffMerges=off",
    "diff.submodule=short",
    "diff.noprefix=false",
    "protocol.allow=never",
)
"""What a repository's own configuration could have run, or have the output look otherwise."""

_LOG = (
    *("log", f"--format={_FORMAT}", "--numstat", "--patch", "--unified=0", "--find-renames", "--no-ext-diff", "--no-textconv"),
    *(
        "--no-show-signature",
        "--no-color",
        "--no-notes",
        "--no-decorate",
        "--no-mailmap",
        "--submodule=short",
        "--encoding=UTF-8",
    ),
)


class Commit(NamedTuple):
    """A commit.

    Attributes:
        parents: how many it has; a merge's changes are not looked at.
        author: name and address.
        change: what it changed, in a few lines. files: how many.
    """

    id: str
    parents: int
    author: str
    subject: str
    change: str
    files: int


def count_commits(repository: Path) -> int:
    """Commits that lead to the one that is checked out.

    Raises:
        UserError: git is missing, this is no repository, or there is no commit.
    """
    if not repository.is_dir():
        raise UserError("There is no such folder", path=repository, remedy="Choose a folder with a git repository.")
    done = subprocess.run(
        [*_git(repository), "rev-list", "--count", "HEAD", "--"],
        env=_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        creationflags=_NO_WINDOW,
    )
    if done.returncode:
        raise _failed(repository, done.stderr)
    return int(done.stdout)


def commits(repository: Path, limit: int, checkpoint: Callable[[], None]) -> Iterator[Commit]:
    """Commits from the newest on, at most ``limit`` when not 0, in constant memory.

    Raises:
        UserError: git fails, for instance as objects are missing.
    """
    command = [*_git(repository), *_LOG, *([f"--max-count={limit}"] if limit else []), "HEAD", "--"]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
            creationflags=_NO_WINDOW,
        )
        try:
            assert process.stdout is not None
            yield from _parsed(process.stdout, checkpoint)
            if process.wait():
                said.seek(0)
                raise _failed(repository, said.read(8_192))
        finally:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


_NO_WINDOW: int = getattr(subprocess, "CREATE_NO_WINDOW", 0)


def _git(repository: Path) -> list[str]:
    git = shutil.which("git")
    if git is None:
        raise UserError("git is not installed", remedy="Install git (https://git-scm.com), then try again.")
    trusted = [f"safe.directory={folder}" for folder in _trusted(git)]
    return [git, "--no-pager", *(word for option in (*_SAFE, *trusted) for word in ("-c", option)), "-C", str(repository)]


def _trusted(git: str) -> list[str]:
    """Folders of other people that the user's own configuration trusts; the rest of it is not read."""
    done = subprocess.run(
        [git, "config", "--global", "--get-all", "safe.directory"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        creationflags=_NO_WINDOW,
    )
    return done.stdout.decode("utf-8", "replace").splitlines()[:100]


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }


def _failed(repository: Path, said: bytes) -> UserError:
    text = said.decode("utf-8", "replace").strip()
    if "not a git repository" in text:
        return UserError("This folder belongs to no git repository", path=repository, remedy="Choose another folder.")
    if "dubious ownership" in text:
        remedy = f"If you trust it: git config --global --add safe.directory {repository}"
        return UserError("The repository belongs to another user", path=repository, remedy=remedy)
    if re.search(r"unknown revision|bad revision|ambiguous argument 'HEAD'|does not have any commits", text):
        return UserError("The repository has no commits", path=repository, remedy="Choose another one.")
    lines = text.splitlines() or ["it ended without a word"]
    return UserError(f"git could not read the repository: {lines[-1]}", path=repository, remedy="Try `git fsck` in it.")


def _parsed(stream: IO[bytes], checkpoint: Callable[[], None]) -> Iterator[Commit]:
    head: list[str] | None = None
    summary = ChangeSummary()
    for number, line in enumerate(_lines(stream)):
        if number % _CHECKED_EVERY == 0:
            checkpoint()
        if line.startswith(_HEAD):
            if head is not None:
                yield _commit(head, summary)
            head, summary = _head(line), ChangeSummary()
        else:
            summary.take(line.decode("utf-8", "replace"))
    if head is not None:
        yield _commit(head, summary)


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    """Lines without their ends; only the start of a long one."""
    begins = True
    while line := stream.readline(_LONGEST):
        if begins:
            yield line.rstrip(b"\r\n")
        begins = line.endswith(b"\n")


def _head(line: bytes) -> list[str]:
    return line[1:].decode("utf-8", "replace").split("\x1f", 3)


def _commit(head: list[str], summary: ChangeSummary) -> Commit:
    fields: list[Any] = [*head, "", "", "", ""]
    return Commit(fields[0], len(fields[1].split()), fields[2], fields[3], summary.text(), summary.files)
