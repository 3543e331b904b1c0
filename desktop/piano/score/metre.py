"""Bars as a pianist reads them: signature, grouping of beats, and how strong each moment of a bar is.

All lengths of this package are whole ticks, ``QUARTER`` to a quarter note: fine enough for 32nds and for triplets of sixteenths.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from desktop.piano.cover import Grid

QUARTER = 24
EIGHTH, SIXTEENTH, THIRTY_SECOND = QUARTER // 2, QUARTER // 4, QUARTER // 8
_FAST = 132.0
"""Beats a minute from which a six is felt in two, and written in eighths."""
_GROUPS = {
    4: (2, 2), 5: (3, 2), 6: (3, 3), 7: (4, 3), 8: (4, 4), 9: (3, 3, 3), 10: (4, 3, 3), 11: (4, 4, 3), 12: (3, 3, 3, 3),
}  # fmt: skip
_BAR, _GROUP, _BEAT = 5, 4, 3


@dataclass(frozen=True)
class Metre:
    """A time signature: ``beats`` notes of a quarter (``unit`` 4) or an eighth (``unit`` 8) in a bar."""

    beats: int
    unit: int = 4

    @cached_property
    def beat(self) -> int:
        """Ticks of a beat of the cover's grid."""
        return 4 * QUARTER // self.unit

    @cached_property
    def bar(self) -> int:
        """Ticks of a whole bar."""
        return self.beats * self.beat

    @property
    def compound(self) -> bool:
        """Whether three eighths make the pulse that is felt (6/8, 9/8, 12/8)."""
        return self.unit == 8

    @cached_property
    def groups(self) -> tuple[int, ...]:
        """Ticks at which groups of beats begin; the first is 0."""
        parts = _GROUPS.get(self.beats, (self.beats,))
        return tuple(start * self.beat for start in accumulate(parts[:-1], initial=0))

    def group(self, at: int) -> tuple[int, int]:
        """First tick of the group that ``at`` lies in, and of the next one."""
        start = max(g for g in self.groups if g <= at)
        return start, min((g for g in self.groups if g > at), default=self.bar)

    def strength(self, at: int) -> int:
        """How strong a moment of the bar is: 5 bar line, 4 group of beats, 3 beat, 2 eighth, 1 sixteenth, 0 less."""
        if at % self.bar == 0:
            return _BAR
        if at in self.groups:
            return _GROUP
        if not self.compound and at % QUARTER == 0:
            return _BEAT
        return 2 if at % EIGHTH == 0 else 1 if at % SIXTEENTH == 0 else 0

    def strongest(self, start: int, end: int) -> tuple[int, list[int]]:
        """The greatest strength strictly between two moments of a bar and where it is found; -1 when there is nothing."""
        inside = range(start // THIRTY_SECOND * THIRTY_SECOND + THIRTY_SECOND, end, THIRTY_SECOND)
        best = max(map(self.strength, inside), default=-1)
        return best, [at for at in inside if self.strength(at) == best]


def metre_of(grid: Grid) -> Metre:
    """How the bars of ``grid`` are written: its beats are quarters, or eighths where they are too fast to be felt as beats."""
    return Metre(grid.meter, 8 if grid.meter in (6, 9, 12) and grid.tempo >= _FAST else 4)
