"""What a batch is made of: files, names that never meet, orders, a folder that is watched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from desktop.batch.order import Order, arrange
from desktop.batch.plan import NOWHERE, plan_labels, plan_restores
from desktop.batch.sources import Source, files_in, gather
from desktop.batch.table import made_line, write_tables
from desktop.batch.watch import Watcher
from desktop.errors import UsageError, UserError
from desktop.jobs.job import LabelJob, RestoreJob

PATTERN = RestoreJob(source=NOWHERE, output=NOWHERE, encoder="x264")
LABEL = LabelJob(model="sorter", source=NOWHERE, output=NOWHERE)


def put(folder: Path, *names: str) -> None:
    for place, name in enumerate(names, 1):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * place)
        os.utime(path, (1000 * place, 1000 * place))


def test_folders_keep_their_shape_and_results_are_no_sources(tmp_path: Path) -> None:
    put(tmp_path, "b.mp4", "a/a.mp4", "a/a-restored.mp4", ".hidden/c.mp4", "out/d.mp4", "notes.txt")
    found = gather([tmp_path], "restore", without=tmp_path / "out")
    assert [source.inside / source.path.name for source in found] == [Path("a/a.mp4"), Path("b.mp4")]
    jobs = plan_restores(found, PATTERN, str(tmp_path / "out"), "{number:02} {title}")
    assert [job.output for job in jobs] == [str(tmp_path / "out/a/01 a.auto"), str(tmp_path / "out/02 b.auto")]
    assert all(job.encoder == "x264" for job in jobs)
    with pytest.raises(UserError, match="no CSV"):
        gather([tmp_path], "label")


def test_names_never_meet(tmp_path: Path) -> None:
    put(tmp_path, "a.png", "A.jpg", "deep/a.png")
    found = [Source(path) for path in (tmp_path / "a.png", tmp_path / "A.jpg", tmp_path / "deep/a.png")]
    places = [job.output for job in plan_restores(found, PATTERN, str(tmp_path / "out"))]
    assert len({place.casefold() for place in places}) == 3
    with pytest.raises(UsageError, match=r"there is no \{artist\}"):
        plan_restores(found, PATTERN, "", "{artist}")
    put(tmp_path, "rows.csv")
    with pytest.raises(UsageError, match="both a source and a result"):
        plan_labels([Source(tmp_path / "rows.csv")], LABEL, "", "{title}")


def test_orders(tmp_path: Path) -> None:
    put(tmp_path, "b.csv", "a.csv", "c.csv")
    jobs = plan_labels([Source(tmp_path / name) for name in ("c.csv", "b.csv", "a.csv")], LABEL, str(tmp_path / "out"))

    def names(order: Order, **more: dict[str, float]) -> str:
        return "".join(Path(job.source).stem for job in arrange(jobs, order, **more))  # type: ignore[arg-type]

    orders = (Order.GIVEN, Order.NAME, Order.SIZE, Order.NEWEST, Order.OLDEST)
    assert [names(order) for order in orders] == ["cba", "abc", "bac", "cab", "bac"]
    assert names(Order.SHORTEST, lengths={str(tmp_path / "c.csv"): 1.0}) == "cba"
    assert sorted(names(Order.RANDOM)) == ["a", "b", "c"]


def test_a_file_is_told_once_it_stands_still(tmp_path: Path) -> None:
    put(tmp_path, "old.csv")
    watcher = Watcher([tmp_path / "old.csv"], still_s=2.0)
    put(tmp_path, "new.csv")

    def ready(now: float) -> list[str]:
        return [source.path.name for source in watcher.ready(files_in(tmp_path, "label"), now)]

    assert ready(0.0) == [] and ready(1.0) == []
    (tmp_path / "new.csv").write_bytes(b"more of it")
    assert ready(2.5) == [] and ready(4.0) == [] and ready(4.6) == ["new.csv"] and ready(9.0) == []


def test_a_table_says_of_labels_what_came_of_them(tmp_path: Path) -> None:
    job = plan_labels([Source(tmp_path / "rows.csv")], LABEL)[0]
    line = made_line(job, "done", {"files": {"rows": job.output}, "rows": 5, "labelled": 4, "declined": 1})
    write_tables([line], tmp_path / "labelled")
    head, row = (tmp_path / "labelled.csv").read_text(encoding="utf-8-sig").splitlines()
    assert head == "source,state,model,rows,labelled,declined,bad,speed,seconds,result,problem"
    assert row.split(",")[1:5] == ["done", "sorter", "5", "4"]
