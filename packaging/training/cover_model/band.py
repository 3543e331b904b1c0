"""A pop band that plays a song's melody, harmony and bass: who plays, and which notes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from .settings import RenderSettings
from .songs import Chord, Notes, Song

Rng = np.random.Generator
Event = tuple[float, float, int, int]
"""Start and end (s), MIDI pitch, velocity."""

# General MIDI programs, from 0.
_LEADS = (52, 53, 54, 85, 65, 66, 64, 73, 75, 40, 41, 80, 81, 71, 68, 56, 59, 22, 25, 27, 82, 87)
_BRIDGES = (48, 49, 11, 27, 61, 68, 9, 73, 45, 81)
_PLAYERS = (24, 25, 48, 46, 4, 5, 45, 0, 27)
_STRUMS = (24, 25, 26, 27, 28, 29, 30, 4, 6, 16)
_PADS = (48, 49, 50, 51, 89, 90, 91, 16, 18, 21, 52)
_BASSES = (32, 33, 34, 35, 36, 38, 39)
_KICK, _SIDE, _SNARE, _CLAP, _HAT, _OPEN, _RIDE, _CRASH, _TAMB, _SHAKER = 36, 37, 38, 39, 42, 46, 51, 49, 54, 70

# Hits of the lower drums by sixteenths of a bar of four beats.
_KICKS = ((0, 8), (0, 8, 10), (0, 10), (0, 4, 8, 12), (0, 6, 8), (0, 7, 10), (0, 3, 8, 11))
_BACKS = ((4, 12), (4, 12), (8,), (4, 12, 15))


@dataclass
class Player:
    """An instrument with its notes; ``level`` is a MIDI volume."""

    program: int
    level: int
    drums: bool = False
    notes: list[Event] = field(default_factory=list)

    def play(self, start: float, end: float, pitch: float, velocity: float) -> None:
        """Add a note that is long enough to be heard."""
        if end - start > 0.02 and 0 <= pitch < 128:
            self.notes.append((max(0.0, start), end, int(pitch), int(np.clip(velocity, 8, 127))))


@dataclass(frozen=True)
class Excerpt:
    """Beats of a song; times of notes and chords are its own, ``start`` is where the excerpt begins."""

    song: Song
    first: int
    beats: npt.NDArray[np.float64]
    in_bar: npt.NDArray[np.int64]

    @property
    def start(self) -> float:
        """Seconds."""
        return float(self.beats[0])

    @property
    def end(self) -> float:
        """Seconds."""
        return float(self.beats[-1])

    def within(self, notes: Notes) -> Notes:
        """Those that begin in it."""
        return notes[(notes["start"] >= self.start - 0.05) & (notes["start"] < self.end)]

    def chord_at(self, time: float) -> Chord | None:
        """The chord that sounds then."""
        return next((chord for chord in self.song.chords if chord.start <= time + 0.05 < chord.end), None)


def assemble(excerpt: Excerpt, rng: Rng, settings: RenderSettings) -> tuple[list[Player], list[Player], list[Player]]:
    """Draw a band and let it play: lead, the others, and drums, in seconds from the excerpt's start."""
    lead = [_sing(excerpt, rng, settings)]
    others = [_bass(excerpt, rng, settings)]
    if rng.random() < settings.bridge:
        others.append(_copy(excerpt, "BRIDGE", _BRIDGES, rng, settings))
    with_player = rng.random() < settings.player
    if with_player:
        others.append(_copy(excerpt, "PIANO", _PLAYERS, rng, settings))
    if not with_player or rng.random() < settings.strum:
        others.append(_strum(excerpt, rng, settings))
    if rng.random() < settings.pad:
        others.append(_pad(excerpt, rng))
    drums = [_drums(excerpt, rng, settings)] if rng.random() < settings.drums else []
    return lead, others, drums


def _draw(programs: tuple[int, ...], rng: Rng, low: int = 55, high: int = 115) -> Player:
    return Player(int(rng.choice(programs)), int(rng.integers(low, high)))


def _sing(excerpt: Excerpt, rng: Rng, settings: RenderSettings) -> Player:
    player = _draw(_LEADS, rng, 100, 120)
    notes = excerpt.within(excerpt.song.parts["MELODY"])
    octave = -12 if len(notes) and notes["pitch"].mean() > 70 and rng.random() < 0.3 else 0
    late = rng.normal(0.005, 0.008)
    for note in notes:
        start = note["start"] - excerpt.start + late + rng.normal(0, settings.timing)
        end = max(note["end"] - excerpt.start - 0.01, start + 0.06)
        player.play(start, end, note["pitch"] + octave, 90 + rng.normal(0, 10))
    return player


