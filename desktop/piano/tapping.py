"""From taps along a song to its beats.

People miss taps, tap twice, and are some hundredths of a second off, mostly early. So taps are first numbered by the tempo
around them; then, where the taps fit what was found in the song at another count (twice, half, off-beat ...), the beats come
from there, for those are more exact than any tap. Else a line through the taps nearby takes the shake out of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from desktop.errors import UsageError
from desktop.piano.cover import Cover, Floats, Grid
from desktop.piano.regrid import LARGEST_GAP, LEAST_GAP, follow

FEWEST = 4
"""Taps that make a tempo."""
_TWICE = 0.45
"""A tap that follows sooner than this share of a beat is the one before once more."""
_REACH = 4
"""Taps on either side that the line through a tap goes by."""
_RATIOS = (0.25, 1 / 3, 0.5, 2 / 3, 1.0, 1.5, 2.0, 3.0, 4.0)
"""Beats found for each tap, where what was found can be counted as the taps do."""
_FIT = 0.04
_NEAR = 0.13
"""Part of a tapped beat that taps may be off the found beats, on the whole and each, to be taken for those."""
_LATE_S = 0.07
"""Seconds that all taps together may be early or late: hands, and sound devices that do not tell their delay."""


@dataclass(frozen=True)
class Taps:
    """Numbered taps: ``numbers`` [n] rising from 0, ``seconds`` [n]; missed ones are left out of both."""

    numbers: npt.NDArray[np.int64]
    seconds: Floats

    @property
    def gap(self) -> float:
        """Seconds a beat, on the whole."""
        return float((self.seconds[-1] - self.seconds[0]) / self.numbers[-1])

    @property
    def beats(self) -> Floats:
        """Seconds of every beat from the first tap to the last one, with the shake taken out."""
        smooth = np.array([self._line(number) for number in self.numbers.tolist()])
        times: Floats = np.interp(np.arange(self.numbers[-1] + 1), self.numbers, smooth)
        return times

    def _line(self, number: int) -> float:
        """Seconds of beat ``number`` on a line through the taps around it, those near counting more."""
        away = np.abs(self.numbers - number)
        reach = max(_REACH, int(np.sort(away)[min(2, len(away) - 1)])) + 1
        weight = np.maximum(0.0, 1 - (away / reach) ** 3) ** 3
        x, y = self.numbers - number, self.seconds
        mean = float(np.average(x, weights=weight))
        spread = float(np.average((x - mean) ** 2, weights=weight))
        level = float(np.average(y, weights=weight))
        slope = float(np.average((x - mean) * (y - level), weights=weight)) / spread if spread > 0 else 0.0
        return level - slope * mean


def number(taps: Floats) -> Taps:
    """Which beat each tap is; raises UsageError when they are too few or no tempo can be made out."""
    seconds = np.unique(np.asarray(taps, np.float64))
    seconds = seconds[np.diff(seconds, prepend=-np.inf) >= LEAST_GAP]
    if len(seconds) < FEWEST:
        raise UsageError("These are too few taps for a tempo", remedy=f"Tap along for {FEWEST} beats or more.")
    gap = _typical(np.diff(seconds))
    kept, numbers = [float(seconds[0])], [0]
    for second in seconds[1:].tolist():
        since = second - kept[-1]
        if since < _TWICE * gap:
            continue
        count = max(1, round(since / gap))
        kept.append(second)
        numbers.append(numbers[-1] + count)
        # Songs breathe: the tempo goes along with the taps, slowly, so that one bad tap does not lead it astray.
        gap += 0.2 * (float(np.clip(since / count, 0.8 * gap, 1.25 * gap)) - gap)
    if len(kept) < FEWEST or not LEAST_GAP <= gap <= LARGEST_GAP:
        raise UsageError("No tempo can be made out in these taps", remedy="Tap once a beat, for eight beats or so.")
    return Taps(np.array(numbers), np.array(kept))


def from_taps(cover: Cover, taps: Floats, *, whole: bool = True) -> Cover:
    """The cover on the beats that were tapped.

    Args:
        taps: seconds of the song at which was tapped.
        whole: their tempo goes on before and after them; else only the beats between the first and the last tap change.

    Notes follow where the beats are the old ones moved a little, else they sound when they did.
    Raises UsageError when no tempo can be made out.
    """
    tapped = number(taps)
    grid = _whole(cover, tapped) if whole else _part(cover.grid, tapped)
    return follow(cover, grid)


def _typical(gaps: Floats) -> float:
    """The length of a beat among gaps of which some are of one beat, some of several and some of none."""
    best, most = float(np.median(gaps)), -1.0
    for gap in np.sort(gaps).tolist():
        counts = np.maximum(1, np.rint(gaps / gap))
        near = np.abs(gaps / gap - counts) < 0.2
        single = near & (counts == 1)
        # Gaps of one beat count most: else half a beat would explain everything as well.
        score = float(single.sum() + 0.4 * (near & ~single & (counts <= 4)).sum())
        if score > most + 1e-9:
            best, most = float(np.median(gaps[single])), score
    return best


def _whole(cover: Cover, tapped: Taps) -> Grid:
    grid = cover.grid
    # The beats as they are may have been corrected by hand: they come before those that were found.
    for reference in (grid, cover.found):
        if reference is not None and (count := _counted(reference, tapped)) is not None:
            return _with_bars(grid, _recounted(reference, *count))
    return _with_bars(grid, _extended(tapped.beats, max(cover.duration, grid.times[-1])))


def _counted(grid: Grid, tapped: Taps) -> tuple[float, float] | None:
    """First position and step, in beats of ``grid``, by which its beats are what was tapped; None when they are not."""
    at = grid.beats(tapped.seconds)
    inside = (at > -1) & (at < len(grid.times))
    if inside.sum() < FEWEST:
        return None
    slope, _ = np.polyfit(tapped.numbers[inside], at[inside], 1)
    ratio = min(_RATIOS, key=lambda one: abs(np.log(max(slope, 1e-9) / one)))
    if abs(slope / ratio - 1) > _FIT:
        return None
    rest = at[inside] - ratio * tapped.numbers[inside]
    start = float(np.median(rest))
    if np.median(np.abs(rest - start)) > _NEAR * ratio:
        return None
    # Beats lie on beats that were found, or between them; else only the tempo is taken from there.
    step = 0.5 if ratio >= 0.5 else ratio
    snapped = round(start / step) * step
    late = _LATE_S * grid.tempo / 60.0
    return (snapped if abs(start - snapped) <= min(0.2, max(_NEAR * max(ratio, 1.0), late)) else start), ratio


def _recounted(grid: Grid, start: float, step: float) -> Floats:
    """Times of positions start + k * step all over the grid."""
    first = start - step * np.floor(start / step + 1e-9)
    at = np.arange(first, len(grid.times) - 1 + 1e-6, step)
    times = grid.seconds(at)
    kept: Floats = times[(times >= 0) & (np.diff(times, prepend=-np.inf) >= LEAST_GAP)]
    return kept


def _extended(beats: Floats, end: float) -> Floats:
    """The beats with their tempo going on to the start and the end of the song."""
    reach = min(len(beats) - 1, 2 * _REACH)
    ahead, behind = (beats[reach] - beats[0]) / reach, (beats[-1] - beats[-1 - reach]) / reach
    before = beats[0] - ahead * np.arange(int((beats[0] + 0.02 * ahead) / ahead), 0, -1)
    after = beats[-1] + behind * np.arange(1, max(0, int((end - beats[-1]) / behind)) + 1)
    times: Floats = np.concatenate([np.maximum(0.0, before), beats, after])
    return times


def _part(grid: Grid, tapped: Taps) -> Grid:
    """The tapped beats between those of the grid that lie outside of them; what would gape is filled evenly."""
    beats = tapped.beats
    gap = tapped.gap
    before = grid.times[grid.times < beats[0] - 0.55 * gap]
    after = grid.times[grid.times > beats[-1] + 0.55 * gap]
    parts = [before, _between(before[-1], beats[0], gap) if len(before) else before[:0], beats]
    parts += [_between(beats[-1], after[0], gap) if len(after) else after[:0], after]
    return _with_bars(grid, np.concatenate(parts))


def _between(low: float, high: float, gap: float) -> Floats:
    count = max(1, round((high - low) / gap))
    inner: Floats = np.linspace(low, high, count + 1)[1:-1]
    return inner


def _with_bars(old: Grid, times: Floats) -> Grid:
    """A grid on these times whose bars begin where those of the old grid did, as far as that can be."""
    new = Grid(times, 0, old.meter, old.confidence)
    firsts = old.times[old.downbeat :: old.meter]
    firsts = firsts[(firsts >= times[0] - 0.3) & (firsts <= times[-1] + 0.3)]
    if not len(firsts):
        return new
    at = new.beats(firsts)
    near = np.abs(at - np.rint(at)) < 0.3
    votes = np.bincount(np.rint(at[near]).astype(np.int64) % old.meter, minlength=old.meter)
    return replace(new, downbeat=int(votes.argmax()))
