"""Pairs to learn from a git repository: what a commit changed, in short, and the subject line that a person gave it."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.jobs.tuning_jobs import CommitsJob
from desktop.paths import atomic_write
from desktop.tuning.git_log import Commit, commits, count_commits

CHANGE, MESSAGE = "change", "message"
"""Columns of the result, beside "commit"."""

_REVERT = re.compile(r"revert\b|back ?out\b", re.IGNORECASE)
_UNFINISHED = re.compile(r"(fixup|squash|amend)!|wip\b", re.IGNORECASE)
_BOT_NAME = re.compile(
    r"\[bot\]|\bbot\b|-bot\b|dependabot|renovate|greenkeeper|github.?actions|pre-commit-ci|semantic-release|weblate|snyk|pyup",
    re.IGNORECASE,
)
_BOT_SUBJECT = re.compile(r"bump \S+ from \S+ to|(chore|build|fix)\(deps|update dependency|\[pre-commit\.ci\]", re.IGNORECASE)
_NUMBER = re.compile(r"\s*\((#|gh-|GH-)\d+\)\s*$")
_WORD = re.compile(r"[^\W\d_]{2,}")


def pairs(job: CommitsJob, progress: Progress) -> dict[str, Any]:
    """Write a JSONL file with an object for each commit that tells something: "change", "message", "commit".

    Returns:
        "files": {"pairs": path}, "pairs": how many, "left_out": reason -> commits.

    Raises:
        UserError: git is missing, the folder is no repository, it has no usable commit, or the file cannot be written.
    """
    repository = Path(job.repository)
    total = count_commits(repository)
    total = min(total, job.limit) if job.limit else total
    left_out: Counter[str] = Counter()
    kept = done = 0
    with atomic_write(job.output) as out:
        for commit in commits(repository, job.limit, progress.checkpoint):
            done += 1
            reason = why_left_out(commit)
            if reason:
                left_out[reason] += 1
            else:
                kept += 1
                row = {CHANGE: commit.change, MESSAGE: subject_of(commit), "commit": commit.id}
                out.write(msgspec.json.encode(row) + b"\n")
            progress.at(done / max(1, total), f"Reading commits · {done:,} of {total:,}")
        if not kept:
            said = ", ".join(f"{count:,} {reason}" for reason, count in left_out.most_common())
            raise UserError(f"No commit can be learned from ({said or 'there is none'})", path=repository)
    return {"files": {"pairs": str(job.output)}, "pairs": kept, "left_out": dict(left_out.most_common())}


def subject_of(commit: Commit) -> str:
    """The subject without the number of a pull request, which nobody can tell from the change."""
    return _NUMBER.sub("", commit.subject).strip()


def why_left_out(commit: Commit) -> str:
    """Why a commit's subject teaches nothing, in a word or two; "" when it may."""
    subject = subject_of(commit)
    if commit.parents > 1:
        return "merges"
    if _REVERT.match(subject):
        return "reverts"
    if _BOT_NAME.search(commit.author) or _BOT_SUBJECT.match(subject):
        return "by bots"
    if _UNFINISHED.match(subject):
        return "unfinished"
    if not commit.files or not subject:
        return "empty"
    return "" if len(_WORD.findall(subject)) > 1 else "one word"
