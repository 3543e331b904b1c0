"""Practising: what a player should press, what was pressed, and how well. Pure: every time is handed in.

Times are seconds of the song; ``speed`` says how many of them pass in a real second, so that the tolerances are those of hands.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from desktop.piano.cover import LEFT, RIGHT, Cover

TOGETHER = 0.03
"""Seconds within which notes belong to one chord."""
REACH = 0.25
"""Real seconds that a key may be pressed before or after its time and still be meant for it."""
GOOD = 0.06
"""Real seconds up to which a key is neither early nor late."""
LEAD = 0.02
"""Real seconds before a chord at which waiting begins, so that the chord is not heard before it is played."""


class Mode(StrEnum):
    """Whether the playhead waits for the player, or the player follows it."""

    WAIT = "wait"
    FOLLOW = "follow"


class Verdict(StrEnum):
    """What became of a key that was, or should have been, pressed."""

    RIGHT = "right"
    EARLY = "early"
    LATE = "late"
    MISSED = "missed"
    WRONG = "wrong"


@dataclass(frozen=True)
class Step:
    """Keys that are pressed together at ``second``."""

    second: float
    pitches: frozenset[int]


@dataclass(frozen=True)
class Mark:
    """What happened to one key: ``step`` is -1 for one that nobody wanted.

    ``offset_ms``: real milliseconds after its time (negative: before); None where there is none, as while waiting.
    """

    step: int
    pitch: int
    verdict: Verdict
    offset_ms: float | None = None


@dataclass(frozen=True)
class Score:
    """Counts of keys, and how far off they were on average: ``offset_ms`` with its sign, ``spread_ms`` without."""

    right: int = 0
    early: int = 0
    late: int = 0
    missed: int = 0
    wrong: int = 0
    offset_ms: float | None = None
    spread_ms: float | None = None

    @property
    def hit(self) -> int:
        """Keys that were wanted and pressed."""
        return self.right + self.early + self.late

    @property
    def accuracy(self) -> float | None:
        """Share of the hits in all that happened, 0..1; None before anything did."""
        whole = self.hit + self.missed + self.wrong
        return self.hit / whole if whole else None


def steps(cover: Cover, hands: Collection[int] = (RIGHT, LEFT)) -> tuple[Step, ...]:
    """The chords of the chosen hands in their order; notes that start within ``TOGETHER`` of the first are one chord."""
    start, _ = cover.note_seconds()
    mine = np.isin(cover.notes["hand"], list(hands))
    start, pitch = np.maximum(start[mine], 0.0), cover.notes["pitch"][mine]
    order = np.lexsort((pitch, start))
    found: list[tuple[float, set[int]]] = []
    for second, key in zip(start[order].tolist(), pitch[order].tolist(), strict=True):
        if not found or second - found[-1][0] > TOGETHER:
            found.append((second, set()))
        found[-1][1].add(key)
    return tuple(Step(second, frozenset(keys)) for second, keys in found)


def score(marks: Collection[Mark]) -> Score:
    """The marks in numbers."""
    count = {verdict: sum(mark.verdict is verdict for mark in marks) for verdict in Verdict}
    offsets = [mark.offset_ms for mark in marks if mark.offset_ms is not None]
    return Score(
        **{verdict.value: count[verdict] for verdict in Verdict},
        offset_ms=sum(offsets) / len(offsets) if offsets else None,
        spread_ms=sum(map(abs, offsets)) / len(offsets) if offsets else None,
    )


class Practice:
    """One player at one song.

    ``jump`` when the playhead goes elsewhere, ``advance`` while it moves, ``press`` for every key.

    Attributes:
        octaves: whether a key counts in every octave.
        marks: of this pass, in the order in which they came about.
        passes: scores of the passes before; a jump ends a pass in which something happened.
        holding: whether the playhead waits for the player.
    """

    def __init__(self, chords: tuple[Step, ...], mode: Mode = Mode.FOLLOW, *, octaves: bool = False) -> None:
        self.steps, self.mode, self.octaves = chords, mode, octaves
        self.marks: list[Mark] = []
        self.passes: list[Score] = []
        self.holding = False
        self._seconds = [step.second for step in chords]
        self._next = 0
        self._left: dict[int, set[int]] = {}

    @property
    def expected(self) -> frozenset[int]:
        """Keys of the chord that comes next, or is waited for, which were not pressed yet."""
        return frozenset(self._keys(self._next)) if self._next < len(self.steps) else frozenset()

    @property
    def score(self) -> Score:
        """Of this pass; of the last one while nothing has happened in this one."""
        return score(self.marks) if self.marks or not self.passes else self.passes[-1]

    @property
    def finished(self) -> bool:
        """Whether all chords are over."""
        return self._next >= len(self.steps)

    def jump(self, second: float) -> None:
        """The playhead goes to ``second``: chords from there on are expected anew."""
        if self.marks:
            self.passes.append(score(self.marks))
        self.marks, self.holding = [], False
        # Whoever goes to a chord means that chord, also when the place is a hair after it.
        self._next = bisect_left(self._seconds, second - LEAD)
        self._left.clear()

    def advance(self, second: float, speed: float = 1.0) -> float | None:
        """The playhead has come to ``second``; returns where it must wait, or None when it may go on."""
        if self.mode is Mode.FOLLOW:
            while not self.finished and self._seconds[self._next] + REACH * speed < second:
                self._miss()
            return None
        while not self.finished and self._seconds[self._next] - LEAD * speed <= second:
            if self._keys(self._next):
                self.holding = True
                return self._seconds[self._next] - LEAD * speed
            self._pass()
        return None

    def finish(self, second: float) -> None:
        """The song, or the loop, ends at ``second``: whatever was expected before and not pressed is missed."""
        while self.mode is Mode.FOLLOW and not self.finished and self._seconds[self._next] < second:
            self._miss()

    def press(self, pitch: int, second: float, speed: float = 1.0) -> Mark:
        """A key goes down while the playhead is at ``second``. A wrong one is counted and stops nothing."""
        mark = self._match(pitch, second, speed)
        self.marks.append(mark)
        if self.holding and not self._keys(self._next):
            self._pass()
        return mark

    def _match(self, pitch: int, second: float, speed: float) -> Mark:
        for index in range(self._next, len(self.steps)):
            at = self._seconds[index]
            if at - REACH * speed > second:
                break
            key = self._wanted(index, pitch)
            if key is None:
                continue
            self._keys(index).discard(key)
            if self.holding and index == self._next:
                return Mark(index, pitch, Verdict.RIGHT)
            offset = (second - at) / speed
            verdict = Verdict.RIGHT if abs(offset) <= GOOD else Verdict.EARLY if offset < 0 else Verdict.LATE
            return Mark(index, pitch, verdict, offset * 1000)
        return Mark(-1, pitch, Verdict.WRONG)

    def _wanted(self, index: int, pitch: int) -> int | None:
        """The key of a chord that a pressed one stands for."""
        keys = self._keys(index)
        if pitch in keys:
            return pitch
        same = [key for key in keys if (key - pitch) % 12 == 0] if self.octaves else []
        return min(same, key=lambda key: abs(key - pitch), default=None)

    def _keys(self, index: int) -> set[int]:
        """Keys of a chord that were not pressed yet."""
        return self._left.setdefault(index, set(self.steps[index].pitches))

    def _miss(self) -> None:
        self.marks += [Mark(self._next, pitch, Verdict.MISSED) for pitch in sorted(self._keys(self._next))]
        self._pass()

    def _pass(self) -> None:
        self._left.pop(self._next, None)
        self._next += 1
        self.holding = False
