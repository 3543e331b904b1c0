"""Ways to examples and base models: files, samples, a repository's commits, the hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QInputDialog, QWidget

from desktop import paths
from desktop.tuning.recipes import STARTS, Start
from desktop.ui.notify import Note, Severity, from_failed
from desktop.ui.panels import Services
from desktop.ui.tuning import files, words
from desktop.ui.tuning.draft import Draft
from desktop.ui.tuning.makers import BaseFetcher, PairMaker, left_out_text
from desktop.ui.tuning.memory import Kept


class Openings(QWidget):
    """Asks for them; the parent of its dialogs is its own parent. It is never shown itself.

    Signals:
        opened: a Kept that is to be opened.
    """

    opened = Signal(object)

    def __init__(self, services: Services, draft: Draft, parent: QWidget) -> None:
        super().__init__(parent)
        self.hide()
        self._services, self._draft = services, draft
        self._start: Start | None = None
        self.pairs, self.fetcher = PairMaker(services.bridge, self), BaseFetcher(services.bridge, self)
        self.pairs.made.connect(self._paired)
        self.fetcher.made.connect(self._fetched)
        for maker in (self.pairs, self.fetcher):
            maker.failed.connect(lambda failed: services.say(from_failed(failed)))

    def leave(self) -> None:
        """The window closes."""
        self.pairs.leave()
        self.fetcher.leave()

    def ask_open(self) -> None:
        """Choose a file of examples."""
        state = self._services.state
        patterns = " ".join(f"*{suffix}" for suffix in files.RECORDS)
        chosen, _ = QFileDialog.getOpenFileName(
            self.window(),
            "Open a file of examples",
            state.text("tuning/folder", str(Path.home())),
            f"Examples ({patterns});;All files (*)",
        )
        if chosen:
            state.keep("tuning/folder", str(Path(chosen).parent))
            self._services.open(Path(chosen))

    def open_demo(self) -> None:
        """Open the records that come with Reprise."""
        self.open_sample(STARTS[0])

    def open_sample(self, start: Start) -> None:
        """Open a starting point's own records."""
        path = paths.resources() / "demo" / start.demo
        if not path.is_file():
            self._services.say(Note(Severity.ERROR, "The demo records are missing", str(path), "Install Reprise again."))
            return
        self._services.prefs.add_recent(path)
        self.opened.emit(Kept(start.records(str(path)), start.recipe, start.title, base_chosen=True))

    def begin_with(self, start: Start) -> None:
        """Begin with a starting point: with its own records, or with a repository of the user's."""
        if start.from_commits:
            self.ask_repository(start)
        else:
            self.open_sample(start)

    def ask_repository(self, start: Start) -> None:
        """Choose a repository whose commits are the examples."""
        state = self._services.state
        chosen = QFileDialog.getExistingDirectory(
            self.window(), "Folder of a git repository", state.text("tuning/repository", str(Path.home()))
        )
        if chosen:
            state.keep("tuning/repository", str(Path(chosen).parent))
            self.pair(Path(chosen), start)

    def pair(self, repository: Path, start: Start) -> None:
        """Make examples of a repository's commits, and open them."""
        self._start = start
        self.pairs.make(repository)

    def ask_hub(self) -> None:
        """Fetch a base of the hub by its name."""
        records = self._draft.records
        if records is None:
            return
        if self._services.prefs.now.offline:
            remedy = "Allow the network in the preferences, or choose a folder."
            self._services.say(Note(Severity.WARNING, "Reprise works offline", remedy=remedy))
            return
        text = "Name of the model on the Hugging Face hub, OWNER/NAME.\nLook at its licence there before you fetch it."
        name, done = QInputDialog.getText(self.window(), "Base model from the hub", text, text="google/flan-t5-small")
        if done and name.strip():
            self.fetcher.fetch(name.strip(), records)

    def _paired(self, path: Path, result: dict[str, Any]) -> None:
        start, self._start = self._start, None
        if start is None:
            return
        self._services.prefs.add_recent(path)
        self.opened.emit(Kept(start.records(str(path)), start.recipe, f"{start.title}: {path.stem}", base_chosen=True))
        left_out = left_out_text(result)
        pairs = words.counted(int(result.get("pairs") or 0), "commit")
        self._services.say(
            Note(Severity.GOOD, f"{pairs} made into examples", remedy=f"Left out: {left_out}." if left_out else "")
        )

    def _fetched(self, base: str) -> None:
        bases = self._draft.bases
        known = {card.id for card in bases.cards}

        def looked() -> None:
            bases.changed.disconnect(looked)
            new = [card.id for card in bases.cards if card.id not in known]
            self._draft.choose_base(base if bases.card(base) is not None else new[0] if new else "")

        bases.changed.connect(looked)
        bases.refresh()
