"""The preferences' card about other computers: where the cluster is, how it is, and how one is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QTimer
from PySide6.QtGui import QGuiApplication, QHideEvent, QShowEvent
from PySide6.QtWidgets import QCheckBox, QFileDialog, QFrame, QGridLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from desktop.errors import UsageError
from desktop.ui import theme
from desktop.ui.background import Op
from desktop.ui.icons import Button, IconButton, IconLabel
from desktop.ui.panels import Services
from desktop.ui.widgets.elided import ElidedLabel
from desktop.ui.widgets.parts import clear, label, line, restyle

FIELD = 248
LOOK_MS = 2000
KEEPER = "cluster/address"
COMMANDS = (
    ("On one of the computers", "reprise cluster start", "It makes the key file, and says its address."),
    (
        "On every other one",
        "reprise cluster join ADDRESS --key cluster.key",
        "With a copy of that key file.",
    ),
)


class ClusterCard(QFrame):
    """Turns a cluster on and off, and shows who takes part. Starting one is left to the command line."""

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._has_answer = False
        self.setProperty("surface", "card")
        self.setAccessibleName("Other computers")
        body = QVBoxLayout(self)
        body.setContentsMargins(theme.S4, theme.S3, theme.S4, theme.S3)
        body.setSpacing(theme.S3)
        self.switch = QCheckBox()
        self.switch.setFixedWidth(18)
        self.switch.setAccessibleName("Use other computers")
        self.switch.toggled.connect(self._turn)
        what = "Covers, restorations and labelling run on the computers of a cluster as well."
        body.addLayout(_row("Use other computers", what, self.switch))
        body.addWidget(line())
        self.address = QLineEdit(placeholderText="HOST or HOST:PORT")
        self.address.setAccessibleName("Address of the cluster")
        self.address.setFixedWidth(FIELD)
        self.address.editingFinished.connect(self._keep_address)
        body.addLayout(_row("Address", "Of the computer on which the cluster was started.", self.address))
        body.addWidget(line())
        body.addLayout(
            _row("Key file", "Who has it may join, and run programs on all computers of the cluster.", self._make_key())
        )
        body.addWidget(line())
        self._add_state(body)
        body.addWidget(line())
        body.addLayout(_commands())
        self._looking = QTimer(self, interval=LOOK_MS)
        self._looking.timeout.connect(self._look)
        services.prefs.changed.connect(lambda names: self._show() if any(name.startswith("cluster") for name in names) else None)
        self._show()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._has_answer = False
        self._look()
        self._looking.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._looking.stop()

    @property
    def state_text(self) -> str:
        """What is said of the cluster."""
        return self._state.text()

    def test(self) -> None:
        """Ask the cluster who takes part, off the window's thread."""
        address, key = self.address.text().strip(), self._services.prefs.now.cluster_key
        self.test_button.setEnabled(False)
        self._has_answer = True
        clear(self._nodes)
        self._say("Asking…", "waiting", "secondary")

        def ask() -> list[dict[str, Any]]:
            from desktop.jobs.cluster import client, keys

            return client.nodes(address, keys.read_keys(Path(key) if key else keys.key_path()))

        Op(self, ask).success(self._answered).failure(self._refused).start()

    # Parts

    def _make_key(self) -> QWidget:
        whole = QWidget()
        whole.setFixedWidth(FIELD)
        row = QHBoxLayout(whole)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.S1)
        self._key = QLineEdit(placeholderText="This computer's own", readOnly=True)
        self._key.setAccessibleName("Key file of the cluster")
        browse = IconButton("open", "Choose the key file")
        browse.clicked.connect(self._browse)
        self._own = IconButton("close", "Use this computer's own key file")
        self._own.clicked.connect(lambda: self._services.prefs.change(cluster_key=""))
        row.addWidget(self._key, 1)
        row.addWidget(browse)
        row.addWidget(self._own)
        return whole

    def _add_state(self, body: QVBoxLayout) -> None:
        row = QHBoxLayout()
        row.setSpacing(theme.S2)
        self._mark = IconLabel("info")
        self._state = label(tone="secondary", wrap=True)
        self._state.setAccessibleName("State of the cluster")
        self.test_button = Button("Test the connection")
        self.test_button.clicked.connect(self.test)
        row.addWidget(self._mark)
        row.addWidget(self._state, 1)
        row.addWidget(self.test_button)
        body.addLayout(row)
        self._nodes = QGridLayout()
        self._nodes.setHorizontalSpacing(theme.S4)
        self._nodes.setVerticalSpacing(theme.S1)
        self._nodes.setColumnStretch(2, 1)
        body.addLayout(self._nodes)

    # What happens

    def _show(self) -> None:
        now = self._services.prefs.now
        address = now.cluster_address or self._services.state.text(KEEPER)
        self.address.setText(address)
        self._key.setText(now.cluster_key)
        self._key.setToolTip(now.cluster_key)
        self._own.setEnabled(bool(now.cluster_key))
        self.switch.blockSignals(True)
        self.switch.setChecked(bool(now.cluster_address))
        self.switch.blockSignals(False)
        self.switch.setEnabled(bool(address))
        self.switch.setToolTip("" if address else "Give its address first")
        self.test_button.setEnabled(bool(address))
        self._has_answer = False
        clear(self._nodes)
        self._look()

    def _turn(self, on: bool) -> None:
        self._use(self.address.text().strip() if on else "")

    def _keep_address(self) -> None:
        address = self.address.text().strip()
        self._services.state.keep(KEEPER, address)
        if self.switch.isChecked() and address != self._services.prefs.now.cluster_address:
            self._use(address)
        else:
            self._show()

    def _use(self, address: str) -> None:
        from desktop.jobs.cluster.client import full_address

        try:
            if address:
                full_address(address)
            self._services.prefs.change(cluster_address=address)
        except UsageError as error:
            self._show()
            self._has_answer = True
            self._refused(error)

    def _browse(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, "Key file of the cluster", "", "Keys (*.key);;All files (*)")
        if chosen:
            self._services.prefs.change(cluster_key=chosen)

    def _look(self) -> None:
        """Show how the cluster that is in use is, unless an answer to a test stands there."""
        cluster = self._services.bridge.cluster
        state = cluster.state if cluster is not None else ""
        if self._has_answer:
            return
        if cluster is not None and state:
            self._say(state, "done" if cluster.is_well else "warning" if cluster.is_lost else "waiting", "")
        else:
            self._say("This computer works alone.", "info", "secondary")

    def _answered(self, nodes: list[dict[str, Any]]) -> None:
        self.test_button.setEnabled(True)
        slots = sum(len(node["slots"]) for node in nodes)
        computers = "One computer takes part" if len(nodes) == 1 else f"{len(nodes)} computers take part"
        self._say(
            f"{computers}; {slots} {'job' if slots == 1 else 'jobs'} at a time." if nodes else "No computer takes part.",
            "done",
            "",
        )
        clear(self._nodes)
        for number, node in enumerate(nodes):
            devices = ", ".join(str(slot["device"]).upper() for slot in node["slots"])
            busy = [str(slot["job"]) for slot in node["slots"] if slot["job"]]
            self._nodes.addWidget(label(str(node["node"]), bold=True), number, 0)
            self._nodes.addWidget(label(devices, tone="secondary"), number, 1)
            self._nodes.addWidget(ElidedLabel(", ".join(busy) or "free"), number, 2)

    def _refused(self, error: Exception) -> None:
        self.test_button.setEnabled(True)
        remedy = getattr(error, "remedy", "")
        self._say(
            ". ".join(part.rstrip(".") for part in (str(getattr(error, "message", error)), remedy) if part) + ".", "warning", ""
        )

    def _say(self, text: str, icon: str, tone: str) -> None:
        self._state.setText(text)
        restyle(self._state, tone=tone)
        self._mark.show_icon(icon, {"done": "good", "warning": "warning"}.get(icon, "secondary"))


