"""Can two hands play it? Counts what they cannot, and says what a cover is like.

Limits follow what pianists agree on: a hand spans a tenth or so, has five fingers, needs time to travel, and a key
repeats about eight times a second at most.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np

from desktop.piano.cover import LEFT, RIGHT, Cover, Floats, Grid, Notes

LOWEST, HIGHEST = 21, 108
TOGETHER = 0.001
"""Seconds within which notes are struck at once."""


@dataclass(frozen=True)
class Limits:
    """What a hand can do.

    Attributes:
        span: semitones between its outer fingers.
        fingers: keys it holds at once.
        speed: semitones a second that it travels beyond what its span reaches.
        repeat: seconds between two strokes of the same key.
    """

    span: int = 14
    fingers: int = 5
    speed: float = 60.0
    repeat: float = 0.125


LIMITS = {"easy": Limits(span=12, fingers=3, speed=40.0), "medium": Limits(), "full": Limits()}


class Kind(StrEnum):
    """What is wrong with a note."""

    RANGE = "range"
    SPAN = "span"
    FINGERS = "fingers"
    JUMP = "jump"
    COLLISION = "collision"
    REPEAT = "repeat"


@dataclass(frozen=True)
class Violation:
    """Something that cannot be played, at ``seconds``, by ``hand`` (-1: a matter of both)."""

    kind: Kind
    seconds: float
    hand: int


def violations(notes: Notes, grid: Grid, limits: Limits = LIMITS["full"]) -> list[Violation]:
    """Everything in ``notes`` (array of ``NOTE``) that two hands cannot play; fingers that still hold keys count."""
    start, end = grid.seconds(notes["start"]), grid.seconds(notes["end"])
    found = [
        Violation(Kind.RANGE, float(start[i]), int(notes["hand"][i]))
        for i in np.flatnonzero((notes["pitch"] < LOWEST) | (notes["pitch"] > HIGHEST))
    ]
    for hand in (RIGHT, LEFT):
        mine = notes["hand"] == hand
        found += _hand(hand, start[mine], end[mine], notes["pitch"][mine].astype(int), limits)
    found += _keys(start, end, notes["pitch"].astype(int), limits)
    return sorted(found, key=lambda violation: violation.seconds)


def reach(before: tuple[int, int], after: tuple[int, int], span: int) -> int:
    """Semitones a hand must travel from keys ``before`` (lowest, highest) to ``after`` beyond what its span covers."""
    return max(0, after[1] - span - before[0], before[1] - span - after[0])


def onsets(start: Floats) -> Iterator[tuple[int, int]]:
    """Slices (first, last + 1) of the notes struck together; ``start`` rises."""
    first = 0
    for i in range(1, len(start) + 1):
        if i == len(start) or start[i] - start[first] > TOGETHER:
            yield first, i
            first = i


def _hand(
    hand: int, start: Floats, end: Floats, pitch: np.ndarray[tuple[int], np.dtype[np.int64]], limits: Limits
) -> Iterator[Violation]:
    held: list[int] = []
    position: tuple[int, int] | None = None
    then = 0.0
    for first, last in onsets(start):
        now = float(start[first])
        held = [i for i in held if end[i] > now + TOGETHER] + list(range(first, last))
        keys = pitch[held]
        low, high = int(keys.min()), int(keys.max())
        if high - low > limits.span:
            yield Violation(Kind.SPAN, now, hand)
        if len(set(keys.tolist())) > limits.fingers:
            yield Violation(Kind.FINGERS, now, hand)
        if position is not None and reach(position, (low, high), limits.span) > limits.speed * (now - then) + 1e-6:
            yield Violation(Kind.JUMP, now, hand)
        position, then = (low, high), now


def _keys(start: Floats, end: Floats, pitch: np.ndarray[tuple[int], np.dtype[np.int64]], limits: Limits) -> Iterator[Violation]:
    order = np.lexsort((start, pitch))
    for i, j in pairwise(order.tolist()):
        if pitch[i] != pitch[j]:
            continue
        if start[j] < end[i] - TOGETHER:
            yield Violation(Kind.COLLISION, float(start[j]), -1)
        elif start[j] - start[i] < limits.repeat - 1e-6:
            yield Violation(Kind.REPEAT, float(start[j]), -1)


def statistics(cover: Cover, limits: Limits = LIMITS["full"]) -> dict[str, float | int | dict[str, int]]:
    """What the cover is like, as plain data for the summary: counts, rates, range, velocities, violations by kind."""
    notes = cover.notes
    found = violations(notes, cover.grid, limits)
    start, _ = cover.note_seconds()
    seconds = max(1.0, float(start.max() - start.min()) if len(start) else 1.0)
    chords = [last - first for first, last in onsets(start)]
    velocity = notes["velocity"].astype(float)
    return {
        "notes": len(notes),
        "notes_per_second": round(len(notes) / seconds, 2),
        "right_per_second": round(int(np.sum(notes["hand"] == RIGHT)) / seconds, 2),
        "left_per_second": round(int(np.sum(notes["hand"] == LEFT)) / seconds, 2),
        "notes_per_onset": round(float(np.mean(chords)), 2) if chords else 0.0,
        "lowest": int(notes["pitch"].min()) if len(notes) else 0,
        "highest": int(notes["pitch"].max()) if len(notes) else 0,
        "velocity_mean": round(float(velocity.mean()), 1) if len(notes) else 0.0,
        "velocity_spread": round(float(velocity.std()), 1) if len(notes) else 0.0,
        "pedals": len(cover.pedals),
        "violations": len(found),
        "violations_by_kind": {
            str(kind): sum(v.kind == kind for v in found) for kind in Kind if any(v.kind == kind for v in found)
        },
    }
