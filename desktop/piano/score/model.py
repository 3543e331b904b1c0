"""What a score is made of. Times are ticks (``metre.QUARTER`` to a quarter); ``Bar.start`` counts from the cover's beat 0."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from desktop.piano.score.metre import Metre


class Clef(StrEnum):
    """Clefs of a piano staff."""

    TREBLE = "G"
    BASS = "F"


@dataclass(frozen=True)
class Note:
    """A note after quantisation: onset and end in ticks, MIDI pitch, velocity 1..127, hand as in ``cover.RIGHT``/``LEFT``."""

    start: int
    end: int
    pitch: int
    velocity: int
    hand: int


@dataclass(frozen=True)
class Name:
    """How a pitch is written: step "C".."B", alter -2..2, octave (4 holds middle C)."""

    step: str
    alter: int
    octave: int


@dataclass(frozen=True)
class Value:
    """A note value: ``type`` as MusicXML calls it ("quarter", "16th"), and dots."""

    type: str
    dots: int = 0


@dataclass(frozen=True)
class Tuplet:
    """``actual`` notes in the time of ``normal`` of ``type``; ``first`` and ``last`` mark its ends."""

    actual: int
    normal: int
    type: str
    first: bool = False
    last: bool = False


@dataclass(frozen=True)
class Head:
    """A note head: its name, the accidental printed ("" none; cautionary ones in brackets), and its ties."""

    pitch: int
    name: Name
    accidental: str = ""
    cautionary: bool = False
    tied_from: bool = False
    tied_to: bool = False


@dataclass(frozen=True)
class Symbol:
    """A chord or, without heads, a rest.

    Attributes:
        start, length: ticks, from the beginning of the bar.
        whole_bar: a rest that stands for the bar whatever its length.
        hidden: a rest that takes its time but is not printed.
        beams: for each level from 1 "begin", "continue", "end", "forward hook" or "backward hook".
    """

    start: int
    length: int
    value: Value
    heads: tuple[Head, ...] = ()
    tuplet: Tuplet | None = None
    whole_bar: bool = False
    hidden: bool = False
    beams: tuple[str, ...] = ()


@dataclass(frozen=True)
class Staff:
    """One hand's bar: symbols of its one or two voices, and the clef at its beginning."""

    clef: Clef
    voices: tuple[tuple[Symbol, ...], ...]


class MarkKind(StrEnum):
    """Marks that stand at a moment, not on a note."""

    TEMPO = "tempo"
    DYNAMIC = "dynamic"
    CHORD = "chord"
    PEDAL = "pedal"


@dataclass(frozen=True)
class Mark:
    """A mark in a bar.

    Attributes:
        at: ticks from the beginning of the bar.
        text: dynamics "pp".."ff", pedal "start"/"stop", chord quality of ``cover.QUALITIES``.
        tempo: beats (of the metre's felt pulse) a minute.
        root, bass: names of a chord's notes.
    """

    kind: MarkKind
    at: int
    text: str = ""
    tempo: float = 0.0
    root: Name | None = None
    bass: Name | None = None


@dataclass(frozen=True)
class Bar:
    """A bar: its number as the grid counts (1 is the bar of the first downbeat), first tick, length, right and left staff."""

    number: int
    start: int
    length: int
    pickup: bool
    staves: tuple[Staff, Staff]
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True)
class Score:
    """A piano score.

    Attributes:
        fifths: sharps (> 0) or flats (< 0) of the key signature, -7..7.
        notes: what is written, each struck note once; sorted by start, then pitch.
    """

    title: str
    subtitle: str
    metre: Metre
    fifths: int
    mode: str
    bars: tuple[Bar, ...]
    notes: tuple[Note, ...] = field(default=())

    def symbols(self) -> Iterator[tuple[Bar, int, int, Symbol]]:
        """Every symbol with its bar, staff (0 right, 1 left) and voice (0, 1)."""
        for bar in self.bars:
            for number, staff in enumerate(bar.staves):
                for voice, symbols in enumerate(staff.voices):
                    for symbol in symbols:
                        yield bar, number, voice, symbol
