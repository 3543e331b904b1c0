"""All clips of the list as one batch, each restored as it was chosen for it. No widgets here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from desktop.batch.order import Order
from desktop.batch.plan import NOWHERE, RESTORED, plan_restores
from desktop.batch.sources import Source, files_in
from desktop.errors import UserError
from desktop.jobs.batches import OnError
from desktop.jobs.job import RestoreJob
from desktop.ui.batches.ask import Ask
from desktop.ui.batches.batching import Batching
from desktop.ui.panels import Services
from desktop.ui.video.choices import Choices
from desktop.ui.video.clips import Clips, Item


@dataclass(frozen=True)
class _Clip:
    """What is to be done with a clip, as it was when that was asked for."""

    path: Path
    choices: Choices
    output: str

    def job(self, device: str) -> RestoreJob:
        return self.choices.job(self.path, Path(self.output), device)


class ClipBatch(QObject):
    """Where results of all clips go, in which order, and the batch itself.

    Attributes:
        output: folder of the results, "" for one beside each clip. template: of their names.
        watch: folder whose new clips are restored as well, "" for none.

    Signals:
        changed: one of them, or something about the batch, has changed.
        failed: something could not be done (an Exception).
    """

    changed = Signal()
    failed = Signal(object)

    def __init__(self, services: Services, clips: Clips, parent: QObject) -> None:
        super().__init__(parent)
        self._services, self._state, self._clips = services, services.state, clips
        self.batching = Batching(services, self, whole=True)
        self.output = self._state.text("video/batch_output")
        self.template = self._state.text("video/batch_template") or RESTORED
        self.watch = ""
        self.order, self.on_error = Order.GIVEN, OnError.CONTINUE
        self.batching.failed.connect(self.failed)
        self.batching.rows.connect(clips.take_rows)
        self.batching.joined.connect(self._joined)
        for signal in (self.batching.changed, self.batching.looked, self.batching.started):
            signal.connect(self.changed)
        clips.changed.connect(self.look)
        clips.chosen.connect(lambda _item: self.look())
        self.batching.ended.connect(self.look)

    def choose(self, *, output: str | None = None, template: str | None = None, watch: str | None = None) -> None:
        """Where results go, how they are called (both remembered), and which folder is watched."""
        self.output = self.output if output is None else output
        self.template = self.template if template is None else template or RESTORED
        self.watch = self.watch if watch is None else watch
        self._state.keep("video/batch_output", self.output)
        self._state.keep("video/batch_template", self.template)
        self.look()
        self.changed.emit()

    def choose_way(self, order: Order, on_error: OnError) -> None:
        """In which order clips are restored, and what one that fails means for the others."""
        self.order, self.on_error = order, on_error
        self.look()

    @property
    def blocked(self) -> str:
        """Why nothing can be started now."""
        outlook = self.batching.outlook
        if self.batching.running:
            return "The clips are being restored"
        if not self._clips.items and not self.watch:
            return "Open clips first"
        if self.batching.problem:
            return self.batching.problem
        if outlook is not None and not outlook.waiting and not self.watch:
            return "Every clip is restored or in the queue"
        return ""

    def look(self) -> None:
        """Look over what would be restored now."""
        if not self.batching.running:
            self.batching.prepare(self._ask() if len(self._clips.items) > 1 else None)

    def start(self) -> None:
        """Restore all clips that are not restored yet; those that were stopped go on where they were."""
        stopped = [] if self.batching.again else [item for item in self._clips.items if item.running is None and item.can_go_on]
        ask = self._ask(without=stopped)
        for item in stopped:
            try:
                self._clips.go_on(item)
            except UserError as error:
                self.failed.emit(error)
        self.batching.start(ask)

    def stop(self) -> None:
        """Stop all that waits or runs."""
        self.batching.stop()

    def _ask(self, without: Sequence[Item] = ()) -> Ask:
        left = {id(item) for item in without}
        wanted = [_as_wanted(item) for item in self._clips.items if item.running is None and id(item) not in left]
        device, output, template = self._services.prefs.now.device, self.output, self.template
        watch, usual = self.watch, self._clips.usual

        def plan() -> list[RestoreJob]:
            patterns = [one.job(device) for one in wanted]
            sources = [Source(one.path) for one in wanted]
            return plan_restores(sources, patterns, output, template, [one.choices.container for one in wanted])

        def more() -> list[RestoreJob]:
            found = files_in(Path(watch), "restore", without=Path(output) if output else None)
            pattern = usual.for_others.job(Path(NOWHERE), Path(NOWHERE), device)
            return plan_restores(found, pattern, output, template, [usual.container] * len(found))

        return Ask(
            "restore",
            _named([one.path for one in wanted]) or [Path(watch)],
            plan,
            output,
            self.order,
            self.on_error,
            watch,
            more if watch else None,
        )

    def _joined(self, jobs: list[RestoreJob]) -> None:
        self._clips.add(Path(job.source) for job in jobs)


def _as_wanted(item: Item) -> _Clip:
    """A clip whose result is there as it is wanted keeps that; a place that the user has chosen holds."""
    place = item.row.job.output if item.is_done and item.row is not None and isinstance(item.row.job, RestoreJob) else ""
    return _Clip(item.path, item.choices, place or item.choices.output or NOWHERE)


def _named(paths: Sequence[Path]) -> list[Path]:
    """What a batch of these is called after: their folder, when all are in one."""
    folders = {path.parent for path in paths}
    return list(folders) if len(folders) == 1 and len(paths) > 1 else list(paths)
