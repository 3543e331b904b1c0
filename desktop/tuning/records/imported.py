"""Rows that were brought in: a folder with one Arrow file per split and the facts."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from desktop.errors import UserError
from desktop.malformed import MALFORMED
from desktop.tuning.records.facts import SPLITS, Facts

FACTS = "facts.json"


class Imported:
    """Rows on the disk.

    Attributes:
        folder: where they are.
        facts: what is known of them.
    """

    def __init__(self, folder: Path, facts: Facts) -> None:
        self.folder = folder
        self.facts = facts
        self._splits: dict[str, Any] = {}

    def split(self, name: str) -> Any:
        """A ``datasets.Dataset`` over the rows of "train", "validation" or "test", mapped into memory, in the file's order.

        Its columns are the file's, as text, and ``_line``.
        """
        if name not in SPLITS:
            raise ValueError(f"no split {name!r}")
        if name not in self._splits:
            self._splits[name] = _mapped(self.path(name))
        return self._splits[name]

    def path(self, name: str) -> Path:
        """The Arrow file (stream format) of a split."""
        return self.folder / f"{name}.arrow"


@lru_cache(maxsize=1)
def _quiet() -> None:
    """Keep the library from drawing bars where nobody looks."""
    import datasets

    datasets.disable_progress_bars()


def _mapped(path: Path) -> Any:
    import datasets

    _quiet()
    try:
        return datasets.Dataset.from_file(str(path))
    except (OSError, ValueError) as error:
        raise UserError(f"The imported rows cannot be read: {error}", path=path, remedy="Import the file again.") from error


def open_imported(folder: Path) -> Imported:
    """The rows that ``import_records`` wrote into a folder.

    Raises:
        UserError: there are none, or the folder is not whole.
    """
    try:
        facts = msgspec.json.decode((folder / FACTS).read_bytes(), type=Facts)
    except (OSError, *MALFORMED) as error:
        raise UserError("There are no imported rows in this folder", path=folder, remedy="Import the file again.") from error
    imported = Imported(folder, facts)
    for name in SPLITS:
        if not imported.path(name).is_file():
            raise UserError("Imported rows are missing", path=imported.path(name), remedy="Import the file again.")
    return imported
