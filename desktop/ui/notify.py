"""Messages to the user: toasts in the corner of the canvas, each also in the log."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QFrame,
    QGraphicsDropShadowEffect,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from desktop.errors import UserError
from desktop.jobs.events import Failed
from desktop.ui.icons import Button, IconButton, IconLabel
from desktop.ui.widgets.elided import ElidedLabel
from desktop.ui.widgets.flow import Flow

WIDTH = 400
EDGE, GAP = 16, 8
AT_MOST = 3
STAYS_MS = 6000
log = logging.getLogger(__name__)


class Severity(StrEnum):
    """How bad it is; also the name of the icon."""

    INFO = "info"
    GOOD = "done"
    WARNING = "warning"
    ERROR = "error"


_TONES = {Severity.INFO: "accent", Severity.GOOD: "good", Severity.WARNING: "warning", Severity.ERROR: "error"}
_LEVELS = {Severity.WARNING: logging.WARNING, Severity.ERROR: logging.ERROR}


@dataclass(frozen=True)
class Note:
    """What is said: what happened, to which file, what to do; ``actions`` are buttons (text, what they do)."""

    severity: Severity
    text: str
    path: str = ""
    remedy: str = ""
    details: str = ""
    actions: list[tuple[str, Callable[[], None]]] = field(default_factory=list)

    def plain(self) -> str:
        """All of it, to be pasted into a report."""
        return "\n".join(part for part in (self.text, self.path, self.remedy, self.details) if part)


def from_failed(failed: Failed, actions: list[tuple[str, Callable[[], None]]] | None = None) -> Note:
    """The note of a failed job."""
    return Note(Severity.ERROR, failed.message, failed.path, failed.remedy, failed.details, actions or [])


def from_error(error: Exception) -> Note:
    """The note of an exception in the window's process."""
    if isinstance(error, UserError):
        return Note(Severity.ERROR, error.message, error.path, error.remedy)
    return Note(
        Severity.ERROR, f"Something went wrong: {error}", remedy="Try again; the log has the details.", details=repr(error)
    )


class Toast(QFrame):
    """One message."""

    def __init__(self, note: Note, parent: QWidget, closed: Callable[[Toast], None], resized: Callable[[], None]) -> None:
        super().__init__(parent)
        self.note, self._closed, self._resized = note, closed, resized
        self.setProperty("surface", "card")
        self.setAccessibleName(f"{note.severity.value}: {note.text}")
        shadow = QGraphicsDropShadowEffect(self, blurRadius=24, xOffset=0, yOffset=4)
        colour = shadow.color()
        colour.setAlpha(60)
        shadow.setColor(colour)
        self.setGraphicsEffect(shadow)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(16, 12, 8, 12)
        whole.setSpacing(12)
        mark = IconLabel(note.severity.value, _TONES[note.severity])
        whole.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        body = QVBoxLayout()
        body.setSpacing(4)
        whole.addLayout(body, 1)
        close = IconButton("close", "Dismiss", size=14)
        close.clicked.connect(self.dismiss)
        whole.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        self._texts = [_Text(note.text, bold=True)]
        body.addWidget(self._texts[0])
        if note.path:
            where = ElidedLabel(note.path, mode=Qt.TextElideMode.ElideMiddle)
            where.setProperty("tone", "secondary")
            body.addWidget(where)
        if note.remedy:
            self._texts.append(_Text(note.remedy))
            body.addWidget(self._texts[1])
        self._details = QPlainTextEdit(note.details, readOnly=True)
        self._details.hide()
        self._details.setFixedHeight(140)
        self._details.setAccessibleName("Details")
        body.addWidget(self._details)
        self._add_buttons(body)
        margins = whole.contentsMargins()
        self._beside = margins.left() + margins.right() + mark.width() + close.sizeHint().width() + 2 * whole.spacing()

    @property
    def unfolded(self) -> bool:
        """Whether the details are shown."""
        return not self._details.isHidden()

    def fit(self, width: int) -> None:
        """Become so wide, and as high as that takes."""
        self.setFixedWidth(width)
        for text in self._texts:
            text.fit(width - self._beside)
        layout = self.layout()
        assert layout is not None
        self.resize(width, max(layout.totalHeightForWidth(width), layout.minimumSize().height()))

    def dismiss(self) -> None:
        """Go away."""
        self._closed(self)

    def _add_buttons(self, body: QVBoxLayout) -> None:
        row = Flow(GAP)
        row.setContentsMargins(0, 4, 0, 0)
        for number, (text, function) in enumerate(self.note.actions):
            urgent = number == 0 and self.note.severity in (Severity.ERROR, Severity.WARNING)
            button = Button(text, kind="primary" if urgent else "plain")
            button.clicked.connect(partial(self._act, function))
            row.addWidget(button)
        links = self._make_links()
        if links is not None:
            row.addWidget(links)
        if row.count():
            body.addLayout(row)

    def _make_links(self) -> QWidget | None:
        """What helps to tell others of it: as one piece, so that no row begins between the two."""
        links = []
        if self.note.details:
            links.append(Button("Details", kind="link"))
            links[-1].clicked.connect(self._toggle_details)
        if self.note.severity in (Severity.ERROR, Severity.WARNING):
            links.append(Button("Copy", kind="link"))
            links[-1].clicked.connect(lambda: QGuiApplication.clipboard().setText(self.note.plain()))
        if not links:
            return None
        pair = QWidget()
        pair.setProperty("surface", "plain")
        inside = QHBoxLayout(pair)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(GAP)
        for link in links:
            inside.addWidget(link)
        return pair

    def _act(self, function: Callable[[], None], _on: bool = False) -> None:
        self.dismiss()
        function()

    def _toggle_details(self) -> None:
        self._details.setVisible(not self.unfolded)
        self._resized()


