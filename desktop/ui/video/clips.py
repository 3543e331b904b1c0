"""The clips of the panel: each with its own choices and its own job. No widgets here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Signal

from desktop.jobs.events import AnyEvent
from desktop.jobs.job import FramesJob, RestoreJob
from desktop.jobs.rows import Row
from desktop.jobs.states import State
from desktop.ui.asks import Newest
from desktop.ui.bridge import QueueBridge
from desktop.ui.topbar import remaining
from desktop.ui.video import files
from desktop.ui.video.choices import Choices, Memory, of_job
from desktop.ui.video.kept import frames_kept
from desktop.ui.video.shown import Result
from desktop.ui.widgets.picture import Picture
from desktop.ui.widgets.timecode import clock

THUMB_AT = 1.0
"""Second of the picture in the list: the first one is often black."""
THUMB_SIDE = 192


@dataclass
class Item:
    """A clip.

    Attributes:
        choices: how it is to be restored.
        row: its newest job, None when there was none.
        thumb: a small picture of it.
        duration, rate: in seconds and frames a second, 0 while unknown.
        kept: frames of a stopped job that need not be done again.
        reached: second of the clip that its running job has come to.
    """

    path: Path
    choices: Choices
    row: Row | None = None
    thumb: Picture | None = None
    duration: float = 0.0
    rate: float = 0.0
    kept: int = 0
    reached: float | None = None

    @property
    def running(self) -> Row | None:
        """Its job while that is not over."""
        return self.row if self.row is not None and not self.row.state.is_over else None

    @property
    def part(self) -> tuple[float, float]:
        """The part that is restored, in seconds."""
        return (self.choices.start or 0.0, self.choices.end if self.choices.end is not None else self.duration)

    @property
    def is_done(self) -> bool:
        """Whether its newest job is done and was asked for as it would be now."""
        row = self.row
        return row is not None and row.state is State.DONE and self._is_as_chosen(row)

    def _is_as_chosen(self, row: Row) -> bool:
        if not isinstance(row.job, RestoreJob):
            return False
        made = of_job(row.job)
        return (made.options, made.start, made.end) == (self.choices.options, self.choices.start, self.choices.end)

    @property
    def can_go_on(self) -> bool:
        """Whether a job that was stopped can go on, as it would be made now."""
        row = self.row
        return row is not None and row.state.can_retry and bool(self.kept) and self._is_as_chosen(row)

    @property
    def goes_on_at(self) -> float | None:
        """Second of the clip at which a stopped job goes on."""
        if not self.can_go_on or self.rate <= 0:
            return None
        return self.part[0] + self.kept / self.rate

    @property
    def output(self) -> Path | None:
        """Its finished file, or folder of images, if that is still there."""
        if self.row is None or self.row.state is not State.DONE:
            return None
        made = written(self.row)
        return made if made.exists() else None

    @property
    def result(self) -> Result | None:
        """Its finished file beside it; none for a folder of images."""
        made, job = self.output, self.row.job if self.row is not None else None
        if made is None or not isinstance(job, RestoreJob) or not made.is_file():
            return None
        return Result(made, job.start or 0.0, job.options, job.end)

    @property
    def words(self) -> str:
        """Where it stands."""
        row = self.row
        if row is None:
            return clock(round(self.duration)) if self.duration else "Not restored yet"
        if row.state is State.RUNNING:
            left = remaining(row.remaining_s)
            if not row.fraction:
                return row.message or "Starting"
            return f"{row.fraction:.0%}  ·  {left}" if left else f"{row.fraction:.0%}"
        words = {
            State.QUEUED: "Waiting",
            State.PAUSED: "Paused",
            State.DONE: "Restored",
            State.CANCELLED: "Stopped",
            State.INTERRUPTED: "Interrupted",
            State.FAILED: row.error.message if row.error else "Failed",
        }[row.state]
        if not self.can_go_on or row.state is State.FAILED:
            return words
        again = self.goes_on_at
        return f"{words}: goes on at {clock(again)}" if again is not None else f"{words}: can go on"


class Clips(QObject):
    """See the module's docstring.

    Signals:
        changed: clips came or went.
        item_changed: an Item. chosen: an Item that is to be restored another way.
        heard: an Item and what its job said.
        ended: an Item whose job is over.
    """

    changed = Signal()
    item_changed = Signal(object)
    chosen = Signal(object)
    heard = Signal(object, object)
    ended = Signal(object)

    def __init__(self, bridge: QueueBridge, memory: Memory, parent: QObject) -> None:
        super().__init__(parent)
        self._bridge, self._memory = bridge, memory
        self.items: list[Item] = []
        self.in_sight: list[Item] = []
        self._by_path: dict[Path, Item] = {}
        self._left = False
        self._agreed: set[Path] = set()
        self._tried: set[str] = set()
        self._thumbs = Newest(bridge, 1, self)
        self._thumbs.answered.connect(self._thumbed)
        self._thumbs.failed.connect(lambda job, _failed: self._next_thumb(job))
        bridge.rows_changed.connect(self._rows_changed)
        bridge.removed.connect(self._removed)
        bridge.heard.connect(self._said)

    def item(self, path: Path) -> Item | None:
        """The item of a clip."""
        return self._by_path.get(path)

    @property
    def usual(self) -> Choices:
        """How a clip is restored for which nothing was chosen."""
        return self._memory.last

    def add(self, paths: Iterable[Path]) -> list[Item]:
        """Add clips that are not there yet; returns the items of all of them."""
        found = []
        fresh: list[Item] = []
        for path in paths:
            item = self.item(path)
            if item is None:
                item = self._by_path[path] = Item(path, self._memory.of(path))
                fresh.append(item)
            found.append(item)
        if fresh:
            known = self._known({str(item.path) for item in fresh})
            for item in fresh:
                self._take(item, known.get(str(item.path)))
            self.items += fresh
            self.changed.emit()
            self._next_thumb(None)
        return found

    def remove(self, item: Item) -> None:
        """Take a clip off the list; its job, if any, goes on in the queue."""
        if item in self.items:
            self.items.remove(item)
            self._by_path.pop(item.path, None)
            self.changed.emit()

    def choose(self, item: Item, choices: Choices) -> None:
        """Restore a clip another way from now on."""
        if choices != item.choices:
            item.choices = choices
            self._memory.keep(item.path, choices)
            self.item_changed.emit(item)
            self.chosen.emit(item)

    def choose_for_all(self, choices: Choices) -> None:
        """Restore all clips as one of them, but for its part and place."""
        for item in self.items:
            own = item.choices
            item.choices = replace(choices, start=own.start, end=own.end, output=own.output)
            self.item_changed.emit(item)
        self._memory.keep_all({item.path: item.choices for item in self.items})
        self.changed.emit()

    def show_facts(self, item: Item, *, duration: float = 0.0, rate: float = 0.0, thumb: Picture | None = None) -> None:
        """What has become known of a clip."""
        news = (duration and duration != item.duration) or (rate and rate != item.rate)
        if news or (thumb is not None and item.thumb is None):
            item.duration, item.rate = duration or item.duration, rate or item.rate
            item.thumb = item.thumb or thumb
            self.item_changed.emit(item)

    def target(self, item: Item, suffix: str = "") -> Path:
        """Where the clip's result would go now: never onto a file that is there."""
        choices = item.choices
        wanted = Path(choices.output) if choices.output else None
        if wanted is not None and (wanted in self._agreed or not wanted.exists()):
            return wanted
        folder = str(wanted.parent) if wanted is not None else ""
        return files.output_for(item.path, choices.container or suffix, folder)

    def agree(self, path: Path) -> None:
        """The user has agreed that a file is replaced, once."""
        self._agreed.add(path)

    def restore(self, item: Item, output: Path, device: str = "auto") -> None:
        """Queue a clip; raises UserError when that cannot be."""
        if item.running is not None:
            return
        number = self._bridge.submit(item.choices.job(item.path, output, device))
        self._agreed.discard(output)
        item.row, item.reached = self._bridge.queue.row(number), None
        self.item_changed.emit(item)

    def go_on(self, item: Item) -> None:
        """Let a stopped job go on where it was; raises UserError when it cannot."""
        if item.row is not None:
            self._bridge.queue.retry(item.row.id)
            item.row = self._bridge.queue.row(item.row.id)
            self.item_changed.emit(item)

    def cancel(self, item: Item) -> None:
        """Stop a clip's job; what is finished of it is kept for going on."""
        if item.running is not None:
            self._bridge.queue.cancel(item.running.id)

    def leave(self) -> None:
        """The window closes."""
        self._thumbs.leave()
        if self._left:
            return
        self._left = True
        self._bridge.rows_changed.disconnect(self._rows_changed)
        self._bridge.removed.disconnect(self._removed)
        self._bridge.heard.disconnect(self._said)

    def result_of(self, path: Path) -> tuple[Path, Result] | None:
        """The clip that a finished file was made of, if the history knows and it is still there."""
        for row in reversed(self._bridge.queue.rows()):
            if isinstance(row.job, RestoreJob) and row.state is State.DONE:
                source = Path(row.job.source)
                if written(row) == path and source.is_file():
                    return source, Result(path, row.job.start or 0.0, row.job.options, row.job.end)
        return None

    def _known(self, sources: set[str]) -> dict[str, Row]:
        """The newest job of each clip in the history."""
        rows = self._bridge.queue.rows()
        return {row.job.source: row for row in rows if isinstance(row.job, RestoreJob) and row.job.source in sources}

    def take_rows(self, rows: list[Row]) -> None:
        """Jobs of which the queue has not told one by one."""
        self._rows_changed(rows)

    def _rows_changed(self, rows: list[Row]) -> None:
        for row in rows:
            if not isinstance(row.job, RestoreJob):
                continue
            item = self.item(Path(row.job.source))
            if item is None or (item.row is not None and row.id < item.row.id):
                continue
            was_over = item.row is not None and item.row.state.is_over and item.row.id == row.id
            self._take(item, row)
            self.item_changed.emit(item)
            if row.state.is_over and not was_over:
                self.ended.emit(item)

    def _take(self, item: Item, row: Row | None) -> None:
        item.row = row
        item.kept = frames_kept(row.id) if row is not None and row.state.can_retry else 0

    def _removed(self, number: int) -> None:
        for item in self.items:
            if item.row is not None and item.row.id == number:
                item.row = None
                self.item_changed.emit(item)

    def _said(self, number: int, event: AnyEvent) -> None:
        item = next((i for i in self.items if i.row is not None and i.row.id == number), None)
        if item is not None:
            self.heard.emit(item, event)

    def _next_thumb(self, done: FramesJob | None) -> None:
        if self._thumbs.busy:
            return
        if done is not None:
            self._tried.add(done.source)
        # A single clip shows its picture large; a list needs small ones, of those in sight.
        if len(self.items) > 1:
            waiting = (i for i in self.in_sight if i.thumb is None and str(i.path) not in self._tried and i.path.is_file())
            if (item := next(waiting, None)) is not None:
                self._thumbs.ask(FramesJob(source=str(item.path), start=THUMB_AT, side=THUMB_SIDE))

    def look_at(self, items: list[Item]) -> None:
        """These are in sight: get their pictures."""
        self.in_sight = items
        self._next_thumb(None)

    def _thumbed(self, job: FramesJob, result: dict[str, Any]) -> None:
        item = self.item(Path(job.source))
        if item is not None:
            try:
                frames = np.load(str(result.get("frames", "")), mmap_mode="r")
            except (OSError, ValueError):
                frames = np.zeros((0, 1, 1, 3), np.uint8)
            thumb = Picture.of(frames[0]) if len(frames) else None
            self.show_facts(item, duration=float(result.get("duration") or 0.0), thumb=thumb)
        self._next_thumb(job)


def written(row: Row) -> Path:
    """The file, or folder of images, that a restore job has written."""
    files_made = dict((row.result or {}).get("files") or {})
    return Path(str(next(iter(files_made.values()), "") or getattr(row.job, "output", "")))
