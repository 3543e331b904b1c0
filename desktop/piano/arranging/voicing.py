"""Where the notes of a chord go: bass lines, open ladders for the left hand, and inner voices below a melody."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations, pairwise

from desktop.piano.cover import Chord

_MUDDY = ((41, 7), (48, 5), (55, 3))
"""Low interval limits: below this pitch the next note must be at least so many semitones above."""


def nearest_pitch(pitch_class: int, target: float, low: int, high: int) -> int:
    """The pitch of a class in ``low``..``high`` (at least an octave wide) that is nearest to ``target``."""
    return min((p for p in range(low, high + 1) if p % 12 == pitch_class), key=lambda p: (abs(p - target), p))


def bass_pitch(pitch_class: int, before: int | None, centre: int) -> int:
    """Bass note within an octave about ``centre``, moving as little as possible from the one before."""
    low, high = centre - 8, centre + 7
    candidates = [p for p in range(low, high + 1) if p % 12 == pitch_class]
    return min(candidates, key=lambda p: (0 if before is None else abs(p - before)) + 0.6 * abs(p - centre))


def is_clear(pitches: Sequence[int]) -> bool:
    """Whether a chord (rising) has no muddy interval in the low register."""
    for below, above in pairwise(pitches):
        for limit, least in _MUDDY:
            if below < limit and above - below < least:
                return False
    return True


def ladder(chord: Chord, bass: int, top: int) -> list[int]:
    """Rising chord tones from ``bass`` up to ``top`` in open position: the first step is a fifth or more down low."""
    classes = set(chord.pitch_classes)
    steps = [bass]
    for pitch in range(bass + 1, top + 1):
        if pitch % 12 in classes and is_clear([steps[-1], pitch]) and (len(steps) > 1 or pitch - bass >= 6 or bass >= 50):
            steps.append(pitch)
    return steps


def close_chord(chord: Chord, low: int, high: int, before: Sequence[int], size: int) -> list[int]:
    """``size`` chord tones between ``low`` and ``high`` that move least from the voicing before and keep the third."""
    tones = [p for p in range(low, high + 1) if p % 12 in chord.pitch_classes]
    return _best(chord, tones, before, size, (low + high) / 2)


def inner_voices(
    chord: Chord, melody: int, before: Sequence[int], size: int, low: int, span: int, taken: Iterable[int]
) -> list[int]:
    """Up to ``size`` chord tones below ``melody``, within ``span`` of it and not below ``low``, moving least.

    Nothing within two semitones of the melody, nothing that is ``taken`` by the other hand.
    """
    classes = set(chord.pitch_classes) - {melody % 12}
    held = set(taken)
    tones = [p for p in range(max(low, melody - span), melody - 2) if p % 12 in classes and p not in held]
    for count in range(size, 0, -1):
        chosen = _best(chord, tones, before, count, melody - 7)
        if chosen:
            return chosen
    return []


def _best(chord: Chord, tones: Sequence[int], before: Sequence[int], size: int, centre: float) -> list[int]:
    third = chord.pitch_classes[1]
    best: tuple[int, ...] = ()
    least = float("inf")
    for choice in combinations(tones, size):
        if len({p % 12 for p in choice}) < size or not is_clear(choice):
            continue
        cost = 0.25 * sum(abs(p - centre) for p in choice) / size
        cost += 0.0 if any(p % 12 == third for p in choice) else 2.5
        cost += sum(2.0 for a, b in pairwise(choice) if b - a < 3)
        if before:
            cost += sum(min(abs(p - q) for q in before) for p in choice) / size
        if cost < least:
            least, best = cost, choice
    return list(best)
