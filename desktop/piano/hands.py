"""Make an arrangement playable: what two hands cannot do is repaired, and the melody is the last thing to give way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from desktop.piano.arranging.draft import Draft, Role, to_notes
from desktop.piano.cover import LEFT, RIGHT, Grid
from desktop.piano.playability import HIGHEST, LOWEST, TOGETHER, Limits, reach, violations

_LIFT = 0.02
"""Seconds that a finger is off a key before it strikes it again."""
_BRIEF = 0.04
"""Seconds: a note that would be cut shorter than this is dropped."""
_ROUNDS = 12


def make_playable(drafts: Iterable[Draft], grid: Grid, limits: Limits) -> list[Draft]:
    """Repair ``drafts`` so that ``violations`` finds nothing; the drafts are changed.

    Notes are folded into the keyboard; a key is struck by one finger at a time; a hand lets go of accompaniment it can no
    longer hold, leaves out what it cannot reach, and only when nothing else is left plays a melody note in another octave.
    """
    notes = [_folded(draft) for draft in drafts]
    for _ in range(_ROUNDS):
        times = _Times(grid, notes)
        notes = _one_finger_a_key(notes, times, limits)
        for hand in (RIGHT, LEFT):
            notes = _reachable(notes, hand, times, limits)
        if not violations(to_notes(notes), grid, limits):
            break
    return sorted(notes, key=lambda draft: (draft.start, draft.pitch))


class _Times:
    """Seconds of drafts, and back."""

    def __init__(self, grid: Grid, notes: Sequence[Draft]) -> None:
        self._grid = grid
        starts = grid.seconds(np.array([n.start for n in notes]))
        self._starts = {id(note): float(at) for note, at in zip(notes, starts, strict=True)}

    def start(self, note: Draft) -> float:
        return self._starts[id(note)]

    def end(self, note: Draft) -> float:
        return float(self._grid.seconds(note.end))

    def cut(self, note: Draft, seconds: float) -> bool:
        """End ``note`` by ``seconds``; False when too little of it would be left."""
        if seconds - self.start(note) < _BRIEF:
            return False
        note.end = min(note.end, float(self._grid.beats(seconds)))
        return True


def _folded(draft: Draft) -> Draft:
    while draft.pitch < LOWEST:
        draft.pitch += 12
    while draft.pitch > HIGHEST:
        draft.pitch -= 12
    return draft


def _one_finger_a_key(notes: list[Draft], times: _Times, limits: Limits) -> list[Draft]:
    """No key struck while it is down or sooner than it can repeat."""
    dropped: set[int] = set()
    for pitch in {note.pitch for note in notes}:
        previous: Draft | None = None
        for note in sorted((n for n in notes if n.pitch == pitch), key=lambda n: (n.start, n.role)):
            if previous is not None:
                loser = _clash(previous, note, times, limits)
                if loser is not None:
                    dropped.add(id(loser))
                    if loser is note:
                        continue
            previous = note
    return [note for note in notes if id(note) not in dropped]


def _clash(before: Draft, after: Draft, times: _Times, limits: Limits) -> Draft | None:
    """The one of two strokes of a key that must go, if any; the first is cut short where that is enough."""
    gap = times.start(after) - times.start(before)
    overlap = times.end(before) > times.start(after) + TOGETHER / 2
    if gap >= limits.repeat and (not overlap or before.role != Role.MELODY or after.role == Role.MELODY):
        if times.end(before) > times.start(after) - _LIFT:
            times.cut(before, times.start(after) - _LIFT)
        return None
    if gap >= limits.repeat and not overlap:
        return None
    loser = before if after.role < before.role else after
    if loser is after and before.role == after.role:
        before.end = max(before.end, after.end)
    return loser


def _reachable(notes: list[Draft], hand: int, times: _Times, limits: Limits) -> list[Draft]:
    """One hand's notes so that it can hold and reach them; the other hand's stay."""
    mine = sorted((n for n in notes if n.hand == hand), key=lambda n: (n.start, n.role))
    kept: list[Draft] = [n for n in notes if n.hand != hand]
    held: list[Draft] = []
    position: tuple[int, int] | None = None
    then = 0.0
    index = 0
    while index < len(mine):
        now = times.start(mine[index])
        struck: list[Draft] = []
        while index < len(mine) and times.start(mine[index]) - now <= TOGETHER:
            struck.append(mine[index])
            index += 1
        held = [n for n in held if times.end(n) > now + TOGETHER]
        travel = limits.span * 10.0 if position is None else limits.speed * (now - then)
        chosen = _choose(sorted(struck, key=_importance), held, position, travel, limits)
        released = [n for n in held if not _fits([*chosen, n], limits)]
        for note in released:
            # Cutting at its own start is impossible: `_choose` never lets go of what has just been struck.
            times.cut(note, now)
        held = [n for n in held if n not in released]
        held = _few_enough(chosen, held, times, now, limits) + chosen
        kept += chosen
        if held:
            keys = [n.pitch for n in held]
            position, then = (min(keys), max(keys)), now
    return kept


def _importance(note: Draft) -> tuple[int, int]:
    return (note.role, -note.pitch if note.hand == RIGHT else note.pitch)


def _choose(
    struck: Sequence[Draft], held: Sequence[Draft], position: tuple[int, int] | None, travel: float, limits: Limits
) -> list[Draft]:
    """Those of the notes struck together that the hand can play, most important first, with held melody kept down."""
    fixed = [n for n in held if n.role == Role.MELODY]
    chosen: list[Draft] = []
    for note in struck:
        if note.role == Role.MELODY and not chosen:
            _toward(note, position, travel, limits)
            fixed = [n for n in fixed if _fits([n, note], limits)]
            chosen.append(note)
            continue
        together = [*chosen, *fixed, note]
        if _fits(together, limits) and note.pitch not in {n.pitch for n in together[:-1]}:
            keys = [n.pitch for n in together]
            if position is None or reach(position, (min(keys), max(keys)), limits.span) <= travel:
                chosen.append(note)
    return chosen


def _toward(note: Draft, position: tuple[int, int] | None, travel: float, limits: Limits) -> None:
    """Move a melody note by octaves when the hand cannot be there in time."""
    if position is None or reach(position, (note.pitch, note.pitch), limits.span) <= travel:
        return
    middle = (position[0] + position[1]) / 2
    near = [p for p in range(note.pitch % 12, HIGHEST + 1, 12) if p >= LOWEST]
    note.pitch = min(near, key=lambda p: (abs(p - middle), p))


def _fits(notes: Sequence[Draft], limits: Limits) -> bool:
    keys = {n.pitch for n in notes}
    return len(keys) <= limits.fingers and max(keys) - min(keys) <= limits.span


def _few_enough(chosen: Sequence[Draft], held: list[Draft], times: _Times, now: float, limits: Limits) -> list[Draft]:
    """Held notes that still have a finger and lie within reach together with the struck ones; the others are let go."""
    stay: list[Draft] = []
    for note in sorted(held, key=lambda n: (n.role, -n.start)):
        if _fits([*chosen, *stay, note], limits):
            stay.append(note)
        else:
            times.cut(note, now)
    return stay
