"""What stands beside the notes: tempo, dynamics, chord symbols and pedal, as few of each as tell the player what to do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from desktop.piano.cover import Chord, Cover, Grid
from desktop.piano.score.metre import EIGHTH, Metre
from desktop.piano.score.model import Mark, MarkKind, Note
from desktop.piano.score.spelling import Speller, name_at

_LEVELS = (("pp", 0), ("p", 46), ("mp", 58), ("mf", 69), ("f", 82), ("ff", 98))
"""Dynamics and the mean velocity of the leading notes from which they hold."""
_PHRASE = 4
"""Bars that share a dynamic."""
_CLEAR = 6.0
"""Velocity by which a phrase must differ from the last marked one."""
_DRIFT = 0.09
"""Share by which the tempo must have changed for good to be marked again."""
_STEADY = 4

Placed = tuple[int, Mark]
"""Tick and mark; the mark's own ``at`` is set when the bar is known."""


def tempo_marks(grid: Grid, metre: Metre, starts: Sequence[int]) -> list[Placed]:
    """The tempo at the beginning and wherever it changes for at least four bars; ``starts``: first tick of each bar."""
    first = starts[0]
    pulse = 3.0 if metre.compound else 1.0
    edges = np.array([*starts, starts[-1] + metre.bar]) / metre.beat
    seconds = grid.seconds(edges)
    lengths = np.diff(edges)
    local = 60.0 * lengths / np.diff(seconds) / pulse
    begin = float(np.median(local[: 2 * _STEADY]))
    if len(starts) <= 2 * _STEADY or np.max(np.abs(local / grid.tempo * pulse - 1)) < _DRIFT:
        begin = grid.tempo / pulse
    marks = [(first, Mark(MarkKind.TEMPO, 0, tempo=begin))]
    for bar in range(_STEADY, len(starts) - _STEADY):
        after = float(np.median(local[bar : bar + _STEADY]))
        settled = np.ptp(local[bar : bar + _STEADY]) < _DRIFT * after
        if settled and abs(after / marks[-1][1].tempo - 1) > _DRIFT and starts[bar] - marks[-1][0] >= _STEADY * metre.bar:
            marks.append((starts[bar], Mark(MarkKind.TEMPO, 0, tempo=after)))
    return marks


def dynamic_marks(notes: Sequence[Note], starts: Sequence[int]) -> list[Placed]:
    """A dynamic at the beginning of a phrase of four bars when it is clearly softer or louder than the one before."""
    tops: dict[int, int] = {}
    for note in notes:
        tops[note.start] = max(tops.get(note.start, 0), note.velocity)
    onsets = np.array(sorted(tops))
    loud = np.array([tops[at] for at in onsets.tolist()], np.float64)
    marks: list[Placed] = []
    marked = -100.0
    for number in range(0, len(starts), _PHRASE):
        begin = starts[number]
        end = starts[number + _PHRASE] if number + _PHRASE < len(starts) else np.inf
        inside = (onsets >= begin) & (onsets < end)
        if not inside.any():
            continue
        mean = float(loud[inside].mean())
        level = _level(mean)
        if abs(mean - marked) >= _CLEAR and (not marks or level != marks[-1][1].text):
            marks.append((int(onsets[inside][0]), Mark(MarkKind.DYNAMIC, 0, level)))
            marked = mean
    return marks


def _level(velocity: float) -> str:
    return next(name for name, least in reversed(_LEVELS) if velocity >= least)


def chord_marks(chords: Sequence[Chord], speller: Speller, metre: Metre) -> list[Placed]:
    """A symbol where the harmony changes."""
    marks: list[Placed] = []
    before: tuple[int, str, int] | None = None
    for chord in chords:
        kind = (chord.root, chord.quality, chord.bass)
        if kind == before:
            continue
        before = kind
        tick = round(chord.start * metre.beat / EIGHTH) * EIGHTH
        root = name_at(speller.root(chord.root), 60 + chord.root)
        bass = name_at(speller.place(60 + chord.bass, chord.start), 60 + chord.bass) if chord.bass != chord.root else None
        if marks and marks[-1][0] == tick:
            marks.pop()
        marks.append((tick, Mark(MarkKind.CHORD, 0, chord.quality, root=root, bass=bass)))
    return marks


def pedal_marks(cover: Cover, metre: Metre, first: int, last: int) -> list[Placed]:
    """Pedal down, changed and up. It is pressed just after a note sounds, and written under that note."""
    spans: list[list[int]] = []
    for down, up in zip(cover.pedals["down"].tolist(), cover.pedals["up"].tolist(), strict=True):
        start = max(first, round((down * metre.beat - 2) / EIGHTH) * EIGHTH)
        end = min(last, round(up * metre.beat / EIGHTH) * EIGHTH)
        if end <= start:
            continue
        if spans and start - spans[-1][1] <= EIGHTH:
            # Lifted only to be pressed again: the lines meet.
            spans[-1][1] = start
        spans.append([start, end])
    marks: list[Placed] = []
    for start, end in spans:
        marks.append((start, Mark(MarkKind.PEDAL, 0, "start")))
        marks.append((end, Mark(MarkKind.PEDAL, 0, "stop")))
    return marks