def _copy(excerpt: Excerpt, part: str, programs: tuple[int, ...], rng: Rng, settings: RenderSettings) -> Player:
    player = _draw(programs, rng)
    for note in excerpt.within(excerpt.song.parts[part]):
        start = note["start"] - excerpt.start + rng.normal(0, settings.timing / 2)
        end = max(note["end"] - excerpt.start, start + 0.1)
        player.play(start, end, note["pitch"], 0.5 * note["velocity"] + 40 + rng.normal(0, 5))
    return player


def _bass(excerpt: Excerpt, rng: Rng, settings: RenderSettings) -> Player:
    player = _draw(_BASSES, rng, 80, 120)
    low = int(rng.integers(28, 34))
    per_beat = int(rng.choice([0, 0, 1, 2, 2, 4]))
    fifths = rng.random() < 0.3
    before: Chord | None = None
    for beat, (time, following) in enumerate(zip(excerpt.beats[:-1], excerpt.beats[1:], strict=True)):
        chord = excerpt.chord_at(float(time))
        if chord is None:
            before = None
            continue
        root, at, length = low + (chord.bass - low) % 12, time - excerpt.start, following - time
        strikes = max(1, per_beat)
        for number in range(strikes):
            if not per_beat and chord is before and excerpt.in_bar[beat] != 1:
                break
            end = chord.end - excerpt.start if not per_beat else at + (number + 0.85) * length / strikes
            pitch = root + 7 if fifths and excerpt.in_bar[beat] % 2 == 0 and per_beat else root
            start = at + number * length / strikes + rng.normal(0, settings.timing / 2)
            player.play(start, min(end, at + 4 * length), pitch, 92 - 8 * (number > 0) + rng.normal(0, 6))
        before = chord
    return player


def _strum(excerpt: Excerpt, rng: Rng, settings: RenderSettings) -> Player:
    player = _draw(_STRUMS, rng)
    middle, broken = int(rng.integers(52, 62)), rng.random() < 0.4
    # Strokes of a bar in eighths of the beat's half.
    pattern = rng.random(8) < rng.uniform(0.25, 0.9)
    pattern[0] = True
    for beat, (time, following) in enumerate(zip(excerpt.beats[:-1], excerpt.beats[1:], strict=True)):
        for half in range(2):
            place = ((int(excerpt.in_bar[beat]) - 1) * 2 + half) % 8
            at = time + half * (following - time) / 2
            chord = excerpt.chord_at(float(at))
            if chord is None or not pattern[place]:
                continue
            tones = sorted(middle + (tone - middle) % 12 for tone in chord.tones)
            tones = [tones[place % len(tones)]] if broken else tones
            lag = rng.uniform(0.0, 0.015)
            for number, tone in enumerate(tones):
                start = at - excerpt.start + number * lag + rng.normal(0, settings.timing / 2)
                player.play(start, start + (following - time) * rng.uniform(0.4, 1.1), tone, 80 + rng.normal(0, 8))
    return player


def _pad(excerpt: Excerpt, rng: Rng) -> Player:
    player = _draw(_PADS, rng, 40, 90)
    middle = int(rng.integers(50, 66))
    for chord in excerpt.song.chords:
        start, end = max(chord.start, excerpt.start), min(chord.end, excerpt.end)
        for tone in chord.tones:
            player.play(start - excerpt.start, end - excerpt.start, middle + (tone - middle) % 12, 70)
    return player


def _drums(excerpt: Excerpt, rng: Rng, settings: RenderSettings) -> Player:
    player = Player(int(rng.choice([0, 0, 8, 16, 24, 25, 40])), 110, drums=True)
    kicks, backs = (patterns[int(rng.integers(len(patterns)))] for patterns in (_KICKS, _BACKS))
    back = int(rng.choice([_SNARE, _SNARE, _SIDE, _CLAP]))
    top, every = int(rng.choice([_HAT, _HAT, _RIDE, _TAMB, _SHAKER])), int(rng.choice([1, 2, 2, 4]))
    enters = float(rng.choice([0, 0, 8, 16, 32]))
    for beat, (time, following) in enumerate(zip(excerpt.beats[:-1], excerpt.beats[1:], strict=True)):
        if beat < enters:
            continue
        for quarter in range(4):
            place = (int(excerpt.in_bar[beat]) - 1) * 4 + quarter
            hits: list[Any] = [(_KICK, 108)] if place in kicks else []
            hits += [(back, 104)] if place in backs else []
            hits += [(top, 74 - 14 * (place % 4 > 0))] if place % every == 0 else []
            hits += [(_CRASH, 90)] if place == 0 and rng.random() < 0.1 else []
            hits += [(_OPEN, 70)] if place == 14 and rng.random() < 0.1 else []
            for drum, velocity in hits:
                at = time - excerpt.start + quarter * (following - time) / 4 + rng.normal(0, settings.timing / 2)
                player.play(at, at + 0.12, drum, velocity + rng.normal(0, 7))
    return player
