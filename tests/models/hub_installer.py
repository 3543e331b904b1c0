"""Installs from the hub in a process of its own: ``python hub_installer.py ROOT REPO [offline|MARK]``.

It cancels as soon as there is a file MARK.

The environment names the hub, because huggingface_hub reads its settings once, when it is imported.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from desktop.errors import UserError
from desktop.models.catalog import Catalog, HubSource
from desktop.models.library import Library
from tests.models.hub_site import COMMIT
from tests.models.site import CONTENT, Recorder, entry, model_file


def main() -> None:
    root, repo, *how = sys.argv[1:]
    files = [model_file("weights/model.bin"), model_file("model.safetensors", CONTENT[:5000])]
    source = HubSource(repo, COMMIT, {"weights/model.bin": "pytorch_model.bin", "model.safetensors": "model.safetensors"})
    progress = Recorder(stop=lambda _: any(Path(mark).is_file() for mark in how))
    try:
        folder = Library(Path(root), Catalog([entry(files, [source])]), offline="offline" in how).install("tiny", progress)
    except UserError as error:
        print(type(error).__name__, error)
        sys.exit(1)
    print(
        *sorted(str(path.relative_to(folder)) for path in folder.rglob("*")), any(path.is_symlink() for path in folder.rglob("*"))
    )
    print(progress.fractions == sorted(progress.fractions), len(progress.fractions))


if __name__ == "__main__":
    main()
