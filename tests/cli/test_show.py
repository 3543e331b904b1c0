"""Displays of running jobs."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest

from desktop.cli.running import exit_code
from desktop.cli.show import Bars, JsonLines, Lines
from desktop.jobs.events import Done, Failed, Logged, Measured, Previewed, Progressed
from desktop.jobs.job import CoverJob
from desktop.jobs.rows import Owner, Row, Update
from desktop.jobs.states import State

ROW = Row(7, CoverJob(source="/s/song [live].mp3", output="/o"), State.RUNNING, Owner(1, "1"))
DONE = replace(ROW, state=State.DONE, result={"title": "Song", "files": {"midi": "/o/song.mid"}})
FAILED = replace(ROW, id=8, state=State.FAILED, error=Failed("No song", "/s/song.mp3", "Choose another.", "trace"))
CANCELLED = replace(ROW, id=9, state=State.CANCELLED)
LIFE = [
    Update(replace(ROW, state=State.QUEUED)),
    Update(ROW),
    Update(replace(ROW, fraction=0.25, message="Listening", remaining_s=12.3), Progressed(0.25, "Listening")),
    Update(replace(ROW, fraction=0.26, message="Listening", remaining_s=12.0), Progressed(0.26, "Listening")),
    Update(ROW, Measured("tempo", 104.0)),
    Update(ROW, Previewed("notes", {"data": b"\x00"})),
    Update(ROW, Logged("warning", "[b]careful")),
    Update(replace(ROW, state=State.PAUSED)),
    Update(DONE, Done({"title": "Song"})),
]


def test_json_lines_are_events_with_the_result_last() -> None:
    stream = io.StringIO()
    show = JsonLines(stream)
    for update in LIFE:
        show.update(update)
    show.say("hello")
    show.close([DONE])
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in lines] == [
        "state",
        "state",
        "progress",
        "progress",
        "metric",
        "log",
        "state",
        "log",
        "done",
    ]
    assert lines[2] == {"job": 7, "event": "progress", "fraction": 0.25, "message": "Listening", "remaining_s": 12.3}
    assert lines[-1] == {"job": 7, "event": "done", "result": DONE.result, "state": "done"}


def test_json_of_several_jobs_ends_with_a_summary() -> None:
    stream = io.StringIO()
    JsonLines(stream).close([DONE, FAILED, CANCELLED])
    *ends, last = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["state"] for line in ends] == ["done", "failed", "cancelled"]
    assert ends[1]["message"] == "No song" and ends[2]["cancelled"] is True
    assert last == {"event": "summary", "done": 1, "failed": 1, "cancelled": 1}


def test_plain_lines_say_new_things_only(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    show = Lines(stream)
    for update in LIFE:
        show.update(update)
    assert stream.getvalue().splitlines() == [
        "song [live].mp3:  25% Listening (12 s left)",
        "song [live].mp3: warning: [b]careful",
    ]
    show.close([DONE])
    said = capsys.readouterr()
    assert said.out == "MIDI      /o/song.mid\n" and said.err == ""


def test_errors_say_what_where_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    Lines(io.StringIO()).close([FAILED])
    assert capsys.readouterr().err == "Error: No song\n  File: /s/song.mp3\n  Choose another.\n"
    Lines(io.StringIO()).close([DONE, FAILED, CANCELLED])
    said = capsys.readouterr()
    assert said.err.splitlines()[0] == "song [live].mp3:" and "song [live].mp3: cancelled" in said.err
    assert said.out.splitlines()[0] == "Song"


def test_bars_take_everything(capsys: pytest.CaptureFixture[str]) -> None:
    show = Bars()
    for update in LIFE:
        show.update(update)
    show.say("[bold]plain[/bold]")
    show.close([DONE])
    said = capsys.readouterr()
    assert "song [live].mp3" in said.err and "[b]careful" in said.err and "[bold]plain[/bold]" in said.err
    assert said.out == "MIDI      /o/song.mid\n"


def test_exit_codes() -> None:
    usage = replace(FAILED, error=Failed("style", usage=True))
    interrupted = replace(FAILED, state=State.INTERRUPTED, error=None)
    assert exit_code([]) == exit_code([DONE]) == 0
    assert exit_code([DONE, FAILED]) == exit_code([usage, FAILED]) == exit_code([interrupted]) == 1
    assert exit_code([usage, DONE]) == 2
    assert exit_code([CANCELLED, FAILED]) == 130
