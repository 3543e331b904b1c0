"""From the player's clock to the moments at which messages are due. Pure: every time is handed in.

A player mixes sound ahead of what is heard, block after block; a loop is a block that starts elsewhere than the one before
ended. The blocks in their order make a stream; what is heard now tells how the stream lies in real time.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from desktop.piano.live.schedule import Bytes, Schedule

SNAP = 0.06
"""Seconds off from which the course jumps to what is heard instead of gliding there."""
GLIDE = 0.06
"""Share of a smaller difference that is taken over with each look at the clock: sound devices report in steps."""
KEPT = 1.0
"""Seconds of stream that are remembered after they were heard."""
GAP = 0.002
"""Seconds between two blocks from which on they do not belong together."""


@dataclass(frozen=True)
class Block:
    """A stretch of the song, ``first``..``last`` seconds, that sounds from ``begin`` seconds of stream on."""

    begin: float
    first: float
    last: float
    speed: float

    @property
    def end(self) -> float:
        """Stream second at which it is over."""
        return self.begin + (self.last - self.first) / self.speed


class Course:
    """What is to be sent when. A message of None asks to let go of all keys and of the pedal.

    Attributes:
        latency: seconds by which everything is sent later (earlier when negative).
    """

    def __init__(self, schedule: Schedule | None = None) -> None:
        self.latency = 0.0
        self._schedule = schedule
        self._blocks: deque[Block] = deque()
        self._pending: deque[tuple[float, Bytes | None]] = deque()
        self._offset: float | None = None
        self._sent = float("-inf")

    @property
    def running(self) -> bool:
        """Whether anything has been mixed since the last stop."""
        return bool(self._blocks)

    def set_schedule(self, schedule: Schedule | None) -> None:
        """Other messages for what is still to come; keys that are down are let go, for their notes may be gone."""
        self._schedule = schedule
        self._pending.clear()
        if not self._blocks:
            return
        self._pending.append((self._sent, None))
        before: Block | None = None
        for block in self._blocks:
            if block.begin <= self._sent < block.end:
                self._chase(self._sent, block.first + (self._sent - block.begin) * block.speed)
            self._place(block, before, self._sent)
            before = block

    def add(self, first: float, last: float, speed: float, now: float) -> None:
        """The next block was mixed: seconds of the song, and how fast they pass.

        ``now``: when it will be heard, if it is the first one; the others follow it.
        """
        if last <= first or speed <= 0:
            return
        before = self._blocks[-1] if self._blocks else None
        block = Block(before.end if before else 0.0, first, last, speed)
        if self._offset is None:
            self._offset = now
        self._place(block, before, float("-inf"))
        self._blocks.append(block)

    def heard(self, second: float, now: float) -> None:
        """Second of the song that is heard at ``now``: moves the course, at once when it is far off, else gently."""
        if self._offset is None:
            return
        guess = now - self._offset
        places = [b.begin + (second - b.first) / b.speed for b in self._blocks if b.first <= second <= b.last]
        if not places:
            return
        error = min((place - guess for place in places), key=abs)
        self._offset -= error if abs(error) > SNAP else GLIDE * error
        while len(self._blocks) > 1 and self._blocks[0].end < guess - KEPT:
            self._blocks.popleft()

    def stop(self) -> None:
        """Forget what was mixed: playing stops, or goes on elsewhere."""
        self._blocks.clear()
        self._pending.clear()
        self._offset, self._sent = None, float("-inf")

    def due(self, now: float) -> list[tuple[float, Bytes | None]]:
        """What is to be sent by ``now``, with the moments at which it should have been; it is not handed out again."""
        if self._offset is None:
            return []
        shift = self._offset + self.latency
        ready: list[tuple[float, Bytes | None]] = []
        while self._pending and self._pending[0][0] + shift <= now:
            at, data = self._pending.popleft()
            self._sent = max(self._sent, at)
            ready.append((at + shift, data))
        self._sent = max(self._sent, now - shift)
        return ready

    def next(self) -> float | None:
        """Moment of the next message, as far as it is known."""
        if self._offset is None or not self._pending:
            return None
        return self._pending[0][0] + self._offset + self.latency

    def _place(self, block: Block, before: Block | None, after: float) -> None:
        """Queue a block's messages that come after a moment of the stream."""
        if block.begin > after:
            if before is not None and abs(before.last - block.first) > GAP:
                self._pending.append((block.begin, None))
                self._chase(block.begin, block.first)
            elif before is None:
                self._chase(block.begin, block.first)
        if self._schedule is not None:
            for second, data in self._schedule.between(block.first, block.last):
                at = block.begin + (second - block.first) / block.speed
                if at > after:
                    self._pending.append((at, data))

    def _chase(self, at: float, second: float) -> None:
        if self._schedule is not None:
            self._pending.extend((at, data) for data in self._schedule.pedal_at(second))
