"""Scores as MusicXML 4.0, which notation programs open, plain or compressed (.mxl)."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from desktop import __version__
from desktop.piano.score.metre import QUARTER
from desktop.piano.score.model import Bar, Clef, Head, Mark, MarkKind, Name, Score, Symbol

_DOCTYPE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" '
    '"http://www.musicxml.org/dtds/partwise.dtd">\n'
)
_CONTAINER = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<container><rootfiles><rootfile full-path="score.musicxml" '
    'media-type="application/vnd.recordare.musicxml+xml"/></rootfiles></container>\n'
)
_KINDS = {
    "maj": ("major", ""), "min": ("minor", "m"), "7": ("dominant", "7"), "maj7": ("major-seventh", "maj7"),
    "min7": ("minor-seventh", "m7"), "sus4": ("suspended-fourth", "sus4"),
    "dim": ("diminished", "dim"), "aug": ("augmented", "aug"),
}  # fmt: skip
_LINES = {Clef.TREBLE: "2", Clef.BASS: "4"}
_LOUDNESS = {"pp": 40, "p": 54, "mp": 69, "mf": 83, "f": 98, "ff": 112}
"""Playback level of each dynamic in percent of a forte, as notation programs take it."""


def to_musicxml(score: Score) -> bytes:
    """The score as a MusicXML document (UTF-8). Elements carry ids: ``bar-N`` and ``at-TICK-STAFF-VOICE``, N from 0."""
    root = ET.Element("score-partwise", version="4.0")
    _sub(_sub(root, "work"), "work-title", score.title)
    identification = _sub(root, "identification")
    _sub(identification, "creator", score.subtitle, type="arranger")
    encoding = _sub(identification, "encoding")
    _sub(encoding, "software", f"Reprise {__version__}")
    for element in ("accidental", "beam", "stem"):
        _sub(encoding, "supports", element=element, type="yes" if element != "stem" else "no")
    part = _sub(_sub(root, "part-list"), "score-part", id="P1")
    _sub(part, "part-name", "Piano", **{"print-object": "no"})
    _sub(_sub(part, "score-instrument", id="P1-I1"), "instrument-name", "Piano")
    midi = _sub(part, "midi-instrument", id="P1-I1")
    _sub(midi, "midi-channel", "1")
    _sub(midi, "midi-program", "1")
    body = _sub(root, "part", id="P1")
    clefs: list[Clef] = []
    for number, bar in enumerate(score.bars):
        measure = _sub(body, "measure", id=f"bar-{number}", number=str(bar.number), **({"implicit": "yes"} if bar.pickup else {}))
        _attributes(measure, score, bar, clefs, first=number == 0)
        clefs = [staff.clef for staff in bar.staves]
        _contents(measure, bar, score)
        if number == len(score.bars) - 1:
            _sub(_sub(measure, "barline", location="right"), "bar-style", "light-heavy")
    ET.indent(root, " ")
    text: bytes = ET.tostring(root, "utf-8")
    return _DOCTYPE.encode() + text + b"\n"


def compressed(document: bytes) -> bytes:
    """A MusicXML document as the bytes of an ``.mxl`` file, the same for the same document."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (("META-INF/container.xml", _CONTAINER.encode()), ("score.musicxml", document)):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return out.getvalue()


def _sub(parent: ET.Element, tag: str, text: str = "", /, **attributes: str) -> ET.Element:
    child = ET.SubElement(parent, tag, attributes)
    if text:
        # Characters that XML has no way to write (a file name may hold any).
        child.text = "".join(c for c in text if c in "\t\n" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c > "\uffff")
    return child


def _attributes(measure: ET.Element, score: Score, bar: Bar, before: Sequence[Clef], *, first: bool) -> None:
    now = [staff.clef for staff in bar.staves]
    if now == list(before):
        return
    attributes = _sub(measure, "attributes")
    if first:
        _sub(attributes, "divisions", str(QUARTER))
        key = _sub(attributes, "key")
        _sub(key, "fifths", str(score.fifths))
        _sub(key, "mode", score.mode)
        time = _sub(attributes, "time", **({"symbol": "common"} if (score.metre.beats, score.metre.unit) == (4, 4) else {}))
        _sub(time, "beats", str(score.metre.beats))
        _sub(time, "beat-type", str(score.metre.unit))
        _sub(attributes, "staves", "2")
    for number, clef in enumerate(now):
        if first or clef is not before[number]:
            written = _sub(attributes, "clef", number=str(number + 1))
            _sub(written, "sign", str(clef))
            _sub(written, "line", _LINES[clef])


def _contents(measure: ET.Element, bar: Bar, score: Score) -> None:
    """Voices one after the other, each from the beginning of the bar, with the marks of its staff in the first."""
    begun = False
    for number, staff in enumerate(bar.staves):
        for voice, symbols in enumerate(staff.voices):
            if begun:
                _sub(_sub(measure, "backup"), "duration", str(bar.length))
            begun = True
            marks = [m for m in bar.marks if (m.kind is MarkKind.PEDAL) == (number == 1)] if voice == 0 else []
            several = len(staff.voices) > 1
            for symbol in symbols:
                end = symbol.start + symbol.length
                due = [m for m in marks if m.at < end or (end == bar.length and symbol is symbols[-1])]
                for mark in due:
                    _mark(measure, mark, mark.at - symbol.start, number + 1, score)
                marks = marks[len(due) :]
                _symbol(measure, symbol, bar, number, voice, several=several)


