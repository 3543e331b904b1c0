"""How the piece ends: a broken last chord that is left to ring."""

from __future__ import annotations

from desktop.piano.arranging.draft import Draft, Role
from desktop.piano.arranging.plan import Plan
from desktop.piano.arranging.sheet import Sheet
from desktop.piano.arranging.voicing import bass_pitch, close_chord, inner_voices
from desktop.piano.cover import LEFT, RIGHT, Chord
from desktop.piano.playability import LOWEST


def ending_start(sheet: Sheet, plan: Plan) -> float:
    """Beat where the last chord is struck: the first bar line at or after the last melody note's start and the last
    chord's, or the last bar line that exists."""
    melody = float(sheet.melody["start"][-1]) if len(sheet.melody) else plan.bars[0].start
    harmony = sheet.chords[-1].start if sheet.chords else plan.bars[0].start
    lines = [bar.start for bar in plan.bars]
    return next((line for line in lines if line >= max(melody, harmony) - 1e-6), lines[-1])


def play_ending(sheet: Sheet, plan: Plan, difficulty: str) -> list[Draft]:
    """The last chord, under the melody's last note when that still sounds; nothing where the song has no harmony."""
    at = ending_start(sheet, plan)
    chord = _last_chord(sheet)
    until = max(sheet.end, at + 2 * plan.pulse)
    until = min(until, at + 8 * plan.pulse)
    if chord is None:
        return []
    bass = bass_pitch(chord.root, None, 46 if difficulty == "easy" else 38)
    left = [bass] if difficulty == "easy" else [bass, bass + 7 if (chord.root + 7) % 12 in chord.pitch_classes else bass + 12]
    # A tune as low as the left hand keeps the top.
    lowest = min((int(note["pitch"]) for note in sheet.melody if note["end"] > at), default=LOWEST + 88)
    left = [pitch for pitch in left if pitch < lowest]
    floor = max(left, default=LOWEST) + 3
    out = [Draft(at, until, pitch, LEFT, Role.BASS if pitch == bass else Role.HARMONY) for pitch in left]
    sounding = sheet.melody_between(at, at + 0.1)
    if len(sounding):
        top = int(sounding["pitch"][0])
        voices = inner_voices(chord, top, (), 1 if difficulty == "easy" else 2, floor, 12, left)
        return out + [Draft(at, float(sounding["end"][0]), pitch, RIGHT, Role.HARMONY) for pitch in voices]
    last = int(sheet.melody["pitch"][-1]) if len(sheet.melody) else 72
    centre = min(max(last, 65), 79)
    voices = close_chord(chord, max(centre - 7, floor), centre + 5, (), 2 if difficulty == "easy" else 3)
    step = 0.25 * plan.pulse
    # A tune that comes in after the last bar line is not covered up.
    entry = min((float(start) for start in sheet.melody["start"] if start > at), default=until)
    for number, pitch in enumerate(voices):
        if at + (number + 1) * step <= entry:
            role = Role.LEAD if pitch == voices[-1] else Role.HARMONY
            out.append(Draft(at + number * step, min(until, entry), pitch, RIGHT, role))
    return out


def _last_chord(sheet: Sheet) -> Chord | None:
    """The song's last chord; a dominant that is left hanging by a fade-out stays what it is."""
    return sheet.chords[-1] if sheet.chords else None
