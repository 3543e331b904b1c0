"""The Library page."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QCheckBox, QFileDialog, QHBoxLayout, QMessageBox, QVBoxLayout

from desktop.errors import UserError
from desktop.models.hub_folder import is_hub_folder
from desktop.ui import theme
from desktop.ui.icons import Button
from desktop.ui.library.card import COLUMNS, ModelCard
from desktop.ui.library.shelf import Shelf, bytes_text
from desktop.ui.notify import Note, Severity, from_error
from desktop.ui.panels import Heading, Panel, Services
from desktop.ui.widgets.parts import label, scrolled_column

WIDTH = 1080
OWN_SUFFIXES = (".onnx", ".pth", ".pt", ".ckpt")


class LibraryPage(Panel):
    """All models of the catalog and the user's own: install, verify, import, remove."""

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services = services
        self.shelf = Shelf(services.library, services.bridge, self)
        self.setAccessibleName("Model library")
        self._column = scrolled_column(self, "Models", WIDTH)
        self._add_head()
        self._first = self._column.count()
        self._cards: dict[str, ModelCard] = {}
        hint = label(
            "Have the files already? Drop them here: Reprise knows them by name and checks them before use. "
            "A face restorer of your own (.onnx or .pth) is tried on a face and added; so is a language model's folder, "
            "after it was checked.",
            tone="secondary",
            wrap=True,
        )
        hint.setContentsMargins(0, theme.S2, 0, 0)
        self._column.addWidget(hint)
        self._column.addStretch(1)
        self.shelf.changed.connect(self._refresh)
        self.shelf.failed.connect(self._failed)
        self.shelf.said.connect(lambda text: services.say(Note(Severity.GOOD, text)))
        services.prefs.changed.connect(lambda names: self._refresh() if "offline" in names else None)
        self._refresh()

    def heading(self) -> Heading:
        here = sum(1 for s in self.shelf.states.values() if s in ("installed", "bundled"))
        facts = f"{here} of {len(self.shelf.entries)} models are here" if self.shelf.is_known else ""
        return Heading("Model library", facts)

    def shown(self) -> None:
        self.shelf.refresh()

    def takes(self, path: Path) -> bool:
        # Only while the page is in front: elsewhere a folder or file is no model.
        return self.isVisible() and (
            path.is_dir() or self.shelf.match(path) is not None or path.suffix in (*OWN_SUFFIXES, ".sf2", ".safetensors")
        )

    def open(self, path: Path) -> None:
        entry = self.shelf.match(path)
        if entry is None and (path.suffix.lower() in OWN_SUFFIXES or is_hub_folder(path)):
            self.shelf.adopt(path)
        elif entry is None:
            names = sorted({file.name for e in self.shelf.entries for file in e.files})
            error = UserError(
                "These files belong to no model of the catalog", path=path, remedy=f"It knows: {', '.join(names[:8])}."
            )
            self._services.say(from_error(error))
        else:
            self.shelf.install(entry.id, str(path))

    def _add_head(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(theme.S4)
        words = QVBoxLayout()
        words.setSpacing(theme.S1)
        words.addWidget(label("Models", size=theme.TITLE, bold=True))
        words.addWidget(label("What Reprise works with. Everything runs on this computer.", tone="secondary"))
        head.addLayout(words, 1)
        self._offline = QCheckBox("Work offline")
        self._offline.setToolTip("Never use the network; models must be installed or imported")
        self._offline.setAccessibleName("Work offline")
        self._offline.toggled.connect(lambda on: self._services.prefs.change(offline=on))
        head.addWidget(self._offline)
        self._all = Button("Install what is missing", kind="primary", icon_name="install")
        self._all.clicked.connect(self._install_all)
        head.addWidget(self._all)
        self._column.addLayout(head)
        self._column.addSpacing(theme.S3)
        titles = QHBoxLayout()
        titles.setContentsMargins(theme.S4 + 1, 0, theme.S3 + 1, 0)
        titles.setSpacing(theme.S4)
        for name, width in COLUMNS:
            title = label(name, size=theme.CAPTION, tone="secondary")
            if width:
                title.setFixedWidth(width)
            titles.addWidget(title, 0 if width else 1)
        self._column.addLayout(titles)

    def _match_cards(self) -> None:
        """A card for every model: the user's own come and go."""
        entries = {entry.id: entry for entry in self.shelf.entries}
        for name in [name for name, card in self._cards.items() if entries.get(name) != card.entry]:
            card = self._cards.pop(name)
            self._column.removeWidget(card)
            card.deleteLater()
        for place, entry in enumerate(entries.values(), self._first):
            if entry.id not in self._cards:
                card = self._cards[entry.id] = ModelCard(entry)
                card.asked.connect(self._do)
                self._column.insertWidget(place, card)

    def _refresh(self) -> None:
        self._match_cards()
        shelf, offline = self.shelf, self._services.prefs.now.offline
        self._offline.blockSignals(True)
        self._offline.setChecked(offline)
        self._offline.blockSignals(False)
        for name, card in self._cards.items():
            card.show_state(shelf.states.get(name), shelf.jobs.get(name), shelf.busy.get(name, ""), offline)
        missing = [e for e in shelf.missing() if (job := shelf.jobs.get(e.id)) is None or job.state.is_over]
        self._all.setVisible(bool(missing))
        self._all.setEnabled(not offline)
        size = bytes_text(sum(entry.download for entry in missing))
        self._all.setToolTip("Working offline" if offline else f"{len(missing)} models, {size} to download")
        self.changed.emit()

    def _install_all(self) -> None:
        for entry in self.shelf.missing():
            self.shelf.install(entry.id)

    def _do(self, what: str, model: str) -> None:
        if what == "import":
            chosen = QFileDialog.getExistingDirectory(self, f"Folder with the files of {self.shelf.entry(model).title}")
            if chosen:
                self.shelf.install(model, chosen)
        elif what == "remove":
            box = QMessageBox(
                QMessageBox.Icon.Question, "Remove the model?", f"Remove {self.shelf.entry(model).title}?", parent=self
            )
            own = self.shelf.entry(model).is_own
            again = "Only you have it: keep your file to import it again." if own else "It can be installed again."
            box.setInformativeText(f"Its files are deleted. {again}")
            yes = box.addButton("Remove", QMessageBox.ButtonRole.DestructiveRole)
            box.setDefaultButton(box.addButton("Keep", QMessageBox.ButtonRole.RejectRole))
            box.exec()
            if box.clickedButton() is yes:
                self.shelf.remove(model)
        else:
            {"install": self.shelf.install, "cancel": self.shelf.cancel, "verify": self.shelf.verify}[what](model)

    def _failed(self, error: Exception, model: str) -> None:
        note = from_error(error)
        if model and not self.shelf.entry(model).is_own:
            note.actions.append(("Install again", lambda: self.shelf.install(model)))
        self._services.say(note)
