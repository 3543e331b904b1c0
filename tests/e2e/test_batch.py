"""A batch through the real command line: lists, what fails, what is there already, a killed one that goes on."""

from __future__ import annotations

import csv
import json
import os
import signal
from pathlib import Path

import pytest

from tests.e2e.command import files, reprise, start
from tests.e2e.media import BAD, tune, write_wav

pytestmark = pytest.mark.usefixtures("home_with_models")


def told(folder: Path) -> list[dict[str, object]]:
    """The table as JSON, checked against the one as CSV."""
    lines: list[dict[str, object]] = json.loads((folder / "covers.json").read_text(encoding="utf-8"))
    with (folder / "covers.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [{key: "" if value is None else str(value) for key, value in line.items()} for line in lines] == rows
    return lines


def test_a_list_with_a_bad_song(tmp_path: Path) -> None:
    write_wav(tmp_path / "first.wav", tune())
    write_wav(tmp_path / "second.wav", tune(8.0))
    bad = BAD["text"](tmp_path)
    (tmp_path / "tape.csv").write_text(f"song;style;name\nfirst.wav;rock;\n{bad.name};;\nsecond.wav;;{{number}}-{{style}}\n")
    out = tmp_path / "out"
    answer = reprise("batch", "cover", tmp_path / "tape.csv", "-o", out, "--style", "ballad", "--name", "{title} ({style})")
    assert answer.code == 1 and "2 done" in answer.out and "1 failed" in answer.out, answer.err
    made = [
        "3-ballad.mid",
        "3-ballad.reprise",
        "covers.csv",
        "covers.html",
        "covers.json",
        "first (rock).mid",
        "first (rock).reprise",
    ]
    assert files(out) == made
    lines = told(out)
    assert [line["state"] for line in lines] == ["done", "failed", "done"]
    assert bad.name in str(lines[1]["source"]) and lines[1]["problem"] and lines[1]["notes"] is None
    assert all(line["key"] and line["tempo"] and line["notes"] and line["violations"] == 0 for line in (lines[0], lines[2]))
    stamps = {name: (out / name).stat().st_mtime_ns for name in made if name.endswith("reprise")}
    again = reprise(
        "batch", "cover", tmp_path / "tape.csv", "-o", out, "--style", "ballad", "--name", "{title} ({style})", "--json"
    )
    assert again.code == 1 and [line["state"] for line in told(out)] == ["skipped", "failed", "skipped"]
    assert {name: (out / name).stat().st_mtime_ns for name in stamps} == stamps
    other = reprise(
        "batch", "cover", tmp_path / "first.wav", "-o", out, "--style", "rock", "--difficulty", "easy", "--name", "first (rock)"
    )
    assert other.code == 0 and [line["state"] for line in told(out)] == ["done"], "made otherwise is not made already"


def test_a_killed_batch_goes_on_where_it_was(tmp_path: Path) -> None:
    songs = tmp_path / "songs"
    songs.mkdir()
    for name in ("a", "b", "c"):
        write_wav(songs / f"{name}.wav", tune())
    out = tmp_path / "out"
    with start("batch", "cover", songs, "-o", out, "--jobs", "1", start_new_session=True) as child:
        assert child.stderr is not None
        while not child.stderr.readline().startswith("1/3 done"):
            assert child.poll() is None
        os.killpg(child.pid, signal.SIGKILL)
    assert "a.reprise" in files(out) and "c.reprise" not in files(out)
    table = json.loads((out / "covers.json").read_text(encoding="utf-8"))
    assert len(table) == 3, "the table is whole at any time, though that as CSV may be a song ahead"
    answer = reprise("batch", "cover", songs, "-o", out)
    states = [line["state"] for line in told(out)]
    assert answer.code == 0 and states[0] == "skipped" and states[2] == "done"
    assert [name for name in files(out) if name.endswith(".reprise")] == ["a.reprise", "b.reprise", "c.reprise"]


def test_what_will_not_do_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("song,style\na.wav,polka\n")
    for words, said in (
        ([tmp_path / "list.csv"], "line 2: style: 'polka'"),
        ([tmp_path], "no songs in this folder"),
        ([tmp_path / "a.wav", "--name", "{artist}"], "there is no {artist}"),
        ([tmp_path / "a.wav", "--also", "gif"], "'gif' is not one of"),
    ):
        answer = reprise("batch", "cover", *words, "-o", tmp_path / "out")
        assert answer.code in (1, 2) and said in " ".join(answer.err.split()) and "Traceback" not in answer.err
        assert files(tmp_path / "out") == []
