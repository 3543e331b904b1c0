"""What is said of a batch before it starts: the time that it takes, and how each clip keeps its own choices."""

from __future__ import annotations

from pathlib import Path

import msgspec

from desktop.batch.outlook import Outlook, estimate
from desktop.batch.plan import NOWHERE, make_folders, plan_labels, plan_restores
from desktop.batch.sources import Source
from desktop.batch.table import Line
from desktop.jobs.job import AnyJob, CoverJob, LabelJob, RestoreJob, RestoreOptions
from desktop.jobs.rows import Owner, Row
from desktop.jobs.states import State


def done(job: AnyJob, seconds: float) -> Row:
    return Row(1, job, State.DONE, Owner(0, ""), started=100.0, ended=100.0 + seconds)


def test_the_time_is_that_of_like_work(tmp_path: Path) -> None:
    songs = [CoverJob(source=f"/{name}.mp3", output="/out") for name in "abcd"]
    history = [done(songs[0], seconds) for seconds in (2.0, 3.0, 400.0)]
    assert estimate(songs, history) == 12.0, "the middle one counts, not what was paused over night"
    assert estimate(songs, history, at_once=2) == 6.0 and estimate(songs[:1], history, at_once=8) == 3.0
    other = CoverJob(source="/e.mp3", output="/out", engine="pop2piano")
    assert estimate([*songs, other], history) is None, "of this engine nothing is known"
    (tmp_path / "small.mp4").write_bytes(b"x" * 100)
    (tmp_path / "large.mp4").write_bytes(b"x" * 900)
    small, large = (RestoreJob(source=str(tmp_path / f"{name}.mp4"), output="/o.mp4") for name in ("small", "large"))
    assert estimate([large], [done(small, 2.0)]) == 18.0, "clips count by their size"


def test_what_is_done_is_left_alone_unless_it_is_wanted_again() -> None:
    jobs = tuple(CoverJob(source=f"/{name}.mp3", output="/out") for name in "ab")
    line = Line("/a.mp3", "skipped")
    assert Outlook(jobs, {0: line}, jobs[1:]).skipped == {"/a.mp3": line}
    assert Outlook(jobs, {0: line}, jobs, again=True).skipped == {}


def test_each_clip_has_its_own_choices(tmp_path: Path) -> None:
    sources = [Source(tmp_path / name) for name in ("a.mp4", "b.avi", "c.mp4", "shots")]
    (tmp_path / "shots").mkdir()
    plain = RestoreJob(source=NOWHERE, output=NOWHERE)
    twice = msgspec.structs.replace(plain, options=RestoreOptions(scale=2))
    placed = msgspec.structs.replace(plain, output=str(tmp_path / "mine.mov"))
    jobs = plan_restores(sources, [twice, plain, placed, plain], str(tmp_path / "out"), "{title} x{scale}", ["", ".mkv", "", ""])
    assert [Path(job.output).relative_to(tmp_path) for job in jobs] == [
        Path("out/a x2.auto"), Path("out/b x1.mkv"), Path("mine.mov"), Path("out/shots x1")
    ]  # fmt: skip
    assert [job.options.scale for job in jobs] == [2, 1, 1, 1]


def test_tables_get_the_folders_that_they_go_to(tmp_path: Path) -> None:
    pattern = LabelJob(model="sorter", source=NOWHERE, output=NOWHERE)
    make_folders(plan_labels([Source(tmp_path / "a.csv", Path("deep"))], pattern, str(tmp_path / "out")))
    assert (tmp_path / "out" / "deep").is_dir()
