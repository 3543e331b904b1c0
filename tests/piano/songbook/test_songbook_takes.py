"""Takes and auditions by Songbook on a real song: the difficulties are its choices."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from desktop.jobs.job import AuditionJob, CoverJob, TakeJob
from desktop.jobs.progress import Progress
from desktop.models.library import Library
from desktop.paths import resources
from desktop.piano import versions
from desktop.piano.cover import Cover
from desktop.piano.job import run_cover
from desktop.piano.project import load_project, save_project
from desktop.piano.takes import run_audition, run_take

DEMO = resources() / "demo" / "six-oclock-ferry.opus"
FIRST, LAST = 16.0, 32.0


@pytest.fixture(scope="module")
def covered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("songbook")
    result = dict(run_cover(CoverJob(source=str(DEMO), output=str(folder), engine="songbook", style="rock"), Progress()))
    return folder / f"{DEMO.stem}.reprise", result


def test_the_network_is_remembered(covered: tuple[Path, dict[str, Any]]) -> None:
    """Another revision of it, or of what is made of its answers, makes another cover."""
    models = covered[1]["models"]
    assert models["songbook"] == Library().revision("songbook")
    assert models["reprise:songbook"] == str(versions.SONGBOOK)
    assert covered[1]["playability"]["violations"] == 0


def test_a_take_is_what_the_cover_plays_there(covered: tuple[Path, dict[str, Any]]) -> None:
    project, _ = covered
    cover = load_project(project)
    take = run_take(TakeJob(cover=str(project), first=FIRST, last=LAST, engine="songbook", difficulty="medium"), Progress())
    assert (take["engine"], take["choice"]) == ("songbook", "medium")
    starts = cover.notes["start"]
    mine = cover.notes[(starts >= FIRST) & (starts < LAST)]
    assert isinstance(take["notes"], list) and len(mine) > 20
    assert [note[:1] + note[2:] for note in take["notes"]] == [
        [note["start"].item(), note["pitch"].item(), note["velocity"].item(), note["hand"].item()] for note in mine
    ]


def test_difficulties_are_auditioned(covered: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    project, _ = covered
    before = hashlib.sha256(project.read_bytes()).hexdigest()
    choices = ("easy", "medium", "full")
    job = AuditionJob(cover=str(project), folder=str(tmp_path), first=FIRST, last=LAST, engine="songbook", choices=choices)
    takes = run_audition(job, Progress())["takes"]
    assert isinstance(takes, list) and tuple(one["choice"] for one in takes) == choices
    counts = [len(one["notes"]) for one in takes]
    assert 5 < counts[0] < counts[1] < counts[2], "harder is denser"
    assert all(FIRST <= note[0] < note[1] <= LAST for one in takes for note in one["notes"])
    assert all(Path(one["audio"]).stat().st_size > 44_100 for one in takes)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["easy.wav", "full.wav", "medium.wav"]
    assert hashlib.sha256(project.read_bytes()).hexdigest() == before


def test_takes_follow_the_grid(covered: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    """On beats of half the tempo it plays to sixteenths of those."""
    cover = load_project(covered[0])
    slower = Cover(cover.title, cover.notes[:0], cover.pedals[:0], cover.grid.halved(), (), cover.key, cover.duration, cover.info)
    save_project(slower, tmp_path / "slower.reprise")
    job = TakeJob(cover=str(tmp_path / "slower.reprise"), first=8, last=16, engine="songbook")
    notes = np.array(run_take(job, Progress())["notes"])
    assert len(notes) > 5 and np.all((notes[:, 0] >= 8) & (notes[:, 1] <= 16)) and not np.any(notes[:, 0] * 4 % 1)
