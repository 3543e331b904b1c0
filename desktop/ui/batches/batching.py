"""A panel's batch: looked over before it starts, queued as one, followed to its end, its report kept. No widgets here."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from time import monotonic
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.batch.keeping import Kept
from desktop.batch.outlook import Outlook, look_over
from desktop.batch.plan import make_folders
from desktop.batch.request import spec_of
from desktop.jobs.batches import Batch, BatchSpec
from desktop.jobs.guards import space
from desktop.jobs.rows import Row
from desktop.jobs.states import ENDED, State
from desktop.ui.background import Op
from desktop.ui.batches.ask import Ask
from desktop.ui.batches.report import ReportKeeper
from desktop.ui.batches.watching import FolderWatch
from desktop.ui.panels import Services

LOOK_AFTER_MS = 300
"""Changes of files and options are gathered for so long before all is looked over again."""
MISSED_AFTER_MS = 1000
_ALL = 10_000_000


class Batching(QObject):
    """One batch at a time.

    Attributes:
        outlook: what was seen of the batch that is being put together, or was started last; None while it is looked over.
        problem: why it cannot be made as it stands.
        batch: the one that was started last, as it is now; None also when all of it was done before.
        again: whether what is done already is done once more.

    Signals:
        looked: the outlook is known, or is no longer. started: a batch is in the queue.
        changed: the batch is further. rows: its jobs that changed (a list of Row). ended: the batch is over.
        joined: jobs of new files of the watched folder. failed: something could not be done (an Exception).

    Args:
        whole: tell of jobs that wait, too, once they are queued.
    """

    looked = Signal()
    started = Signal()
    changed = Signal()
    rows = Signal(list)
    ended = Signal()
    joined = Signal(list)
    failed = Signal(object)

    def __init__(self, services: Services, parent: QObject, *, whole: bool = False) -> None:
        super().__init__(parent)
        self._services, self._whole = services, whole
        self.outlook: Outlook | None = None
        self.problem = ""
        self.batch: Batch | None = None
        self.again = False
        self._ask: Ask | None = None
        self._spec: BatchSpec | None = None
        self._turn = 0
        self._looking = self._starting = False
        self._timer = QTimer(self, singleShot=True, interval=LOOK_AFTER_MS)
        self._timer.timeout.connect(self._look)
        self._missed = QTimer(self, singleShot=True, interval=MISSED_AFTER_MS)
        self._missed.timeout.connect(self._read_missed)
        self._heard_over: set[int] = set()
        self._report: ReportKeeper | None = None
        self._watch: FolderWatch | None = None
        services.bridge.batch_changed.connect(self._batch_changed)
        services.bridge.rows_changed.connect(self._rows_changed)

    @property
    def running(self) -> bool:
        """Whether it is being queued, waits or runs, or waits for new files."""
        return self._starting or self._watch is not None or (self.batch is not None and not self.batch.is_over)

    @property
    def report(self) -> Path | None:
        """The page that tells of the batch that was started last, once it is written."""
        path = Path(f"{self._spec.report}.html") if self._spec is not None else None
        return path if path is not None and path.is_file() else None

    def prepare(self, ask: Ask | None) -> None:
        """Look over what would be started now, in a while; None when there is nothing."""
        self._ask = ask
        self._turn += 1
        if ask is None:
            self._timer.stop()
            self.problem = ""
            self._know(Outlook())
        else:
            self._know(None)
            self._timer.start()

    def choose_again(self, on: bool) -> None:
        """Also do what is done already, or not."""
        self.again = on
        self.prepare(self._ask)

    def start(self, ask: Ask) -> None:
        """Queue what is not done already. Its problems are told by ``failed``."""
        if self.running:
            return
        self._starting, self._ask = True, ask
        store, queue, options = self._services.store, self._services.bridge.queue, self._options(ask)
        spec = spec_of(ask.kind, ask.given, ask.output, on_error=ask.on_error, watch=ask.watch)
        again = self.again

        def begin() -> tuple[Batch | None, Outlook, Kept]:
            outlook = look_over(store, ask.plan(), again=again, **options)
            kept = Kept(Path(spec.report), spec.title)
            for place, job in enumerate(outlook.jobs):
                if place in outlook.done and not again:
                    kept.skip(job, outlook.done[place])
                else:
                    kept.expect([job])
            if not outlook.waiting and not ask.watch:
                return None, outlook, kept
            make_folders(outlook.waiting)
            skipped = len(outlook.jobs) - len(outlook.waiting)
            return store.batch(queue.submit_batch(spec, outlook.waiting, skipped=skipped)), outlook, kept

        def begun(found: tuple[Batch | None, Outlook, Kept]) -> None:
            self._starting = False
            self.batch, self.outlook, kept = found
            self._spec = spec
            self.again = False
            self._heard_over = set()
            self._report = ReportKeeper(self._services.store, kept, None if self.batch is None else self.batch.id, self)
            self._report.failed.connect(self.failed)
            if self.batch is not None and ask.watch and ask.more is not None:
                known = [path for job in self.outlook.jobs for path in job.sources]
                self._watch = FolderWatch(self._services, self.batch.id, ask.more, known, self)
                self._watch.failed.connect(self.failed)
                self._watch.joined.connect(self._report.expect)
                self._watch.joined.connect(self.joined)
            self.started.emit()
            # What ended before this thread heard of the batch's number.
            self._catch_up()

        def broken(error: Exception) -> None:
            self._starting = False
            self.failed.emit(error)
            self.changed.emit()

        Op(self, begin).success(begun).failure(broken).start()
        self.changed.emit()

    def stop(self) -> None:
        """Cancel what waits or runs; wait for no more files."""
        self._end_watch()
        if self.batch is not None:
            self._services.bridge.queue.cancel_batch(self.batch.id)
        self.changed.emit()

    def leave(self) -> None:
        """The window closes."""
        self._end_watch()
        self._timer.stop()
        self._missed.stop()
        self._turn += 1

    # What happens

    def _options(self, ask: Ask) -> dict[str, Any]:
        now = self._services.prefs.now
        return {"order": ask.order, "free_space": now.free_space * space.GB, "at_once": now.workers}

    def _look(self) -> None:
        ask, turn = self._ask, self._turn
        if ask is None:
            return
        if self._looking:
            self._timer.start()
            return
        self._looking = True
        store, again, options = self._services.store, self.again, self._options(ask)

        def looked(found: Outlook) -> None:
            self._looking = False
            if turn == self._turn:
                self.problem = ""
                self._know(found)

        def broken(error: Exception) -> None:
            self._looking = False
            if turn == self._turn:
                self.problem = str(error)
                self._know(Outlook())

        Op(self, lambda: look_over(store, ask.plan(), again=again, **options)).success(looked).failure(broken).start()

    def _know(self, outlook: Outlook | None) -> None:
        self.outlook = outlook
        self.looked.emit()

    def _catch_up(self) -> None:
        """Tell of all jobs as they are: of those that end while many do, or are cancelled together, not each is told."""
        if self.batch is None:
            self._over()
        else:
            number = self.batch.id
            begun = [] if self._whole else [state for state in State if state is not State.QUEUED]
            self._read(lambda: self._batch_changed(self._services.store.batch(number)), begun)

    def _read(self, then: Callable[[], None], states: Collection[State] = ()) -> None:
        number, store = self.batch.id if self.batch is not None else 0, self._services.store

        def told(rows: list[Row]) -> None:
            if self.batch is not None and self.batch.id == number:
                self._tell(rows)
                then()

        work = Op(self, lambda: store.page(batch=number, states=states, newest_first=False, limit=_ALL))
        work.success(told).failure(self.failed.emit).start()

    def _rows_changed(self, rows: list[Row]) -> None:
        mine = [row for row in rows if self.batch is not None and row.batch == self.batch.id]
        if mine:
            self._tell(mine)

    def _tell(self, rows: list[Row]) -> None:
        self._heard_over.update(row.id for row in rows if row.state.is_over)
        self._heard_over.difference_update(row.id for row in rows if not row.state.is_over)
        self.rows.emit(rows)

    def _read_missed(self) -> None:
        """Read what has ended without being told, such as what another process has done."""
        if self.batch is not None and _over(self.batch) > len(self._heard_over):
            began = monotonic()

            def read() -> None:
                self._missed.setInterval(max(MISSED_AFTER_MS, round(20_000 * (monotonic() - began))))

            self._read(read, list(ENDED))

    def _batch_changed(self, batch: Batch) -> None:
        if self.batch is None or batch.id != self.batch.id:
            return
        was_over, self.batch = self.batch.is_over, batch
        fresh = self._report is not None and (not was_over or not self._report.is_over)
        if batch.is_over and fresh and self._watch is None and self._report is not None:
            self._report.is_over = True
            self._read(self._over)
        elif not batch.is_over and self._report is not None:
            self._report.later()
        if not batch.is_over and _over(batch) > len(self._heard_over) and not self._missed.isActive():
            self._missed.start()
        self.changed.emit()

    def _over(self) -> None:
        if self._report is None:
            return
        self._report.finish(self.ended.emit)

    def _end_watch(self) -> None:
        if self._watch is not None:
            self._watch.close()
            self._watch = None


def _over(batch: Batch) -> int:
    return sum(count for state, count in batch.counts.items() if state.is_over)
