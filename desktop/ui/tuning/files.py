"""Files of examples, and where the panel keeps what it makes."""

from __future__ import annotations

import re
from pathlib import Path

from desktop.paths import data_dir, make_folder

RECORDS = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet")
"""Extensions of the files that the panel opens."""


def takes(path: Path) -> bool:
    """Whether the panel opens such a file."""
    return path.suffix.lower() in RECORDS and not path.is_dir()


def commits_file(repository: Path) -> Path:
    """Where the pairs made of a repository's commits are kept: the same file each time."""
    name = re.sub(r"[^\w.-]+", "-", repository.name).strip("-.") or "repository"
    return make_folder(data_dir() / "commits") / f"{name}.jsonl"
