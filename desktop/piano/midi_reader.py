"""MIDI files as covers."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from pathlib import Path

import mido
import numpy as np

from desktop.errors import UserError
from desktop.piano.cover import LEFT, NOTE, PEDAL, RIGHT, Chord, Cover, Floats, Grid, Key, Notes, sort_notes
from desktop.piano.midi_names import CHORDS, HAND_NAMES, SUSTAIN, parse_key
from desktop.plain_files import read_plain

_LARGEST = 8 << 20
_MOST_BEATS, _LONGEST_S = 1 << 20, 86_400
"""A file of a few bytes can say that its last note comes after centuries: that many beats need gigabytes."""


def read_midi(path: Path | str) -> Cover:
    """Read a MIDI file as a cover: grid from its tempo map and time signature, hands from track names, else split by pitch.

    Raises UserError when the file cannot be read, is no MIDI file, has no notes, or claims to last longer than a day.
    """
    path = Path(path)
    try:
        file = _parsed(path)
    except FileNotFoundError as error:
        raise UserError("There is no such MIDI file", path=path) from error
    except (OSError, EOFError, ValueError, LookupError, mido.KeySignatureError) as error:
        said = getattr(error, "strerror", None) or error
        raise UserError(f"This is not a readable MIDI file: {said or 'it ends too early'}", path=path) from error
    if file.ticks_per_beat <= 0 or file.type == 2:
        raise UserError("This kind of MIDI file has no common beat", path=path, remedy="Save it as format 0 or 1 with beats.")
    return _Reader(file, path).cover()


def _parsed(path: Path) -> mido.MidiFile:
    # From a file itself mido asks for as many bytes as a chunk says it has, and Python takes that much memory first.
    data = read_plain(path, _LARGEST)
    try:
        return mido.MidiFile(file=io.BytesIO(data), charset="utf-8", clip=True)
    except UnicodeDecodeError:
        return mido.MidiFile(file=io.BytesIO(data), charset="latin1", clip=True)


class _Reader:
    """Collects what a MIDI file says, in ticks, then turns it into a cover."""

    def __init__(self, file: mido.MidiFile, path: Path) -> None:
        self.path = path
        self.resolution = file.ticks_per_beat
        self.title = path.stem
        self.tempi: dict[int, int] = {0: 500_000}
        self.signatures: list[tuple[int, int, int]] = []
        self.key = Key(0, "major")
        self.markers: list[tuple[int, str]] = []
        self.notes: list[tuple[int, int, int, int, int]] = []
        self.pedal: dict[int, list[tuple[int, bool]]] = {}
        self.end = 0
        self.named = False
        for number, track in enumerate(file.tracks):
            self._read(number, track)

    def _read(self, number: int, track: mido.MidiTrack) -> None:
        now, hand = 0, -1
        sounding: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for message in track:
            now += message.time
            if message.is_meta:
                if message.type == "track_name" and message.name in HAND_NAMES.values():
                    hand, self.named = (RIGHT if message.name == HAND_NAMES[RIGHT] else LEFT), True
                else:
                    self._meta(number, now, message)
            elif message.type in ("note_on", "note_off"):
                self._note(sounding, now, hand, message)
            elif message.type == "control_change" and message.control == SUSTAIN:
                self.pedal.setdefault(message.channel, []).append((now, message.value >= 64))
        for (_, pitch), open_notes in sounding.items():
            self.notes += [(start, max(now, start + 1), pitch, velocity, hand) for start, velocity in open_notes]
        self.end = max(self.end, now)

    def _meta(self, number: int, now: int, message: mido.MetaMessage) -> None:
        if message.type == "set_tempo":
            self.tempi[now] = max(1, message.tempo)
        elif message.type == "time_signature":
            self.signatures.append((now, message.numerator, message.denominator))
        elif message.type == "key_signature" and now == 0:
            self.key = parse_key(message.key)
        elif message.type == "marker":
            self.markers.append((now, message.text))
        elif message.type == "track_name" and number == 0 and message.name.strip():
            self.title = message.name

    def _note(self, sounding: dict[tuple[int, int], list[tuple[int, int]]], now: int, hand: int, message: mido.Message) -> None:
        if message.channel == 9:  # drums
            return
        held = sounding.setdefault((message.channel, message.note), [])
        if message.type == "note_on" and message.velocity > 0:
            held.append((now, message.velocity))
        elif held:
            start, velocity = held.pop(0)
            if now > start:
                self.notes.append((start, now, message.note, velocity, hand))

    def cover(self) -> Cover:
        if not self.notes:
            raise UserError("This MIDI file has no notes", path=self.path)
        duration = float(self._seconds(np.array([self.end]))[0])
        if self.end > _MOST_BEATS * self.resolution or duration > _LONGEST_S:
            raise UserError("This MIDI file claims to last longer than a day", path=self.path, remedy="Cut off its end.")
        grid, origin = self._grid()

        def beats(ticks: Iterable[int]) -> Floats:
            positions: Floats = (np.fromiter(ticks, np.float64) - origin) / self.resolution
            return positions

        notes = np.zeros(len(self.notes), NOTE)
        columns = list(zip(*self.notes, strict=True))
        notes["start"], notes["end"] = beats(columns[0]), beats(columns[1])
        notes["pitch"], notes["velocity"] = columns[2], columns[3]
        notes["hand"] = np.array(columns[4]) if self.named else np.where(notes["pitch"] >= 60, RIGHT, LEFT)
        marks = beats(at for at, _ in self.markers)
        found = [CHORDS.get(text) for _, text in self.markers]
        ends = [*marks[1:], float(beats([self.end])[0])][: len(marks)]
        chords = tuple(Chord(float(a), float(b), *c) for a, b, c in zip(marks, ends, found, strict=True) if c and b > a)
        return Cover(
            title=self.title,
            notes=sort_notes(notes),
            pedals=self._pedals(beats),
            grid=grid,
            chords=chords,
            key=self.key,
            duration=duration,
            info={"source": str(self.path)},
        )

    def _seconds(self, ticks: Floats) -> Floats:
        """Times of ticks by the tempo events."""
        knots = np.array(sorted(self.tempi), np.float64)
        tempo = np.array([self.tempi[int(k)] for k in knots]) / 1e6 / self.resolution
        start = np.concatenate([[0.0], np.cumsum(np.diff(knots) * tempo[:-1])])
        at = np.searchsorted(knots, ticks, side="right") - 1
        seconds: Floats = start[at] + (ticks - knots[at]) * tempo[at]
        return seconds

    def _grid(self) -> tuple[Grid, int]:
        """The grid and the tick of its beat 0: the first quarter on or after the start that is in step with the bars."""
        signatures = sorted(self.signatures) or [(0, 4, 4)]
        # A shorter first bar is a pickup: the song's own signature follows it.
        later = [s for s in signatures if s[0] > 0]
        first, numerator, denominator = later[0] if later and later[0][0] < 4 * self.resolution * 3 else signatures[0]
        meter = round(numerator * 4 / denominator)
        meter = meter if 2 <= meter <= 12 else 4
        origin = first % self.resolution
        count = max(2, -(-(self.end - origin) // self.resolution) + 1)
        ticks = origin + self.resolution * np.arange(count, dtype=np.float64)
        return Grid(self._seconds(ticks), (first // self.resolution) % meter, meter), origin

    def _pedals(self, beats: Callable[[Iterable[int]], Floats]) -> Notes:
        events = max(self.pedal.values(), key=len, default=[])
        spans: list[tuple[int, int]] = []
        down = -1
        for at, pressed in sorted(events):
            if pressed and down < 0:
                down = at
            elif not pressed and down >= 0:
                if at > down:
                    spans.append((down, at))
                down = -1
        if down >= 0 and self.end > down:
            spans.append((down, self.end))
        out = np.zeros(len(spans), PEDAL)
        if spans:
            starts, ends = zip(*spans, strict=True)
            out["down"], out["up"] = beats(starts), beats(ends)
        return out
