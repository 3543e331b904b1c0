"""Clips that cannot be restored, odd ones that can, places where nothing can be written: clear words, nothing half-written."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.e2e import film
from tests.e2e.command import Answer, files, reprise

pytestmark = pytest.mark.usefixtures("home_with_models")


@pytest.fixture
def face(carphone: Path, tmp_path: Path) -> Path:
    """A face in six pictures, in a folder of its own."""
    (tmp_path / "in").mkdir()
    return film.write(tmp_path / "in" / "face.mp4", film.rgb(carphone / "carphone_pristine.mp4")[:6], sound=True)


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """Six pictures without a face, in a folder of its own."""
    (tmp_path / "in").mkdir(exist_ok=True)
    return film.write(tmp_path / "in" / "drawn.mp4", film.drawn(6))


def result(answer: Answer) -> dict[str, Any]:
    """What the only job's last event says."""
    last = answer.events[-1]
    assert last["event"] == "done", last
    found: dict[str, Any] = last["result"]
    return found


@pytest.mark.parametrize("name", film.BAD)
def test_what_cannot_be_restored_is_told(tmp_path: Path, name: str) -> None:
    make, told = film.BAD[name]
    source = make(tmp_path)
    answer = reprise("restore", source, "-o", tmp_path / "out" / "out.mp4")
    assert answer.code in (1, 2) and told in answer.err and "Traceback" not in answer.err and "made an error" not in answer.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("link", ["itself", "symbolic link", "hard link"])
