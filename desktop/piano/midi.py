"""Covers as Standard MIDI Files that line up with the recording: MIDI time 0 is the audio's time 0."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import mido
import numpy as np

from desktop.paths import atomic_write
from desktop.piano.cover import LEFT, RIGHT, Cover
from desktop.piano.midi_names import HAND_NAMES, NO_CHORD, SUSTAIN, chord_text, key_text
from desktop.piano.midi_reader import read_midi
from desktop.piano.timeline import TICKS, Timeline, tempi, timeline

__all__ = ["read_midi", "write_midi"]


def write_midi(cover: Cover, path: Path | str) -> None:
    """Write ``cover`` as a format 1 file, whole or not at all; raises UserError when it cannot be written.

    Tracks: tempo, signatures and chord markers; right hand (channel 1); left hand (channel 2), each with the pedal.
    """
    line = timeline(cover.grid)
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS, charset="utf-8")
    end = float(line.tick(np.array([cover.duration]))[0])
    file.tracks.append(_track(_conductor(cover, line), end))
    for hand in (RIGHT, LEFT):
        file.tracks.append(_track(_hand(cover, line, hand), end))
    with atomic_write(Path(path)) as out:
        file.save(file=out)


Timed = tuple[float, int, mido.Message | mido.MetaMessage]
"""Tick, rank among messages of the same tick, message."""


def _track(messages: Iterable[Timed], end: float) -> mido.MidiTrack:
    track = mido.MidiTrack()
    now = 0.0
    for tick, _, message in sorted(messages, key=lambda item: item[:2]):
        track.append(message.copy(time=int(tick - now)))
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=int(max(0.0, end - now))))
    return track


def _conductor(cover: Cover, line: Timeline) -> Iterable[Timed]:
    yield 0, 0, mido.MetaMessage("track_name", name=cover.title)
    yield 0, 1, mido.MetaMessage("key_signature", key=key_text(cover.key))
    if line.pickup:
        yield 0, 2, _pickup_signature(line.pickup)
    yield line.pickup, 2, mido.MetaMessage("time_signature", numerator=cover.grid.meter, denominator=4)
    for tick, tempo in tempi(line):
        yield tick, 3, mido.MetaMessage("set_tempo", tempo=tempo)
    for seconds, name in _markers(cover):
        yield float(line.tick(np.array([seconds]))[0]), 4, mido.MetaMessage("marker", text=name)


def _pickup_signature(pickup: int) -> mido.MetaMessage:
    denominator = 4
    while pickup * denominator % (4 * TICKS):
        denominator *= 2
    return mido.MetaMessage("time_signature", numerator=pickup * denominator // (4 * TICKS), denominator=denominator)


def _markers(cover: Cover) -> Iterable[tuple[float, str]]:
    at = -np.inf
    for chord in cover.chords:
        if chord.start > at + 1e-6 and at > -np.inf:
            yield float(cover.grid.seconds(at)), NO_CHORD
        yield float(cover.grid.seconds(chord.start)), chord_text(chord)
        at = chord.end
    if at > -np.inf:
        yield float(cover.grid.seconds(at)), NO_CHORD


def _hand(cover: Cover, line: Timeline, hand: int) -> Iterable[Timed]:
    yield 0, 0, mido.MetaMessage("track_name", name=HAND_NAMES[hand])
    yield 0, 1, mido.Message("program_change", channel=hand, program=0)
    start, end = cover.note_seconds()
    mine = (cover.notes["hand"] == hand) & (end > 0)
    on, off = line.tick(start[mine]), line.tick(end[mine])
    for note, first, last in zip(cover.notes[mine], on, np.maximum(off, on + 1), strict=True):
        pitch, velocity = int(note["pitch"]), max(1, int(note["velocity"]))
        yield first, 4, mido.Message("note_on", channel=hand, note=pitch, velocity=velocity)
        yield last, 2, mido.Message("note_off", channel=hand, note=pitch, velocity=64)
    for name, rank, value in (("down", 3, 127), ("up", 1, 0)):
        for tick in line.tick(cover.grid.seconds(cover.pedals[name])):
            yield tick, rank, mido.Message("control_change", channel=hand, control=SUSTAIN, value=value)
