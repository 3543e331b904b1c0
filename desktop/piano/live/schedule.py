"""A cover as MIDI messages in time: what is to be sent between two moments of the song."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from desktop.piano.cover import LEFT, RIGHT, Cover, Floats

NOTE_OFF, NOTE_ON, CONTROL = 0x80, 0x90, 0xB0
SUSTAIN, ALL_NOTES_OFF = 64, 123
HANDS = (RIGHT, LEFT)
"""A hand's number is its MIDI channel's, counted from 0."""
SHORTEST = 0.02
"""Seconds that a key is held at least: instruments swallow what is shorter."""
Bytes = tuple[int, int, int]


@dataclass(frozen=True)
class Schedule:
    """Messages in the order in which they are sent.

    Attributes:
        seconds: of the song, rising, [n].
        data: the messages' bytes, [n, 3].
        down, up: when the pedal goes down and comes up, in seconds.
        channels: that are used.
    """

    seconds: Floats
    data: npt.NDArray[np.uint8]
    down: Floats
    up: Floats
    channels: tuple[int, ...] = HANDS

    def between(self, first: float, last: float) -> list[tuple[float, Bytes]]:
        """Messages from ``first`` on and before ``last``, with their seconds."""
        begin, end = np.searchsorted(self.seconds, (first, last))
        rows = self.data[begin:end].tolist()
        return [(second, (a, b, c)) for second, (a, b, c) in zip(self.seconds[begin:end].tolist(), rows, strict=True)]

    def pedal_at(self, second: float) -> list[Bytes]:
        """What brings the pedal to where it is when playing begins at ``second``; a span that starts just then is not counted."""
        span = int(np.searchsorted(self.down, second, side="left")) - 1
        held = span >= 0 and second < self.up[span]
        return [(CONTROL | channel, SUSTAIN, 127) for channel in self.channels] if held else []

    @property
    def end(self) -> float:
        """Second of the last message; 0 when there is none."""
        return float(self.seconds[-1]) if len(self.seconds) else 0.0


def schedule(cover: Cover, hands: Collection[int] = HANDS, *, one_channel: bool = False) -> Schedule:
    """The messages of the chosen hands; right hand on channel 1, left hand on channel 2 (or both on 1), each with the pedal.

    At one moment the pedal comes up first, then keys, then the pedal goes down, then keys do. A key that is struck again while
    it is held is let go just before.
    """
    chosen = tuple(hand for hand in HANDS if hand in hands)
    parts = {0: chosen} if one_channel and chosen else {hand: (hand,) for hand in chosen}
    down, up = (np.maximum(cover.grid.seconds(cover.pedals[name]), 0.0) for name in ("down", "up"))
    seconds: list[Floats] = []
    data: list[npt.NDArray[np.uint8]] = []
    ranks: list[npt.NDArray[np.int64]] = []

    def add(at: Floats, rank: int, status: int, first: npt.ArrayLike, second: npt.ArrayLike) -> None:
        rows = np.empty((len(at), 3), np.uint8)
        rows[:, 0], rows[:, 1], rows[:, 2] = status, first, second
        seconds.append(at)
        data.append(rows)
        ranks.append(np.full(len(at), rank))

    for channel, mine in parts.items():
        start, end, pitch, velocity = _keys(cover, mine)
        add(up, 0, CONTROL | channel, SUSTAIN, 0)
        add(end, 1, NOTE_OFF | channel, pitch, 64)
        add(down, 2, CONTROL | channel, SUSTAIN, 127)
        add(start, 3, NOTE_ON | channel, pitch, np.maximum(velocity, 1))
    if not parts:
        return Schedule(np.zeros(0), np.zeros((0, 3), np.uint8), down, up, ())
    at = np.concatenate(seconds)
    order = np.lexsort((np.concatenate(ranks), at))
    return Schedule(at[order], np.concatenate(data)[order], down, up, tuple(parts))


def _keys(cover: Cover, hands: Collection[int]) -> tuple[Floats, Floats, npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Start, end, pitch and velocity of the hands' keys, no two of one pitch at a time."""
    start, end = cover.note_seconds()
    mine = np.isin(cover.notes["hand"], list(hands)) & (end > 0)
    start, pitch, velocity = np.maximum(start[mine], 0.0), cover.notes["pitch"][mine], cover.notes["velocity"][mine]
    end = np.maximum(end[mine], start + SHORTEST)
    order = np.lexsort((end, start, pitch))
    start, end, pitch, velocity = start[order], end[order], pitch[order], velocity[order]
    again = pitch[1:] == pitch[:-1]
    end[:-1] = np.where(again, np.minimum(end[:-1], start[1:]), end[:-1])
    kept = end > start
    return start[kept], end[kept], pitch[kept], velocity[kept]
