"""Batches of images through the real command line: what is done stays, an error may end it, the report, a watched folder."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from pathlib import Path

import pytest

from desktop.jobs.states import State
from desktop.jobs.store import Store
from tests.e2e.command import files, reprise, start
from tests.e2e.pictures import draw
from tests.waiting import PATIENCE_S, until

pytestmark = pytest.mark.usefixtures("home_with_models")


def told(path: Path) -> dict[str, str]:
    """How each file ended, by the table."""
    return {Path(line["source"]).name: line["state"] for line in json.loads(path.read_text(encoding="utf-8"))}


def test_a_folder_with_a_bad_image(tmp_path: Path) -> None:
    draw(tmp_path / "in" / "a.png", 1)
    draw(tmp_path / "in" / "below" / "b.png", 2)
    (tmp_path / "in" / "c.png").write_bytes(b"\x89PNG and no more")
    out = tmp_path / "out"
    words = ("batch", "restore", tmp_path / "in", "-o", out, "--order", "name", "--workers", "1")
    answer = reprise(*words)
    assert answer.code == 1 and "2 done" in answer.out and "1 failed" in answer.out, answer.err
    assert files(out) == ["a-restored.png", "below", "restored.csv", "restored.html", "restored.json"]
    page = (out / "restored.html").read_text(encoding="utf-8")
    assert page.count("data:image/jpeg;base64,") == 4 and "What went wrong" in page and 'src="http' not in page
    stamp = (out / "a-restored.png").stat().st_mtime_ns
    draw(tmp_path / "in" / "c.png", 3)
    answer = reprise(*words)
    assert answer.code == 0, answer.err
    assert told(out / "restored.json") == {"a.png": "skipped", "b.png": "skipped", "c.png": "done"}
    assert (out / "a-restored.png").stat().st_mtime_ns == stamp
    shown = json.loads(reprise("batch", "list", "--json").out)
    assert [(one["total"], one["skipped"], one["state"]) for one in shown] == [(3, 2, "done"), (3, 0, "failed")]
    groups = json.loads(reprise("batch", "show", "1", "--json").out)["failures"]
    assert [group["count"] for group in groups] == [1]
    assert reprise("batch", "retry", "1").code == 0, "its image is whole now"


def test_an_error_may_end_the_batch(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG and no more")
    for name in ("b.png", "c.png"):
        draw(tmp_path / name, 1)
    out = tmp_path / "out"
    reprise("batch", "restore", tmp_path, "-o", out, "--on-error", "stop", "--workers", "1", "--order", "name")
    states = told(out / "restored.json")
    assert states["a.png"] == "failed" and states["c.png"] == "cancelled"


def test_a_watched_folder(tmp_path: Path) -> None:
    draw(tmp_path / "in" / "a.png", 1)
    out = tmp_path / "out"
    with start("batch", "restore", "--watch", tmp_path / "in", "-o", out, start_new_session=True) as child:
        until(lambda: "a-restored.png" in files(out))
        draw(tmp_path / "in" / "b.png", 2)
        with contextlib.closing(Store()) as store:
            until(lambda: [row.state for row in store.rows()] == [State.DONE, State.DONE])
        os.kill(child.pid, signal.SIGINT)
        child.communicate(timeout=PATIENCE_S)
    assert told(out / "restored.json") == {"a.png": "done", "b.png": "done"}
