"""The runs at the left: which one is shown, several to be compared, names and notes, deleting."""

from __future__ import annotations

from functools import partial
from time import monotonic
from typing import Any

from PySide6.QtCore import QAbstractListModel, QItemSelectionModel, QModelIndex, QPoint, QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QListView, QMenu, QPlainTextEdit, QVBoxLayout, QWidget

from desktop.ui import theme
from desktop.ui.icons import Button, IconButton
from desktop.ui.tuning.fields import captioned
from desktop.ui.tuning.open_run import OpenRun
from desktop.ui.tuning.run_entries import of_job, of_run
from desktop.ui.tuning.run_row import ENTRY, AnyIndex, RunDelegate, RunEntry
from desktop.ui.widgets.parts import label, line

WIDTH = 256
CURVE_S = 3.0
"""The curve of a run that goes on is drawn again at most so often."""
REFRESH_MS = 60_000
"""How often "5 min ago" is looked at again."""


class RunsModel(QAbstractListModel):
    """Entries of all runs, newest first, those that wait before them."""

    def __init__(self, source: OpenRun, parent: Any = None) -> None:
        super().__init__(parent)
        self._source = source
        self.entries: list[RunEntry] = []
        self._curves: dict[str, tuple[float, list[float]]] = {}
        self.reload()

    def reload(self) -> None:
        """Read all of them again."""
        made = [of_job(row) for row in self._source.waiting()]
        made += [of_run(run, self._source.job(run.id), self._curve(run.id)) for run in self._source.runs.all()]
        if [entry.id for entry in made] != [entry.id for entry in self.entries]:
            self.beginResetModel()
            self.entries = made
            self.endResetModel()
        else:
            self.entries = made
            if made:
                self.dataChanged.emit(self.index(0), self.index(len(made) - 1))

    def show(self, run: str) -> None:
        """Read one again."""
        place = self.place(run)
        found = self._source.get(run)
        if place < 0 or found is None:
            self.reload()
            return
        self.entries[place] = of_run(found, self._source.job(run), self._curve(run))
        self.dataChanged.emit(self.index(place), self.index(place))

    def place(self, run: str) -> int:
        """Row of a run; -1 when it is not there."""
        return next((n for n, entry in enumerate(self.entries) if entry.id == run), -1)

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 (Qt's signature)
        return 0 if parent.isValid() else len(self.entries)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not 0 <= index.row() < len(self.entries):
            return None
        entry = self.entries[index.row()]
        texts = {
            Qt.ItemDataRole.DisplayRole: entry.name,
            Qt.ItemDataRole.EditRole: entry.name,
            Qt.ItemDataRole.ToolTipRole: entry.tip,
            Qt.ItemDataRole.AccessibleTextRole: entry.spoken,
            ENTRY: entry,
        }
        return texts.get(role)

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        usual = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        begun = 0 <= index.row() < len(self.entries) and self.entries[index.row()].begun
        return usual | Qt.ItemFlag.ItemIsEditable if begun else usual

    def setData(self, index: AnyIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        name = str(value).strip()
        if role != Qt.ItemDataRole.EditRole or not name:
            return False
        self._source.rename(self.entries[index.row()].id, name)
        return True

    def _curve(self, run: str) -> list[float]:
        """Drawn from thousands of points: not with every step."""
        at, curve = self._curves.get(run, (0.0, []))
        going = self._source.is_active(run)
        if not at or (going and monotonic() - at > CURVE_S) or (not going and at != float("inf")):
            curve = self._source.runs.sparkline(run)
            self._curves[run] = (monotonic() if going else float("inf"), curve)
        return curve


class RunsList(QWidget):
    """Signals:
    chosen: id of the run to show.
    several: ids of the runs to compare; fewer than two end that.
    asked: "again" (its settings for a new run), "resume", "pause", "finish", "stop", "folder" or "delete", and ids.
    new_asked.
    """

    chosen = Signal(str)
    several = Signal(list)
    asked = Signal(str, list)
    new_asked = Signal()

    def __init__(self, source: OpenRun, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._source = source
        self.setProperty("surface", "window")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedWidth(WIDTH)
        self.setAccessibleName("Runs")
        self.model = RunsModel(source, self)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        head = QHBoxLayout()
        head.setContentsMargins(theme.S4, 0, theme.S2, 0)
        self._title = label(bold=True, tabular=True)
        head.addWidget(self._title, 1)
        new = IconButton("open", "New run from a file (Ctrl+N)")
        new.clicked.connect(lambda: self.new_asked.emit())
        self._more = IconButton("more", "What can be done with the chosen runs")
        self._more.clicked.connect(lambda: self._show_menu(self._more.mapToGlobal(QPoint(0, self._more.height()))))
        head.addWidget(new)
        head.addWidget(self._more)
        box = QWidget()
        box.setFixedHeight(48)
        box.setLayout(head)
        whole.addWidget(box)
        whole.addWidget(line())
        self.list = self._make_list()
        middle = QHBoxLayout()
        middle.setContentsMargins(theme.S1, theme.S1, theme.S1, 0)
        middle.addWidget(self.list)
        whole.addLayout(middle, 1)
        whole.addWidget(self._make_foot())
        source.run_changed.connect(self._changed)
        source.removed.connect(lambda _run: self._reload())
        source.chosen.connect(self.select)
        self._clock = QTimer(self, interval=REFRESH_MS)
        self._clock.timeout.connect(self._reload)
        self._clock.start()
        self._selected()

    def _make_list(self) -> QListView:
        view = QListView()
        view.setModel(self.model)
        view.setItemDelegate(RunDelegate(view))
        view.setProperty("kind", "clips")
        view.setAccessibleName("List of runs")
        view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        view.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        view.setMouseTracking(True)
        view.setUniformItemSizes(True)
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        view.customContextMenuRequested.connect(lambda at: self._show_menu(view.viewport().mapToGlobal(at)))
        view.selectionModel().selectionChanged.connect(lambda *_: self._selected())
        view.clicked.connect(lambda index: self._clicked(index.row()))
        return view

    def _make_foot(self) -> QWidget:
        foot = QWidget()
        column = QVBoxLayout(foot)
        column.setContentsMargins(theme.S3, theme.S2, theme.S3, theme.S3)
        column.setSpacing(theme.S1)
        self.note = QPlainTextEdit()
        self.note.setAccessibleName("Note on the run")
        self.note.setPlaceholderText("What was tried, what came of it")
        self.note.setTabChangesFocus(True)
        self.note.setProperty("kind", "field")
        self._note_soon = QTimer(self, singleShot=True, interval=600)
        self.note.textChanged.connect(self._note_soon.start)
        self._note_soon.timeout.connect(self._keep_note)
        self._noted = ""
        self.compare = Button("Compare", icon_name="compare")
        self.compare.clicked.connect(lambda: self.several.emit(self.selected))
        self._note_box = captioned("Note", self.note, height=84)
        column.addWidget(self._note_box)
        column.addWidget(self.compare)
        return foot

    # What is chosen

    @property
    def selected(self) -> list[str]:
        """Ids of the selected runs, in the list's order."""
        rows = sorted(index.row() for index in self.list.selectionModel().selectedIndexes())
        return [self.model.entries[row].id for row in rows if row < len(self.model.entries)]

    def select(self, run: str, *, alone: bool = False) -> None:
        """Mark the run that is shown; ``alone``: it is not compared any more."""
        place = self.model.place(run)
        if run and place < 0:
            self.model.reload()
            place = self.model.place(run)
        with QSignalBlocker(self):
            if place < 0:
                self.list.clearSelection()
            elif run not in self.selected or (alone and len(self.selected) > 1):
                index = self.model.index(place)
                self.list.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
                self.list.scrollTo(index)
        self._show_foot()

    def leave(self) -> None:
        """The window closes: look at the history no more."""
        self._clock.stop()
        self.keep()

    def keep(self) -> None:
        """Write a note that waits to be written."""
        if self._note_soon.isActive():
            self._note_soon.stop()
            self._keep_note()

    def _selected(self) -> None:
        runs = self.selected
        if len(runs) == 1:
            self.chosen.emit(runs[0])
        if len(runs) != 1:
            self.several.emit(runs)
        self._show_foot()

    def _clicked(self, row: int) -> None:
        """A click on the run that is marked already brings its page back."""
        if 0 <= row < len(self.model.entries) and self.selected == [self.model.entries[row].id]:
            self.chosen.emit(self.model.entries[row].id)

    def _changed(self, run: str) -> None:
        count = len(self.model.entries)
        self.model.show(run)
        if len(self.model.entries) != count:
            self.select(self._source.run_id)
        self._show_foot()

    def _reload(self) -> None:
        self.model.reload()
        self.select(self._source.run_id)

    def _show_foot(self) -> None:
        runs, count = self.selected, len(self.model.entries)
        self._title.setText(f"Runs  ·  {count}" if count else "Runs")
        one = self._source.get(runs[0]) if len(runs) == 1 else None
        self.compare.setVisible(len(runs) > 1)
        self.compare.setText(f"Compare {len(runs)} runs")
        self._note_box.setVisible(one is not None)
        if one is not None and one.id != self._noted:
            self.keep()
            with QSignalBlocker(self.note):
                self.note.setPlainText(one.note)
            self._noted = one.id
        self._more.setEnabled(bool(runs))
        self._more.setToolTip("What can be done with the chosen runs" if runs else "Choose a run first")

    def _keep_note(self) -> None:
        if self._source.get(self._noted) is not None:
            self._source.annotate(self._noted, self.note.toPlainText())

    # What can be done

    def rename(self) -> None:
        """Edit the name of the chosen run."""
        runs = self.selected
        if len(runs) == 1:
            self.list.setFocus(Qt.FocusReason.OtherFocusReason)
            self.list.edit(self.model.index(self.model.place(runs[0])))

    def menu(self) -> QMenu:
        """What can be done with the chosen runs."""
        made = QMenu(self)
        runs = self.selected
        one = runs[0] if len(runs) == 1 else ""
        found, job = self._source.get(one), self._source.job(one)
        active = bool(one) and self._source.is_active(one)
        paused = job is not None and job.state.is_active and job.state.value == "paused"
        stopped = bool(one) and not active and (found is None or found.can_resume)
        entries = [
            ("rename", "Rename…", found is not None),
            ("again", "Use its settings for a new run", bool(one)),
            ("", "", True),
            ("pause", "Pause", active and not paused),
            ("resume", "Go on", paused or stopped),
            ("finish", "Finish now and keep the best", active and found is not None),
            ("stop", "Stop; it can go on later", active),
            ("", "", True),
            ("compare", f"Compare {len(runs)} runs", len(runs) > 1),
            ("folder", "Show its folder", found is not None),
            ("delete", "Delete…" if len(runs) < 2 else f"Delete {len(runs)} runs…", bool(runs)),
        ]
        for what, text, usable in entries:
            if not what:
                made.addSeparator()
            elif usable:
                made.addAction(text).triggered.connect(partial(self._act, what, runs))
        return made

    def _act(self, what: str, runs: list[str], _on: bool = False) -> None:
        if what == "rename":
            self.rename()
        elif what == "compare":
            self.several.emit(runs)
        else:
            self.asked.emit(what, runs)

    def _show_menu(self, at: QPoint) -> None:
        if self.selected:
            menu = self.menu()
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(at)
