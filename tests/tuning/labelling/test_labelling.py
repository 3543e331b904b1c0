"""Files labelled by a small classifier: forms, order, refusals; stopped, killed and taken up."""

from __future__ import annotations

import csv
import hashlib
import json
import multiprocessing
import os
import re
import resource
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from desktop.errors import UsageError, UserError
from desktop.jobs.events import AnyEvent, Previewed, Progressed
from desktop.jobs.progress import Cancelled, Progress
from desktop.jobs.tuning_jobs import LabelJob
from desktop.models.library import Library
from desktop.tuning.labelling import label, work
from desktop.tuning.labelling.ahead import Ahead
from desktop.tuning.origins import LABELLING, origin_of
from tests.tuning.head import small


class Kept(Progress):
    """A job's progress, its scratch folder where the next try finds it."""

    def __init__(self, folder: Path, stop_after: int = 0) -> None:
        self.folder, self.windows, self._stop_after = folder, 0, stop_after
        self.previews: list[Previewed] = []

    def scratch(self) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder

    def emit(self, event: AnyEvent) -> None:
        if isinstance(event, Previewed):
            self.previews.append(event)
        if isinstance(event, Progressed) and " rows · " in event.message:
            self.windows += 1

    def checkpoint(self) -> None:
        if self._stop_after and self.windows >= self._stop_after:
            raise Cancelled


@pytest.fixture(autouse=True)
def _small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "ROWS", 40)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """300 rows with values that writing must not change."""
    path = tmp_path / "in.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(["id", "text", "label", "note"])
        for number, (text, _) in enumerate(small.texts(300, seed=8)):
            note = ['say "hi", twice', "two\nlines", " spaces ", "", "ünïcode ✓"][number % 5]
            writer.writerow([f"{number:05d}", text if number % 50 else "", "mine", note])
    return path


def job(model: Path, source: Path, output: Path, **more: Any) -> LabelJob:
    return LabelJob(model=str(model), source=str(source), output=str(output), device="cpu", **more)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_every_row_is_kept_in_order_with_a_label_beside(classifier: Path, source: Path, tmp_path: Path) -> None:
    output, progress = tmp_path / "out.csv", Kept(tmp_path / "scratch")
    before = digest(source)
    result = label(job(classifier, source, output, threshold=0.0, other="?"), progress)
    given, found = rows_of(source), rows_of(output)
    assert [list(row.items())[:4] for row in found] == [list(row.items()) for row in given]
    assert result["columns"] == ["label_2", "confidence"] and list(found[0])[4:] == ["label_2", "confidence"]
    assert result["models"] == {
        "reprise:labelling": str(LABELLING),
        str(classifier): origin_of(str(classifier), "best", Library()),
    }
    expected = [topic for _, topic in small.texts(300, seed=8)]
    right = sum(row["label_2"] == topic for row, topic in zip(found, expected, strict=True))
    assert right > 0.75 * 300
    # Nothing to read, no label.
    assert [row["label_2"] for row in found if not row["text"]] == ["?"] * 6 and result["declined"] == 6
    assert b"\r\n" in output.read_bytes() and digest(source) == before
    assert result["rows"] == 300 and sum(result["counts"].values()) == 294 and not result["resumed"]
    assert progress.previews[-1].data["rows"] == 300 and len(progress.previews[-1].data["recent"]) == 5
    assert not list((tmp_path / "scratch").rglob("*.part"))


