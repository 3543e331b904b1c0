"""Below the list of clips: where all results go, what the batch will be, and its buttons."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QSize, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QGridLayout, QHBoxLayout, QLineEdit, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from desktop.ui import theme
from desktop.ui.batches.options import BatchChoices
from desktop.ui.batches.outlook_line import OutlookLine
from desktop.ui.icons import Button
from desktop.ui.state import State
from desktop.ui.video.clip_batch import ClipBatch
from desktop.ui.widgets.elided import ElidedLabel
from desktop.ui.widgets.parts import Section, label

LEAST = 96
"""Height that the options keep when there is little room."""
TEMPLATE_TIP = "Filled in: {title}, {number}, {folder}, {restorer}, {scale}"


class BatchBox(QWidget):
    """Shows a ``ClipBatch``.

    Signals:
        start_asked: restore all that are not restored yet. same_asked: restore all as the open clip.
    """

    start_asked = Signal()
    same_asked = Signal()

    def __init__(self, batch: ClipBatch, state: State, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.batch = batch
        self.choices = BatchChoices(state, "video", parent=self)
        self.choices.chosen.connect(self._choose_way)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(theme.S3, theme.S2, theme.S3, theme.S3)
        whole.setSpacing(theme.S2)
        self._options = QWidget()
        column = QVBoxLayout(self._options)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.S2)
        column.addLayout(self._make_place())
        column.addWidget(self._make_more(state))
        self._fitting = _Fitting(self._options)
        whole.addWidget(self._fitting, 1)
        self.outlook = OutlookLine(batch.batching, narrow=True)
        whole.addWidget(self.outlook)
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.S2)
        self.start = Button("Restore all", icon_name="play")
        self.start.clicked.connect(lambda: self.start_asked.emit())
        self.stop = Button("Stop all", icon_name="stop")
        self.stop.setToolTip("Cancel what waits and stop what is being restored")
        self.stop.clicked.connect(lambda _on=False: batch.stop())
        self.report = Button("Report", icon_name="table")
        self.report.clicked.connect(lambda _on=False: self.open_report())
        for button in (self.start, self.stop, self.report):
            buttons.addWidget(button, 0 if button is self.report else 1)
        whole.addLayout(buttons)
        batch.changed.connect(self.refresh)
        self._choose_way()
        self.refresh()

    def refresh(self) -> None:
        """Show the batch as it is."""
        batch, running = self.batch, self.batch.batching.running
        # What cannot be changed now would only take the clips' room.
        self._fitting.setVisible(not running)
        self.start.setVisible(not running)
        self.stop.setVisible(running)
        reason = batch.blocked
        self.start.setEnabled(not reason)
        self.start.setToolTip(reason or "Restore every clip that is not restored yet, each with its own choices (Ctrl+Shift+R)")
        self.start.setText("Start" if batch.watch else "Restore all")
        report = batch.batching.report
        self.report.setVisible(report is not None)
        self.report.setToolTip(f"Open {report}")
        self.usual.setVisible(not batch.output)
        self.place.setVisible(bool(batch.output))
        self.place.setText(batch.output)
        self.beside.setVisible(bool(batch.output))
        self.watched.setText(batch.watch or "No folder")
        self.unwatch.setVisible(bool(batch.watch))
        self.watch.setVisible(not batch.watch)

    def open_report(self) -> None:
        """Show the report in the browser."""
        report = self.batch.batching.report
        if report is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(report)))

    def _make_place(self) -> QVBoxLayout:
        place = QHBoxLayout()
        place.setSpacing(theme.S2)
        place.addWidget(label("Results", size=theme.CAPTION, tone="secondary"))
        self.usual = label("beside each clip", size=theme.CAPTION)
        place.addWidget(self.usual)
        place.addStretch(1)
        self.beside = Button("Beside", kind="link")
        self.beside.setToolTip("Put each result beside its clip")
        self.beside.clicked.connect(lambda _on=False: self.batch.choose(output=""))
        change = Button("Folder…", kind="link")
        change.setToolTip("Choose one folder for all results")
        change.clicked.connect(lambda _on=False: self._ask_output())
        place.addWidget(self.beside)
        place.addWidget(change)
        self.place = _caption(Qt.TextElideMode.ElideMiddle)
        both = QVBoxLayout()
        both.setSpacing(0)
        both.addLayout(place)
        both.addWidget(self.place)
        return both

    def _make_more(self, state: State) -> Section:
        more = Section("More", folds=True, folded=state.flag("video/batch_folded", True))
        more.folded.connect(lambda folded: state.keep("video/batch_folded", folded))
        self.template = QLineEdit(self.batch.template)
        self.template.setAccessibleName("Names of the results")
        self.template.setToolTip(TEMPLATE_TIP)
        self.template.textChanged.connect(lambda text: self.batch.choose(template=text))
        self.same = Button("Same choices for all clips", kind="link")
        self.same.setToolTip("Restore every clip of the list as the open one; parts and places stay as they are")
        self.same.clicked.connect(lambda _on=False: self.same_asked.emit())
        watching = QHBoxLayout()
        watching.setSpacing(theme.S2)
        self.watched = _caption(Qt.TextElideMode.ElideMiddle)
        self.watch = Button("Choose…", kind="link")
        self.watch.setToolTip("Also restore what comes into a folder, as long as the window is open or until it is stopped")
        self.watch.clicked.connect(lambda _on=False: self._ask_watch())
        self.unwatch = Button("Leave it", kind="link")
        self.unwatch.clicked.connect(lambda _on=False: self.batch.choose(watch=""))
        for part, stretch in ((self.watched, 1), (self.watch, 0), (self.unwatch, 0)):
            watching.addWidget(part, stretch)
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.S2)
        grid.setVerticalSpacing(theme.S2)
        grid.setColumnStretch(1, 1)
        named: tuple[tuple[str, QWidget], ...] = (
            ("Names", self.template),
            ("Order", self.choices.order),
            ("If one fails", self.choices.failing),
        )
        for number, (text, widget) in enumerate(named):
            grid.addWidget(label(text, size=theme.CAPTION, tone="secondary"), number, 0)
            grid.addWidget(widget, number, 1)
        grid.addWidget(label("Watch", size=theme.CAPTION, tone="secondary"), len(named), 0)
        grid.addLayout(watching, len(named), 1)
        more.body.addLayout(grid)
        row = QHBoxLayout()
        row.addWidget(self.same)
        row.addStretch(1)
        more.body.addLayout(row)
        return more

    def _choose_way(self) -> None:
        self.batch.choose_way(self.choices.order_now, self.choices.failing_now)

    def _ask_output(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder for the results", self.batch.output or str(Path.home()))
        if chosen:
            self.batch.choose(output=chosen)

    def _ask_watch(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder whose new clips are restored", str(Path.home()))
        if chosen:
            self.batch.choose(watch=chosen)


class _Fitting(QScrollArea):
    """As high as its content, and scrolled where there is less room than that."""

    def __init__(self, content: QWidget) -> None:
        super().__init__(widgetResizable=True)
        self.setAccessibleName("How all clips are restored")
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        content.setProperty("surface", "plain")
        self._content = content
        self.setWidget(content)
        content.installEventFilter(self)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)

    def sizeHint(self) -> QSize:
        return self._content.sizeHint()

    def minimumSizeHint(self) -> QSize:
        return QSize(24, min(LEAST, self.sizeHint().height()))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return False


def _caption(mode: Qt.TextElideMode) -> ElidedLabel:
    made = ElidedLabel(mode=mode)
    made.setFont(theme.font(made, theme.CAPTION))
    return made
