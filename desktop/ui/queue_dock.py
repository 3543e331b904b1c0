"""The queue below the panels: one line when closed, rows with bars and buttons when open."""

from __future__ import annotations

import contextlib
from time import monotonic

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from desktop.errors import UserError
from desktop.jobs.batches import Batch
from desktop.jobs.job import RenderJob
from desktop.jobs.rows import Owner, Row
from desktop.jobs.states import State as JobState
from desktop.ui.notify import Note, Severity, from_error
from desktop.ui.panels import Services
from desktop.ui.queue.bar import QueueBar
from desktop.ui.queue.grip import HEIGHT as GRIP
from desktop.ui.queue.grip import Grip
from desktop.ui.queue.hold_strip import HoldStrip
from desktop.ui.queue.lines import ACTIVE, ASIDE_KINDS, HISTORY, OVER, Lines, all_rows, is_aside
from desktop.ui.queue.steering import Steering
from desktop.ui.queue.view import QueueView
from desktop.ui.widgets.parts import label, line

HEIGHT = 224
LEAST, LEFT = 128, 400
"""Pixels of the list at least, and of the window that it leaves to the rest."""
KEPT = 500
"""Jobs that are over and still known by number."""
REFRESH_MS = 200
FAILED = (JobState.FAILED, JobState.INTERRUPTED)
NOTHING = "Nothing has been done yet. Jobs appear here while they run and stay until they are cleared."


