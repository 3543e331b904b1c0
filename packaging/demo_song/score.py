"""Turns the song's data into notes: (start, length in beats, MIDI pitch, velocity) for each part of the band."""

from __future__ import annotations

import random
from typing import NamedTuple

import song

STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
SUFFIXES = {"": "maj", "m": "min", "7": "7", "maj7": "maj7", "m7": "min7", "sus4": "sus4"}


class Note(NamedTuple):
    """Start and length in beats."""

    start: float
    length: float
    pitch: int
    velocity: int


class ChordSpan(NamedTuple):
    """A chord as written: ``name`` is a key of the voicings, pitch classes from 0 (C)."""

    start: float
    length: float
    name: str
    root: int
    quality: str
    bass: int


def pitch(name: str) -> int:
    """MIDI number of "F#4" (C4 is 60)."""
    return STEPS[name[0]] + name.count("#") - name[1:].count("b") + 12 * (int(name[-1]) + 1)


def pitch_class(name: str) -> int:
    """0..11 of "F#" or "Bb"."""
    return (STEPS[name[0]] + name.count("#") - name[1:].count("b")) % 12


def section(bar: int) -> str:
    """Name of the part that bar ``bar`` (from 0) belongs to."""
    end = 0
    for name, length in song.BARS.items():
        end += length
        if bar < end:
            return name
    return name


def total_beats() -> int:
    """Length of the song in beats."""
    return sum(song.BARS.values()) * song.METER


def seconds(beat: float) -> float:
    """Time of a position in beats, by the tempo map."""
    time = 0.0
    for (start, tempo), (end, _) in zip(song.TEMPO, [*song.TEMPO[1:], (1e9, 0.0)], strict=True):
        time += max(0.0, min(beat, end) - start) * 60 / tempo
    return time


def chords() -> list[ChordSpan]:
    """The song's chords in order."""
    spans, at = [], 0.0
    for token in song.CHORDS.split():
        name, length = token.split("/")
        head, _, bass = name.partition(":")
        letters = 2 if head[1:2] in ("#", "b") else 1
        root = pitch_class(head[:letters])
        spans.append(ChordSpan(at, float(length), name, root, SUFFIXES[head[letters:]], pitch_class(bass) if bass else root))
        at += float(length)
    return spans


