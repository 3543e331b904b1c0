"""Names that strangers gave to files: they reach no other folder, terminal, spreadsheet or page than they should."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import subprocess
import sys
import threading
from html.parser import HTMLParser
from pathlib import Path

import pytest

from desktop.batch.report import page
from desktop.batch.sources import files_in, gather
from desktop.batch.table import Line, write_tables
from desktop.cli.show import Bars
from desktop.cli.terminal import shown
from desktop.errors import UsageError, UserError
from desktop.jobs import job
from desktop.jobs.events import Logged
from desktop.jobs.job import RestoreJob
from desktop.jobs.rows import Owner, Row, Update
from desktop.jobs.states import State
from desktop.names import file_stem, fill
from desktop.piano.batch import songs
from desktop.spreadsheet import table_text
from tests.e2e.command import command, environment

CLIMBING = [
    "../../etc/passwd", "..", ".", "/etc/passwd", "\\\\server\\share", "..\\..\\x", "C:\\x", "C:x", "a/../../b", "a\0b",
    "\x7f\x9b2J", "con", "NUL.txt", "com1", "Lpt9.x.y", "aux .mid", "com\u00b9", "x. . .", "  . ", "x" * 199 + " .y", "\ud800",
    "a\u202egnp.exe", "-rf", "~root", "$HOME", "`id`", "%00", "a\nb\r", "stream:ads", "*?", "\u0441on",
]  # fmt: skip


@pytest.mark.parametrize("name", CLIMBING)
def test_no_name_leaves_its_folder_or_is_a_device(tmp_path: Path, name: str) -> None:
    for stem in (file_stem(name), fill("{title}", {"title": name}), fill("a {title}", {"title": name})):
        place = tmp_path / f"{stem}.mid"
        assert place.parent == tmp_path and place.resolve().parent == tmp_path.resolve()
        place.write_bytes(b"")
        assert stem == stem.strip(" .") and len(place.name.encode()) < 256 and stem.isprintable()
        assert stem.split(".")[0].rstrip().casefold() not in {"con", "prn", "aux", "nul", "com1", "com\u00b9", "lpt9"}


TEMPLATES = [
    "{title.__class__}", "{title[0]}", "{title!r}", "{title:{title}}", "{number:99999999999}", "{number:1000000}",
    "{title:>9999999}", "{0}", "{}", "{title", "title}", "{number:.99999999f}", "{nothing}", "{number:c}",
]  # fmt: skip


@pytest.mark.parametrize("template", TEMPLATES)
def test_templates_reach_nothing_but_their_words(template: str) -> None:
    with pytest.raises(UsageError):
        fill(template, {"title": "a", "number": 1_000})
    assert fill("{number:03} {title}", {"title": "{number}", "number": 7}) == "007 {number}"


FORMULAS = ["=1+1", '=HYPERLINK("http://x","y")', "+1", "-1+cmd|' /C calc'!A0", "@SUM(1)", "\t=1", "\r=1"]


def lines(names: list[str]) -> list[Line]:
    """A table of failed clips."""
    return [Line(f"/clips/{name}", "failed", 1, 1.5, name, name, {"model": name, "faces": -1}) for name in names]


def test_no_cell_of_a_report_is_a_formula(tmp_path: Path) -> None:
    write_tables(lines([*FORMULAS, "a;=1+1", 'b\t"=1', "a-b=c"]), tmp_path / "table")
    text = (tmp_path / "table.csv").read_bytes().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    names = [row["model"] for row in rows]
    assert names[:4] == [f"'{name}" for name in FORMULAS[:4]] and names[-3:] == ["a;'=1+1", "b\t'\"=1", "a-b=c"]
    assert {row["faces"] for row in rows} == {"-1"}, "a number is a number"
    for mark in (",", ";", "\t"):
        cells = [cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=mark) for cell in row]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r")) and cell != "-1"], mark
    assert table_text(["a"], [[None], ["\udcff"], [-0.5]]) == b'\xef\xbb\xbfa\r\n""\r\n?\r\n-0.5\r\n'


class Tags(HTMLParser):
    """The tags of a page, with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, list[tuple[str, str | None]]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, attrs))


