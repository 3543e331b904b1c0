"""What of a batch was done before: told by content, options, models and results, not by names and times."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from desktop.batch import done
from desktop.batch.done import Done, done_before
from desktop.jobs.job import AnyJob, CoverJob, LabelJob, RestoreJob, RestoreOptions
from desktop.jobs.ledger import Sources, content_hash
from desktop.jobs.rows import Owner
from desktop.jobs.store import Store
from desktop.models.library import Library
from desktop.piano import versions
from desktop.tuning.origins import origin_of


class Shop:
    """Does jobs as a worker does, but for the work: its results are files with a few bytes."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder / "queue.sqlite")
        self.made = 0

    def look(self, job: AnyJob, **options: Any) -> Done | AnyJob:
        """What is to be done for a job, or that it is done."""
        found = done_before(self.store, [job], **options)
        assert len(found.done) + len(found.left) == 1
        return found.done[0] if found.done else found.left[0]

    def work(self, job: AnyJob, models: dict[str, str] | None = None) -> None:
        """Do a job."""
        sources = Sources(job)
        sources.read()
        files = {kind: str(path) for kind, path in job.results.items()} or {"file": job.place}
        for path in map(Path, files.values()):
            if not (path.exists() and isinstance(job, CoverJob) and job.project):
                self.made += 1
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(b"result %d" % self.made)
        kept = {} if isinstance(job, CoverJob) and job.project else {"models": models or {}}
        self.store.note_made(job, {"files": files, **kept, **sources.facts(), "notes": self.made})

    def is_done(self, job: AnyJob) -> bool:
        return isinstance(self.look(job), Done)


@pytest.fixture
def shop(tmp_path: Path, home: Path) -> Shop:
    return Shop(tmp_path)


@pytest.fixture
def song(tmp_path: Path) -> CoverJob:
    source = tmp_path / "in" / "a.mp3"
    source.parent.mkdir()
    source.write_bytes(b"song")
    return CoverJob(source=str(source), output=str(tmp_path / "out"))


def test_the_same_content_is_known_under_any_name_and_time(shop: Shop, song: CoverJob, tmp_path: Path) -> None:
    assert shop.look(song) == song
    shop.work(song)
    found = shop.look(song)
    assert isinstance(found, Done) and found.job == song and found.result["notes"] == 2
    os.utime(song.source, (5, 5))
    assert shop.is_done(song)
    shutil.copy(song.source, tmp_path / "b.mp3")
    moved = CoverJob(source=str(tmp_path / "b.mp3"), output=song.output, name="a")
    assert shop.is_done(moved) and not shop.is_done(msgspec.structs.replace(moved, name="b"))
    for content in (b"tune", b"longer"):
        Path(song.source).write_bytes(content)
        assert shop.look(song) == song, "other content is other work"
    Path(song.source).unlink()
    assert shop.look(song) == song


