"""The second pass: decode, cut out, restore, put back and encode as threads that overlap, segment by segment.

What a segment holds depends on the clip and the job alone, not on how many tries it took or how the threads fell: batches
never cross a segment, and what one segment hands to the next (steadiness) is kept with it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from desktop.errors import UserError
from desktop.models import cpu
from desktop.video.findings import FacesByPicture, Look
from desktop.video.flow import Flow, Pipe, spread
from desktop.video.media.picture import Picture
from desktop.video.media.reader import open_reader
from desktop.video.media.writer import SegmentWriter
from desktop.video.patches import Face, Patch, calm, cut, largest, put_back, restore
from desktop.video.restoration.keeper import Keeper, State, load_state
from desktop.video.restoration.ledger import Ledger, Segment
from desktop.video.restoration.segments import to_make
from desktop.video.restorers import Restorer
from desktop.video.temporal import Steady

_HELD_BYTES = 64 << 20
"""Bound of the pictures that wait between two stages."""

_MOST_HELD = 12
_MOST_GATHERED = 32
_MOST_WORKERS = 4


@dataclass
class Item:
    """A picture on its way.

    Attributes:
        picture: as it was decoded; faces are cut out of it.
        target: the picture that the faces are put into: the same, or a larger one.
        state: what the next segment needs to know, with the last picture of a segment.
    """

    picture: Picture
    patches: list[Patch] = field(default_factory=list)
    target: Picture | None = None
    state: State | None = None


@dataclass(frozen=True)
class Plan:
    """What the second pass needs to know.

    Attributes:
        length: pictures in a segment.
        open_writer: opens the writer of a segment, given its file and its first picture as it will be written.
        enlarge: makes the picture that faces are pasted into, ``scale`` times as large; None leaves the picture.
        watch: is given pictures before and after, as they go by.
    """

    path: Path
    look: Look
    length: int
    restorer: Restorer
    fidelity: float
    only_largest: bool
    steadiness: str
    open_writer: Callable[[Path, Picture], SegmentWriter]
    start: float | None = None
    end: float | None = None
    scale: int = 1
    enlarge: Callable[[Picture], Picture] | None = None
    watch: Callable[[Picture, Picture, bool], None] = lambda _before, _after, _changed: None
    interrupt: Callable[[], None] = lambda: None

    @property
    def segments(self) -> int:
        """How many there are."""
        return -(-len(self.look.times) // self.length)

    def pictures(self, segment: int) -> range:
        """Numbers of a segment's pictures."""
        return range(segment * self.length, min(len(self.look.times), (segment + 1) * self.length))


class Pipeline:
    """Makes the segments that are missing.

    Attributes:
        done: pictures of finished segments, and of those in progress that are encoded.
        seconds: work of each stage in this try.
    """

    def __init__(self, plan: Plan, ledger: Ledger) -> None:
        self.done = 0
        self.seconds: dict[str, float] = {}
        self._plan = plan
        self._ledger = ledger

    def run(self, finished: dict[int, Segment], tick: Callable[[int], None]) -> dict[int, Segment]:
        """All segments, those made here and those in ``finished``; ``tick`` gets the number of pictures that are done."""
        plan = self._plan
        with_state = {number for number, one in finished.items() if one.state_digest} if plan.steadiness != "off" else None
        runs = to_make(plan.segments, finished, with_state)
        kept = {number: one for number, one in finished.items() if not any(a <= number < b for a, b in runs)}
        self.done = sum(one.count for one in kept.values())
        for first, end in runs:
            kept |= self._make(first, end, tick)
        return kept

    def _make(self, first: int, end: int, tick: Callable[[int], None]) -> dict[int, Segment]:
        """Segments ``first`` up to ``end``, without a break between them."""
        flow = Flow(self._plan.interrupt)
        keeper = Keeper(self._plan.open_writer, self._ledger)
        run = _Run(self._plan, flow, range(first, end), self._steady(first))

        def encode(items: Iterator[Item]) -> None:
            for item in items:
                number, place = divmod(item.picture.index, self._plan.length)
                if place == 0:
                    keeper.open(number, self._plan.pictures(number))
                keeper.write(item.target or item.picture, item.patches)
                self.done += 1
                if item.picture.index == self._plan.pictures(number)[-1]:
                    keeper.close(item.state)
            keeper.check_closed()

        run.build(encode)
        try:
            flow.run(lambda: tick(self.done))
        finally:
            keeper.discard()
            for name, spent in flow.seconds.items():
                self.seconds[name] = self.seconds.get(name, 0.0) + spent
        return keeper.finished

    def _steady(self, first: int) -> Steady | None:
        if self._plan.steadiness == "off":
            return None
        steady = Steady(self._plan.steadiness)
        if first:
            steady.restore(load_state(self._ledger.state(first - 1)))
        return steady


