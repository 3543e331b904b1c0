"""Corrections of a cover's beats: pure functions from a cover to a cover.

Two things can happen to the notes. ``relabel``: they sound when they sounded, and only their names (bar, beat) change; that is
for grids that count differently. ``carry``: they stay on their beats, and sound when those do; that is for beats that are moved.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from desktop.errors import UsageError
from desktop.piano.cover import NOTE, PEDAL, Chord, Cover, Floats, Grid, Notes, sort_notes

LEAST_GAP = 0.1
"""Seconds between two beats, at least: what a file of beats may hold."""
LARGEST_GAP = 6.0
ARRANGED_ON = "arranged_on"
"""Key of ``Cover.info``: digest of the grid that the notes were arranged on, present when the present one is another."""
_DIGITS = 6


@dataclass(frozen=True)
class Steady:
    """A cover at one tempo.

    Attributes:
        tempo: beats a minute.
        deviation: largest distance in seconds of a beat from where it was.
    """

    cover: Cover
    tempo: float
    deviation: float


# What happens to the notes


def relabel(cover: Cover, grid: Grid) -> Cover:
    """The cover on another grid, every note, pedal and chord sounding when it sounded before."""
    if _same(cover.grid, grid):
        return _marked(cover, grid)

    def moved(beats: Floats) -> Floats:
        return np.round(grid.beats(cover.grid.seconds(beats)), _DIGITS)

    return _marked(_moved(cover, moved), grid)


def carry(cover: Cover, grid: Grid, later: int = 0) -> Cover:
    """The cover on another grid, everything staying on its beats; those are numbered higher by ``later`` in the new grid."""
    # What was arranged on these beats still is: nothing is noted.
    return replace(_moved(cover, lambda beats: beats + later) if later else cover, grid=grid)


def follow(cover: Cover, grid: Grid) -> Cover:
    """``carry`` where the beats of the new grid are the old ones, moved a little; else ``relabel``."""
    later = _counterpart(cover.grid, grid)
    return relabel(cover, grid) if later is None else carry(cover, grid, later)


def needs_arranging(cover: Cover) -> bool:
    """Whether the cover was arranged on another grid than the one it has now."""
    return ARRANGED_ON in cover.info


# Corrections of the whole grid


def double(cover: Cover) -> Cover:
    """Twice as many beats; raises UsageError when they would be closer than ``LEAST_GAP``."""
    if float(np.diff(cover.grid.times).min()) < 2 * LEAST_GAP:
        raise UsageError("The beats are as close as they can be", remedy="Halve them, or remove single beats.")
    return relabel(cover, cover.grid.doubled())


def halve(cover: Cover) -> Cover:
    """Half as many beats, the first downbeat staying one; raises UsageError when too few would be left."""
    grid = cover.grid.halved()
    if len(grid.times) < 4 or grid is cover.grid or float(np.diff(grid.times).max()) > LARGEST_GAP:
        raise UsageError("There are too few beats to halve them", remedy="Insert beats, or tap along.")
    return relabel(cover, grid)


def shift(cover: Cover, by: float = 0.5) -> Cover:
    """All beats later by a part of a beat; the tempo at the edges fills up what the song has before and after."""
    grid = cover.grid.shifted(by)
    times, downbeat = grid.times, grid.downbeat
    ahead = _before(times[0], times[1] - times[0])
    times = np.concatenate([ahead, times])
    while len(times) > 2 and times[-1] > max(cover.duration, cover.grid.times[-1]):
        times = times[:-1]
    return relabel(cover, replace(grid, times=times, downbeat=(downbeat + len(ahead)) % grid.meter))


def with_downbeat(cover: Cover, beat: int) -> Cover:
    """Beat number ``beat`` starts a bar, and so do those whole bars before and after it."""
    return relabel(cover, cover.grid.with_downbeat(beat))


def with_meter(cover: Cover, meter: int) -> Cover:
    """``meter`` (2..12) beats a bar, the first downbeat staying one."""
    if not 2 <= meter <= 12:
        raise UsageError(f"A bar cannot have {meter} beats", remedy="Choose 2 to 12.")
    return relabel(cover, replace(cover.grid, meter=meter, downbeat=cover.grid.downbeat % meter))


def constant_tempo(cover: Cover) -> Steady:
    """All beats equally far apart, as close to the present ones as possible (least squares); notes follow their beats."""
    times = cover.grid.times
    beats = np.arange(len(times), dtype=np.float64)
    gap, first = np.polynomial.polynomial.polyfit(beats, times, 1)[::-1]
    # Beats before the recording do not exist: the line is tilted about its end rather than cut.
    if first < 0:
        first, gap = 0.0, float(np.dot(beats, times) / np.dot(beats, beats))
    steady = first + gap * beats
    return Steady(carry(cover, replace(cover.grid, times=steady)), 60.0 / gap, float(np.abs(steady - times).max()))


def found(cover: Cover) -> Cover:
    """Back to the beats as they were found; the cover itself when nobody knows them."""
    return cover if cover.found is None else follow(cover, cover.found)


# Single beats


def drag_beat(cover: Cover, index: int, seconds: float, elastic: int = 0) -> Cover:
    """Beat ``index`` moves to ``seconds``, as far as its neighbours let it; notes follow.

    Args:
        elastic: so many beats on either side give way, less the farther they are; 0: the neighbours stay where they are.
    """
    times = cover.grid.times
    if not 0 <= index < len(times):
        raise IndexError(f"there is no beat {index}")
    away = np.abs(np.arange(len(times)) - index)
    share = np.where(away <= elastic, 0.5 + 0.5 * np.cos(np.pi * away / (elastic + 1)), 0.0)
    wanted = seconds - times[index]
    gaps, slopes = np.diff(times), np.diff(share) * wanted
    # Gaps that are out of bounds already may not get worse, whatever the rule says of others.
    room = np.maximum(0.0, np.where(slopes < 0, gaps - LEAST_GAP, LARGEST_GAP - gaps))
    changing = np.abs(slopes) > 1e-12
    part = float(min(1.0, np.min(room[changing] / np.abs(slopes[changing])))) if changing.any() else 1.0
    if wanted * share[0] < 0:
        part = min(part, max(0.0, times[0]) / -(wanted * share[0]))
    return carry(cover, replace(cover.grid, times=times + share * wanted * part))


def insert_beat(cover: Cover, seconds: float) -> Cover:
    """One more beat at ``seconds``; notes stay where they are heard, bars after it begin a beat earlier.

    Raises UsageError when another beat is closer than ``LEAST_GAP``.
    """
    grid = cover.grid
    if seconds < 0 or float(np.abs(grid.times - seconds).min()) < LEAST_GAP:
        raise UsageError("There is a beat already", remedy="Drag it, or insert one farther off.")
    index = int(np.searchsorted(grid.times, seconds))
    downbeat = (grid.downbeat + (index <= grid.downbeat)) % grid.meter
    return relabel(cover, replace(grid, times=np.insert(grid.times, index, seconds), downbeat=downbeat))


def remove_beat(cover: Cover, index: int) -> Cover:
    """One beat less; notes stay where they are heard, bars after it begin a beat later. Two beats stay in any case."""
    grid = cover.grid
    if len(grid.times) <= 2:
        raise UsageError("These beats are the last ones", remedy="Drag them instead.")
    if not 0 <= index < len(grid.times):
        raise IndexError(f"there is no beat {index}")
    downbeat = (grid.downbeat - (index < grid.downbeat)) % grid.meter
    return relabel(cover, replace(grid, times=np.delete(grid.times, index), downbeat=downbeat))


# Inside


def _before(first: float, gap: float) -> Floats:
    """Beats every ``gap`` seconds before ``first``, from the start of the recording on."""
    count = int(np.floor((first + 0.02 * gap) / gap))
    return np.maximum(0.0, first - gap * np.arange(count, 0, -1, dtype=np.float64))


def _moved(cover: Cover, moved: Callable[[Floats], Floats]) -> Cover:
    """The cover with all its positions changed by a function; its grid is still the old one."""
    notes: Notes = cover.notes.astype(NOTE, copy=True)
    pedals: Notes = cover.pedals.astype(PEDAL, copy=True)
    for array, names in ((notes, ("start", "end")), (pedals, ("down", "up"))):
        for name in names:
            array[name] = moved(array[name])
    edges = moved(np.array([(chord.start, chord.end) for chord in cover.chords], np.float64).reshape(-1, 2))
    chords = tuple(
        Chord(start, end, chord.root, chord.quality, chord.bass)
        for chord, (start, end) in zip(cover.chords, edges.tolist(), strict=True)
    )
    info = dict(cover.info)
    if isinstance(takes := info.get("takes"), list):
        info["takes"] = [_take(take, moved) for take in takes]
    return replace(cover, notes=sort_notes(notes), pedals=pedals, chords=chords, info=info)


def _take(take: Any, moved: Callable[[Floats], Floats]) -> Any:
    """What the cover's history says about a stretch of beats, on the new ones."""
    if not isinstance(take, dict) or not {"first", "last"} <= take.keys():
        return take
    first, last = moved(np.array([float(take["first"]), float(take["last"])])).tolist()
    return {**take, "first": first, "last": last}


