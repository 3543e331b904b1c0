"""A folder of the user's without ``tokenizer.json`` is used through one in the cache that has it; it is never written to."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from desktop.jobs.progress import Progress
from desktop.models import adopt_language
from desktop.models.files import explained_writes
from desktop.models.hub_folder import HubFolder
from desktop.paths import cache_dir, make_folder

_KEPT = 8


def completed(found: HubFolder, progress: Progress) -> Path:
    """A folder with all that ``found`` has, and the tokenizer; made once for each state of its files."""
    names = sorted(path.relative_to(found.folder).as_posix() for path in found.folder.rglob("*") if path.is_file())
    parts = [found.folder / name for name in names if adopt_language.is_part(name, found)]
    state = "\n".join(f"{path}\0{path.stat().st_size}\0{path.stat().st_mtime_ns}" for path in parts)
    home = make_folder(cache_dir() / "bases")
    target = home / hashlib.sha256(state.encode()).hexdigest()[:16]
    if target.is_dir():
        os.utime(target)
        return target
    progress.at(0.0, f"Converting the tokenizer of {found.folder.name}")
    staging = Path(tempfile.mkdtemp(prefix=".base-", dir=home))
    try:
        with explained_writes(staging):
            for path in parts:
                _share(path, staging / path.relative_to(found.folder))
            adopt_language.complete(found, staging)
            # Another job may have made it meanwhile.
            with contextlib.suppress(OSError):
                staging.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    for old in sorted((path for path in home.iterdir() if path != target), key=lambda path: path.stat().st_mtime)[:-_KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    return target


def _share(source: Path, target: Path) -> None:
    """The file under another name where the disk allows it, a copy elsewhere: weights may be large."""
    make_folder(target.parent)
    if source.suffix == ".safetensors":
        with contextlib.suppress(OSError):
            os.link(source, target)
            return
    shutil.copyfile(source, target)
