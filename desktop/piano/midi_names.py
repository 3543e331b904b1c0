"""What MIDI files call hands, keys and chords (plain ASCII, as many programs read no other)."""

from __future__ import annotations

from desktop.piano.cover import LEFT, QUALITIES, RIGHT, Chord, Key

HAND_NAMES = {RIGHT: "Right hand", LEFT: "Left hand"}
SUSTAIN = 64
NO_CHORD = "N.C."
_MAJOR = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_MINOR = ("Cm", "C#m", "Dm", "Ebm", "Em", "Fm", "F#m", "Gm", "G#m", "Am", "Bbm", "Bm")
_ROOTS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_SUFFIX = {"maj": "", "min": "m", "min7": "m7"}


def key_text(key: Key) -> str:
    """The key signature event's name of ``key``."""
    return (_MAJOR if key.mode == "major" else _MINOR)[key.tonic]


def parse_key(text: str) -> Key:
    """The key of a key signature event's name such as "Ebm"."""
    natural = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[text[0]]
    return Key((natural + text.count("#") - text[1:].count("b")) % 12, "minor" if text.endswith("m") else "major")


def chord_text(chord: Chord) -> str:
    """The marker of ``chord``: "F#m7", "C/E"."""
    over = f"/{_ROOTS[chord.bass]}" if chord.bass != chord.root else ""
    return f"{_ROOTS[chord.root]}{_SUFFIX.get(chord.quality, chord.quality)}{over}"


CHORDS = {
    chord_text(Chord(0, 1, root, quality, bass)): (root, quality, bass)
    for root in range(12)
    for quality in QUALITIES
    for bass in range(12)
}
"""Root, quality and bass of every marker."""
