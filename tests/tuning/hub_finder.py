"""Finds a base in a process of its own: ``python hub_finder.py ROOT NAME [cancel]``.

The environment names the hub, because huggingface_hub reads its settings once, when it is imported.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from desktop.errors import UserError
from desktop.models.library import Library
from desktop.tuning.bases import find_base, known_bases
from tests.models.site import Recorder


def main() -> None:
    root, name, *how = sys.argv[1:]
    library = Library(Path(root))
    progress = Recorder(stop=lambda heard: "cancel" in how and len(heard.fractions) > 1)
    try:
        base = find_base(name, library, progress)
    except UserError as error:
        print(type(error).__name__, error)
        sys.exit(1)
    print(base.id, base.architecture, base.licence, *sorted(path.name for path in base.folder.iterdir()))
    print(progress.fractions == sorted(progress.fractions), [card.id for card in known_bases(library) if card.is_own])


if __name__ == "__main__":
    main()
