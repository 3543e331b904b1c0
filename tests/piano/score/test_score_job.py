"""The score's jobs: files that are whole or not there, and pages whose places agree with the song."""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
import zlib
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from desktop.errors import UserError
from desktop.jobs.events import AnyEvent, Progressed
from desktop.jobs.executors import program_environment
from desktop.jobs.job import PagesJob, ScoreJob
from desktop.jobs.progress import Cancelled, Progress
from desktop.piano.midi import write_midi
from desktop.piano.project import save_project
from desktop.piano.score.job import run_pages, run_score
from tests.piano.score.covers import arranged, waltz

SVG = "{http://www.w3.org/2000/svg}"
PLAIN = {"svg", "defs", "path", "g", "use", "polygon", "ellipse", "rect", "text"}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "Wälzer 曲.reprise"
    path.parent.mkdir()
    save_project(waltz(), path)
    return path


@pytest.fixture
def long(tmp_path: Path) -> Path:
    """A cover of several pages."""
    path = tmp_path / "long.reprise"
    save_project(arranged("arpeggio", 32), path)
    return path


def pdf_streams(data: bytes) -> bytes:
    """All that is compressed in a PDF."""
    found = []
    for match in re.finditer(rb"stream\r?\n", data):
        try:
            found.append(zlib.decompressobj().decompress(data[match.end() :]))
        except zlib.error:
            continue
    return b"\n".join(found)


@pytest.mark.parametrize("ending", ["musicxml", "mxl", "svg", "pdf"])
def test_every_format(saved: Path, tmp_path: Path, ending: str) -> None:
    output = tmp_path / "out" / f"Wälzer.{ending}"
    result = run_score(ScoreJob(cover=str(saved), output=str(output)), Progress())
    assert result["files"] == {"score": str(output)}
    assert (result["bars"], result["notes"], result["key"]) == (5, len(waltz().notes), "C major")
    assert [path.name for path in output.parent.iterdir()] == [output.name]
    data = output.read_bytes()
    if ending == "musicxml":
        assert ET.fromstring(data).tag == "score-partwise"
    elif ending == "mxl":
        assert data.startswith(b"PK")
    elif ending == "svg":
        root = ET.fromstring(data)
        assert (root.get("width"), root.get("height")) == ("210mm", "297mm")
        assert {element.tag.removeprefix(SVG) for element in root.iter()} <= PLAIN
        assert waltz().title in {element.text for element in root.iter(SVG + "text")}
    else:
        check_pdf(data, pages=1)


def check_pdf(data: bytes, pages: int) -> None:
    assert data.startswith(b"%PDF-") and data.rstrip().endswith(b"%%EOF")
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", data)) == pages
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", data)
    assert {(round(float(w)), round(float(h))) for w, h in boxes} == {(595, 842)}
    # Words stay words, in embedded fonts; notes are outlines, not pictures.
    assert b"/FontFile" in data and b"/ToUnicode" in data
    assert b"/Subtype /Image" not in data
    assert pdf_streams(data).count(b" c\n") > 100
    title = re.search(rb"/Title \((.*?)\)\n", data, re.DOTALL)
    assert title is not None and waltz().title[:3].encode("utf-16-be") in title[1]


def test_several_pages(long: Path, tmp_path: Path) -> None:
    result = run_score(ScoreJob(cover=str(long), output=str(tmp_path / "a.svg"), paper="letter", chords=False), Progress())
    count = result["pages"]
    assert count > 1
    assert sorted(tmp_path.glob("a*.svg")) == [tmp_path / f"a-{n + 1}.svg" for n in range(count)]
    assert list(result["files"].values()) == [str(tmp_path / f"a-{n + 1}.svg") for n in range(count)]
    pdf = tmp_path / "a.pdf"
    run_score(ScoreJob(cover=str(long), output=str(pdf)), Progress())
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf.read_bytes())) > 1