def test_less_sure_rows_are_declined_as_the_model_says(classifier: Path, source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.csv"
    result = label(job(classifier, source, output, other="a person"), Kept(tmp_path / "scratch"))
    assert 0 < result["threshold"] < 1 and result["labelled"] + result["declined"] == 300
    for row in rows_of(output):
        assert (row["label_2"] == "a person") == (float(row["confidence"]) < result["threshold"])


def test_other_forms_keep_types_and_values(classifier: Path, tmp_path: Path) -> None:
    texts = [text for text, _ in small.texts(90, seed=3)]
    lines = tmp_path / "in.jsonl"
    rows = [
        {"text": text, "n": n, "deep": {"a": [1, None]}, **({"extra": 1.5} if n >= 70 else {})} for n, text in enumerate(texts)
    ]
    lines.write_text("".join(f"{json.dumps(row)}\n" for row in rows) + "{broken\n", encoding="utf-8")
    out = tmp_path / "out.jsonl"
    result = label(job(classifier, lines, out), Kept(tmp_path / "a"))
    found = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [{key: row[key] for key in row if key not in ("label", "confidence")} for row in found] == rows
    assert result["bad_total"] == 1 and result["bad"][0]["line"] == 91
    listed = tmp_path / "list.json"
    label(job(classifier, lines, listed), Kept(tmp_path / "b"))
    assert json.loads(listed.read_text(encoding="utf-8")) == found
    with pytest.raises(UsageError, match="'extra' is in some only"):
        label(job(classifier, lines, tmp_path / "out.csv"), Kept(tmp_path / "c"))
    table = pa.table({"text": texts, "when": pa.array(range(90), pa.timestamp("s")), "list": [[1.5, 2.5]] * 90})
    pq.write_table(table, tmp_path / "in.parquet", row_group_size=25)
    label(job(classifier, tmp_path / "in.parquet", tmp_path / "out.parquet"), Kept(tmp_path / "d"))
    labelled = pq.read_table(tmp_path / "out.parquet")
    assert labelled.select(["text", "when", "list"]).equals(pq.read_table(tmp_path / "in.parquet"))
    assert labelled["label"].to_pylist() == [row["label"] for row in found]


def test_a_stopped_labelling_goes_on_to_the_same_bytes(classifier: Path, source: Path, tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole.csv", tmp_path / "broken.csv"
    label(job(classifier, source, whole), Kept(tmp_path / "a"))
    for stop in (1, 3):
        with pytest.raises(Cancelled):
            label(job(classifier, source, broken), Kept(tmp_path / "b", stop_after=stop))
        assert not broken.exists()
    result = label(job(classifier, source, broken), Kept(tmp_path / "b"))
    assert result["resumed"] and result["rows"] == 300 and broken.read_bytes() == whole.read_bytes()


def _label_slowly(given: bytes, scratch: str, home: str) -> None:
    os.environ |= {"REPRISE_HOME": home, "REPRISE_THREADS": "1"}
    work.ROWS = 40

    class Slow(Kept):
        def emit(self, event: AnyEvent) -> None:
            time.sleep(0.3 if isinstance(event, Previewed) else 0.0)

    label(msgspec.json.decode(given, type=LabelJob), Slow(Path(scratch)))


def test_a_killed_labelling_goes_on_to_the_same_bytes(classifier: Path, source: Path, tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole.csv", tmp_path / "broken.csv"
    label(job(classifier, source, whole), Kept(tmp_path / "a"))
    given = msgspec.json.encode(job(classifier, source, broken))
    arguments = (given, str(tmp_path / "b"), str(tmp_path / "home"))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["desktop.tuning.labelling.work"])
    child = context.Process(target=_label_slowly, args=arguments, daemon=True)
    child.start()
    until = time.monotonic() + 60
    while len(list((tmp_path / "b").rglob("*.json"))) < 3 and time.monotonic() < until:
        time.sleep(0.02)
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    assert not broken.exists()
    result = label(job(classifier, source, broken), Kept(tmp_path / "b"))
    assert result["resumed"] and broken.read_bytes() == whole.read_bytes()


def test_a_source_that_changed_is_refused(classifier: Path, source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.csv"
    with pytest.raises(Cancelled):
        label(job(classifier, source, output), Kept(tmp_path / "a", stop_after=2))
    with source.open("a", encoding="utf-8") as file:
        file.write("1,boats3,x,y\r\n")
    with pytest.raises(UserError, match="has changed since"):
        label(job(classifier, source, output), Kept(tmp_path / "a"))

    class Changing(Kept):
        def emit(self, event: AnyEvent) -> None:
            if isinstance(event, Previewed) and event.data["rows"] == 80:
                os.utime(source)

    with pytest.raises(UserError, match="changed while"):
        label(job(classifier, source, output), Changing(tmp_path / "b"))
    assert not output.exists()
    assert label(job(classifier, source, output), Kept(tmp_path / "a"))["rows"] == 301


def test_a_full_disk_leaves_the_old_result_and_what_was_done(classifier: Path, source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.csv"
    output.write_text("old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    class Filling(Kept):
        def emit(self, event: AnyEvent) -> None:
            if isinstance(event, Progressed) and event.message == "Writing the result":
                resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, hard))

    try:
        with pytest.raises(UserError, match=r"larger than the system allows|disk is full"):
            label(job(classifier, source, output), Filling(tmp_path / "a"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert output.read_text() == "old" and not list(tmp_path.glob(".*.part"))
    assert label(job(classifier, source, output), Kept(tmp_path / "a"))["resumed"]
    assert len(rows_of(output)) == 300


def test_what_cannot_work_is_said_before_the_work(classifier: Path, source: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="never written to"):
        label(job(classifier, source, source), Kept(tmp_path / "a"))
    with pytest.raises(UserError, match="folder for the result"):
        label(job(classifier, source, tmp_path / "no" / "out.csv"), Kept(tmp_path / "a"))
    with pytest.raises(UsageError, match="reads 1 columns"):
        label(job(classifier, source, tmp_path / "out.csv", inputs=("id", "text")), Kept(tmp_path / "a"))
    with pytest.raises(UserError, match="no column 'missing'"):
        label(job(classifier, source, tmp_path / "out.csv", inputs=("missing",)), Kept(tmp_path / "a"))
    with pytest.raises(UsageError, match="none of the model's labels"):
        label(job(classifier, source, tmp_path / "out.csv", labels=("boats", "cars")), Kept(tmp_path / "a"))


def test_only_some_labels_are_given_when_asked(classifier: Path, source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.csv"
    label(job(classifier, source, output, labels=("boats", "birds"), threshold=0.0), Kept(tmp_path / "a"))
    assert {row["label_2"] for row in rows_of(output)} == {"boats", "birds", ""}


def test_a_legacy_encoding_is_kept(classifier: Path, tmp_path: Path) -> None:
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_bytes("text;straße\nboats1 boats2;größer für Übung\nbirds1;schöne Grüße\n".encode("cp1252"))
    label(job(classifier, source, output, threshold=0.0, encoding="cp1252"), Kept(tmp_path / "a"))
    lines = output.read_bytes().decode("cp1252").splitlines()
    assert lines[0] == "text;straße;label;confidence" and re.fullmatch(r"boats1 boats2;größer für Übung;b\w+;0\.\d{4}", lines[1])
    wide = tmp_path / "wide.csv"
    source.write_bytes("text,note\nboats1 boats2,ü\n".encode("utf-16"))
    label(job(classifier, source, wide, threshold=0.0), Kept(tmp_path / "b"))
    assert re.fullmatch(r"boats1 boats2,ü,b\w+,0\.\d{4}", wide.read_bytes().decode("utf-16").splitlines()[1])


def test_values_come_in_order_and_errors_in_their_turn() -> None:
    def source() -> Iterator[int]:
        yield from range(5)
        raise OSError("gone")

    found = []
    with pytest.raises(OSError, match="gone"), Ahead(source()) as ahead:
        for value in ahead:
            found.append(value)
    assert found == [0, 1, 2, 3, 4]
    with Ahead(iter(range(10**9))) as ahead:
        assert next(iter(ahead)) == 0
    assert not any(thread.name == "ahead" for thread in threading.enumerate())
