"""Containers that keep only the order of the packets: AVI with B pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from desktop.video.media.order import SortedStamps
from desktop.video.media.reader import open_reader
from tests.video.media.synthetic import drawn, make

B_PICTURES = {"bf": "3", "b_strategy": "0"}


@pytest.mark.parametrize(("codec", "options"), [("libx264", B_PICTURES), ("mpeg4", {"bf": "2"})])
@pytest.mark.parametrize("threads", [1, 3])
def test_pictures_of_an_avi_are_evenly_spaced_and_in_order(
    tmp_path: Path, codec: str, options: dict[str, str], threads: int
) -> None:
    clip = make(tmp_path / "tape.avi", codec, frames=40, options={**options, "g": "15"}, bit_rate=900_000)
    with open_reader(clip, threads=threads) as reader:
        pictures = [(picture.pts, picture.rgb()) for picture in reader]
        assert reader.problems == []
    assert [pts - pictures[0][0] for pts, _ in pictures] == list(range(40))
    for number in (0, 1, 2, 3, 20, 39):
        near = [float(np.abs(pictures[number][1].astype(int) - drawn(n)).mean()) for n in range(40)]
        assert int(np.argmin(near)) == number


def test_reading_an_avi_goes_on_where_it_stopped(tmp_path: Path) -> None:
    clip = make(tmp_path / "tape.avi", frames=60, options={**B_PICTURES, "g": "10"}, bit_rate=900_000)
    with open_reader(clip) as reader:
        pictures = [(picture.pts, picture.rgb().tobytes()) for picture in reader]
        for place in (45, 7, 58):
            reader.resume_at(place, [pts for pts, _ in pictures])
            assert [(picture.pts, picture.rgb().tobytes()) for picture in reader] == pictures[place:]
    with open_reader(clip, start=1.6) as reader:
        assert [(picture.pts, picture.rgb().tobytes()) for picture in reader] == [each for each in pictures if each[0] >= 40]


class _Frame:
    def __init__(self, pts: int, key: bool = False) -> None:
        self.pts, self.key_frame = pts, key


def test_a_key_frame_sets_right_what_lost_pictures_have_shifted() -> None:
    order = SortedStamps()
    for stamp in range(6):
        order.sent(stamp)
    order.lost(1)
    frames = [_Frame(0, key=True), _Frame(3), _Frame(5, key=True)]
    for frame in frames:
        order.apply(frame)
    assert [frame.pts for frame in frames] == [0, 2, 5]
