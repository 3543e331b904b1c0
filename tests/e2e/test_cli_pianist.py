"""Scores, videos and live playing through the real command line."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import av
import pytest

from desktop.piano.midi_reader import read_midi
from desktop.piano.project import load_project
from tests.e2e.command import files, reprise
from tests.e2e.media import tune, write_wav

pytestmark = pytest.mark.usefixtures("home_with_models")
SMALL = ("--size", "320x180", "--fps", "24")


@pytest.fixture(scope="module")
def covered(tmp_path_factory: pytest.TempPathFactory, machine_models: Path) -> Path:
    """A little song's cover with its score, made by one command."""
    folder = tmp_path_factory.mktemp("covered")
    extra = {"REPRISE_HOME": str(tmp_path_factory.mktemp("home")), "REPRISE_MODELS": str(machine_models)}
    song = write_wav(folder / "song.wav", tune())
    answer = reprise("cover", song, "-o", folder / "out", "--also", "musicxml", "--also", "pdf", "--json", extra=extra)
    assert answer.code == 0, answer.err
    made = answer.events[-1]["result"]["files"]
    assert sorted(made) == ["midi", "pdf", "project", "score"] and all(Path(path).is_file() for path in made.values())
    assert [event["kind"] for event in answer.events if event["event"] == "artifact"] == ["midi", "project", "score", "pdf"]
    fractions = [event["fraction"] for event in answer.events if event["event"] == "progress"]
    assert fractions == sorted(fractions)
    return folder / "out"


def test_the_score_has_every_note(covered: Path, tmp_path: Path) -> None:
    cover = load_project(covered / "song.reprise")
    root = ET.parse(covered / "song.musicxml").getroot()
    started = [
        note for note in root.findall(".//note") if note.find("pitch") is not None and note.find("tie[@type='stop']") is None
    ]
    assert len(started) == len(cover.notes)
    assert (covered / "song.pdf").read_bytes().startswith(b"%PDF-")
    for source, target in (("song.reprise", "again.mxl"), ("song.mid", "from-midi.svg")):
        answer = reprise("score", covered / source, "-o", tmp_path / target)
        assert answer.code == 0 and str(tmp_path / target) in answer.out, answer.err
    assert (tmp_path / "again.mxl").read_bytes().startswith(b"PK") and b"<svg" in (tmp_path / "from-midi.svg").read_bytes()


def test_a_video_is_made(covered: Path, tmp_path: Path) -> None:
    answer = reprise("waterfall", covered / "song.reprise", "-o", tmp_path / "v.mp4", *SMALL, "--caption", "Ein Lied", "--json")
    assert answer.code == 0, answer.err
    told = answer.events[-1]["result"]
    with av.open(str(tmp_path / "v.mp4")) as container:
        shown = container.streams.video[0]
        assert (shown.width, shown.height, shown.average_rate) == (320, 180, 24)
        assert sum(1 for _ in container.decode(shown)) == told["frames"]
    assert files(tmp_path) == ["v.mp4"]


def test_what_cannot_be_made_is_told(covered: Path, tmp_path: Path) -> None:
    project = covered / "song.reprise"
    (tmp_path / "short.reprise").write_bytes(project.read_bytes()[:-100])
    newer = bytearray(project.read_bytes())
    newer[8] = 99
    (tmp_path / "newer.reprise").write_bytes(newer)
    (tmp_path / "broken.mid").write_bytes(b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk\0\0\xff\xff")
    there = files(tmp_path)
    for words, code, said in (
        (("score", tmp_path / "short.reprise", "-o", tmp_path / "x.pdf"), 1, "cut short"),
        (("score", tmp_path / "newer.reprise", "-o", tmp_path / "x.pdf"), 1, "newer Reprise"),
        (("score", tmp_path / "broken.mid", "-o", tmp_path / "x.pdf"), 1, "broken.mid"),
        (("score", project, "-o", tmp_path / "x.docx"), 2, "docx"),
        (("waterfall", project, "-o", tmp_path / "x.mp4", "--size", "10x10"), 2, "size"),
        (("waterfall", project, "-o", tmp_path / "x.mp4", *SMALL, "--background", tmp_path / "none.png"), 1, "none.png"),
        (("waterfall", project, "-o", tmp_path / "x.mp4", "--transparent"), 2, "ProRes"),
        (("play", tmp_path / "short.reprise", "--virtual"), 1, "cut short"),
        (("play", project, "--port", "No such piano"), 1, "MIDI"),
    ):
        answer = reprise(*words)
        assert answer.code == code and said in " ".join(answer.err.split()), (words, answer.code, answer.err)
        assert "Traceback" not in answer.err and files(tmp_path) == there


def test_ports_are_listed_or_the_lack_of_a_system_told() -> None:
    answer = reprise("play", "--list", "--json")
    told = json.loads(answer.out)
    assert isinstance(told, dict) and (answer.code == 0 or (answer.code == 1 and "MIDI" in told["message"]))


def test_the_midi_is_the_cover(covered: Path) -> None:
    cover, again = load_project(covered / "song.reprise"), read_midi(covered / "song.mid")
    assert sorted(cover.notes["pitch"].tolist()) == sorted(again.notes["pitch"].tolist())
