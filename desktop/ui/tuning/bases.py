"""The base models that can be chosen: the library's, and folders that the user named."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from desktop.errors import UserError
from desktop.jobs.job import Recipe
from desktop.models import hub_folder
from desktop.models.library import Library, Status
from desktop.tuning.bases import BaseCard, known_bases
from desktop.tuning.footprint import memory
from desktop.tuning.recipes import settle
from desktop.tuning.records.facts import Facts
from desktop.ui.background import Op
from desktop.ui.library.shelf import Shelf
from desktop.ui.tuning.memory import Memory

METHODS = {"encoder": ("head", "full"), "decoder": ("lora", "full"), "seq2seq": ("lora", "full")}
"""Ways of tuning that a family of models has, the usual one first."""
FAMILIES = {
    "encoder": "Sentence encoder",
    "decoder": "Writes text",
    "seq2seq": "Text to text",
}
NO_BASE = "Choose a base model"


class Bases(QObject):
    """See the module's docstring.

    Attributes:
        cards: in the order in which they are shown.

    Signals:
        changed: cards came, went or were installed.
    """

    changed = Signal()

    def __init__(self, library: Library, shelf: Shelf, memory: Memory, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._library, self._memory = library, memory
        self.shelf = shelf
        self.cards: list[BaseCard] = []
        self.is_known = False
        shelf.changed.connect(self._shelf_changed)
        self._states = dict(shelf.states)

    def card(self, base: str) -> BaseCard | None:
        """A base by its id or folder."""
        return next((card for card in self.cards if card.id == base), None)

    def is_here(self, base: str) -> bool:
        """Whether it can be used without fetching anything."""
        card = self.card(base)
        return card is not None and not card.download and not card.problem

    def blocked(self, base: str) -> str:
        """Why a base cannot be used now; "" when it can."""
        if not self.is_known:
            return "The base models are being looked up"
        card = self.card(base)
        if card is None:
            return NO_BASE
        return card.problem or (f"{card.title} is not installed" if card.download else "")

    def best_for(self, labels: bool) -> str:
        """The base to start with: an encoder for labels, otherwise one that writes; one that is here, if there is one."""
        family = ("encoder",) if labels else ("decoder", "seq2seq")
        suited = [card for card in self.cards if card.family in family]
        return next((card.id for card in suited if not card.download), suited[0].id if suited else "")

    def refresh(self) -> None:
        """Look again."""
        folders = self._memory.folders

        def look() -> list[BaseCard]:
            return [*known_bases(self._library), *(card for folder in folders if (card := folder_card(Path(folder))) is not None)]

        Op(self, look).success(self._looked).start()

    def add_folder(self, folder: Path) -> str:
        """Offer a folder of the user's as a base and return its id; raises UserError when it is none."""
        found = hub_folder.read(folder)
        name = str(found.folder)
        self._memory.keep_folders([name, *(other for other in self._memory.folders if other != name)])
        card = folder_card(Path(name))
        if card is not None and self.card(card.id) is None:
            self.cards.append(card)
            self.changed.emit()
        return name

    def forget(self, base: str) -> None:
        """Offer a folder no more; its files stay."""
        self._memory.keep_folders([other for other in self._memory.folders if other != base])
        self.cards = [card for card in self.cards if card.id != base]
        self.changed.emit()

    def _looked(self, cards: list[BaseCard]) -> None:
        self.cards, self.is_known = cards, True
        self.changed.emit()

    def _shelf_changed(self) -> None:
        if self.shelf.states != self._states:
            self._states = dict(self.shelf.states)
            self.refresh()
        else:
            self.changed.emit()


def folder_card(folder: Path) -> BaseCard | None:
    """A folder of the user's as a card; None when it is gone."""
    if not folder.is_dir():
        return None
    problem = ""
    try:
        found = hub_folder.read(folder)
    except UserError as error:
        return BaseCard(
            id=str(folder), title=folder.name, description="", family="", licence="", commercial="unclear", size=0, download=0,
            status=Status.CORRUPT, is_own=True, problem=str(error),
        )  # fmt: skip
    return BaseCard(
        id=str(folder), title=folder.name, description=str(folder), family=found.family.value, licence=found.spdx,
        commercial=str(found.commercial), size=found.size, download=0, status=Status.INSTALLED, is_own=True, problem=problem,
    )  # fmt: skip


def memory_need(card: BaseCard, recipe: Recipe, facts: Facts, device: str) -> int:
    """Bytes that tuning a base on these rows takes, by its sizes alone; 0 when that cannot be said."""
    if card.base is None:
        return 0
    try:
        settled = settle(recipe, card.base, facts, device=device)
        return memory(settled, card.base, device=device, classes=facts.classes_total).total
    except UserError:
        return 0
