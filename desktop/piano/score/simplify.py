"""A second voice that carries next to nothing goes back into the first one."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import replace

from desktop.piano.score.lengths import Event
from desktop.piano.score.metre import EIGHTH


def simplified(upper: Sequence[Event], lower: Sequence[Event]) -> list[list[Event]]:
    """Both voices, with those runs of the lower one moved up that overlap the upper one by no more than an eighth.

    What they overlap is cut: a reader gains more from one voice than from the last bit of a held note.
    """
    voice = list(upper)
    kept: list[Event] = []
    for run in _runs(lower):
        if _overlap(run, voice) <= EIGHTH and not _same_onset(run, voice):
            voice = _folded(run, voice)
        else:
            kept += run
    return [voice, kept]


def _runs(events: Sequence[Event]) -> list[list[Event]]:
    """Events that follow one another without a rest longer than an eighth."""
    runs: list[list[Event]] = []
    for event in events:
        if runs and event.start - runs[-1][-1].end <= EIGHTH:
            runs[-1].append(event)
        else:
            runs.append([event])
    return runs


def _near(event: Event, voice: Sequence[Event]) -> range:
    """Indices of those of ``voice`` that sound together with ``event``."""
    first = bisect_right(voice, event.start, key=lambda other: other.end)
    return range(first, bisect_left(voice, event.end, key=lambda other: other.start))


def _overlap(run: Sequence[Event], voice: Sequence[Event]) -> int:
    return sum(min(event.end, voice[n].end) - max(event.start, voice[n].start) for event in run for n in _near(event, voice))


def _same_onset(run: Sequence[Event], voice: Sequence[Event]) -> bool:
    return any(voice[n].start == event.start for event in run for n in _near(event, voice))


def _folded(run: Sequence[Event], voice: Sequence[Event]) -> list[Event]:
    out = list(voice)
    for event in run:
        place = bisect_left(out, event.start, key=lambda other: other.start)
        if place and out[place - 1].end > event.start:
            out[place - 1] = replace(out[place - 1], end=event.start)
        end = min(event.end, out[place].start) if place < len(out) else event.end
        out.insert(place, replace(event, end=end))
    return out