def _symbol(measure: ET.Element, symbol: Symbol, bar: Bar, staff: int, voice: int, *, several: bool) -> None:
    if not symbol.heads:
        _note(measure, symbol, None, staff, voice, bar, number=0, several=several)
    for number, head in enumerate(symbol.heads):
        _note(measure, symbol, head, staff, voice, bar, number=number, several=several)


def _note(
    measure: ET.Element, symbol: Symbol, head: Head | None, staff: int, voice: int, bar: Bar, *, number: int, several: bool
) -> None:
    note = _sub(measure, "note")
    if number == 0 and head is not None:
        note.set("id", f"at-{bar.start + symbol.start}-{staff}-{voice}")
    if symbol.hidden:
        note.set("print-object", "no")
    if number:
        _sub(note, "chord")
    if head is None:
        _sub(note, "rest", **({"measure": "yes"} if symbol.whole_bar else {}))
    else:
        _pitch(_sub(note, "pitch"), head.name)
    _sub(note, "duration", str(symbol.length))
    if head is not None:
        _ties(note, "tie", head)
    _sub(note, "voice", str(4 * staff + voice + 1))
    if not symbol.whole_bar:
        _value(note, symbol, head)
    if several and head is not None and symbol.value.type != "whole":
        _sub(note, "stem", "down" if voice else "up")
    _sub(note, "staff", str(staff + 1))
    if number == 0:
        for level, beam in enumerate(symbol.beams):
            _sub(note, "beam", beam, number=str(level + 1))
    _notations(note, symbol, head, number)


def _value(note: ET.Element, symbol: Symbol, head: Head | None) -> None:
    _sub(note, "type", symbol.value.type)
    for _ in range(symbol.value.dots):
        _sub(note, "dot")
    if head is not None and head.accidental:
        _sub(note, "accidental", head.accidental, **({"cautionary": "yes", "parentheses": "yes"} if head.cautionary else {}))
    if symbol.tuplet is not None:
        ratio = _sub(note, "time-modification")
        _sub(ratio, "actual-notes", str(symbol.tuplet.actual))
        _sub(ratio, "normal-notes", str(symbol.tuplet.normal))
        _sub(ratio, "normal-type", symbol.tuplet.type)


def _notations(note: ET.Element, symbol: Symbol, head: Head | None, number: int) -> None:
    tied = head is not None and (head.tied_from or head.tied_to)
    bracket = symbol.tuplet is not None and number == 0 and (symbol.tuplet.first or symbol.tuplet.last)
    if not tied and not bracket:
        return
    notations = _sub(note, "notations")
    if head is not None:
        _ties(notations, "tied", head)
    if bracket and symbol.tuplet is not None:
        if symbol.tuplet.first:
            _sub(notations, "tuplet", type="start", bracket="no" if symbol.beams else "yes")
        if symbol.tuplet.last:
            _sub(notations, "tuplet", type="stop")


def _ties(parent: ET.Element, tag: str, head: Head) -> None:
    if head.tied_from:
        _sub(parent, tag, type="stop")
    if head.tied_to:
        _sub(parent, tag, type="start")


def _pitch(pitch: ET.Element, name: Name) -> None:
    _sub(pitch, "step", name.step)
    if name.alter:
        _sub(pitch, "alter", str(name.alter))
    _sub(pitch, "octave", str(name.octave))


def _mark(measure: ET.Element, mark: Mark, offset: int, staff: int, score: Score) -> None:
    if mark.kind is MarkKind.CHORD:
        _harmony(measure, mark, offset)
        return
    direction = _sub(measure, "direction", placement="above" if mark.kind is MarkKind.TEMPO else "below")
    kind = _sub(direction, "direction-type")
    if mark.kind is MarkKind.TEMPO:
        metronome = _sub(kind, "metronome")
        _sub(metronome, "beat-unit", "quarter")
        if score.metre.compound:
            _sub(metronome, "beat-unit-dot")
        _sub(metronome, "per-minute", str(round(mark.tempo)))
    elif mark.kind is MarkKind.DYNAMIC:
        _sub(_sub(kind, "dynamics"), mark.text)
    else:
        _sub(kind, "pedal", type=mark.text, line="yes", sign="yes" if mark.text == "start" else "no")
    if offset:
        _sub(direction, "offset", str(offset))
    _sub(direction, "staff", str(staff))
    if mark.kind is MarkKind.TEMPO:
        _sub(direction, "sound", tempo=f"{mark.tempo * (1.5 if score.metre.compound else 1.0):.2f}")
    elif mark.kind is MarkKind.DYNAMIC:
        _sub(direction, "sound", dynamics=str(_LOUDNESS[mark.text]))


def _harmony(measure: ET.Element, mark: Mark, offset: int) -> None:
    if mark.root is None:
        return
    harmony = _sub(measure, "harmony")
    _named(_sub(harmony, "root"), "root", mark.root)
    kind, text = _KINDS[mark.text]
    _sub(harmony, "kind", kind, text=text)
    if mark.bass is not None:
        _named(_sub(harmony, "bass"), "bass", mark.bass)
    if offset:
        _sub(harmony, "offset", str(offset))
    _sub(harmony, "staff", "1")


def _named(parent: ET.Element, tag: str, name: Name) -> None:
    _sub(parent, f"{tag}-step", name.step)
    if name.alter:
        _sub(parent, f"{tag}-alter", str(name.alter))