def test_the_result_must_not_be_the_clip(face: Path, link: str) -> None:
    output = face if link == "itself" else face.with_name("other.mp4")
    if link == "symbolic link":
        output.symlink_to(face)
    elif link == "hard link":
        output.hardlink_to(face)
    before = film.digest(face)
    answer = reprise("restore", face, "-o", output)
    assert answer.code == 2 and ("overwrite" in answer.err or "both a clip and a result" in answer.err)
    assert film.digest(face) == before


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("-o", "out.xyz"), ".xyz"),
        (("-o", "out"), "ending"),
        (("-o", "out.webm", "--encoder", "x264"), "WebM cannot hold"),
        (("-o", "out.mp4", "--encoder", "x266"), "not one of"),
        (("-o", "out.mp4", "--from", "1:99"), "is not a time"),
        (("-o", "out.mp4", "--from", "2", "--to", "1"), "not after the start"),
        (("-o", "out.mp4", "--fidelity", "3"), "not between 0 and 1"),
        (("-o", "out.mp4", "--scale", "3"), "not one of"),
        (("-o", "out.mp4", "--restorer", "nothing"), "nothing"),
        (("-o", "out.mp4", "--restorer", "melody"), "does not restore faces"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_requests_that_make_no_sense(drawn: Path, tmp_path: Path, options: tuple[str, ...], told: str) -> None:
    answer = reprise("restore", drawn, *options, cwd=tmp_path)
    assert answer.code in (1, 2) and told in answer.err and "Traceback" not in answer.err
    assert files(tmp_path) == ["in"]


def test_a_missing_model_offline(drawn: Path, tmp_path: Path) -> None:
    extra = {"REPRISE_MODELS": str(tmp_path / "none"), "REPRISE_OFFLINE": "1"}
    answer = reprise("restore", drawn, "-o", tmp_path / "out" / "out.mp4", extra=extra)
    assert answer.code == 1 and "MTCNN" in answer.err and "offline" in answer.err and not (tmp_path / "out").exists()


def test_an_old_result_is_replaced_at_the_end_only(face: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    output.write_text("the old one")
    assert reprise("restore", face, "-o", output, "--encoder", "vp9", "--quality", "99").code == 2
    assert output.read_text() == "the old one"
    assert reprise("restore", face, "-o", output).code == 0
    assert len(film.times(output)) == 6 and files(tmp_path) == ["in", "out.mp4"]


@pytest.fixture
def small_disk(disk_of: Callable[[str], Path]) -> Path:
    """A file system of 64 kB, where that may be mounted."""
    return disk_of("64k")


def test_a_full_disk_leaves_the_old_result(face: Path, small_disk: Path) -> None:
    (small_disk / "out.mkv").write_text("the old one")
    answer = reprise("restore", face, "-o", small_disk / "out.mkv", "--encoder", "ffv1")
    assert answer.code == 1 and ("space" in answer.err or "full" in answer.err) and "Traceback" not in answer.err
    assert files(small_disk) == ["out.mkv"] and (small_disk / "out.mkv").read_text() == "the old one"


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="there is no prlimit")
def test_a_limit_on_file_sizes(face: Path, tmp_path: Path) -> None:
    answer = reprise(
        "restore", face, "-o", tmp_path / "out.mkv", "--encoder", "ffv1", "--scale", "4", before=("prlimit", "--fsize=400000")
    )
    assert answer.code == 1 and "Traceback" not in answer.err and "made an error" not in answer.err
    assert files(tmp_path) == ["in"]


@pytest.mark.skipif(os.name != "posix", reason="permissions as POSIX has them")
def test_no_permission_to_write(drawn: Path, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    before: tuple[str, ...] = ()
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("the superuser may write anywhere, and there is no setpriv to take that away")
        rights = "-dac_override,-dac_read_search"
        before = ("setpriv", "--bounding-set", rights, "--inh-caps", rights)
    closed.chmod(0o500)
    answer = reprise("restore", drawn, "-o", closed / "out.mp4", before=before)
    closed.chmod(0o700)
    assert answer.code == 1 and "permission" in answer.err and "Traceback" not in answer.err and files(closed) == []


def _odd(folder: Path) -> dict[str, int]:
    """Odd clips that can be restored, with the number of pictures in each."""
    folder.mkdir(parents=True)
    film.write(folder / "one.mp4", film.drawn(1))
    film.write(folder / "odd.mkv", film.drawn(5, 35, 27), codec="ffv1", pixel_format="yuv420p")
    film.write(folder / "tiny.mkv", film.drawn(5, 16, 16), codec="ffv1")
    film.write(folder / "stampless.mpeg", film.drawn(12, 96, 64), codec="libx264", format="h264")
    parts = [film.write(folder / f"{size}.m1v", film.drawn(6, size, 64), codec="mpeg1video") for size in (96, 160)]
    (folder / "sizes.mpg").write_bytes(b"".join(part.read_bytes() for part in parts))
    for part in parts:
        part.unlink()
    broken = bytearray(film.write(folder / "broken.mpg", film.drawn(50, 320, 240), codec="mpeg2video").read_bytes())
    middle = len(broken) // 2
    broken[middle : middle + 3000] = np.random.default_rng(1).bytes(3000)
    (folder / "broken.mpg").write_bytes(broken)
    return {"one.mp4": 1, "odd.mkv": 5, "tiny.mkv": 5, "stampless.mpeg": 12, "sizes.mpg": 12, "broken.mpg": 50}


def test_odd_clips_come_through(tmp_path: Path) -> None:
    expected = _odd(tmp_path / "in")
    digests = {path: film.digest(path) for path in (tmp_path / "in").iterdir()}
    answer = reprise("restore", tmp_path / "in", "-o", tmp_path / "out", "--encoder", "x264", "--json")
    assert answer.code == 0, answer.err
    assert all(film.digest(path) == digest for path, digest in digests.items())
    done = {Path(event["result"]["files"]["video"]).stem: event["result"] for event in answer.events if event["event"] == "done"}
    warnings = {name: " ".join(done[f"{Path(name).stem}-restored"]["warnings"]) for name in expected}
    for name, count in expected.items():
        found = film.times(Path(done[f"{Path(name).stem}-restored"]["files"]["video"]))
        # ffmpeg's decoder drops one picture where the size changes.
        assert abs(len(found) - count) <= {"broken.mpg": 6, "sizes.mpg": 1}.get(name, 0), name
        assert len(set(found)) == len(found)
    assert "time stamp" in warnings["stampless.mpeg"] and "size of the pictures changes" in warnings["sizes.mpg"]
    assert "decoded" in warnings["broken.mpg"]


def test_a_picture_of_8k(tmp_path: Path) -> None:
    shown = [np.kron(rgb, np.ones((24, 24, 1), np.uint8)) for rgb in film.drawn(1, 320, 180)]
    clip = film.write(tmp_path / "large.mkv", shown, codec="mjpeg", pixel_format="yuvj420p")
    answer = reprise("restore", clip, "-o", tmp_path / "out.mkv", "--encoder", "x264", "--json")
    assert answer.code == 0, answer.err
    frame = next(film.pictures(tmp_path / "out.mkv"))
    assert (frame.width, frame.height) == (7680, 4320)


@pytest.mark.slow
def test_two_hundred_faces(carphone: Path, tmp_path: Path) -> None:
    one = film.rgb(carphone / "carphone_pristine.mp4")[0][:132, 20:152]
    film.image(tmp_path / "crowd.png", np.tile(one, (10, 20, 1)))
    answer = reprise("restore", tmp_path / "crowd.png", "-o", tmp_path / "out.png", "--json", timeout=230)
    assert answer.code == 0, answer.err
    assert result(answer)["faces"]["restored"] >= 180
