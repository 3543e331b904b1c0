"""The Preferences page, built from the options of ``desktop.settings``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from desktop.errors import UsageError
from desktop.paths import config_dir, data_dir, log_dir
from desktop.settings import OPTIONS, Option
from desktop.ui import theme
from desktop.ui.cluster_card import ClusterCard
from desktop.ui.files import show_in_folder
from desktop.ui.icons import Button, IconButton
from desktop.ui.notify import Note, Severity, from_error
from desktop.ui.panels import Heading, Panel, Services
from desktop.ui.widgets.parts import label, line, scrolled_column
from desktop.video.media.encoder_table import ENCODERS

CLUSTER = "Other computers"
"""The group of options that has a card of its own."""
WIDTH = 720
FIELD = 248
WORDS = {
    "auto": "Automatic", "cuda": "GPU", "cpu": "CPU", "system": "As the system", "light": "Light", "dark": "Dark",
    "notify": "Show a notification", "sleep": "Sleep", "shut-down": "Shut down", "command": "Run a command",
}  # fmt: skip
WORDS |= {encoder.id: encoder.title for encoder in ENCODERS}


class PreferencesPage(Panel):
    """One card for each group of options; a change takes effect at once, or at the next start where the option says so."""

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services = services
        self._show: dict[str, Callable[[object], None]] = {}
        self.setAccessibleName("Preferences")
        self._column = scrolled_column(self, "Preferences", WIDTH)
        self._column.addWidget(label("Preferences", size=theme.TITLE, bold=True))
        for group in dict.fromkeys(option.group for option in OPTIONS if option.group):
            if group == CLUSTER:
                self._add_head(group)
                self._column.addWidget(ClusterCard(services))
            else:
                self._add_group(group)
        self._add_folders()
        self._column.addStretch(1)
        services.prefs.changed.connect(self._refresh)

    def heading(self) -> Heading:
        return Heading("Preferences")

    def _add_group(self, group: str) -> None:
        body = self._card(group)
        mine = [option for option in OPTIONS if option.group == group]
        for number, option in enumerate(mine):
            if number:
                body.addWidget(line())
            row = QHBoxLayout()
            row.setSpacing(theme.S4)
            words = QVBoxLayout()
            words.setSpacing(2)
            title = label(option.title)
            words.addWidget(title)
            more = " Takes effect at the next start." if option.restart else ""
            words.addWidget(label(option.help + more, size=theme.CAPTION, tone="secondary", wrap=True))
            row.addLayout(words, 1)
            editor = self._editor(option)
            title.setBuddy(editor)
            row.addWidget(editor)
            body.addLayout(row)

    def _add_head(self, title: str) -> None:
        head = label(title, bold=True)
        head.setContentsMargins(0, theme.S4, 0, 0)
        self._column.addWidget(head)

    def _card(self, title: str) -> QVBoxLayout:
        self._add_head(title)
        card = QFrame()
        card.setProperty("surface", "card")
        body = QVBoxLayout(card)
        body.setContentsMargins(theme.S4, theme.S3, theme.S4, theme.S3)
        body.setSpacing(theme.S3)
        self._column.addWidget(card)
        return body

    def _add_folders(self) -> None:
        body = self._card("Folders")
        for number, (title, folder) in enumerate(
            (("Covers and queue", data_dir()), ("Settings", config_dir()), ("Logs", log_dir()))
        ):
            if number:
                body.addWidget(line())
            row = QHBoxLayout()
            words = QVBoxLayout()
            words.setSpacing(2)
            words.addWidget(label(title))
            place = label(str(folder), size=theme.CAPTION, tone="secondary", wrap=True)
            words.addWidget(place)
            row.addLayout(words, 1)
            button = Button("Open folder", icon_name="folder")
            button.setAccessibleName(f"Open the folder of {title}")
            button.clicked.connect(lambda _on=False, f=folder: show_in_folder(f))
            row.addWidget(button)
            body.addLayout(row)

    def _editor(self, option: Option) -> QWidget:
        makers = {"switch": self._switch, "choice": self._choice, "number": self._number, "text": self._text, "hours": self._text}
        make = makers.get(option.kind, self._path)
        editor = make(option)
        editor.setAccessibleName(option.title)
        editor.setAccessibleDescription(option.help)
        self._show[option.key](getattr(self._services.prefs.now, option.key))
        return editor

    def _switch(self, option: Option) -> QWidget:
        box = QCheckBox()
        # Without the room for words, so that it stands in line with the other fields.
        box.setFixedWidth(18)
        box.toggled.connect(lambda on: self._change(option, on))
        self._show[option.key] = lambda value: box.setChecked(bool(value))
        return box

    def _choice(self, option: Option) -> QWidget:
        box = QComboBox()
        box.setFixedWidth(FIELD)
        for value in option.choices:
            box.addItem(WORDS.get(value, value.capitalize()), value)
        box.activated.connect(lambda _n: self._change(option, box.currentData()))
        self._show[option.key] = lambda value: box.setCurrentIndex(box.findData(value))
        return box

    def _number(self, option: Option) -> QWidget:
        box = QSpinBox(minimum=option.low, maximum=option.high)
        box.setFixedWidth(96)
        box.setKeyboardTracking(False)
        box.lineEdit().setTextMargins(theme.S1, 0, theme.S1, 0)
        box.valueChanged.connect(lambda value: self._change(option, value))
        self._show[option.key] = lambda value: box.setValue(int(str(value)))
        return box

    def _text(self, option: Option) -> QWidget:
        field = QLineEdit(placeholderText="22:00-07:00" if option.kind == "hours" else "")
        field.setFixedWidth(FIELD)
        field.editingFinished.connect(lambda: self._change(option, field.text().strip()))
        self._show[option.key] = lambda value: field.setText(str(value))
        return field

    def _path(self, option: Option) -> QWidget:
        whole = QWidget()
        whole.setFixedWidth(FIELD)
        row = QHBoxLayout(whole)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.S1)
        field = QLineEdit(placeholderText="Default", clearButtonEnabled=False)
        field.setAccessibleName(option.title)
        field.editingFinished.connect(lambda: self._change(option, field.text().strip()))
        browse = IconButton("open", f"Choose: {option.title}")
        browse.clicked.connect(lambda: self._browse(option))
        clear = IconButton("close", f"Use the default: {option.title}")
        clear.clicked.connect(lambda: self._change(option, ""))
        row.addWidget(field, 1)
        row.addWidget(browse)
        row.addWidget(clear)

        def show(value: object) -> None:
            field.setText(str(value))
            field.setToolTip(str(value))
            clear.setEnabled(bool(value))

        self._show[option.key] = show
        return whole

    def _browse(self, option: Option) -> None:
        now = str(getattr(self._services.prefs.now, option.key))
        if option.kind == "folder":
            chosen = QFileDialog.getExistingDirectory(self, option.title, now)
        else:
            chosen, _ = QFileDialog.getOpenFileName(self, option.title, str(Path(now).parent) if now else "", option.files)
        if chosen:
            self._change(option, chosen)

    def _change(self, option: Option, value: object) -> None:
        if value == getattr(self._services.prefs.now, option.key):
            return
        if option.kind in ("file", "folder") and value and not Path(str(value)).exists():
            self._services.say(
                Note(Severity.ERROR, f"{option.title}: there is nothing at this path", str(value), "Choose another one.")
            )
            self._refresh({option.key})
            return
        try:
            self._services.prefs.change(**{option.key: value})
        except UsageError as error:
            self._services.say(from_error(error))
            self._refresh({option.key})

    def _refresh(self, names: set[str]) -> None:
        for name in names & self._show.keys():
            self._show[name](getattr(self._services.prefs.now, name))