def _row(title: str, help: str, editor: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(theme.S4)
    words = QVBoxLayout()
    words.setSpacing(2)
    name = label(title)
    name.setBuddy(editor)
    words.addWidget(name)
    words.addWidget(label(help, size=theme.CAPTION, tone="secondary", wrap=True))
    row.addLayout(words, 1)
    row.addWidget(editor)
    return row


def _commands() -> QVBoxLayout:
    """How a cluster is made, with buttons that copy the commands."""
    whole = QVBoxLayout()
    whole.setSpacing(theme.S3)
    for where, command, remark in COMMANDS:
        row = QHBoxLayout()
        row.setSpacing(theme.S4)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(label(where))
        words.addWidget(label(remark, size=theme.CAPTION, tone="secondary", wrap=True))
        row.addLayout(words, 1)
        shown = QLineEdit(command, readOnly=True)
        shown.setAccessibleName(f"Command: {where.lower()}")
        shown.setFixedWidth(FIELD + 64)
        shown.setCursorPosition(0)
        copy = IconButton("copy", f"Copy the command: {where.lower()}")
        copy.clicked.connect(lambda _on=False, text=command: QGuiApplication.clipboard().setText(text))
        field = QHBoxLayout()
        field.setSpacing(theme.S1)
        field.addWidget(shown)
        field.addWidget(copy)
        row.addLayout(field)
        whole.addLayout(row)
    return whole
