"""Clefs: a hand that stays far out of its staff gets the other clef, from bar to bar at the most."""

from __future__ import annotations

from collections.abc import Sequence

from desktop.piano.cover import RIGHT
from desktop.piano.score.model import Clef

_STAFF = {Clef.TREBLE: (64, 77), Clef.BASS: (43, 57)}
"""Pitches of the lowest and the highest line."""
_FREE = {True: 9, False: 3}
"""Semitones beyond the staff that are read without a thought: more in the hand's own clef than in the other one."""
_CHANGE = 9.0
_HOME = 0.5


def clefs(bars: Sequence[Sequence[int]], hand: int) -> list[Clef]:
    """The clef of each bar for one hand's pitches in it; changes are rare (Viterbi over two states)."""
    home = Clef.TREBLE if hand == RIGHT else Clef.BASS
    both = (home, Clef.BASS if home is Clef.TREBLE else Clef.TREBLE)
    total = [0.0, _CHANGE]
    back: list[tuple[int, int]] = []
    for pitches in bars:
        now: list[float] = []
        ways: list[int] = []
        for state, clef in enumerate(both):
            stay, move = total[state], total[1 - state] + _CHANGE
            ways.append(state if stay <= move else 1 - state)
            now.append(min(stay, move) + _effort(pitches, clef, home=not state) + (_HOME if state else 0.0))
        back.append((ways[0], ways[1]))
        total = now
    at = 0 if total[0] <= total[1] else 1
    chosen = []
    for before in reversed(back):
        chosen.append(both[at])
        at = before[at]
    return chosen[::-1]


def _effort(pitches: Sequence[int], clef: Clef, *, home: bool) -> float:
    """How hard a bar is to read: ledger lines of its average note, weighted by how many notes there are."""
    low, high = _STAFF[clef]
    free = _FREE[home]
    lines = [max(0, low - free - pitch, pitch - high - free) / 3.5 for pitch in pitches]
    return min(len(lines), 8) * sum(lines) / len(lines) if lines else 0.0
