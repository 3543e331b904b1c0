"""MusicXML as others read it: music21 finds every note where the score has it, bars add up, verovio has nothing to say."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from desktop.paths import resources
from desktop.piano.cover import LEFT, RIGHT, Grid, Key
from desktop.piano.open_cover import open_cover
from desktop.piano.score.build import build_score
from desktop.piano.score.engrave import Engraver, screen
from desktop.piano.score.metre import QUARTER
from desktop.piano.score.model import Score
from desktop.piano.score.musicxml import compressed, to_musicxml
from tests.piano.pop909 import human_cover, load_song
from tests.piano.score.covers import arranged, cover, random_cover, waltz

Found = tuple[float, float, int, int]
"""Onset and length in quarters from the first bar's beginning, MIDI pitch, staff (0 right)."""


def read_back(document: bytes) -> list[Found]:
    """The notes as music21 reads them, tied ones added up."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import music21

        parsed: Any = music21.converter.parseData(document, format="musicxml")
    found: list[Found] = []
    for staff, part in enumerate(parsed.parts):
        begun: dict[int, tuple[float, float]] = {}
        for element in part.flatten().notes:
            if isinstance(element, music21.harmony.Harmony):
                continue
            for note in element.notes if element.isChord else [element]:
                at, length, pitch = float(element.offset), float(element.quarterLength), note.pitch.midi
                tie = note.tie.type if note.tie else ""
                if tie in ("continue", "stop"):
                    onset, sofar = begun.pop(pitch)
                    assert onset + sofar == pytest.approx(at, abs=1e-4)
                    at, length = onset, sofar + length
                if tie in ("start", "continue"):
                    begun[pitch] = (at, length)
                else:
                    found.append((at, length, pitch, staff))
        assert not begun
    return found


def rounded(notes: list[Found]) -> Counter[tuple[int, int, int, int]]:
    return Counter((round(a * QUARTER), round(b * QUARTER), pitch, staff) for a, b, pitch, staff in notes)


def written(score: Score) -> Counter[tuple[int, int, int, int]]:
    first = score.bars[0].start
    return Counter((n.start - first, n.end - n.start, n.pitch, n.hand) for n in score.notes)


def check_bars(score: Score, document: bytes) -> None:
    """Every voice fills its bar exactly, in the score and by the document's own durations."""
    for bar in score.bars:
        for staff in bar.staves:
            for voice in staff.voices:
                at = 0
                for symbol in voice:
                    assert symbol.start == at and symbol.length > 0
                    at += symbol.length
                assert at == bar.length
    for bar, measure in zip(score.bars, ET.fromstring(document).iter("measure"), strict=True):
        at = most = 0
        for element in measure:
            length = int(element.findtext("duration", "0"))
            if element.tag == "backup":
                at -= length
                assert at == 0
            elif element.tag == "note" and element.find("chord") is None:
                at += length
                most = max(most, at)
        assert at == most == bar.length


@pytest.mark.parametrize("style", ["pop", "stride"])
def test_a_cover_is_read_back_note_by_note(style: str) -> None:
    made = arranged(style)
    score = build_score(made)
    document = to_musicxml(score)
    assert rounded(read_back(document)) == written(score)
    check_bars(score, document)
    # And the score is the cover: each struck note once, in its hand, within a 32nd of where it was played.
    assert len(score.notes) == len(made.notes)
    want = sorted((int(n["hand"]), int(n["pitch"]), float(n["start"])) for n in made.notes)
    have = sorted((n.hand, n.pitch, n.start / QUARTER) for n in score.notes)
    for (hand, pitch, at), (other, same, near) in zip(want, have, strict=True):
        assert (hand, pitch) == (other, same) and abs(at - near) <= 1 / 8 + 1e-6


def test_a_waltz_with_a_pickup() -> None:
    made = waltz()
    score = build_score(made)
    document = to_musicxml(score)
    assert score.bars[0].pickup and score.bars[0].length == QUARTER
    assert [bar.number for bar in score.bars] == [1, 2, 3, 4, 5]
    root = ET.fromstring(document)
    assert (root.findtext(".//time/beats"), root.findtext(".//time/beat-type")) == ("3", "4")
    assert root.find(".//measure").get("implicit") == "yes"  # type: ignore[union-attr]
    assert root.findtext(".//work-title") == made.title
    assert rounded(read_back(document)) == written(score)
    starts = {(n.start / QUARTER, n.pitch, n.hand) for n in score.notes}
    assert starts == {(float(n["start"]), int(n["pitch"]), int(n["hand"])) for n in made.notes}