def test_no_name_becomes_part_of_a_report_s_page() -> None:
    def tags(names: list[str]) -> list[tuple[str, list[tuple[str, str | None]]]]:
        (parser := Tags()).feed(page(lines(names), names[0], lambda _: ""))
        return parser.found

    bad = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "'onmouseover='x", "&lt;b&gt;", "</td></table><b>"]
    assert [tag for tag, _ in tags(bad)] == [tag for tag, _ in tags(["a", "b", "c", "d", "e"])]
    assert not any(name.startswith("on") for _, attributes in tags(bad) for name, _ in attributes)


STEERING = "a\x1b]0;owned\x07\x1b[2J\x1b[1Ab\x9b2J\u202egnp\r\x08.mp4"


@pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal of Unix")
def test_no_name_steers_the_terminal(tmp_path: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    extra = {"REPRISE_HOME": str(tmp_path / "home"), "TERM": "xterm"}
    words = command("cluster", "status", "localhost", "--key", tmp_path / STEERING)
    child = subprocess.Popen(words, stdout=theirs, stderr=theirs, stdin=subprocess.DEVNULL, env=environment(extra))
    os.close(theirs)
    threading.Timer(60, child.kill).start()
    said = b""
    with contextlib.suppress(OSError):
        while part := os.read(ours, 65536):
            said += part
    os.close(ours)
    assert child.wait() == 1
    text = said.decode()
    assert "\\x1b]0;owned" in text and "key file could not be read" in text
    for part in ("\x1b]", "\x9b", "\x07", "\u202e", "\x08", "\x1b[1Ab"):
        assert part not in text


class Terminal(io.StringIO):
    """Keeps what a terminal is told."""

    def isatty(self) -> bool:
        return True


def test_no_name_steers_the_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", said := Terminal())
    monkeypatch.setenv("TERM", "xterm")
    bars = Bars()
    row = Row(1, RestoreJob(source=f"/{STEERING}", output="/b.mp4"), State.RUNNING, Owner(1, ""), message=STEERING)
    bars.update(Update(row, Logged("info", STEERING)))
    bars.close([])
    text = said.getvalue()
    assert "\\x1b]0;owned" in text and "\x1b[?25l" in text, "the bars themselves may steer"
    for part in ("\x1b]", "\x9b", "\x07", "\u202e", "\x08", "\x1b[1Ab"):
        assert part not in text


def test_colours_and_lines_are_left() -> None:
    assert shown("\x1b[1;31mred\x1b[0m\n\ta\u00e9\u4e2d") == "\x1b[1;31mred\x1b[0m\n\ta\u00e9\u4e2d"
    assert shown("\x1b[?25l\x1b") == "\\x1b[?25l\\x1b"


@pytest.mark.skipif(sys.platform != "linux", reason="names are text on other systems")
def test_names_that_are_no_text_are_refused_by_name(tmp_path: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff.mp4"))
    odd.write_bytes(b"")
    (tmp_path / "good.mp4").write_bytes(b"")
    for given in (tmp_path, odd):
        with pytest.raises(UserError, match=r"no text.*udcff") as told:
            gather([given], "restore")
        str(told.value).encode()
        told.value.path.encode()
    assert [source.path.name for source in files_in(tmp_path, "restore")] == ["good.mp4"]
    with pytest.raises(UserError, match="no text"):
        job.encode(RestoreJob(source=str(odd), output=str(tmp_path / "b.mp4")))


@pytest.mark.skipif(sys.platform == "win32", reason="needs links and deep folders")
def test_folders_may_be_deep_and_in_circles(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "self.mp4").symlink_to(tmp_path / "self.mp4")
    (tmp_path / "outside").symlink_to("/")
    (tmp_path / "d.mp4").mkdir()
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(400):
        os.mkdir("d", dir_fd=here)
        deeper = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(here)
    (place := tmp_path.joinpath(*["d"] * 400)).joinpath("a.mp4").write_bytes(b"")
    (place / "a.mp3").write_bytes(b"")
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(350)  # Python's own search calls itself at each level.
    try:
        assert [source.path.name for source in files_in(tmp_path, "restore")] == ["a.mp4"]
        assert [entry.source.name for entry in songs.gather([tmp_path], songs.Entry())] == ["a.mp3", "a.mp4"]
    finally:
        sys.setrecursionlimit(limit)
        # pytest's own clean-up would call itself at each level.
        subprocess.run(["rm", "-rf", str(tmp_path / "d")], check=True)
