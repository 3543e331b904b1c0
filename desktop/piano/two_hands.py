"""Which hand plays which note of a single track: the cheapest way through the song, chord by chord."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_HOME = 45.0, 71.0
"""Pitches about which left and right are at home."""
_FAR_LEFT, _FAR_RIGHT = 64, 55
"""Pitches beyond which a hand would rather not play alone."""
_SPAN, _FINGERS = 12, 5
_COST_SPAN, _COST_FINGER, _COST_MOVE, _COST_HOME, _COST_FAR = 4.0, 12.0, 0.12, 0.08, 0.5
_BEAM = 8


@dataclass(frozen=True)
class _Path:
    """The cheapest way found to a chord: its cost, where the hands are after it, the split there, and the way before it."""

    cost: float
    left: float
    right: float
    split: int = 0
    before: _Path | None = None


def splits(chords: Sequence[Sequence[int]]) -> list[int]:
    """How many of the lowest notes of each chord the left hand plays.

    A hand pays for what it cannot span or has no finger for, for moving, and for playing where the other is at home.

    Args:
        chords: pitches struck together, rising, in the order of time.
    """
    beam = [_Path(0.0, *_HOME)]
    for chord in chords:
        tried: dict[int, _Path] = {}
        for path in beam:
            for count in range(len(chord) + 1):
                found = _with(path, chord, count)
                if count not in tried or found.cost < tried[count].cost:
                    tried[count] = found
        beam = sorted(tried.values(), key=lambda path: path.cost)[:_BEAM]
    way: list[int] = []
    last = beam[0]
    while last.before is not None:
        way.append(last.split)
        last = last.before
    return way[::-1]


def _with(path: _Path, chord: Sequence[int], count: int) -> _Path:
    cost = path.cost
    places = []
    for hand, (keys, at) in enumerate(((chord[:count], path.left), (chord[count:], path.right))):
        if not len(keys):
            places.append(at)
            continue
        middle = (keys[0] + keys[-1]) / 2
        cost += _COST_SPAN * max(0, keys[-1] - keys[0] - _SPAN) + _COST_FINGER * max(0, len(keys) - _FINGERS)
        cost += _COST_MOVE * abs(middle - at) + _COST_HOME * abs(middle - _HOME[hand])
        cost += _COST_FAR * (max(0, keys[-1] - _FAR_LEFT) if hand == 0 else max(0, _FAR_RIGHT - keys[0]))
        places.append(middle)
    return _Path(cost, places[0], places[1], count, path)