@pytest.mark.parametrize("seed", range(7))
def test_any_cover_adds_up_and_engraves(seed: int, capfd: pytest.CaptureFixture[str]) -> None:
    score = build_score(random_cover(seed))
    document = to_musicxml(score)
    check_bars(score, document)
    engraver = Engraver(document, screen(1000, 1400))
    pages = list(engraver.pages())
    # What verovio does not like it says on stderr.
    assert pages and "".join(capfd.readouterr()) == ""
    bars = [index for page in pages for index in page.places.bars]
    assert sorted(bars) == list(range(len(score.bars)))
    ticks = {tick for page in pages for tick in page.places.chords}
    assert {note.start for note in score.notes} <= ticks


@pytest.mark.parametrize("seed", [3, 5])
def test_any_cover_is_read_back(seed: int) -> None:
    score = build_score(random_cover(seed))
    assert rounded(read_back(to_musicxml(score))) == written(score)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 140))
def test_many_covers_are_read_back(seed: int) -> None:
    score = build_score(random_cover(seed))
    document = to_musicxml(score)
    check_bars(score, document)
    assert rounded(read_back(document)) == written(score)


@pytest.mark.slow
@pytest.mark.parametrize("number", [12, 45, 100])
def test_human_covers_are_read_back(shared: Path, number: int) -> None:
    made = human_cover(load_song(shared, number))
    score = build_score(made)
    document = to_musicxml(score)
    check_bars(score, document)
    assert rounded(read_back(document)) == written(score)
    assert len(score.notes) > 0.93 * len(made.notes)


def test_a_midi_file_is_read_like_its_score() -> None:
    """What music21 reads from a MIDI file of the grid's own times is what our score of that file says."""
    path = resources() / "demo" / "six-oclock-ferry.mid"
    score = build_score(open_cover(path))
    pitches = Counter(pitch for _, _, pitch, _ in read_back(to_musicxml(score)))
    assert pitches == Counter(note.pitch for note in score.notes)


def test_compressed_scores_open() -> None:
    document = to_musicxml(build_score(waltz()))
    packed = compressed(document)
    assert packed == compressed(document)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        container = ET.fromstring(archive.read("META-INF/container.xml"))
        place = container.find(".//rootfile").get("full-path")  # type: ignore[union-attr]
        assert archive.read(str(place)) == document


def test_nothing_and_odd_names() -> None:
    made = replace(waltz(), title="a\x00b & <c>\ud800 \U0001f3b9")
    assert ET.fromstring(to_musicxml(build_score(made))).findtext(".//work-title") == "ab & <c> \U0001f3b9"
    empty = cover([], beats=8)
    score = build_score(empty)
    assert len(score.bars) == 1
    assert Engraver(to_musicxml(score), screen(1000, 1400)).count == 1


def test_a_six_is_written_as_it_is_felt() -> None:
    notes = [(float(n), n + 1.0, 60 + n, RIGHT) for n in range(12)] + [(0.0, 3.0, 48, LEFT), (3.0, 6.0, 43, LEFT)]
    fast = build_score(replace(cover(notes), grid=Grid(np.arange(14) * 0.3, 0, 6)))
    slow = build_score(replace(cover(notes), grid=Grid(np.arange(14) * 1.0, 0, 6)))
    assert (fast.metre.unit, slow.metre.unit) == (8, 4)
    left = fast.bars[0].staves[LEFT].voices[0]
    assert [(s.value.type, s.value.dots) for s in left] == [("quarter", 1), ("quarter", 1)]
    assert [s.beams for s in fast.bars[0].staves[RIGHT].voices[0]] == [("begin",), ("continue",), ("end",)] * 2


@pytest.mark.parametrize(("tonic", "mode", "fifths"), [(9, "minor", 0), (3, "major", -3), (6, "major", 6), (8, "minor", 5)])
def test_key_signatures(tonic: int, mode: str, fifths: int) -> None:
    score = build_score(cover([(0, 1, 60, RIGHT)], key=Key(tonic, mode)))
    assert score.fifths == fifths
