"""Names of pitches: F♯ or G♭, by the line of fifths (… B♭ F C G D A E B F♯ …), key and chord.

A pitch class recurs on the line every twelve fifths; its name is the one nearest to where the music is. A chord's own notes are
spelled as thirds and fifths of its root, a passing note as a step to the note that it leads to.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from desktop.piano.cover import Chord, Key
from desktop.piano.score.model import Name

_STEPS = "FCGDAEB"
_INTERVALS = {0: 0, 3: -3, 4: 4, 5: -1, 6: -6, 7: 1, 8: 8, 10: -2, 11: 5}
"""Fifths of each interval of ``cover.QUALITIES``, by its semitones."""
_MAJOR = {0: 0, 1: -5, 2: 2, 3: -3, 4: 4, 5: -1, 6: 6, 7: 1, 8: -4, 9: 3, 10: -2, 11: 5}
_MINOR = {0: 0, 1: -5, 2: 2, 3: -3, 4: 4, 5: -1, 6: -6, 7: 1, 8: 8, 9: 3, 10: -2, 11: 5}
"""Place on the line of a tonic: as few signs as can be."""
_RANGE = range(-12, 15)
"""Double flats of the commonest notes to double sharps: further out nobody reads."""


def tonic_fifths(key: Key) -> int:
    """Place of the tonic on the line of fifths (C is 0)."""
    return (_MAJOR if key.mode == "major" else _MINOR)[key.tonic]


def signature(key: Key) -> int:
    """Sharps (> 0) or flats (< 0) of the key signature."""
    return tonic_fifths(key) - (0 if key.mode == "major" else 3)


def name_at(fifths: int, pitch: int) -> Name:
    """The name at a place on the line for a MIDI pitch of that class."""
    step = _STEPS[(fifths + 1) % 7]
    alter = (fifths + 1) // 7
    return Name(step, alter, (pitch - alter) // 12 - 1)


class Speller:
    """Names notes in a key under its chords."""

    def __init__(self, key: Key, chords: Sequence[Chord]) -> None:
        self._low = signature(key) - (4 if key.mode == "major" else 3)
        self._signature = signature(key)
        self._chords = chords
        self._starts = [chord.start for chord in chords]

    def root(self, pitch_class: int) -> int:
        """Place of a chord's root: diatonic names first, then flats for the lowered degrees."""
        return self._in_range(pitch_class, self._signature - 5)

    def place(self, pitch: int, beat: float, following: int | None = None) -> int:
        """Place on the line of a note that starts at ``beat`` of the grid; ``following`` is the pitch it moves to."""
        chord = self._chord(beat)
        if chord is not None and pitch % 12 in chord.pitch_classes:
            place = self.root(chord.root) + _INTERVALS[(pitch - chord.root) % 12]
            if place in _RANGE and abs(place - self._signature) <= 10:
                return place
        plain = self._in_range(pitch % 12, self._low)
        diatonic = self._signature - 1 <= plain <= self._signature + 5
        if not diatonic and following is not None and abs(following - pitch) == 1:
            target = self.place(following, beat)
            step = target + (5 if following > pitch else -5)
            if abs(step - self._signature - 2) <= 6 and step in _RANGE:
                return step
        return plain

    def _in_range(self, pitch_class: int, low: int) -> int:
        """The place of a pitch class among the twelve from ``low``."""
        # 7 semitones a fifth, and 7 is its own inverse modulo 12.
        place = pitch_class * 7 % 12
        return low + (place - low) % 12

    def _chord(self, beat: float) -> Chord | None:
        number = bisect_right(self._starts, beat + 0.05) - 1
        if number < 0 or self._chords[number].end <= beat:
            return None
        return self._chords[number]