class _Text(QLabel):
    """Text that wraps; a word that is wider than all of the room is cut in its middle, and whole in the tooltip."""

    def __init__(self, text: str, *, bold: bool = False) -> None:
        super().__init__(text)
        self._whole = text
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.setAccessibleName(text)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        # A long word must not push the rest out of the toast.
        policy = self.sizePolicy()
        policy.setHorizontalPolicy(QSizePolicy.Policy.Ignored)
        self.setSizePolicy(policy)
        if bold:
            font = self.font()
            font.setBold(True)
            self.setFont(font)

    def fit(self, width: int) -> None:
        """Cut what ``width`` pixels have no room for."""
        self.ensurePolished()
        metrics = self.fontMetrics()

        def cut(word: re.Match[str]) -> str:
            return metrics.elidedText(word[0], Qt.TextElideMode.ElideMiddle, width)

        # Between these characters a line can be broken.
        shown = re.sub(r"[^\s/-]+[/-]?", cut, self._whole)
        self.setText(shown)
        self.setToolTip(self._whole if shown != self._whole else "")


class Toasts(QObject):
    """The stack of messages in the lower right corner of a widget; the newest is at the bottom."""

    def __init__(self, area: QWidget) -> None:
        super().__init__(area)
        self._area = area
        self._shown: list[Toast] = []
        area.installEventFilter(self)

    @property
    def notes(self) -> list[Note]:
        """What is shown now."""
        return [toast.note for toast in self._shown]

    def show(self, note: Note) -> Toast:
        """Say something; good news goes away by itself, the rest stays until dismissed."""
        log.log(_LEVELS.get(note.severity, logging.INFO), "%s", note.plain())
        for same in [t for t in self._shown if t.note.text == note.text and t.note.path == note.path]:
            self._drop(same)
        while len(self._shown) >= AT_MOST:
            self._drop(self._shown[0])
        toast = Toast(note, self._area, self._drop, self.place)
        self._shown.append(toast)
        self.place()
        if note.severity in (Severity.INFO, Severity.GOOD):
            QTimer.singleShot(STAYS_MS, toast, toast.dismiss)
        return toast

    def clear(self) -> None:
        """Take all of them away."""
        for toast in list(self._shown):
            self._drop(toast)

    def place(self) -> None:
        """Put the toasts where they belong; one that has no room waits unseen until another one goes."""
        # An area may keep its foot (a timeline, buttons) free of messages.
        bottom = self._area.height() - EDGE - int(self._area.property("foot") or 0)
        for toast in self._shown:
            toast.fit(min(WIDTH, max(260, self._area.width() - 2 * EDGE)))
        shown = self._with_room(bottom)
        for toast in reversed(self._shown):
            toast.setVisible(toast in shown)
            if toast in shown:
                bottom -= toast.height()
                toast.move(self._area.width() - toast.width() - EDGE, bottom)
                toast.raise_()
                bottom -= GAP

    def _with_room(self, room: int) -> list[Toast]:
        """The toasts that there is room for, one at least: first what the user has unfolded to read, then the newest."""
        found: list[Toast] = []
        newest = self._shown[::-1]
        for toast in sorted(newest, key=lambda toast: not toast.unfolded):
            room -= toast.height()
            if found and room < 0:
                break
            found.append(toast)
            room -= GAP
        return found

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Show):
            self.place()
        return False

    def _drop(self, toast: Toast) -> None:
        if toast in self._shown:
            self._shown.remove(toast)
            toast.hide()
            toast.deleteLater()
            self.place()