class QueueDock(QWidget):
    """Shows the jobs of this computer and lets the user steer them.

    Attributes:
        view: the list. bar: the line that is always there. strip: why work stands still.
        rows: number -> the newest state of each job.

    Signals:
        overruled: a guard that is to let the work go on.
        holds_changed: why work stands still has changed.
    """

    overruled = Signal(str)
    holds_changed = Signal()

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._me = Owner.me()
        self.rows: dict[int, Row] = {}
        self._counts = (0, 0, 0)
        self._holds: dict[str, str] = {}
        self._is_closed = False
        self.setAccessibleName("Queue")
        self._lines = Lines(services.store)
        self.steering = Steering(services, self._lines, self._refresh, self)
        self.strip, self.bar, self._edge, self._under = HoldStrip(), QueueBar(services.prefs), line(), line()
        self.view = QueueView(self._lines)
        self._height = round(services.state.number("queue/height", HEIGHT))
        self.view.setFixedHeight(self._height)
        self._grip = Grip(self)
        self._empty = label(tone="secondary")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        inside = QVBoxLayout(self.view)
        inside.addWidget(self._empty)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        for part in (self.strip, self._under, self.bar, self._edge, self.view):
            whole.addWidget(part)
        self._refreshing = QTimer(self, singleShot=True, interval=REFRESH_MS)
        self._refreshing.timeout.connect(self._refresh)
        self._show_open(services.state.flag("queue/open"))
        self._connect()
        self._holds = services.bridge.queue.holds
        self._refresh()

    def _connect(self) -> None:
        bridge = self._services.bridge
        bridge.rows_changed.connect(self._changed)
        bridge.batch_changed.connect(self._batch_changed)
        bridge.holds_changed.connect(self._holds_changed)
        bridge.removed.connect(self._removed)
        self.view.asked.connect(self.steering.do)
        self.bar.toggled.connect(self.toggle)
        self.bar.failed_asked.connect(self._show_failed)
        self._grip.dragged.connect(lambda more: self._make_high(self._height + more))
        self._grip.turned.connect(self.turn)
        self.bar.searched.connect(self._search_for)
        self.bar.filtered.connect(self._filter)
        self.bar.cleared.connect(self._clear_finished)
        self.strip.overruled.connect(self.overruled)
        self.strip.settings_asked.connect(lambda: self._services.go("preferences"))

    @property
    def search(self) -> QLineEdit:
        """Where words to search for are written."""
        return self.bar.search

    @property
    def hold_reason(self) -> str:
        """Why waiting work is not begun; "" when it is."""
        return ", ".join(self._holds.values())

    def load(self) -> None:
        """Read the history; offer to retry what was interrupted."""
        store = self._services.store
        rows = all_rows(store, (*ACTIVE, JobState.INTERRUPTED))
        aside = [row.id for row in all_rows(store, OVER, ASIDE_KINDS) if is_aside(row)]
        if aside:
            self._forget(*aside)
        self._changed([row for row in rows if not (is_aside(row) and row.state.is_over)])
        self._refresh()
        lost = [row for row in self.rows.values() if row.state is JobState.INTERRUPTED and not is_aside(row)]
        if lost:
            what = f"“{lost[0].job.title}” was" if len(lost) == 1 else f"{len(lost)} jobs were"
            again = all(row.job.resumable for row in lost)
            left = "What was finished is kept: it goes on from there." if again else "Nothing half-written was left."
            self._services.say(
                Note(
                    Severity.WARNING,
                    f"{what} interrupted",
                    remedy=f"Reprise ended before the work was done. {left}",
                    actions=[("Go on" if again else "Try again", lambda: self._retry(lost)), ("Show the queue", self.open)],
                )
            )

    def _retry(self, rows: list[Row]) -> None:
        for row in rows:
            try:
                self._services.bridge.queue.retry(row.id)
            except UserError as error:
                self._services.say(from_error(error))

    # Open and closed

    @property
    def is_open(self) -> bool:
        """Whether the rows are shown."""
        return not self.view.isHidden()

    def toggle(self) -> None:
        """Open or close."""
        self._show_open(not self.is_open)
        self._services.state.keep("queue/open", self.is_open)
        self._services.refresh()

    def open(self) -> None:
        """Show the rows."""
        if not self.is_open:
            self.toggle()

    def summon(self) -> None:
        """Open with the keys on the list, or close."""
        self.toggle()
        if self.is_open:
            self.view.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def turn(self) -> None:
        """Give the list much room, or little again."""
        if not self.is_open:
            self.toggle()
        most = self.window().height() - LEFT
        self._make_high(HEIGHT if self.view.height() > (HEIGHT + most) // 2 else most)

    def fit(self) -> None:
        """The window has another height."""
        self.view.setFixedHeight(max(LEAST, min(self._height, self.window().height() - LEFT)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._grip.setGeometry(0, 0, self.width(), GRIP)

    def _make_high(self, height: int) -> None:
        self._height = max(LEAST, min(height, self.window().height() - LEFT))
        self._services.state.keep("queue/height", self._height)
        self.fit()

    def own_jobs(self) -> list[Row]:
        """Jobs of this window that are not over, without those that only help it (they are made again when needed)."""
        rows = all_rows(self._services.store, (JobState.QUEUED, *ACTIVE))
        return [row for row in rows if row.owner == self._me and not is_aside(row)]

    def close_dock(self) -> None:
        """Cancel what only served this window; read nothing any more."""
        self._is_closed = True
        self.steering.finish()
        self._refreshing.stop()
        for row in self.rows.values():
            if row.owner == self._me and not row.state.is_over and is_aside(row):
                self._services.bridge.queue.cancel(row.id)

    def _show_open(self, on: bool) -> None:
        self.view.setVisible(on)
        self._edge.setVisible(on)
        self._grip.setVisible(on)
        self._grip.raise_()
        self.bar.open_up(on)

    # What happens

    def _changed(self, rows: list[Row]) -> None:
        moved = False
        for row in rows:
            before = self.rows.get(row.id)
            self.rows[row.id] = row
            moved = moved or before is None or before.state is not row.state
            self._lines.take(row)
            if row.state.is_over and isinstance(row.job, RenderJob) and is_aside(row):
                # What only served the window is no history; whoever waits for it hears of its end first.
                QTimer.singleShot(0, self, lambda number=row.id: self._forget(number))
        if moved:
            self._forget_old()
            self._later()
        self.view.relay()
        self._summarise()

    def _forget(self, *jobs: int) -> None:
        if self._is_closed:
            return
        with contextlib.suppress(UserError):
            self._services.bridge.queue.remove_jobs(jobs)

    def _forget_old(self) -> None:
        over = sorted(number for number, row in self.rows.items() if row.state.is_over)
        for number in over[:-KEPT]:
            del self.rows[number]

    def _batch_changed(self, batch: Batch) -> None:
        if not self._lines.take_batch(batch) or batch.id in self._lines.opened:
            self._later()
        self.view.relay()
        self._summarise()

    def _removed(self, number: int) -> None:
        self.rows.pop(number, None)
        self._later()

    def _holds_changed(self, holds: dict[str, str]) -> None:
        self._holds = holds
        self._summarise()
        self.holds_changed.emit()

    def _later(self) -> None:
        """Read the list anew soon, once for all that happens until then."""
        if not self._refreshing.isActive() and not self._is_closed:
            self._refreshing.start()

    def _search_for(self, words: str) -> None:
        self._lines.search = words
        self.view.verticalScrollBar().setValue(0)
        self._refresh()

    def _filter(self, states: tuple[JobState, ...]) -> None:
        self._lines.states = states
        self.view.verticalScrollBar().setValue(0)
        self._refresh()

    def _refresh(self) -> None:
        began = monotonic()
        try:
            self._lines.refresh()
            count = self._services.store.count
            waiting, failed = count(states=(JobState.QUEUED,)), count(states=FAILED, kinds=HISTORY)
            self._counts = waiting, failed, count(states=OVER, kinds=HISTORY)
        except UserError as error:
            self._services.say(from_error(error))
        self.view.relay()
        self._summarise()
        # However long the list is, most of the time is left for the user.
        self._refreshing.setInterval(max(REFRESH_MS, round(8000 * (monotonic() - began))))

    def _summarise(self) -> None:
        self._empty.setText(self._nothing())
        self._empty.setVisible(not len(self._lines))
        active = [row for row in self.rows.values() if row.state.is_active]
        waiting, failed, over = self._counts
        self.bar.clear.setEnabled(over > 0)
        self.bar.show_failed(failed)
        begun = [row for row in active if row.priority <= 0 and row.owner == self._me]
        stands = any(row.state is JobState.PAUSED for row in begun)
        self.strip.show_holds(self._holds, is_begun=stands, is_work=bool(begun) or waiting > 0)
        self._under.setVisible(not self.strip.isHidden())
        if active:
            first = max(active, key=lambda row: (row.state is JobState.RUNNING, row.priority, -row.id))
            self.bar.show_running(first, len(active) - 1 + waiting)
            return
        self.bar.show_idle(f"{waiting:,} waiting" if waiting else "Nothing running")

    def _nothing(self) -> str:
        if self._lines.search:
            return f"Nothing has “{self._lines.search}” in its name or in why it failed."
        return "There is nothing of this kind." if self._lines.states else NOTHING

    def _show_failed(self) -> None:
        self.open()
        self._lines.opened |= {batch.id for batch in self._services.store.batches() if set(FAILED) & batch.counts.keys()}
        self.bar.show_states(FAILED)
        self._refresh()

    def _clear_finished(self) -> None:
        store = self._services.store
        batches = [batch.id for batch in store.batches() if batch.is_over]
        jobs = [row.id for row in all_rows(store, OVER) if not row.batch]
        count = len(batches) + len(jobs)
        self.steering.remove(
            f"{count:,} finished {'entry was' if count == 1 else 'entries were'} removed", jobs=jobs, batches=batches
        )
