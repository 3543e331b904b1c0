"""One model in the library."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from desktop.jobs.rows import Row
from desktop.models.catalog import Commercial, Entry
from desktop.models.library import Status
from desktop.ui import theme
from desktop.ui.icons import Button, IconButton, IconLabel
from desktop.ui.library.shelf import bytes_text
from desktop.ui.widgets.elided import ElidedLabel
from desktop.ui.widgets.parts import label, restyle

STATES = {
    Status.MISSING: ("Not installed", "secondary", "install"),
    Status.INSTALLED: ("Installed", "good", "done"),
    Status.BUNDLED: ("Comes with Reprise", "good", "done"),
    Status.CORRUPT: ("Damaged", "error", "error"),
}
COMMERCIAL = {
    Commercial.YES: ("Commercial use allowed", "secondary"),
    Commercial.NO: ("No commercial use", "warning"),
    Commercial.UNCLEAR: ("Commercial use unclear", "warning"),
}
COLUMNS = (("Model", 0), ("Size", 72), ("Licence", 188), ("State", 236))


class ModelCard(QFrame):
    """Title, description, size, licence, state, buttons.

    Signals:
        asked: what ("install", "verify", "remove", "import", "cancel") and the model's id.
    """

    asked = Signal(str, str)

    def __init__(self, entry: Entry, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.entry = entry
        self.setProperty("surface", "card")
        self.setAccessibleName(entry.title)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.S4, theme.S3, theme.S3, theme.S3)
        row.setSpacing(theme.S4)
        row.addLayout(self._make_words(), 1)
        size = label(bytes_text(entry.size), tabular=True)
        size.setFixedWidth(COLUMNS[1][1])
        fetched = f"{bytes_text(entry.download)} are downloaded" if entry.download else "Nothing is downloaded"
        size.setToolTip(f"{entry.size:,} bytes. {fetched}.")
        row.addWidget(size, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self._make_licence(), 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self._make_state(), 0, Qt.AlignmentFlag.AlignVCenter)

    def _make_words(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(theme.S1)
        head = QHBoxLayout()
        head.setSpacing(theme.S2)
        head.addWidget(label(self.entry.title, bold=True))
        task = label(self.entry.task, size=theme.CAPTION)
        task.setProperty("chip", "true")
        head.addWidget(task)
        head.addStretch(1)
        column.addLayout(head)
        column.addWidget(label(self.entry.description, tone="secondary", wrap=True))
        column.addStretch(1)
        return column

    def _make_licence(self) -> QWidget:
        box = QWidget()
        box.setFixedWidth(COLUMNS[2][1])
        column = QVBoxLayout(box)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.S1)
        licence = self.entry.licence
        name = ElidedLabel(licence.spdx)
        column.addWidget(name)
        text, tone = COMMERCIAL[licence.commercial]
        column.addWidget(label(text, size=theme.CAPTION, tone=tone))
        box.setToolTip("\n".join(part for part in (licence.attribution, licence.note, licence.text) if part))
        return box

    def _make_state(self) -> QWidget:
        box = QWidget()
        box.setFixedWidth(COLUMNS[3][1])
        grid = QGridLayout(box)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(theme.S1)
        grid.setVerticalSpacing(theme.S1)
        grid.setColumnStretch(1, 1)
        self._mark = IconLabel("install")
        self._state = ElidedLabel("Looking…", mode=Qt.TextElideMode.ElideRight)
        self._bar = QProgressBar(maximum=1000, textVisible=False)
        self._bar.setAccessibleName(f"Installing {self.entry.title}")
        grid.addWidget(self._mark, 0, 0)
        grid.addWidget(self._state, 0, 1)
        title = self.entry.title
        self._install = Button("Install", kind="primary")
        self._install.setAccessibleName(f"Install {title}")
        self._install.clicked.connect(lambda: self.asked.emit("install", self.entry.id))
        grid.addWidget(self._install, 0, 2)
        self._buttons: dict[str, IconButton] = {}
        for number, (what, icon, tip) in enumerate(
            (
                ("cancel", "close", f"Stop installing {title}"),
                ("verify", "verify", f"Verify the files of {title}"),
                ("import", "import", f"Import {title} from files you have"),
                ("remove", "remove", f"Remove {title}"),
            )
        ):
            button = IconButton(icon, tip)
            button.clicked.connect(lambda _on=False, w=what: self.asked.emit(w, self.entry.id))
            self._buttons[what] = button
            grid.addWidget(button, 0, 3 + number)
        grid.addWidget(self._bar, 1, 0, 1, 7)
        return box

    def show_state(self, status: Status | None, job: Row | None, busy: str, offline: bool) -> None:
        """Show what there is of the model, and what is being done about it."""
        running = job is not None and not job.state.is_over
        text, tone, icon = STATES[status] if status is not None else ("Looking…", "secondary", "waiting")
        if running and job is not None:
            text, tone, icon = job.message or "Waiting for its turn", "secondary", "install"
            self._bar.setValue(round(job.fraction * 1000))
        elif busy:
            text, tone, icon = f"{busy}…", "secondary", "waiting"
        self._state.setText(text)
        restyle(self._state, tone=tone)
        self._mark.show_icon(icon, tone)
        self._bar.setVisible(running)
        free = not running and not busy
        here = status in (Status.INSTALLED, Status.CORRUPT)
        self._install.setVisible(free and status in (Status.MISSING, Status.CORRUPT) and not self.entry.is_own)
        self._install.setText("Install" if status is Status.MISSING else "Repair")
        needs_net = self.entry.download > 0
        self._install.setEnabled(not (offline and needs_net))
        self._install.setToolTip("Working offline: import the files instead" if offline and needs_net else "")
        self._buttons["cancel"].setVisible(running)
        self._buttons["verify"].setVisible(free and status in (Status.INSTALLED, Status.BUNDLED, Status.CORRUPT))
        self._buttons["import"].setVisible(free and status in (Status.MISSING, Status.CORRUPT))
        remove = self._buttons["remove"]
        policy = remove.sizePolicy()
        policy.setRetainSizeWhenHidden(status is Status.BUNDLED)
        remove.setSizePolicy(policy)
        remove.setVisible(free and here)
