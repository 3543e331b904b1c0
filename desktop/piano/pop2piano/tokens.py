"""Pop2Piano's language: time in steps, key down, key up. Decoding keeps to the authors' program, which later ones differ from.

A window's answer is: a shift of time, the state of the velocity when it changes (off, on), pitches; and so on, then the end.
Times are relative: a shift counts from the one before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from desktop.piano.pop2piano.windows import BEYOND, STEPS

PAD, END = 0, 1
FIRST_PITCH, OFF, ON, FIRST_SHIFT = 4, 132, 133, 134
PITCHES = 128
LONGEST_SHIFT = 99
"""Shifts from 100 on have tokens but no use: those of arrangers lie among them."""
VOCABULARY = 2400

STRUCK = np.dtype([("onset", "i8"), ("offset", "i8"), ("pitch", "i8"), ("window", "i8"), ("left", "?")])
"""A note in steps from the song's first beat; ``window``: that it was written in; ``left``: its end was not written, so that it
lasts beyond that window."""

Struck = npt.NDArray[np.void]


def decode(rows: Iterable[Sequence[int]], windows: Iterable[int]) -> Struck:
    """Notes of several windows (``STRUCK``), window by window as the rows come, each in the order of onsets."""
    found = [decode_window(row, window) for row, window in zip(rows, windows, strict=True)]
    return np.concatenate([np.zeros(0, STRUCK), *found])


def decode_window(row: Sequence[int], window: int) -> Struck:
    """Notes of one window's tokens (``STRUCK``), sorted by onset, then offset.

    A key up that no key down came before is ignored; so is a pitch whose key was struck at the same time. What still sounds at
    the end is held ``BEYOND`` steps into the next window.
    """
    now = window * STEPS
    cutoff = now + STEPS + BEYOND
    sounding: dict[int, int] = {}
    found: list[tuple[int, int, int, int, bool]] = []
    striking = False
    for place, token in enumerate(row):
        if token == END:
            break
        if token >= FIRST_SHIFT and not (place == 0 and token > FIRST_SHIFT + LONGEST_SHIFT):
            now = min(now + token - FIRST_SHIFT, cutoff)
        elif token in (OFF, ON):
            striking = token == ON
        elif FIRST_PITCH <= token < OFF:
            pitch = token - FIRST_PITCH
            onset = sounding.get(pitch)
            if onset is not None and onset < now:
                found.append((onset, now, pitch, window, False))
                del sounding[pitch]
            if striking and (onset is None or onset < now):
                sounding[pitch] = now
    found += [(onset, max(now, cutoff, onset + 1), pitch, window, True) for pitch, onset in sounding.items()]
    found.sort(key=lambda note: (note[0] * PITCHES + note[1], note[2]))
    return np.array(found, STRUCK)


def encode(notes: Struck, windows: int) -> list[list[int]]:
    """Tokens of notes on the grid, a row for each window; what ``decode`` makes of them are the same notes, as far as they last.

    A note belongs to the window that it begins in and cannot last longer than ``BEYOND`` steps into the next. Of notes with the
    same pitch and onset one is left.
    """
    numbers = notes["onset"] // STEPS
    return [encode_window(notes[numbers == window], window) for window in range(windows)]


def encode_window(notes: Struck, window: int) -> list[int]:
    """Tokens of one window's notes (``STRUCK``, with onsets in it)."""
    start, cutoff = window * STEPS, window * STEPS + STEPS + BEYOND
    ends: dict[tuple[int, int], int] = {}
    for note in notes:
        key = int(note["onset"]), int(note["pitch"])
        ends[key] = max(ends.get(key, key[0] + 1), int(note["offset"]))
    down = sorted(ends)
    # Striking a key that is down lifts it as well, and what is still down at the end need not be lifted.
    struck = {pitch: [at for at, other in down if other == pitch] for _, pitch in down}
    lifted = sorted(
        (end, pitch)
        for (at, pitch), end in ends.items()
        if end < cutoff and not any(at < other <= end for other in struck[pitch])
    )
    row: list[int] = []
    now, striking = start, False
    for time in sorted({place for place, _ in [*down, *lifted]}):
        shift, now = time - now, time
        row.append(FIRST_SHIFT + shift)
        for strikes, events in ((False, lifted), (True, down)):
            pitches = [pitch for place, pitch in events if place == time]
            if pitches and strikes != striking:
                row.append(ON if strikes else OFF)
                striking = strikes
            row += [FIRST_PITCH + pitch for pitch in pitches]
    return [*row, END]
