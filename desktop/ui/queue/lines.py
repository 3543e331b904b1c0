"""What the queue's list shows, line by line: batches, their files, single jobs. Read from the store a page at a time."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, get_args

from desktop.errors import UserError
from desktop.jobs.batches import Batch, FailureGroup
from desktop.jobs.job import (
    AnyJob,
    AskJob,
    EstimateJob,
    FilmstripJob,
    FramesJob,
    InspectJob,
    ListenJob,
    PreviewJob,
    RecordsJob,
    RenderJob,
)
from desktop.jobs.rows import Row
from desktop.jobs.states import ENDED, State
from desktop.jobs.store import Store

PAGE = 50
KEPT_PAGES = 8
ASIDE = (ListenJob, FramesJob, FilmstripJob, InspectJob, PreviewJob, RecordsJob, EstimateJob, AskJob)
HISTORY = tuple(str(kind.__struct_config__.tag) for kind in get_args(AnyJob) if kind not in ASIDE)
"""Tags of the jobs that are history when they are over."""
ASIDE_KINDS = (*(str(kind.__struct_config__.tag) for kind in ASIDE), str(RenderJob.__struct_config__.tag))
"""Tags of the jobs of which some only serve the window."""
ACTIVE = (State.RUNNING, State.PAUSED)
OVER = tuple(ENDED)


def is_aside(row: Row) -> bool:
    """Whether a job only serves the window (waveform, playback, frames) and is made again whenever it is needed."""
    return isinstance(row.job, ASIDE) or (isinstance(row.job, RenderJob) and "renders" in row.job.output)


@dataclass(frozen=True)
class Line:
    """A line of the list; what it is about is in one of ``row``, ``batch`` and ``group``.

    Attributes:
        key: the same for the same thing, wherever it stands.
        depth: 0, or 1 for what belongs to a batch.
        batch: for a line of its own, or of which ``group`` is a part.
    """

    key: tuple[str, int | str, int]
    depth: int = 0
    row: Row | None = None
    batch: Batch | None = None
    group: FailureGroup | None = None
    is_open: bool = False


class Pages:
    """Rows of one query, of which those looked at last are in memory."""

    def __init__(self, store: Store, depth: int = 0, **query: Any) -> None:
        self._store, self._query, self.depth = store, query, depth
        self._pages: OrderedDict[int, list[Row]] = OrderedDict()
        counted = {name: value for name, value in query.items() if name != "newest_first"}
        self.count = store.count(**counted)

    def at(self, place: int) -> Row | None:
        """A row; None when there is none there any more."""
        number, inside = divmod(place, PAGE)
        page = self._pages.get(number)
        if page is None:
            page = self._pages[number] = self._store.page(offset=number * PAGE, limit=PAGE, **self._query)
            if len(self._pages) > KEPT_PAGES:
                self._pages.popitem(last=False)
        self._pages.move_to_end(number)
        return page[inside] if inside < len(page) else None

    def line(self, place: int) -> Line | None:
        """A row as a line of the list."""
        row = self.at(place)
        return None if row is None else Line(("job", "", row.id), self.depth, row)


class Lines:
    """All lines, from the top: what is at work, what waits, what is over; an open batch is followed by its files.

    Attributes:
        search: words that jobs must have in them; "" for the whole list. Found jobs stand alone, without their batches.
        opened: numbers of the batches whose files are shown.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.search = ""
        self.opened: set[int] = set()
        self._live: dict[int, Row] = {}
        self._batches: dict[int, Batch] = {}
        self._starts: list[int] = []
        self._parts: list[Callable[[int], Line | None]] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def refresh(self) -> None:
        """Read anew how much there is of what; raises UserError where the store does."""
        self._starts, self._parts, self._count = [], [], 0
        self._live = {}
        self._batches = {batch.id: batch for batch in self._store.batches()}
        if self.search:
            for batch in self._batches.values():
                if self.search.casefold() in batch.spec.title.casefold():
                    self._add_batch(batch)
            self._add(Pages(self._store, search=self.search, kinds=HISTORY))
            return
        for batch in self._batches.values():
            if not batch.is_over:
                self._add_batch(batch)
        self._add(Pages(self._store, batch=0, states=ACTIVE))
        self._add(Pages(self._store, batch=0, states=(State.QUEUED,), newest_first=False))
        over = Pages(self._store, batch=0, states=OVER, kinds=HISTORY)
        begin = 0
        for batch in self._batches.values():
            if batch.is_over:
                end = _older(over, batch.created)
                self._add(over, begin, end)
                self._add_batch(batch)
                begin = end
        self._add(over, begin)

    def line(self, place: int) -> Line | None:
        """A line; None for one that has gone meanwhile."""
        if not 0 <= place < self._count:
            return None
        part = bisect_right(self._starts, place) - 1
        line = self._parts[part](place - self._starts[part])
        if line is not None and line.row is not None and (live := self._live.get(line.row.id)) is not None:
            return replace(line, row=live)
        return line

    def take(self, row: Row) -> None:
        """A job as it is now; it stays where it is until the next ``refresh``."""
        self._live[row.id] = row

    def take_batch(self, batch: Batch) -> bool:
        """A batch as it is now; False when the list must be refreshed for it."""
        before = self._batches.get(batch.id)
        self._batches[batch.id] = batch
        return before is not None and before.is_over == batch.is_over and before.total == batch.total

    def _add_part(self, count: int, make: Callable[[int], Line | None]) -> None:
        if count > 0:
            self._starts.append(self._count)
            self._parts.append(make)
            self._count += count

    def _add(self, pages: Pages, begin: int = 0, end: int | None = None) -> None:
        last = pages.count if end is None else end
        self._add_part(last - begin, lambda place: pages.line(begin + place))

    def _add_batch(self, batch: Batch) -> None:
        number = batch.id
        is_open = number in self.opened
        self._add_part(1, lambda _: Line(("batch", "", number), batch=self._batches.get(number), is_open=is_open))
        if not is_open:
            return
        groups = self._store.failure_groups(number) if State.FAILED in batch.counts else []
        self._add_part(
            len(groups),
            lambda n: Line(("group", groups[n].reason, number), 1, batch=self._batches.get(number), group=groups[n]),
        )
        for states in (ACTIVE, (State.FAILED, State.INTERRUPTED), (State.QUEUED,), (State.DONE, State.CANCELLED)):
            self._add(Pages(self._store, 1, batch=number, states=states, newest_first=False))


def _older(pages: Pages, created: float) -> int:
    """Place of the first row, of rows from new to old, that is older than ``created``."""
    low, high = 0, pages.count
    while low < high:
        middle = (low + high) // 2
        row = pages.at(middle)
        if row is not None and row.created >= created:
            low = middle + 1
        else:
            high = middle
    return low


def all_rows(store: Store, states: tuple[State, ...], kinds: tuple[str, ...] = ()) -> list[Row]:
    """Every job in one of ``states`` (and of ``kinds``), oldest first; [] where the store cannot be read."""
    try:
        return store.page(states=states, kinds=kinds, newest_first=False, limit=100_000)
    except UserError:
        return []
