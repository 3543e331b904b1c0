"""What the right hand plays where the melody rests: answers at the end of phrases, figures in interludes."""

from __future__ import annotations

from collections.abc import Sequence

from desktop.piano.arranging.draft import Draft, Role
from desktop.piano.arranging.plan import Plan
from desktop.piano.arranging.sheet import Sheet
from desktop.piano.arranging.voicing import close_chord, nearest_pitch
from desktop.piano.cover import RIGHT

_LOW, _HIGH = 60, 84
_SHORTEST_GAP = 2.0
"""Pulses of rest that are worth an answer."""
_AIR = 1.0
"""Pulses that the last note of a phrase is left alone, and that are kept free before the next phrase."""
# Motifs of an interlude bar in four: (pulse, step of the chord above the anchor). Two bars make a call and its answer.
_MOTIFS: dict[str, tuple[tuple[tuple[float, int], ...], tuple[tuple[float, int], ...]]] = {
    "sparse": (((0.0, 2), (2.0, 1)), ((0.0, 1), (1.5, 2), (2.0, 0))),
    "moving": (((0.0, 0), (0.5, 1), (1.0, 2), (2.0, 3), (3.0, 2)), ((0.0, 1), (0.5, 2), (1.0, 3), (1.5, 2), (2.0, 1))),
    "flowing": (
        ((0.0, 2), (0.5, 1), (1.0, 2), (1.5, 3), (2.0, 2), (2.5, 1), (3.0, 0), (3.5, 1)),
        ((0.0, 2), (0.5, 3), (1.0, 2), (1.5, 1), (2.0, 2), (3.0, 1)),
    ),
}


def fill_rests(sheet: Sheet, plan: Plan, difficulty: str, left: Sequence[Draft], until: float) -> list[Draft]:
    """Fills for every rest of the melody up to beat ``until``."""
    out: list[Draft] = []
    line = sheet.melody
    ends = [plan.bars[0].start, *(float(end) for end in line["end"])]
    starts = [*(float(start) for start in line["start"]), until]
    anchor = int(line["pitch"][0]) if len(line) else 72
    for number, (start, end) in enumerate(zip(ends, starts, strict=True)):
        end = min(end, until)
        pulses = (end - start) / plan.pulse
        after = int(line["pitch"][number]) if number < len(line) else anchor
        before = int(line["pitch"][number - 1]) if number else after
        if pulses >= 2 * sheet.grid.meter / plan.pulse - 0.5:
            out += _interlude(sheet, plan, difficulty, start, end, (before + after) // 2)
        elif pulses >= _SHORTEST_GAP and difficulty != "easy":
            out += _answer(sheet, plan, start, end, before, after)
    busy = sorted(left, key=lambda draft: draft.start)
    return [draft for draft in out if not _collides(draft, busy)]


def _answer(sheet: Sheet, plan: Plan, start: float, end: float, before: int, after: int) -> list[Draft]:
    """A short line of chord tones from the phrase that ended to the one that comes, at the loudness of the bar."""
    level = plan.bar_at(start).level
    if level == 0:
        return []
    step = plan.pulse * (0.5 if level >= 2 else 1.0)
    first = _ceil(start + (0.5 if level >= 2 else _AIR) * plan.pulse, step)
    count = int((end - 0.5 * plan.pulse - first) / step + 1e-6)
    out: list[Draft] = []
    if count < 2:
        return _chord_once(sheet, plan, start, end)
    count = min(count, 8)
    first = _ceil(end - 0.5 * plan.pulse - count * step, step)
    position = float(min(max(before, _LOW + 5), _HIGH))
    goal = float(min(max(after, _LOW + 3), _HIGH))
    last = -1
    for i in range(count):
        at = first + i * step
        chord = sheet.chord_at(at)
        if chord is None or at < start - 1e-6:
            continue
        # An arch: up and away from the phrase, then toward the next one.
        arch = 7.0 * min(i + 1, count - i) / count
        target = position + (goal - position) * (i + 1) / (count + 1) + arch - 4.0
        options = [nearest_pitch(pc, target, _LOW - 2, _HIGH + 4) for pc in chord.pitch_classes]
        pitch = min((p for p in options if p != last), key=lambda p: (abs(p - target), p))
        out.append(Draft(at, min(at + step, end), pitch, RIGHT, Role.LEAD))
        last = pitch
    return out


def _chord_once(sheet: Sheet, plan: Plan, start: float, end: float) -> list[Draft]:
    at = _ceil(start, plan.pulse)
    chord = sheet.chord_at(at)
    if chord is None or at >= end - 0.5 * plan.pulse:
        return []
    until = min(end, at + plan.pulse)
    return [Draft(at, until, pitch, RIGHT, Role.HARMONY) for pitch in close_chord(chord, 57, 72, (), 2)]


def _interlude(sheet: Sheet, plan: Plan, difficulty: str, start: float, end: float, anchor: int) -> list[Draft]:
    """A motif over the harmony, bar by bar, call and answer."""
    out: list[Draft] = []
    centre = min(max(anchor, 67), 76)
    voicing: list[int] = []
    for number, bar in enumerate(plan.bars):
        if bar.end <= start + 1e-6 or bar.start >= end - 1e-6:
            continue
        kind = "sparse" if bar.level == 0 or difficulty == "easy" else "moving" if bar.level == 1 else "flowing"
        span = 4 * plan.pulse
        at = bar.start
        while at < bar.end - 1e-6:
            motif = _MOTIFS[kind][number % 2 if plan.pulse >= 1 else int(at / span) % 2]
            cut = min(end - 0.5 * plan.pulse, bar.end, at + span)
            out += _motif(sheet, plan, motif, at, cut, start, centre)
            at += span
        chord = sheet.chord_at(bar.start)
        if chord is not None and bar.level >= 1 and difficulty != "easy" and bar.start >= start - 1e-6:
            voicing = close_chord(chord, 57, 66, voicing, 2)
            until = min(end, bar.start + 2 * plan.pulse, chord.end)
            out += [Draft(bar.start, until, pitch, RIGHT, Role.HARMONY) for pitch in voicing]
    return out


def _motif(
    sheet: Sheet, plan: Plan, motif: Sequence[tuple[float, int]], at: float, cut: float, start: float, centre: int
) -> list[Draft]:
    out: list[Draft] = []
    places = [place for place, _ in motif] + [4.0]
    for index, (place, step) in enumerate(motif):
        begin, until = at + place * plan.pulse, min(cut, at + places[index + 1] * plan.pulse)
        chord = sheet.chord_at(begin)
        if begin < start - 1e-6 or until - begin < 0.2 or chord is None:
            continue
        tones = [p for p in range(centre - 4, centre + 17) if p % 12 in chord.pitch_classes]
        out.append(Draft(begin, until, tones[min(step, len(tones) - 1)], RIGHT, Role.LEAD))
    return out


def _collides(draft: Draft, left: Sequence[Draft]) -> bool:
    """Whether the left hand holds the key (only near notes are looked at)."""
    return any(d.pitch == draft.pitch and d.start < draft.end and d.end > draft.start for d in left)


def _ceil(beat: float, step: float) -> float:
    return float(-((-beat + 1e-6) // step) * step)
