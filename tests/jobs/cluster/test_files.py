"""Paths in another computer's terms, and what a node may send back."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop.errors import UserError
from desktop.jobs.cluster import files
from desktop.jobs.cluster.wire import Made, TargetFolder
from desktop.jobs.job import CoverJob, RestoreJob


def test_paths_move_with_the_longest_match() -> None:
    places = {"/a": "/x", "/a/b": "/y"}
    assert files.moved({"k": ["/a/b/c", "/a", "/ab", "a"], "/a/z": 1}, places) == {"k": ["/y/c", "/x", "/ab", "a"], "/x/z": 1}


def test_sources_and_targets_of_a_job(tmp_path: Path) -> None:
    clip, out = tmp_path / "clip.mp4", tmp_path / "out"
    clip.write_bytes(b"clip")
    job = RestoreJob(source=str(clip), output=str(out / "new.mp4"))
    (source,) = files.sources_of(job)
    assert (source.path, source.size, files.is_here(source)) == (str(clip), 4, True)
    clip.write_bytes(b"cliq")
    assert not files.is_here(source)
    (target,) = files.targets_of(job)
    assert target.path == str(out)
    assert files.is_shared(target)
    files.remove_probes((target,))
    assert list(out.iterdir()) == []
    moved = files.moved_job(CoverJob(source=str(clip), output=str(out)), {str(clip): "/in/clip.mp4", str(out): "/out"})
    assert (moved.source, moved.output) == ("/in/clip.mp4", "/out")  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "..\\evil", ""])
def test_results_stay_below_the_jobs_folders(tmp_path: Path, name: str) -> None:
    allowed = (TargetFolder(str(tmp_path), "p", "s"),)
    with pytest.raises(UserError, match="does not belong"):
        files.landing(Made(str(tmp_path), name, 0, ""), allowed)
    with pytest.raises(UserError, match="does not belong"):
        files.landing(Made("/elsewhere", "fine", 0, ""), allowed)


def test_a_damaged_result_gets_no_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="damaged"):
        files.receive(tmp_path / "x", Made(str(tmp_path), "x", 3, "00"), [b"abc"])
    assert list(tmp_path.iterdir()) == []