def _marked(cover: Cover, grid: Grid) -> Cover:
    """The cover on the grid, with a note of the one it was arranged on when that was another one."""
    origin = cover.info.get(ARRANGED_ON) or _digest(cover.grid)
    info = {key: value for key, value in cover.info.items() if key != ARRANGED_ON}
    if origin != _digest(grid):
        info[ARRANGED_ON] = origin
    return replace(cover, grid=grid, info=info)


def _digest(grid: Grid) -> str:
    content = np.round(grid.times, 4).astype("<f8").tobytes() + bytes((grid.meter, grid.downbeat))
    return hashlib.sha256(content).hexdigest()[:16]


def _same(one: Grid, other: Grid) -> bool:
    return np.array_equal(one.times, other.times)


def _counterpart(old: Grid, new: Grid) -> int | None:
    """How much higher each old beat is numbered in the new grid, None when the grids do not go together beat by beat."""
    low, high = max(old.times[0], new.times[0]), min(old.times[-1], new.times[-1])
    mine = np.flatnonzero((old.times >= low - 1e-6) & (old.times <= high + 1e-6))
    if len(mine) < 2:
        return None
    at = new.beats(old.times[mine])
    later = np.rint(at).astype(np.int64) - mine
    if np.any(np.abs(at - np.rint(at)) > 0.4) or np.any(later != later[0]):
        return None
    return int(later[0])
