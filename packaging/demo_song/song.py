"""The demo song as data: "Six O'Clock Ferry", D major, 4/4, about a minute.

Two bars of guitar, a verse of eight bars, a lift of four, a chorus of eight whose hook is a rhythm stepping down in
sequence, and an ending that turns the subdominant minor before it slows into the tonic. Durations are in beats.
Melodies are written ``PITCH/BEATS`` with ``-`` for a rest; rhythm grids have sixteen characters, one a sixteenth.
"""

from __future__ import annotations

TITLE = "Six O'Clock Ferry"
STEM = "six-oclock-ferry"
METER = 4
KEY = "D major"

BARS = {"intro": 2, "verse": 8, "lift": 4, "chorus": 8, "ending": 4}

# (beat, beats a minute from there on): steady, then four steps of a ritardando under the last cadence.
TEMPO = [(0, 104.0), (96, 100.0), (97, 94.0), (98, 86.0), (99, 76.0), (100, 70.0)]

CHORDS = """
D/4 Gmaj7/4
D/4 A:C#/4 Bm/4 G/4 D:F#/4 G/4 Em7/4 Asus4/2 A/2
Bm/4 F#m/4 Em7/4 Asus4/2 A7/2
G/4 A/4 F#m/4 Bm/4 G/4 A7/4 D/4 D:F#/4
G/4 Gm/4 D:A/2 A7/2 D/4
"""

LEAD = """
-/6.5 A4/.5 B4/.5 A4/.5
F#4/1 A4/1 D5/1.5 C#5/.5
C#5/.5 B4/.5 A4/2 -/.5 E4/.5
F#4/1 B4/1 C#5/.5 D5/1 B4/.5
B4/.5 A4/.5 G4/1.5 -/.5 G4/.5 A4/.5
A4/1.5 B4/.5 A4/.5 F#4/1 A4/.5
B4/1.5 C#5/.5 D5/.5 B4/1 G4/.5
G4/.5 B4/1 D5/1 C#5/.5 B4/.5 A4/.5
D5/1.5 E5/.5 C#5/1.5 -/.5

D5/1 C#5/.5 B4/1 B4/.5 C#5/.5 D5/.5
C#5/1.5 A4/.5 F#4/1.5 F#4/.5
G4/.5 A4/.5 B4/1 B4/.5 C#5/.5 D5/1
E5/2 -/1 A4/.5 B4/.5

D5/1.5 E5/.5 F#5/1 D5/.5 E5/.5
E5/1.5 C#5/.5 A4/1 A4/.5 B4/.5
C#5/1.5 D5/.5 E5/1 C#5/.5 D5/.5
D5/1.5 B4/.5 F#4/1 A4/.5 B4/.5
D5/1.5 E5/.5 F#5/1 F#5/.5 G5/.5
A5/1.5 G5/.5 F#5/.5 E5/1.5
F#5/.5 E5/.5 D5/2.5 -/.5
-/1.5 A4/.5 B4/.5 D5/.5 A4/.5 B4/.5

D5/1.5 E5/.5 F#5/1 D5/.5 E5/.5
D5/1.5 Bb4/.5 G4/1 A4/.5 Bb4/.5
A4/1 F#4/1 E4/1 C#5/1
D5/4
"""

# A flute answers the hook where the lead rests or holds, starting with the chorus (beat 56).
ANSWER_START = 56
ANSWER = """
-/4
-/2 E5/.5 A5/.5 C#6/1
-/4
-/2 D5/.5 F#5/.5 B5/1
B4/2 D5/2
C#5/2 E5/1 C#5/1
A5/.5 G5/.5 F#5/1.5 A5/.5 D6/1
C#6/.5 A5/.5 F#5/1 -/2
-/4
-/4
F#5/2 G5/2
F#5/4
"""

# Five strings from low to high; the bass note of the chord comes first.
GUITAR = {
    "D": "D3 A3 D4 F#4 A4",
    "Gmaj7": "G2 D3 B3 D4 F#4",
    "A:C#": "C#3 E3 A3 C#4 E4",
    "Bm": "B2 F#3 B3 D4 F#4",
    "G": "G2 D3 G3 B3 G4",
    "D:F#": "F#2 D3 A3 D4 F#4",
    "Em7": "E2 B2 G3 D4 E4",
    "Asus4": "A2 E3 A3 D4 E4",
    "A": "A2 E3 A3 C#4 E4",
    "A7": "A2 E3 G3 C#4 E4",
    "F#m": "F#2 C#3 F#3 A3 C#4",
    "Gm": "G2 D3 G3 Bb3 G4",
    "D:A": "A2 A3 D4 F#4 A4",
}
STRINGS = {
    "D": "F#3 A3 D4",
    "Gmaj7": "F#3 B3 D4",
    "A:C#": "E3 A3 C#4",
    "Bm": "F#3 B3 D4",
    "G": "G3 B3 D4",
    "D:F#": "A3 D4 F#4",
    "Em7": "G3 B3 D4",
    "Asus4": "A3 D4 E4",
    "A": "A3 C#4 E4",
    "A7": "G3 C#4 E4",
    "F#m": "A3 C#4 F#4",
    "Gm": "G3 Bb3 D4",
    "D:A": "F#3 A3 D4",
}

