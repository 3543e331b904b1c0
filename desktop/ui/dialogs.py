"""Small dialogs: the list of shortcuts, a job's details."""

from __future__ import annotations

import time

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QPlainTextEdit, QScrollArea, QVBoxLayout, QWidget

from desktop.jobs.joblogs import log_file, read_log
from desktop.jobs.rows import Row
from desktop.jobs.store import Store
from desktop.ui import theme
from desktop.ui.icons import Button
from desktop.ui.widgets.parts import label

_LINES = 5000


class _Dialog(QDialog):
    def __init__(self, title: str, parent: QWidget | None, width: int, height: int) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(width, height)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(theme.S6, theme.S6, theme.S6, theme.S4)
        self.body.setSpacing(theme.S3)
        self.body.addWidget(label(title, size=theme.TITLE, bold=True))

    def add_foot(self, *buttons: Button) -> None:
        """Buttons at the bottom, and Close."""
        row = QHBoxLayout()
        row.setSpacing(theme.S2)
        for button in buttons:
            row.addWidget(button)
        row.addStretch(1)
        close = Button("Close", kind="primary")
        close.setDefault(True)
        close.clicked.connect(self.accept)
        row.addWidget(close)
        self.body.addLayout(row)


class ShortcutsDialog(_Dialog):
    """All shortcuts by menu, in two columns."""

    def __init__(self, shortcuts: list[tuple[str, str, str]], parent: QWidget | None = None) -> None:
        super().__init__("Keyboard shortcuts", parent, 760, 620)
        scroll = QScrollArea(widgetResizable=True)
        scroll.setAccessibleName("Shortcuts")
        inner = QWidget()
        inner.setProperty("surface", "plain")
        scroll.setWidget(inner)
        sides = QHBoxLayout(inner)
        sides.setContentsMargins(0, 0, theme.S3, 0)
        sides.setSpacing(2 * theme.S6)
        columns = [QVBoxLayout(), QVBoxLayout()]
        lengths = [0, 0]
        for column in columns:
            column.setSpacing(theme.S4)
            sides.addLayout(column, 1)
        for menu in dict.fromkeys(menu for menu, _, _ in shortcuts):
            mine = [(text, keys) for name, text, keys in shortcuts if name == menu]
            shorter = 0 if lengths[0] <= lengths[1] else 1
            columns[shorter].addLayout(_table(menu, mine))
            lengths[shorter] += len(mine) + 2
        for column in columns:
            column.addStretch(1)
        self.body.addWidget(scroll, 1)
        self.add_foot()


def _table(title: str, rows: list[tuple[str, str]]) -> QGridLayout:
    """A heading over names and shortcuts."""
    grid = QGridLayout()
    grid.setVerticalSpacing(theme.S1)
    grid.setColumnStretch(0, 1)
    grid.addWidget(label(title, bold=True), 0, 0)
    for number, (text, keys) in enumerate(rows, 1):
        grid.addWidget(label(text), number, 0)
        grid.addWidget(label(keys, tone="secondary"), number, 1, Qt.AlignmentFlag.AlignRight)
    return grid


class JobDialog(_Dialog):
    """What a job was to do, what came of it, and its log; all of it can be copied."""

    def __init__(self, row: Row, store: Store, parent: QWidget | None = None) -> None:
        super().__init__(row.job.title, parent, 720, 520)
        text = describe(row, store)
        view = QPlainTextEdit(text, readOnly=True)
        view.setAccessibleName("Details of the job")
        font = view.font()
        font.setFamilies(["JetBrains Mono", "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", "monospace"])
        font.setPixelSize(12)
        view.setFont(font)
        self.body.addWidget(view, 1)
        copy = Button("Copy all", icon_name="copy")
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(text))
        foot = [copy]
        if read_log(row):
            whole = Button("Open the log file", icon_name="log")
            whole.clicked.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(log_file(row.id)))))
            foot.append(whole)
        self.add_foot(*foot)


def describe(row: Row, store: Store) -> str:
    """A job, its end and its log as plain text."""
    parts = [f"Job {row.id}: {row.job.title}", f"State: {row.state}"]
    for name, at in (("Created", row.created), ("Started", row.started), ("Ended", row.ended)):
        if at:
            parts.append(f"{name}: {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(at))}")
    if row.device:
        parts.append(f"Device: {row.device}")
    if row.node:
        parts.append(f"Computer: {row.node}")
    fields = {name: getattr(row.job, name) for name in row.job.__struct_fields__}
    parts += ["", *(f"{name}: {value}" for name, value in fields.items() if value not in ("", False, ()))]
    if row.error is not None:
        parts += ["", row.error.message, row.error.path, row.error.remedy, row.error.details]
    if row.artifacts:
        parts += ["", "Files:", *(f"  {a.path}" for a in row.artifacts)]
    # The file has all that the job said, the list of jobs the last lines only.
    if lines := read_log(row):
        parts += ["", "Log:", *(f"  {text}" for text in lines[-_LINES:])]
    elif log := store.logs(row.id):
        parts += ["", "Log:", *(f"  {time.strftime('%H:%M:%S', time.localtime(at))}  {e.level}: {e.text}" for at, e in log)]
    return "\n".join(part for part in parts if part is not None)
