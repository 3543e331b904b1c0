"""Which files are clips and images, and where results may go."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop.errors import UserError
from desktop.video.names import clips_in, images_in, is_image, restored_name
from desktop.video.outputs import check, is_same


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("a.mp4", "a-restored.auto"),
        ("a.b.MOV", "a.b-restored.auto"),
        ("tape.mpg", "tape-restored.auto"),
        ("old.avi", "old-restored.auto"),
        ("face.PNG", "face-restored.PNG"),
        ("scan.tiff", "scan-restored.tiff"),
    ],
)
def test_what_a_result_is_called(name: str, result: str) -> None:
    assert restored_name(Path(name)) == result
    assert restored_name(Path("tape.mpg"), whole=True) == "tape.mpg-restored.auto"


def test_what_is_in_a_folder(tmp_path: Path) -> None:
    for name in (
        "b.mpg",
        "a.mp4",
        "a-restored.mp4",
        ".hidden.mp4",
        "c-restored.mp4",
        "x.png",
        "x-restored.png",
        "notes.txt",
        "b-restored.mkv",
    ):
        (tmp_path / name).touch()
    (tmp_path / "folder.mp4").mkdir()
    assert [path.name for path in clips_in(tmp_path)] == ["a.mp4", "b.mpg", "c-restored.mp4"]
    assert [path.name for path in images_in(tmp_path)] == ["x.png"]
    assert is_image(tmp_path / "x.PNG") and not is_image(tmp_path / "a.mp4")


def test_a_result_must_not_be_its_source(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"x")
    (tmp_path / "link.mp4").symlink_to(clip)
    (tmp_path / "hard.mp4").hardlink_to(clip)
    for name in ("clip.mp4", "link.mp4", "hard.mp4", "../" + tmp_path.name + "/clip.mp4"):
        with pytest.raises(UserError, match="overwrite"):
            check(clip, tmp_path / name)
    assert not is_same(clip, tmp_path / "other.mp4")
    check(clip, tmp_path / "other.mp4")


def test_a_result_needs_an_ending_and_no_folder_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(UserError, match="folder"):
        check(tmp_path / "clip.mp4", tmp_path / "folder.mp4")
    with pytest.raises(UserError, match="ending"):
        check(tmp_path / "clip.mp4", tmp_path / "result")
