"""Plain files from web servers: resumed where they stopped, checked at the end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from desktop.jobs.progress import Progress
from desktop.models.catalog import ModelFile, UrlSource
from desktop.models.sources.download import Download


def fetch(source: UrlSource, files: Sequence[ModelFile], folder: Path, progress: Progress) -> None:
    """Put ``files`` into ``folder``, verified.

    Raises:
        UserError: an address does not answer, or does not hold the expected file.
    """
    total, before = sum(file.size for file in files), 0
    for file in files:
        part = progress.part(before / total, (before + file.size) / total)
        Download(source.members[file.name], file, folder).run(part)
        before += file.size
