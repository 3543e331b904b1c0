"""Which accidentals are printed: those that the key and the bar so far do not tell, and a reminder after a bar line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from desktop.piano.score.model import Head, Symbol

_SIGNS = {-2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}
_SHARPS = "FCGDAEB"


def key_alter(step: str, fifths: int) -> int:
    """What the key signature does to a step."""
    if fifths > 0:
        return int(step in _SHARPS[:fifths])
    return -int(step in _SHARPS[::-1][:-fifths]) if fifths else 0


class Accidentals:
    """Goes through the bars of one staff in order."""

    def __init__(self, fifths: int) -> None:
        self._fifths = fifths
        self._before: dict[tuple[str, int], int] = {}

    def bar(self, voices: Sequence[Sequence[Symbol]]) -> list[list[Symbol]]:
        """The voices of the next bar with accidentals."""
        state: dict[tuple[str, int], int] = {}
        done: dict[tuple[int, int], Symbol] = {}
        order = sorted((s.start, v, n) for v, voice in enumerate(voices) for n, s in enumerate(voice))
        for _, v, n in order:
            symbol = voices[v][n]
            done[v, n] = replace(symbol, heads=tuple(self._head(head, state) for head in symbol.heads))
        self._before = {place: alter for place, alter in state.items() if alter != key_alter(place[0], self._fifths)}
        return [[done[v, n] for n in range(len(voice))] for v, voice in enumerate(voices)]

    def _head(self, head: Head, state: dict[tuple[str, int], int]) -> Head:
        place = (head.name.step, head.name.octave)
        if head.tied_from and place not in state:
            # A tie carries its accidental over the bar line, for this note alone.
            return head
        known = state.get(place, key_alter(head.name.step, self._fifths))
        first = place not in state
        state[place] = head.name.alter
        if known != head.name.alter:
            return replace(head, accidental=_SIGNS[head.name.alter])
        if first and self._before.get(place, head.name.alter) != head.name.alter:
            return replace(head, accidental=_SIGNS[head.name.alter], cautionary=True)
        return head
