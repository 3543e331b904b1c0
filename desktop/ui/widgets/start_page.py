"""What a panel shows while nothing is open."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop.ui import theme
from desktop.ui.icons import Button
from desktop.ui.prefs import Prefs
from desktop.ui.widgets.parts import DropArea, clear, label

RECENT = 3
COLUMN = 520


@dataclass(frozen=True)
class StartWords:
    """What stands on the page.

    Attributes:
        headline: what the panel does, in a sentence.
        icon: of the drop area and of recent files.
        drop, kinds: what may be dropped, in a few words and in more.
        icons: other icons of recent files, by their extension.
    """

    headline: str
    icon: str
    drop: str
    kinds: str
    icons: Mapping[str, str] = field(default_factory=dict)


class StartPage(QWidget):
    """One sentence, a large place to drop files, the demo, recent files.

    Args:
        takes: which of the recent files belong here.
        width: of the column.
        middle: stands between the place to drop files and the recent ones.

    Signals:
        open_asked, demo_asked.
        chosen: a recent file.
    """

    open_asked = Signal()
    demo_asked = Signal()
    chosen = Signal(Path)

    def __init__(
        self,
        prefs: Prefs,
        words: StartWords,
        takes: Callable[[Path], bool],
        parent: QWidget | None = None,
        *,
        width: int = COLUMN,
        middle: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._prefs, self._words, self._takes, self._width = prefs, words, takes, width
        self.setProperty("surface", "canvas")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        whole = QVBoxLayout(self)
        whole.addStretch(2)
        row = QHBoxLayout()
        whole.addLayout(row)
        whole.addStretch(3)
        column = QWidget()
        column.setFixedWidth(width)
        row.addStretch(1)
        row.addWidget(column)
        row.addStretch(1)
        body = QVBoxLayout(column)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(theme.S6)
        head = label(words.headline, size=theme.TITLE, bold=True)
        head.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        body.addWidget(head)
        self.drop = DropArea(words.icon, words.drop, words.kinds)
        browse = Button("Open a file…", kind="primary", icon_name="open")
        self.demo = Button("Try the demo", icon_name="play")
        browse.clicked.connect(lambda: self.open_asked.emit())
        self.demo.clicked.connect(lambda: self.demo_asked.emit())
        self.drop.foot.addStretch(1)
        self.drop.foot.addWidget(browse)
        self.drop.foot.addWidget(self.demo)
        self.drop.foot.addStretch(1)
        body.addWidget(self.drop)
        if middle is not None:
            body.addWidget(middle)
        self._recent_box = QWidget()
        self._recent = QVBoxLayout(self._recent_box)
        self._recent.setContentsMargins(0, 0, 0, 0)
        self._recent.setSpacing(0)
        body.addWidget(self._recent_box)
        prefs.changed.connect(lambda names: self.refresh() if "recent" in names else None)
        self.refresh()

    def refresh(self) -> None:
        """Show the newest files that are still there."""
        clear(self._recent)
        paths = [path for path in self._prefs.recent() if self._takes(path)][:RECENT]
        self._recent_box.setVisible(bool(paths))
        if paths:
            head = label("Recent", size=theme.CAPTION, tone="secondary")
            head.setContentsMargins(10, 0, 0, theme.S1)
            self._recent.addWidget(head)
        for path in paths:
            button = Button("", kind="recent", icon_name=self._words.icons.get(path.suffix.lower(), self._words.icon))
            text = button.fontMetrics().elidedText(f"{path.name}", Qt.TextElideMode.ElideMiddle, self._width - 64)
            button.setText(text)
            button.setAccessibleName(f"Open {path.name}")
            button.setToolTip(str(path))
            button.clicked.connect(lambda _on=False, p=path: self.chosen.emit(p))
            self._recent.addWidget(button)
