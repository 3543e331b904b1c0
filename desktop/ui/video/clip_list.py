"""The list of clips, when there are several: thumbnail, name, where each stands, its buttons."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QRectF, QSignalBlocker, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QProgressBar, QVBoxLayout, QWidget

from desktop.jobs.states import State
from desktop.ui import icons, theme
from desktop.ui.icons import IconButton, IconLabel
from desktop.ui.queue_row import MARKS
from desktop.ui.state import State as WindowState
from desktop.ui.video.batch_box import BatchBox
from desktop.ui.video.clip_batch import ClipBatch
from desktop.ui.video.clips import Clips, Item
from desktop.ui.widgets.elided import ElidedLabel
from desktop.ui.widgets.parts import label, line, restyle
from desktop.ui.widgets.picture import Picture

WIDTH = 248
THUMB = QSize(60, 38)
ROW = 54
COUNT_AFTER_MS = 100
BUTTONS = (("go_on", "retry", "Try again"), ("cancel", "stop", "Stop"), ("remove", "close", "Take off the list"))


class Thumb(QWidget):
    """A small picture with round corners; an icon while there is none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture: Picture | None = None
        self.setFixedSize(THUMB)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def show_picture(self, picture: Picture | None) -> None:
        """Show another picture."""
        if picture is not self._picture:
            self._picture = picture
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        whole = QRectF(self.rect())
        path = QPainterPath()
        path.addRoundedRect(whole, 4, 4)
        painter.setClipPath(path)
        painter.fillRect(whole, theme.mix(tokens.window, tokens.text, 0.1))
        if self._picture is None:
            mark = icons.pixmap("film", tokens.secondary, 18, self.devicePixelRatioF())
            painter.drawPixmap((self.width() - 18) // 2, (self.height() - 18) // 2, mark)
            return
        picture = self._picture
        scale = max(whole.width() / picture.width, whole.height() / picture.height)
        size = (picture.width * scale, picture.height * scale)
        target = QRectF((whole.width() - size[0]) / 2, (whole.height() - size[1]) / 2, *size)
        painter.drawImage(target, picture.level(scale * self.devicePixelRatioF()), QRectF())
        painter.setPen(QColor(0, 0, 0, 40))
        painter.drawPath(path)


class ClipRow(QWidget):
    """One clip.

    Signals:
        asked: "go_on", "cancel" or "remove".
    """

    asked = Signal(str)

    def __init__(self, item: Item, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.S2, theme.S1, theme.S1, theme.S1)
        row.setSpacing(theme.S2)
        self._thumb = Thumb()
        row.addWidget(self._thumb)
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addStretch(1)
        self._name = ElidedLabel()
        state = QHBoxLayout()
        state.setSpacing(theme.S1)
        self._mark = IconLabel("waiting", "secondary", 14)
        self._state = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self._state.setFont(theme.font(self._state, theme.CAPTION, tabular=True))
        state.addWidget(self._mark)
        state.addWidget(self._state, 1)
        self._bar = QProgressBar(maximum=1000, textVisible=False)
        words.addWidget(self._name)
        words.addLayout(state)
        words.addWidget(self._bar)
        words.addStretch(1)
        row.addLayout(words, 1)
        buttons = QVBoxLayout()
        buttons.setSpacing(0)
        self.buttons: dict[str, IconButton] = {}
        for what, icon, tip in BUTTONS:
            button = IconButton(icon, tip, size=14)
            button.setFixedSize(QSize(24, 24))
            button.clicked.connect(lambda _on=False, w=what: self.asked.emit(w))
            self.buttons[what] = button
            buttons.addWidget(button)
        row.addLayout(buttons)
        self.show_item(item)

    def show_item(self, item: Item) -> None:
        """Show where the clip stands."""
        row, running = item.row, item.running
        self._thumb.show_picture(item.thumb)
        self._name.setText(item.path.name)
        self._state.setText(item.words)
        failed = row is not None and row.state is State.FAILED
        restyle(self._state, tone="error" if failed else "secondary")
        icon, tone = MARKS[row.state] if row is not None else ("film", "secondary")
        self._mark.show_icon(icon, tone)
        self._mark.setVisible(row is not None)
        self._bar.setVisible(running is not None and running.state is not State.QUEUED)
        self._bar.setValue(round(row.fraction * 1000) if row is not None else 0)
        self._bar.setAccessibleName(f"Progress of {item.path.name}")
        again = row is not None and row.state.can_retry
        self.buttons["go_on"].setVisible(again)
        self.buttons["go_on"].set_icon("play" if item.can_go_on else "retry", "Go on" if item.can_go_on else "Try again")
        self.buttons["cancel"].setVisible(running is not None)
        self.buttons["remove"].setVisible(running is None)
        for button in self.buttons.values():
            button.setAccessibleName(f"{button.toolTip()}: {item.path.name}")
        self.setAccessibleName(f"{item.path.name}: {item.words}")


class ClipList(QWidget):
    """All clips, thousands if need be; the one that is open is marked. Only clips in sight have a row of widgets.

    Signals:
        chosen: an Item to be opened.
        asked: "go_on", "cancel" or "remove", and an Item.
        add_asked: choose more files. folder_asked: choose a folder.
    """

    chosen = Signal(object)
    asked = Signal(str, object)
    add_asked = Signal()
    folder_asked = Signal()

    def __init__(self, clips: Clips, batch: ClipBatch, state: WindowState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._clips = clips
        self._rows: dict[int, ClipRow] = {}
        self._entries: dict[int, QListWidgetItem] = {}
        self.setFixedWidth(WIDTH)
        self.setProperty("surface", "window")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("Clips")
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        head = QHBoxLayout()
        head.setContentsMargins(theme.S3, theme.S2, theme.S1, theme.S2)
        self._title = label(bold=True, tabular=True)
        head.addWidget(self._title, 1)
        add = IconButton("open", "Add clips (Ctrl+O)")
        add.clicked.connect(lambda: self.add_asked.emit())
        folder = IconButton("folder", "Add a folder and all below it")
        folder.clicked.connect(lambda: self.folder_asked.emit())
        head.addWidget(add)
        head.addWidget(folder)
        whole.addLayout(head)
        self.list = QListWidget()
        self.list.setProperty("kind", "clips")
        self.list.setAccessibleName("Clips to restore")
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setContentsMargins(0, 0, 0, 0)
        self.list.setSpacing(1)
        self.list.setUniformItemSizes(True)
        self.list.setMinimumHeight(2 * ROW)
        self.list.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        self.list.currentRowChanged.connect(self._selected)
        self.list.verticalScrollBar().valueChanged.connect(lambda _value: self._look())
        self.list.viewport().installEventFilter(self)
        middle = QHBoxLayout()
        middle.setContentsMargins(theme.S1, 0, theme.S1, 0)
        middle.addWidget(self.list)
        whole.addLayout(middle, 1)
        whole.addWidget(line())
        self.box = BatchBox(batch, state)
        self.all = self.box.start
        whole.addWidget(self.box)
        self._counting = QTimer(self, singleShot=True, interval=COUNT_AFTER_MS)
        self._counting.timeout.connect(self._count)
        clips.changed.connect(self._rebuild)
        clips.item_changed.connect(self._show)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Show):
            QTimer.singleShot(0, self, self._look)
        return False

    def select(self, item: Item | None) -> None:
        """Mark the clip that is open."""
        with QSignalBlocker(self.list):
            self.list.setCurrentRow(self._clips.items.index(item) if item in self._clips.items else -1)

    def row(self, item: Item) -> ClipRow:
        """The row of a clip, made if it is out of sight."""
        made = self._rows.get(id(item))
        if made is None:
            made = self._rows[id(item)] = ClipRow(item)
            made.asked.connect(lambda what, i=item: self.asked.emit(what, i))
            self.list.setItemWidget(self._entries[id(item)], made)
        return made

    def _rebuild(self) -> None:
        current = self.list.currentRow()
        with QSignalBlocker(self.list):
            self.list.clear()
            self._rows.clear()
            self._entries.clear()
            for item in self._clips.items:
                entry = self._entries[id(item)] = QListWidgetItem()
                entry.setSizeHint(QSize(WIDTH - 28, ROW))
                entry.setData(Qt.ItemDataRole.AccessibleTextRole, item.path.name)
                self.list.addItem(entry)
            self.list.setCurrentRow(min(current, self.list.count() - 1))
        self._count()
        self._look()

    def _look(self) -> None:
        """Give rows to the clips in sight, and take them from the others."""
        view = self.list.viewport()
        first = self.list.indexAt(view.rect().topLeft() + QPoint(4, 4)).row()
        if first < 0 or not self.list.isVisible():
            # Not laid out yet: the first ones will be seen.
            first = 0
        seen = self._clips.items[first : first + view.height() // ROW + 2]
        for item in seen:
            self.row(item)
        kept = {id(item) for item in seen}
        focus = self.window().focusWidget()
        for key in [key for key in self._rows if key not in kept]:
            if focus is None or not self._rows[key].isAncestorOf(focus):
                self.list.removeItemWidget(self._entries[key])
                del self._rows[key]
        self._clips.look_at(seen)

    def _show(self, item: Item) -> None:
        if (row := self._rows.get(id(item))) is not None:
            row.show_item(item)
        if not self._counting.isActive():
            self._counting.start()

    def _count(self) -> None:
        items = self._clips.items
        done = sum(item.row is not None and item.row.state is State.DONE for item in items)
        self._title.setText(f"{len(items):,} clips  ·  {done:,} restored" if done else f"{len(items):,} clips")

    def _selected(self, number: int) -> None:
        if 0 <= number < len(self._clips.items):
            self.chosen.emit(self._clips.items[number])
