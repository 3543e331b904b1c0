"""The base models as cards: what each is, its terms, its size, whether it is here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QGridLayout,
    QHBoxLayout,
    QProgressBar,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from desktop.jobs.rows import Row
from desktop.tuning.bases import BaseCard
from desktop.ui import icons, theme
from desktop.ui.icons import Button
from desktop.ui.library.shelf import bytes_text
from desktop.ui.tuning.bases import FAMILIES, Bases
from desktop.ui.widgets.elided import ElidedLabel
from desktop.ui.widgets.parts import clear, label, restyle

TERMS = {
    "yes": ("commercial use allowed", "secondary"),
    "no": ("no commercial use", "warning"),
    "unclear": ("commercial use unclear", "warning"),
}
NARROW = 250
"""Least width of a card."""


def parameters_text(number: int) -> str:
    """Size of a network: "135 M", "1.2 B"."""
    if number >= 950_000_000:
        return f"{number / 1e9:.1f} B"
    if number >= 950_000:
        return f"{number / 1e6:.1f} M" if number < 9_950_000 else f"{number / 1e6:.0f} M"
    return f"{number / 1e3:.0f} k" if number >= 1000 else str(number)


def licence_text(card: BaseCard) -> tuple[str, str]:
    """Its licence with what that allows, and the tone."""
    words, tone = TERMS.get(card.commercial, TERMS["unclear"])
    name = card.licence.removeprefix("LicenseRef-") or "No licence named"
    return f"{name}, {words}", tone


class BaseButton(QAbstractButton):
    """A base model. Signals: install_asked, stop_asked, forget_asked: its id."""

    install_asked = Signal(str)
    stop_asked = Signal(str)

    def __init__(self, card: BaseCard, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.card = card
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumHeight(112)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(theme.S3, theme.S3, theme.S3, theme.S2)
        whole.setSpacing(2)
        title = ElidedLabel(card.title)
        title.setFont(theme.font(title, theme.BODY, bold=True))
        title.setContentsMargins(0, 0, 24, 0)
        kind = FAMILIES.get(card.family, "Not usable")
        size = f"  ·  {parameters_text(card.base.parameters)} parameters" if card.base is not None else ""
        about = ElidedLabel(f"{kind}{size}", mode=Qt.TextElideMode.ElideRight)
        terms, tone = licence_text(card)
        licence = ElidedLabel(terms, mode=Qt.TextElideMode.ElideRight)
        for words in (about, licence):
            words.setFont(theme.font(words, theme.CAPTION, tabular=True))
        about.setProperty("tone", "secondary")
        licence.setProperty("tone", tone)
        for words in (title, about, licence):
            words.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            whole.addWidget(words)
        whole.addStretch(1)
        foot = QHBoxLayout()
        foot.setSpacing(theme.S2)
        self._state = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self._state.setFont(theme.font(self._state, theme.CAPTION, tabular=True))
        self._state.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.install = Button("Install", kind="link")
        self.install.setAccessibleName(f"Install {card.title}")
        self.install.clicked.connect(lambda: self.install_asked.emit(card.id))
        self.stop = Button("Stop", kind="link")
        self.stop.setAccessibleName(f"Stop installing {card.title}")
        self.stop.clicked.connect(lambda: self.stop_asked.emit(card.id))
        self._need = label(size=theme.CAPTION, tone="secondary", tabular=True)
        self._need.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._need.hide()
        foot.addWidget(self._state, 1)
        foot.addWidget(self._need)
        foot.addWidget(self.install)
        foot.addWidget(self.stop)
        whole.addLayout(foot)
        self._bar = QProgressBar(maximum=1000, textVisible=False)
        self._bar.setAccessibleName(f"Installing {card.title}")
        whole.addWidget(self._bar)
        self.need = QProgressBar(maximum=1000, textVisible=False)
        self.need.setAccessibleName(f"Memory that tuning {card.title} takes")
        self.need.hide()
        whole.addWidget(self.need)
        self.setToolTip(card.description)
        self.setAccessibleName(f"Base model: {card.title}")
        self.setAccessibleDescription(f"{kind}, {terms}")

    def show_state(self, job: Row | None, blocked: str) -> None:
        """Show whether it is here; ``job`` installs it."""
        card = self.card
        going = job is not None and not job.state.is_over
        self.install.setVisible(bool(card.download) and not going)
        self.stop.setVisible(going)
        self._bar.setVisible(going)
        tone = "secondary"
        if going and job is not None:
            self._bar.setValue(round(job.fraction * 1000))
            text = job.message or "Waiting to be installed"
        elif card.problem:
            text, tone = card.problem, "error"
        elif card.download:
            text = f"{bytes_text(card.download)} to download"
        else:
            size = card.base.bytes if card.base is not None else card.size
            text = f"{'Your folder' if Path(card.id).is_absolute() else 'Installed'}  ·  {bytes_text(size)}"
        self._state.setText(text)
        restyle(self._state, tone=tone)

    def show_need(self, need: int, available: float, unsuited: str) -> None:
        """Show the bytes that tuning it takes against what is free, 0 for unknown; or why it does not suit the answers."""
        known = need > 0 and available > 0 and not unsuited
        self.need.setVisible(known)
        self._need.setVisible(known or bool(unsuited))
        if unsuited:
            self._need.setText(unsuited)
            restyle(self._need, tone="secondary")
        if known:
            fits = need <= available
            self.need.setValue(min(1000, round(1000 * need / available)))
            restyle(self.need, state="ok" if fits else "over")
            self._need.setText(f"{'takes' if fits else 'too large: takes'} {bytes_text(need)} of {bytes_text(int(available))}")
            restyle(self._need, tone="secondary" if fits else "warning")

    def enterEvent(self, event: object) -> None:
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
            return
        super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        chosen = self.isChecked()
        strong = chosen or self.hasFocus()
        edge = QColor(tokens.accent) if strong else theme.mix(tokens.hairline, tokens.text, 0.12)
        painter.setPen(QPen(edge, 2 if self.hasFocus() else 1.5 if chosen else 1))
        ground = theme.mix(tokens.raised, tokens.accent, 0.07) if chosen else QColor(tokens.raised)
        painter.setBrush(theme.mix(ground, tokens.text, 0.04) if self.underMouse() and not chosen else ground)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), theme.RADIUS, theme.RADIUS)
        if chosen:
            mark = icons.pixmap("done", tokens.accent, 18, self.devicePixelRatioF())
            painter.drawPixmap(self.width() - 18 - theme.S3, theme.S3 - 1, mark)


class BaseCards(QWidget):
    """All of them in a grid.

    Signals:
        chosen: id of a base.
        folder_asked: a folder of the user's.
        hub_asked: a name on the hub.
    """

    chosen = Signal(str)
    folder_asked = Signal()
    hub_asked = Signal()

    def __init__(self, bases: Bases, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bases = bases
        self.buttons: dict[str, BaseButton] = {}
        self._group = QButtonGroup(self)
        self._columns = 0
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.S2)
        self._grid = QGridLayout()
        self._grid.setSpacing(theme.S4)
        column.addLayout(self._grid)
        row = QHBoxLayout()
        folder = Button("Own folder…", kind="link", icon_name="folder")
        folder.setToolTip("A folder with config.json, safetensors and a tokenizer, as the Hugging Face hub has them")
        folder.clicked.connect(lambda: self.folder_asked.emit())
        hub = Button("From the hub…", kind="link", icon_name="install")
        hub.setToolTip("A model of the Hugging Face hub, by its name")
        hub.clicked.connect(lambda: self.hub_asked.emit())
        row.setSpacing(theme.S4)
        for button in (folder, hub):
            button.setProperty("tight", True)
            row.addWidget(button)
        row.addStretch(1)
        column.addLayout(row)
        bases.changed.connect(self.refresh)
        self.refresh()

    def show_base(self, base: str) -> None:
        """Mark the one that is chosen."""
        for name, button in self.buttons.items():
            button.setChecked(name == base)

    def refresh(self) -> None:
        """Show the cards as they are now."""
        cards = self._bases.cards
        if list(cards) != [button.card for button in self.buttons.values()]:
            self._rebuild(cards)
        for name, button in self.buttons.items():
            button.show_state(self._bases.shelf.jobs.get(name), self._bases.blocked(name))

    def show_needs(self, needs: Mapping[str, int], available: float, *, labels: bool) -> None:
        """Show what tuning each takes, in bytes, of what is free; ``labels``: the answers are labels."""
        for name, button in self.buttons.items():
            unsuited = "for labels only" if button.card.family == "encoder" and not labels else ""
            button.show_need(needs.get(name, 0), available, unsuited)

    def resizeEvent(self, event: object) -> None:
        if self._columns != self._fitting():
            self._place()

    def _rebuild(self, cards: Sequence[BaseCard]) -> None:
        chosen = next((name for name, button in self.buttons.items() if button.isChecked()), "")
        clear(self._grid)
        self.buttons = {}
        for card in cards:
            button = self.buttons[card.id] = BaseButton(card)
            button.clicked.connect(lambda _on=False, name=card.id: self.chosen.emit(name))
            button.install_asked.connect(self._bases.shelf.install)
            button.stop_asked.connect(self._bases.shelf.cancel)
            self._group.addButton(button)
        self._place()
        self.show_base(chosen)

    def _fitting(self) -> int:
        return max(1, min(3, self.width() // NARROW))

    def _place(self) -> None:
        self._columns = self._fitting()
        for number, button in enumerate(self.buttons.values()):
            self._grid.addWidget(button, number // self._columns, number % self._columns)
        for column in range(3):
            self._grid.setColumnStretch(column, 1 if column < self._columns else 0)