def test_what_is_known_by_its_stamp_is_not_read(shop: Shop, song: CoverJob, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []

    def counted(path: Path) -> str:
        read.append(path)
        return content_hash(path)

    monkeypatch.setattr(done, "content_hash", counted)
    shop.work(song)
    assert shop.is_done(song) and shop.is_done(song) and not read
    os.utime(song.source, (5, 5))
    assert shop.is_done(song) and shop.is_done(song) and read == [Path(song.source)]
    assert not shop.is_done(msgspec.structs.replace(song, style="rock")) and len(read) == 1


def test_options_and_models_make_other_work(shop: Shop, song: CoverJob, monkeypatch: pytest.MonkeyPatch) -> None:
    library = Library()
    models = {"reprise:sketch": str(versions.SKETCH), "basic-pitch": library.revision("basic-pitch"), "beatnet": ""}
    shop.work(song, models)
    assert shop.is_done(song) and shop.is_done(msgspec.structs.replace(song, device="cpu"))
    other = msgspec.structs.replace(song, difficulty="easy")
    assert shop.look(other) == other
    assert shop.look(song, again=True) == song
    for name, revision in (("basic-pitch", "an older one"), ("reprise:sketch", "0"), ("beatnet", "1"), ("unheard-of", "1")):
        shop.work(song, models | {name: revision})
        assert shop.look(song) == song, name
    clip = RestoreJob(source=song.source, output=str(Path(song.output) / "a.mkv"))
    shop.work(clip, {"face-restorer": library.revision("face-restorer")})
    assert shop.is_done(clip) and not shop.is_done(msgspec.structs.replace(clip, options=RestoreOptions(fidelity=0.7)))


def test_what_is_missing_is_made_of_what_is_there(shop: Shop, song: CoverJob) -> None:
    shop.work(song, {"basic-pitch": Library().revision("basic-pitch")})
    out, project = Path(song.output), str(Path(song.output) / "a.reprise")
    more = msgspec.structs.replace(song, also=("pdf",), audio=True)
    rest = shop.look(more)
    assert rest == msgspec.structs.replace(more, project=project)
    shop.work(more if isinstance(rest, Done) else rest)
    assert shop.made == 4 and shop.is_done(more) and shop.is_done(song)
    content = Path(song.source).read_bytes()
    Path(song.source).write_bytes(b"tune")
    shop.work(rest if not isinstance(rest, Done) else more)
    assert not shop.is_done(more), "what was there is of another song"
    Path(song.source).write_bytes(content)
    other = msgspec.structs.replace(more, soundfont="/other.sf2")
    assert shop.look(other) == other, "what it sounds like is another matter"
    (out / "a.mid").unlink()
    assert shop.look(song) == msgspec.structs.replace(song, project=project)
    (out / "a.reprise").unlink()
    assert shop.look(song) == song
    shop.work(song)
    rock = msgspec.structs.replace(more, style="rock")
    assert shop.look(rock) == rock, "what Reprise made itself, and nobody touched, makes room"
    shop.work(msgspec.structs.replace(song, style="rock"))
    assert shop.look(rock) == rock, "the PDF that is there is of another style"


def test_altered_results_are_never_replaced(shop: Shop, song: CoverJob) -> None:
    out = Path(song.output)
    shop.work(song)
    (out / "a.mid").write_bytes(b"my own fingering")
    second = msgspec.structs.replace(song, name="a 2")
    assert shop.look(song) == second == shop.look(song, again=True)
    shop.work(second)
    found = shop.look(song)
    assert isinstance(found, Done) and found.job == second
    (out / "a 2.reprise").write_bytes(b"this one too")
    (out / "a 3.mid").write_bytes(b"whatever")
    both = [song, msgspec.structs.replace(song, name="a 4")]
    assert [getattr(job, "name", "") for job in done_before(shop.store, both).left.values()] == ["a 5", "a 4"]
    assert (out / "a.mid").read_bytes() == b"my own fingering"
    more = msgspec.structs.replace(song, name="b", also=("pdf",))
    shop.work(msgspec.structs.replace(more, also=()))
    (out / "b.pdf").write_bytes(b"of somebody else")
    assert shop.look(more) == msgspec.structs.replace(more, name="b 2")


def test_labelling_knows_the_model_by_what_it_is(shop: Shop, tmp_path: Path) -> None:
    rows, model = tmp_path / "rows.csv", tmp_path / "model"
    rows.write_text("text\nhello\n")
    model.mkdir()
    (model / "model.json").write_text("{}")
    job = LabelJob(model=str(model), source=str(rows), output=str(tmp_path / "labelled.csv"))
    shop.work(job, {str(model): origin_of(str(model), "best", Library())})
    assert shop.is_done(job)
    (model / "model.json").write_text('{"more": 1}')
    assert shop.look(job) == job


def test_what_reprise_has_not_made_is_not_replaced(shop: Shop, song: CoverJob, tmp_path: Path) -> None:
    theirs = song.results["midi"]
    theirs.parent.mkdir()
    theirs.write_bytes(b"of the user's own")
    for again in (False, True):
        aside = shop.look(song, again=again)
        assert isinstance(aside, CoverJob) and aside.results["midi"].name == "a 2.mid"
    shop.work(aside)
    found = shop.look(song)
    assert isinstance(found, Done) and found.job == aside
    assert theirs.read_bytes() == b"of the user's own"
    # What a try has left that was cut short is no one else's.
    clip = RestoreJob(source=song.source, output=str(tmp_path / "out" / "a.mkv"))
    number = shop.store.add(clip, Owner.me())
    assert shop.store.claim(number, Owner.me())
    Path(clip.output).write_bytes(b"there, but its end was not written")
    assert shop.look(clip) == clip
