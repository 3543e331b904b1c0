"""What the panel remembers between starts: the opened file with its mapping, and the last recipe for each base."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from desktop.errors import UserError
from desktop.jobs.job import Recipe, Records
from desktop.malformed import MALFORMED
from desktop.ui.state import State

log = logging.getLogger(__name__)
Struct = TypeVar("Struct", bound=msgspec.Struct)


@dataclass(frozen=True)
class Kept:
    """A file of examples and what was chosen for it.

    Attributes:
        base_chosen: the user chose the base; otherwise it follows the kind of the answers.
    """

    records: Records
    recipe: Recipe
    name: str = ""
    base_chosen: bool = False


class Memory:
    """Keeps them in the window's state; what this version cannot read is forgotten."""

    def __init__(self, state: State) -> None:
        self._state = state

    def last(self) -> Kept | None:
        """The file that was open last, if it is still there."""
        kept = _table(self._state.text("tuning/draft", "{}"))
        records = _struct(kept.get("records"), Records)
        if records is None or not Path(records.source).is_file():
            return None
        recipe = _struct(kept.get("recipe"), Recipe) or Recipe()
        return Kept(records, recipe, str(kept.get("name") or ""), kept.get("base_chosen") is True)

    def keep(self, kept: Kept | None) -> None:
        """Remember what is open; None for nothing."""
        if kept is None:
            self._state.keep("tuning/draft", "{}")
            return
        plain = {
            "records": msgspec.to_builtins(kept.records),
            "recipe": msgspec.to_builtins(kept.recipe),
            "name": kept.name,
            "base_chosen": kept.base_chosen,
        }
        self._state.keep("tuning/draft", json.dumps(plain))

    def recipe(self, base: str) -> Recipe:
        """The recipe that was used last with a base."""
        found = _struct(_table(self._state.text("tuning/recipes", "{}")).get(base), Recipe)
        return found if found is not None and found.base == base else Recipe(base=base)

    def keep_recipe(self, recipe: Recipe) -> None:
        """Remember a recipe for its base."""
        table = _table(self._state.text("tuning/recipes", "{}"))
        table[recipe.base] = msgspec.to_builtins(recipe)
        self._state.keep("tuning/recipes", json.dumps(table))

    @property
    def folders(self) -> list[str]:
        """Folders of base models that the user named, newest first."""
        found = _table(self._state.text("tuning/bases", "{}")).get("folders")
        return [str(folder) for folder in found] if isinstance(found, list) else []

    def keep_folders(self, folders: list[str]) -> None:
        """Remember them."""
        self._state.keep("tuning/bases", json.dumps({"folders": folders}))


def _table(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except MALFORMED:
        return {}
    return found if isinstance(found, dict) else {}


def _struct(plain: Any, kind: type[Struct]) -> Struct | None:
    if not isinstance(plain, dict):
        return None
    try:
        return msgspec.convert(plain, kind)
    except (msgspec.ValidationError, UserError) as error:
        log.warning("what another version kept is not used: %s", error)
        return None
