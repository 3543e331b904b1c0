"""A batch of tables through the real command line, labelled by a small head that was tuned there."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.e2e.command import files, reprise
from tests.tuning.head import small

pytestmark = pytest.mark.usefixtures("home")


def told(path: Path) -> dict[str, str]:
    """How each file ended, by the table."""
    return {Path(line["source"]).name: line["state"] for line in json.loads(path.read_text(encoding="utf-8"))}


def test_a_folder_of_tables(tmp_path: Path) -> None:
    examples = small.make_rows(tmp_path / "examples.csv", small.texts(240))
    base = small.make_encoder(tmp_path / "base")
    tuned = reprise(
        "tune", "new", examples, "--base", base, "--method", "head", "--name", "topics", "-i", "text", "-o", "topic", "--json"
    )
    assert tuned.code == 0, tuned.err
    inside = tmp_path / "in"
    (inside / "deep").mkdir(parents=True)
    for name, seed in (("a.csv", 2), ("deep/b.csv", 3)):
        small.make_rows(inside / name, small.texts(30, seed=seed))
    (inside / "c.jsonl").write_text('{"words": "no such column"}\n')
    out = tmp_path / "out"
    words = ("batch", "label", inside, "-m", "topics", "-o", out, "-i", "text", "--column", "said", "--workers", "1")
    answer = reprise(*words)
    assert answer.code == 1 and "2 done" in answer.out and "1 failed" in answer.out, answer.err
    assert files(out) == ["a-labelled.csv", "deep", "labelled.csv", "labelled.html", "labelled.json"]
    for made in (out / "a-labelled.csv", out / "deep" / "b-labelled.csv"):
        with made.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == 30 and sum(row["said"] == row["topic"] for row in rows) > 24, "the head knows its topics"
    assert "text" in (out / "labelled.html").read_text(encoding="utf-8")
    stamp = (out / "a-labelled.csv").stat().st_mtime_ns
    (inside / "c.jsonl").write_text('{"text": "word1 word2"}\n')
    answer = reprise(*words)
    assert answer.code == 0 and told(out / "labelled.json") == {"a.csv": "skipped", "b.csv": "skipped", "c.jsonl": "done"}
    assert (out / "a-labelled.csv").stat().st_mtime_ns == stamp
