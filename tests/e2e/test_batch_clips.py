"""Batches of images through the real command line: what is done stays, an error may end it, the report, a watched folder."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.e2e.command import files, reprise, start

pytestmark = pytest.mark.usefixtures("home_with_models")


def draw(path: Path, number: int) -> None:
    """An image without a face."""
    path.parent.mkdir(parents=True, exist_ok=True)
    y, x = np.mgrid[0:96, 0:128]
    done, data = cv2.imencode(path.suffix, np.stack([x, y * 2, np.full_like(x, 20 * number)], -1).astype(np.uint8))
    assert done
    path.write_bytes(data.tobytes())


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
        until = time.monotonic() + 60
        while "a-restored.png" not in files(out) and time.monotonic() < until:
            time.sleep(0.1)
        draw(tmp_path / "in" / "b.png", 2)
        while "b-restored.png" not in files(out) and time.monotonic() < until:
            time.sleep(0.1)
        time.sleep(0.5)
        os.kill(child.pid, signal.SIGINT)
        child.communicate(timeout=30)
    assert told(out / "restored.json") == {"a.png": "done", "b.png": "done"}