# Guitar: digits pluck that string on each eighth; D, d and u are strums (strong down, soft down, up) on sixteenths.
PICKING = {"intro": "0 2 3 2 4 2 3 2", "verse": "0 2 3 4 1 2 3 2"}
STRUMS = {"lift": "D...d...D...d.d.", "chorus": "D...d.uu..ud..du", "ending": "D...d.uu..ud..du"}
LAST_BARS = "D......."
"""The strum of the last two bars, once a chord."""

DRIVE = [(0, 0.7, "R"), (0.75, 0.2, "R"), (1, 0.45, "8"), (1.5, 0.9, "R"), (2.5, 0.45, "5"), (3, 0.45, "8"), (3.5, 0.45, ">")]

# Bass: (beat, length, degree): R root, 5 fifth below or above, 8 octave, > a step towards the next root.
BASS = {
    "intro": [],
    "verse": [(0, 1.4, "R"), (1.5, 0.45, "R"), (2, 1.4, "5"), (3.5, 0.45, ">")],
    "lift": [(0, 0.9, "R"), (1, 0.9, "R"), (2, 0.9, "R"), (3, 0.4, "5"), (3.5, 0.45, ">")],
    "chorus": DRIVE,
    "ending": DRIVE,
}

KICK, SIDE, SNARE, LOW_TOM, HAT, MID_TOM, OPEN_HAT, HIGH_TOM, CRASH, RIDE, SHAKER = 36, 37, 38, 45, 42, 47, 46, 50, 49, 51, 70

# Drums: one digit a sixteenth, 1 soft to 9 hard.
GROOVES: dict[str, dict[int, str]] = {
    "intro": {SHAKER: "5.3.5.3.5.3.5.3."},
    "verse": {KICK: "9.....5.8.......", SIDE: "....7.......7...", HAT: "6.4.6.4.6.4.6.43"},
    "lift": {KICK: "9...8...9...8...", SNARE: "....6.......7...", HAT: "6464646464646464"},
    "chorus": {KICK: "9.....7.98......", SNARE: "....9.......9..3", RIDE: "7.5.7.5.7.5.7.5."},
    "ending": {KICK: "9.....7.98......", SNARE: "....8.......8...", RIDE: "7.5.7.5.7.5.7.5."},
}

# Bars (counted from 0) that leave the groove: pickups, fills and the close.
FILLS: dict[int, dict[int, str]] = {
    1: {SHAKER: "5.3.5.3.5.3.5.3.", KICK: "............6...", SIDE: "..............67"},
    9: {KICK: "9.....5.8.......", SIDE: "....7...........", HAT: "6.4.6.4.6.4.....", SNARE: "............5678"},
    13: {
        KICK: "9...9...9.......",
        SNARE: "....7...56......",
        HIGH_TOM: "..........87....",
        MID_TOM: "............88..",
        LOW_TOM: "..............98",
    },
    14: {KICK: "9.....7.98......", SNARE: "....9.......9..3", RIDE: "..5.7.5.7.5.7.5.", CRASH: "9..............."},
    17: {KICK: "9.....7.98......", SNARE: "....9.......9.78", RIDE: "7.5.7.5.7.5....."},
    18: {KICK: "9.....7.98......", SNARE: "....9.......9..3", RIDE: "..5.7.5.7.5.7.5.", CRASH: "8..............."},
    21: {
        KICK: "9.....7.9.......",
        SNARE: "....9...5.67....",
        RIDE: "7.5.7.5.........",
        HIGH_TOM: "............88..",
        LOW_TOM: "..............88",
    },
    22: {KICK: "9.....7.98......", SNARE: "....8.......8...", RIDE: "..5.7.5.7.5.7.5.", CRASH: "8..............."},
    23: {KICK: "9.......7.......", SNARE: "....6...........", RIDE: "6...5...5...4..."},
    24: {KICK: "7...............", RIDE: "6...5...4...3..."},
    25: {KICK: "8...............", CRASH: "6..............."},
}

LOUDNESS = {"intro": 0.9, "verse": 0.82, "lift": 0.9, "chorus": 1.0, "ending": 0.9}
"""Velocity factor of each part: the song grows into its chorus."""

PROGRAMS = {"lead": 65, "answer": 73, "guitar": 25, "strings": 48, "bass": 33, "drums": 0}
"""General MIDI, from 0: alto saxophone, flute, steel guitar, string ensemble, fingered bass."""