def test_a_midi_file_will_do(tmp_path: Path) -> None:
    write_midi(waltz(), tmp_path / "a.mid")
    result = run_score(ScoreJob(cover=str(tmp_path / "a.mid"), output=str(tmp_path / "a.musicxml")), Progress())
    assert result["notes"] == len(waltz().notes)


@pytest.mark.parametrize("name", ["a.txt", "missing.reprise", "broken.mid"])
def test_what_is_no_cover(tmp_path: Path, name: str) -> None:
    if "missing" not in name:
        (tmp_path / name).write_bytes(b"nothing")
    with pytest.raises(UserError) as caught:
        run_score(ScoreJob(cover=str(tmp_path / name), output=str(tmp_path / "new" / "a.musicxml")), Progress())
    assert caught.value.path == str(tmp_path / name)
    assert not (tmp_path / "new").exists()


def test_a_folder_in_the_way(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "a.mxl").mkdir()
    with pytest.raises(UserError, match="folder with that name"):
        run_score(ScoreJob(cover=str(saved), output=str(tmp_path / "a.mxl")), Progress())
    assert list((tmp_path / "a.mxl").iterdir()) == []


class Stopping(Progress):
    """Cancels when a message comes."""

    def __init__(self, at: str) -> None:
        self._at, self._hit = at, False

    def emit(self, event: AnyEvent) -> None:
        self._hit = self._hit or (isinstance(event, Progressed) and event.message.startswith(self._at))

    def checkpoint(self) -> None:
        if self._hit:
            raise Cancelled


@pytest.mark.parametrize("at", ["Engraving", "Painting the PDF"])
def test_cancelled_leaves_the_old_file(saved: Path, tmp_path: Path, at: str) -> None:
    output = tmp_path / "out.pdf"
    output.write_bytes(b"old")
    with pytest.raises(Cancelled):
        run_score(ScoreJob(cover=str(saved), output=str(output)), Stopping(at))
    assert output.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out.pdf"]


@pytest.mark.skipif(sys.platform == "win32", reason="limits are POSIX")
def test_a_full_disk(saved: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.pdf"
    output.write_bytes(b"old")
    code = (
        "import sys; from desktop.jobs.job import ScoreJob; from desktop.jobs.progress import Progress; "
        "from desktop.piano.score.job import run_score; from desktop.errors import UserError\n"
        "try:\n run_score(ScoreJob(cover=sys.argv[1], output=sys.argv[2]), Progress())\n"
        "except UserError as error:\n print(error); sys.exit(3)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(saved), str(output)], env=program_environment(), capture_output=True, text=True,
        check=False, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000)),
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert "larger than the system allows" in done.stdout
    assert output.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out.pdf"]


def test_pages_and_places(long: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    result = run_pages(PagesJob(cover=str(long), folder=str(folder), width=800, height=1000), Progress())
    places = json.loads((folder / "places.json").read_text())
    assert (places["width"], places["height"], len(places["pages"])) == (800, 1000, result["pages"])
    for name in places["pages"]:
        root = ET.parse(folder / name).getroot()
        assert (root.get("width"), root.get("height")) == ("800", "1000")
    bars = places["bars"]
    assert len(bars) == result["bars"]
    for bar, following in pairwise(bars):
        assert bar["end"] == following["start"] > bar["start"]
        right = bar["x"] + bar["width"]
        if (bar["page"], bar["y"]) == (following["page"], following["y"]):
            assert following["x"] == pytest.approx(right, abs=2)
        else:
            assert following["x"] < right
    seconds = np.array([second for second, *_ in places["onsets"]])
    assert np.all(np.diff(seconds) >= 0)
    for second, page, x in places["onsets"]:
        bar = next(b for b in bars if b["start"] - 1e-3 <= second < b["end"] - 1e-3)
        assert bar["page"] == page and bar["x"] < x < bar["x"] + bar["width"]
        assert bar["y"] > 0 and bar["y"] + bar["height"] < 1000
    assert float(arranged("arpeggio", 32).note_seconds()[0].min()) == pytest.approx(seconds[0], abs=0.1)