class _Run:
    """The stages over one run of segments."""

    def __init__(self, plan: Plan, flow: Flow, segments: range, steady: Steady | None) -> None:
        self._plan, self._flow, self._segments, self._steady = plan, flow, segments, steady
        size = plan.look.width * plan.look.height * 2
        self._held = max(1, min(_MOST_HELD, _HELD_BYTES // size))
        self._gathered = max(1, min(_MOST_GATHERED, 2 * _HELD_BYTES // size))
        self._cuts = frozenset(plan.look.shots)
        # Beside a GPU, what the processors do must not be what it waits for.
        self._workers = max(1, min(_MOST_WORKERS, cpu.granted() // 4))

    def build(self, encode: Callable[[Iterator[Item]], None]) -> None:
        """Add all stages to the flow, the last one given."""
        stages: list[tuple[str, Callable[[Iterator[Item]], Generator[Item, None, None]]]] = [("cut", self._cut)]
        if self._plan.enlarge is not None:
            stages.append(("enlarge", self._enlarge))
        stages.append(("restore", self._restore))
        if self._steady is not None:
            stages.append(("steady", self._steadied))
        stages.append(("paste", self._paste))
        pipe = self._start("decode", self._decode())
        for name, work in stages:
            pipe = self._start(name, work(iter(pipe)))
        last = pipe
        self._flow.stage("encode", lambda: encode(iter(last)))

    def _start(self, name: str, items: Generator[Item, None, None]) -> Pipe[Item]:
        pipe: Pipe[Item] = self._flow.pipe(self._held)

        def work() -> None:
            with closing(items):
                for item in items:
                    pipe.put(item)
            pipe.close()

        self._flow.stage(name, work)
        return pipe

    def _decode(self) -> Generator[Item, None, None]:
        plan = self._plan
        numbers = range(plan.pictures(self._segments[0])[0], plan.pictures(self._segments[-1])[-1] + 1)
        with open_reader(plan.path, deinterlace=plan.look.deinterlace, start=plan.start, end=plan.end) as reader:
            if numbers[0]:
                reader.resume_at(numbers[0], [int(time) for time in plan.look.times])
            for number, picture in zip(numbers, reader, strict=False):
                if picture.index != number or picture.pts != plan.look.times[number]:
                    break
                yield Item(picture)
                if number == numbers[-1]:
                    return
        raise UserError("The clip gave other pictures than before", path=plan.path, remedy="Was it changed? Then begin again.")

    def _cut(self, items: Iterator[Item]) -> Generator[Item, None, None]:
        faces_of = FacesByPicture(self._plan.look.tracks)

        def placed() -> Iterator[tuple[Item, list[Face]]]:
            for item in items:
                yield item, faces_of(item.picture.index)

        return spread(placed(), self._cut_out, self._workers)

    def _cut_out(self, pair: tuple[Item, list[Face]]) -> Item:
        item, faces = pair
        item.patches = cut(item.picture, largest(faces) if self._plan.only_largest else faces, self._plan.restorer)
        return item

    def _enlarge(self, items: Iterator[Item]) -> Generator[Item, None, None]:
        enlarge = self._plan.enlarge
        assert enlarge is not None
        for item in items:
            item.target = enlarge(item.picture)
            yield item

    def _restore(self, items: Iterator[Item]) -> Generator[Item, None, None]:
        """Batches over several pictures; where one ends depends on the pictures alone."""
        gathered: list[Item] = []
        for item in items:
            gathered.append(item)
            wanted = sum(patch.is_wanted for one in gathered for patch in one.patches)
            if wanted < self._plan.restorer.max_batch and len(gathered) < self._gathered and not self._is_last(item):
                # A picture without a face waits for nobody.
                if wanted:
                    continue
                yield from gathered
                gathered = []
                continue
            restore([patch for one in gathered for patch in one.patches], self._plan.restorer, self._plan.fidelity)
            yield from gathered
            gathered = []
        yield from gathered

    def _steadied(self, items: Iterator[Item]) -> Generator[Item, None, None]:
        steady = self._steady
        assert steady is not None
        for item in items:
            if item.picture.index in self._cuts:
                steady.reset()
            calm(item.patches, steady, item.picture.index)
            if self._is_last(item):
                item.state = steady.state()
            yield item

    def _paste(self, items: Iterator[Item]) -> Generator[Item, None, None]:
        plan = self._plan
        for item in spread(items, self._pasted, self._workers):
            changed = any(patch.restored is not None for patch in item.patches)
            plan.watch(item.picture, item.target or item.picture, changed or plan.enlarge is not None)
            for patch in item.patches:
                patch.crop = patch.restored = None
            yield item

    def _pasted(self, item: Item) -> Item:
        if any(patch.restored is not None for patch in item.patches):
            item.target = item.target or item.picture.copy()
            put_back(item.target, item.patches, scale=self._plan.scale)
        return item

    def _is_last(self, item: Item) -> bool:
        index = item.picture.index
        return (index + 1) % self._plan.length == 0 or index + 1 == len(self._plan.look.times)
