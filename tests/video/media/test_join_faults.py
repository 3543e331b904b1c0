"""Results that cannot be written, and what is there after that: what was there before."""

from __future__ import annotations

import dataclasses
import os
import resource
import signal
from pathlib import Path

import pytest

from desktop.errors import UsageError, UserError
from desktop.jobs.progress import Cancelled, Progress
from desktop.video.media.containers import MP4
from desktop.video.media.join import join
from desktop.video.media.probe import probe
from tests.video.media.results import make_source, pictures, restored, stamps_in, write_segments


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_source(tmp_path_factory.mktemp("source") / "clip.mp4", seconds=4.0)


def test_the_source_is_never_the_result(tmp_path: Path) -> None:
    clip_path = make_source(tmp_path / "clip.mp4")
    before = clip_path.read_bytes()
    shown, clip = restored(clip_path)
    segments, offsets = write_segments(tmp_path / "parts", shown, (20,))
    link, hard = tmp_path / "link.mp4", tmp_path / "hard.mp4"
    link.symlink_to(clip_path)
    os.link(clip_path, hard)
    (tmp_path / "folder").mkdir()
    for output in (clip_path, link, hard, tmp_path / "folder" / ".." / "clip.mp4"):
        with pytest.raises(UserError, match="overwrite its own clip"):
            join(segments, clip, output, offsets=offsets)
    assert clip_path.read_bytes() == before and link.is_symlink()


def test_places_that_cannot_be_written(tmp_path: Path, source: Path) -> None:
    segments, offsets = write_segments(tmp_path / "parts", pictures(5), (5,))
    with pytest.raises(UserError, match="folder does not exist"):
        join(segments, probe(source), tmp_path / "none" / "a.mp4", offsets=offsets)
    with pytest.raises(UsageError, match=r"cannot be written as \.avi"):
        join(segments, probe(source), tmp_path / "a.avi", offsets=offsets)
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(UserError, match="folder"):
        join(segments, probe(source), tmp_path / "folder.mp4", offsets=offsets)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UserError, match="not a folder"):
        join(segments, probe(source), tmp_path / "file" / "a.mp4", offsets=offsets)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.mp4", "parts"]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("limit", [3000, 40_000, 100_000])
def test_full_disk_leaves_the_old_result(tmp_path: Path, source: Path, suffix: str, limit: int) -> None:
    segments, offsets = write_segments(tmp_path / "parts", pictures(60, size=(160, 120)), (20,))
    clip = probe(source)
    path = tmp_path / f"result{suffix}"
    path.write_bytes(b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        with pytest.raises(UserError, match="could not be written"):
            join(segments, clip, path, offsets=offsets)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, old)
    assert path.read_bytes() == b"old"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["parts", path.name]
    join(segments, clip, path, offsets=offsets)
    assert path.stat().st_size > limit


def test_too_little_space_is_seen_before(tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    segments, offsets = write_segments(tmp_path / "parts", pictures(5), (5,))
    real = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: real._replace(free=1000))
    with pytest.raises(UserError, match="too full"):
        join(segments, probe(source), tmp_path / "a.mp4", offsets=offsets)
    assert not (tmp_path / "a.mp4").exists()


def test_names_that_look_like_something_else(tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    segments, offsets = write_segments(tmp_path / "pipe:%03d", pictures(5), (5,))
    for name in ("pipe:1.mp4", "film %05d.mkv", "häßlich'\"\n.mov", "-i.mp4"):
        assert join(segments, probe(source), Path(name), offsets=offsets) == []
        assert len(stamps_in(tmp_path / name)) == 5


def test_a_stream_that_the_muxer_refuses_does_not_cost_the_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were a table to promise too much, the result would come without that stream."""
    generous = dataclasses.replace(MP4, rare=MP4.rare | {"adpcm_ms"})
    monkeypatch.setattr("desktop.video.media.join.container_of", lambda path: generous)
    clip_path = make_source(tmp_path / "clip.avi", sound=("adpcm_ms", "libmp3lame"), video="mpeg4")
    shown, clip = restored(clip_path)
    segments, offsets = write_segments(tmp_path / "parts", shown, (20,))
    notes = join(segments, clip, tmp_path / "result.mp4", offsets=offsets)
    assert len(notes) == 1 and "adpcm_ms" in notes[0]
    assert [stream.codec for stream in probe(tmp_path / "result.mp4").streams] == ["mp3"]


def test_cancelled(tmp_path: Path, source: Path) -> None:
    class Ends(Progress):
        def checkpoint(self) -> None:
            raise Cancelled

    segments, offsets = write_segments(tmp_path / "parts", pictures(80), (20,))
    with pytest.raises(Cancelled):
        join(segments, probe(source), tmp_path / "a.mp4", offsets=offsets, progress=Ends())
    assert [path.name for path in tmp_path.iterdir()] == ["parts"]


def test_segments_of_different_settings_are_refused(tmp_path: Path, source: Path) -> None:
    shown = pictures(20)
    segments, offsets = write_segments(tmp_path / "parts", shown[:10], (10,))
    more, places = write_segments(tmp_path / "more", shown[10:], (10,), "x265")
    with pytest.raises(UserError, match="different settings"):
        join([*segments, *more], probe(source), tmp_path / "a.mp4", offsets=[*offsets, *places])
    segments[0].write_bytes(segments[0].read_bytes()[:200])
    with pytest.raises(UserError, match="cannot be read"):
        join(segments, probe(source), tmp_path / "a.mp4", offsets=offsets)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["more", "parts"]
