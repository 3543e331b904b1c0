"""Which place of the song each frame that was made belongs to: the way back from sound that was heard."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

KEPT = 4096
"""Changes of place or speed that are remembered; a device holds far less sound than they span."""


@dataclass(frozen=True)
class Mark:
    """From frame ``made`` on, counted since the start, the song goes on at frame ``song`` with ``speed`` frames a frame.

    ``least``: before the song reaches this frame it rests there (while bars are counted in).
    """

    made: int
    song: float
    speed: float
    least: float = -math.inf

    def at(self, made: int) -> float:
        """Frame of the song that frame ``made`` shows."""
        return max(self.least, self.song + max(0, made - self.made) * self.speed)


class PlayLog:
    """Marks in the order in which their sound was made."""

    def __init__(self) -> None:
        self._marks: deque[Mark] = deque(maxlen=KEPT)
        self.restart(0.0, 1.0)

    @property
    def last(self) -> Mark:
        """What holds now."""
        return self._marks[-1]

    def restart(self, song: float, speed: float, least: float = -math.inf) -> None:
        """The device counts from 0 again."""
        self._marks.clear()
        self._marks.append(Mark(0, song, speed, least))

    def add(self, made: int, song: float, speed: float) -> None:
        """From frame ``made`` on the sound comes from elsewhere, or passes at another speed."""
        self._marks.append(Mark(made, song, speed))

    def song(self, made: int) -> float:
        """Frame of the song that is heard when ``made`` frames were."""
        return self._mark(made).at(made)

    def rests(self, made: int) -> bool:
        """Whether the song had not begun by frame ``made``."""
        mark = self._mark(made)
        return mark.song + max(0, made - mark.made) * mark.speed < mark.least

    def _mark(self, made: int) -> Mark:
        mark = self._marks[0]
        for later in self._marks:
            if later.made > made:
                break
            mark = later
        return mark
