"""Where results of clips go."""

import os
from pathlib import Path

import platformdirs
import pytest

from desktop import paths
from desktop.ui.video import files


def test_a_result_goes_beside_its_clip_under_a_free_name(tmp_path: Path) -> None:
    clip = tmp_path / "tape.mpg"
    first = files.output_for(clip, ".mkv")
    assert first == tmp_path / "tape-restored.mkv"
    first.touch()
    assert files.output_for(clip, ".mkv") == tmp_path / "tape-restored 2.mkv"


def test_the_demo_clip_is_not_restored_into_the_program(tmp_path: Path) -> None:
    demo = paths.resources() / "demo" / "two-on-a-tape.mp4"
    assert demo.is_file() and files.is_video(demo)
    assert files.output_for(demo).parent == platformdirs.user_videos_path()
    assert files.output_for(demo, folder=str(tmp_path)).parent == tmp_path


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a user whom permissions bind")
def test_a_folder_that_takes_no_files_is_not_chosen(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        assert files.output_for(tmp_path / "tape.mp4").parent == platformdirs.user_videos_path()
    finally:
        tmp_path.chmod(0o700)