def melody(text: str, start: float, velocity: float, legato: float) -> list[Note]:
    """A written line; longer and higher notes and those on a downbeat speak louder."""
    notes, at = [], start
    for token in text.split():
        name, length = token.split("/")
        beats = float(length)
        if name != "-":
            number = pitch(name)
            accent = (4 if at % song.METER == 0 else 0) + (3 if beats >= 1.5 else 0) + (number - 72) * 0.5
            loud = song.LOUDNESS[section(int(at // song.METER))]
            notes.append(Note(at, beats * legato, number, round((velocity + accent) * loud)))
        at += beats
    return notes


def guitar() -> list[Note]:
    """Picked in intro and verse, strummed from the lift on."""
    notes: list[Note] = []
    for span in chords():
        strings = [pitch(name) for name in song.GUITAR[span.name].split()]
        part = section(int(span.start // song.METER))
        loud = song.LOUDNESS[part]
        if part in song.PICKING:
            plucks = song.PICKING[part].split()[: round(2 * span.length)]
            for i, pluck in enumerate(plucks):
                velocity = round((84 if i == 0 else 72 if i % 2 == 0 else 66) * loud)
                notes.append(Note(span.start + i / 2, min(1.4, span.length - i / 2), strings[int(pluck)], velocity))
        else:
            notes += strum(span, strings, loud)
    return notes


def strum(span: ChordSpan, strings: list[int], loud: float) -> list[Note]:
    """One chord's strums; the strings follow each other by a few milliseconds, as a hand does it."""
    last = span.start >= total_beats() - 2 * song.METER
    pattern = song.LAST_BARS if last else song.STRUMS[section(int(span.start // song.METER))]
    offset = round(4 * (span.start % song.METER))
    strokes = pattern[: round(4 * span.length)] if last else pattern[offset : offset + round(4 * span.length)]
    hits = [i for i, stroke in enumerate(strokes) if stroke != "."]
    notes = []
    for i, following in zip(hits, [*hits[1:], round(4 * span.length)], strict=True):
        chosen, velocity = {"D": (strings, 88), "d": (strings[1:], 74), "u": (strings[:1:-1], 68)}[strokes[i]]
        for k, number in enumerate(chosen):
            late = 0.012 * k
            length = max(0.15, (following - i) / 4 - 0.04 - late)
            notes.append(Note(span.start + i / 4 + late, length, number, round((velocity - 2 * k) * loud)))
    return notes


def pad() -> list[Note]:
    """Strings from the lift on, in close position, tied over where the voicing keeps a note."""
    first = (song.BARS["intro"] + song.BARS["verse"]) * song.METER
    notes: list[Note] = []
    for span in chords():
        if span.start < first:
            continue
        velocity = round(74 * song.LOUDNESS[section(int(span.start // song.METER))])
        for number in map(pitch, song.STRINGS[span.name].split()):
            held = next((i for i, n in enumerate(notes) if n.pitch == number and n.start + n.length == span.start), None)
            if held is not None and notes[held].length < song.METER:
                notes[held] = notes[held]._replace(length=notes[held].length + span.length)
            else:
                notes.append(Note(span.start, span.length, number, velocity))
    return notes


def bass() -> list[Note]:
    """The written pattern on each chord's bass note; the last two bars hold the roots."""
    notes = []
    spans = chords()
    for span, following in zip(spans, [*spans[1:], spans[-1]], strict=True):
        part = section(int(span.start // song.METER))
        root, target = low(span.bass), low(following.bass)
        loud = song.LOUDNESS[part]
        if span.start >= total_beats() - 2 * song.METER:
            notes.append(Note(span.start, span.length - 0.05, root, round(92 * loud)))
            continue
        # Half-bar chords take the half of the pattern that they stand in.
        within = span.start % song.METER
        for at, length, degree in song.BASS[part]:
            if not within <= at < within + span.length:
                continue
            first = at == within
            number = root if first else {"R": root, "5": fifth(span, root), "8": root + 12, ">": towards(root, target)}[degree]
            notes.append(Note(span.start + at - within, length, number, round((100 if first else 88) * loud)))
    return notes


def low(pitch_class: int) -> int:
    """A bass guitar's note of that pitch class, E1 to E♭2."""
    return 28 + (pitch_class - 4) % 12


def fifth(span: ChordSpan, root: int) -> int:
    """The fifth of the chord near the bass note; the chord's root when the bass is another note."""
    wanted = (span.root + 7) % 12 if span.bass == span.root else span.root
    number = low(wanted)
    return number if abs(number - root) <= 9 else number + 12


def towards(root: int, target: int) -> int:
    """A scale step below or above the next bass note, from the side where the line comes from."""
    scale = {(2 + step) % 12 for step in (0, 2, 4, 5, 7, 9, 11)}
    step = 1 if root > target else -1
    number = target + step
    while number % 12 not in scale:
        number += step
    return number if number >= 28 else target + 7


def drums() -> list[Note]:
    """Grooves and fills; hits are played with small, fixed differences of strength."""
    dice = random.Random(6)
    notes = []
    for bar in range(sum(song.BARS.values())):
        part = section(bar)
        for drum, line in song.FILLS.get(bar, song.GROOVES[part]).items():
            for i, level in enumerate(line):
                if level != ".":
                    velocity = (22 + 11 * int(level) + dice.randint(-3, 3)) * (0.5 + 0.5 * song.LOUDNESS[part])
                    notes.append(Note(bar * song.METER + i / 4, 0.2, drum, min(127, round(velocity))))
    return notes


def band() -> dict[str, list[Note]]:
    """All parts by name, each in order of time."""
    parts = {
        "lead": melody(song.LEAD, 0.0, 100, 0.94),
        "answer": melody(song.ANSWER, song.ANSWER_START, 78, 0.92),
        "guitar": guitar(),
        "strings": pad(),
        "bass": bass(),
        "drums": drums(),
    }
    return {name: sorted(notes) for name, notes in parts.items()}
