"""What the window is shown."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import cycle
from pathlib import Path
from time import perf_counter
from typing import Any

import cv2
import numpy as np
import pytest

from desktop.errors import UserError
from desktop.jobs.job import FilmstripJob, FramesJob
from desktop.jobs.progress import Cancelled, Progress
from desktop.video.media import cache
from desktop.video.media import filmstrip as strips
from desktop.video.media.reader import open_reader
from desktop.video.media.view import filmstrip, frames_for_view
from tests.video.media.synthetic import drawn, make, woven
from tests.waiting import quickest


class Previews(Progress):
    """Keeps the previews."""

    def __init__(self) -> None:
        self.shown: list[Mapping[str, Any]] = []

    def preview(self, kind: str, data: Mapping[str, Any]) -> None:
        assert kind == "thumb"
        self.shown.append(data)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make(tmp_path / "clip.mp4", frames=100, options={"x264-params": "keyint=12:bframes=2"})


def frames(path: Path, **options: Any) -> tuple[np.ndarray[Any, Any], dict[str, Any]]:
    result: dict[str, Any] = frames_for_view(FramesJob(source=str(path), **options), Progress())
    return np.load(result["frames"]), result


@pytest.mark.parametrize("start", [0.0, 0.04, 1.0, 1.03, 2.5, 3.95])
def test_the_first_picture_is_the_one_shown_then(home: Path, clip: Path, start: float) -> None:
    shown, result = frames(clip, start=start, count=3)
    first = int(start / 0.04 + 1e-6)
    with open_reader(clip) as reader:
        expected = [picture.rgb() for picture in reader][first : first + 3]
    assert result["indexes"] == list(range(first, first + len(expected)))
    assert result["times"] == pytest.approx([0.04 * number for number in result["indexes"]])
    assert np.array_equal(shown, np.stack(expected))
    assert (result["width"], result["height"], result["duration"]) == (176, 144, pytest.approx(4.0, abs=0.1))


def test_after_the_end_the_last_picture_is_shown(home: Path, clip: Path) -> None:
    shown, result = frames(clip, start=60.0, count=5)
    assert (len(shown), result["indexes"]) == (1, [99])


def test_pictures_are_upright_in_square_pixels_and_reduced(home: Path, tmp_path: Path) -> None:
    path = make(tmp_path / "lying.mp4", size=(96, 64), sar=Fraction(3, 2), turn=(90, False, False), frames=3)
    shown, _ = frames(path)
    assert shown.shape == (1, 96, 43, 3)
    shown, _ = frames(path, side=48, count=2)
    assert shown.shape == (2, 48, 22, 3)


def test_fields_are_woven_when_seen(home: Path, tmp_path: Path) -> None:
    path = make(tmp_path / "fields.mkv", "ffv1", frames=30, size=(160, 480), paint=woven("tff"))
    assert frames(path, start=0.4, deinterlace="double", count=4)[1]["indexes"] == [20, 21, 22, 23]
    woven_, raw = frames(path, start=0.4)[0], frames(path, start=0.4, deinterlace="off")[0]
    assert np.abs(woven_.astype(int) - raw).mean() > 1


def test_a_still_is_shown_too(home: Path, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "face.png"), drawn(0))
    shown, result = frames(tmp_path / "face.png", count=10)
    assert np.array_equal(shown[0][..., ::-1], drawn(0))
    assert (len(shown), result["times"]) == (1, [0.0])
    strip = filmstrip(FilmstripJob(source=str(tmp_path / "face.png")), Progress())
    assert np.load(str(strip["thumbs"])).shape == (1, 131, 160, 3)


def test_the_cache_is_bounded(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_FILES", 5)
    kept = [cache.keep(np.zeros(10), number) for number in range(12)]
    assert [path.exists() for path in kept] == [False] * 7 + [True] * 5
    monkeypatch.setattr(cache, "_BYTES", 100)
    last = cache.keep(np.zeros(100), "large")
    assert last.exists()
    assert len(list(last.parent.iterdir())) == 3


def test_a_short_clip_gives_thumbs_and_shots_in_passing(home: Path, shared: Path) -> None:
    progress = Previews()
    result: dict[str, Any] = filmstrip(FilmstripJob(source=str(shared / "clips" / "scene_cut_two_people.mp4")), progress)
    thumbs = np.load(result["thumbs"])
    assert thumbs.shape == (40, 128, 160, 3)
    assert result["times"] == sorted(result["times"]) and len(result["times"]) == 40
    assert result["shots"] == pytest.approx([0.0, 1.6])
    assert (result["shots_from"], result["frames"], result["rate"]) == ("pictures", 75, 25.0)
    assert [shown["time"] for shown in progress.shown] == result["times"]
    first = progress.shown[0]
    assert np.array_equal(np.frombuffer(first["rgb"], np.uint8).reshape(first["height"], first["width"], 3), thumbs[0])


@pytest.mark.parametrize(("affordable", "kind"), [(60.0, "pictures"), (0.0, "thumbs")])
def test_a_long_clip_is_looked_around_in_first(
    home: Path, clip: Path, monkeypatch: pytest.MonkeyPatch, affordable: float, kind: str
) -> None:
    monkeypatch.setattr(strips, "_AT_ONCE_S", 0.0)
    monkeypatch.setattr(strips, "_AFFORDABLE_S", affordable)
    progress = Previews()
    result: dict[str, Any] = filmstrip(FilmstripJob(source=str(clip), count=8), progress)
    assert len(progress.shown) == len(result["times"]) == 8
    assert np.diff(result["times"]).max() < 1.0
    assert [shown["time"] for shown in progress.shown] != result["times"]
    assert result["shots_from"] == kind
    # Between thumbnails of a moving picture much changes; what is certain is the beginning.
    assert result["shots"] == [0.0] if kind == "pictures" else result["shots"][0] == result["times"][0]
    assert result["frames"] == 100


def test_a_strip_can_be_cancelled(home: Path, clip: Path) -> None:
    class Stop(Progress):
        def checkpoint(self) -> None:
            raise Cancelled

    with pytest.raises(Cancelled):
        filmstrip(FilmstripJob(source=str(clip)), Stop())


def test_what_cannot_be_shown_is_refused(home: Path, tmp_path: Path) -> None:
    (tmp_path / "letter.mp4").write_text("no film")
    for run in (frames_for_view, filmstrip):
        job = FramesJob if run is frames_for_view else FilmstripJob
        with pytest.raises(UserError, match="not a video"):
            run(job(source=str(tmp_path / "letter.mp4")), Progress())  # type: ignore[operator]


def test_pictures_come_quickly(home: Path, tmp_path: Path) -> None:
    path = make(tmp_path / "clip.mpg", "mpeg2video", frames=75, size=(360, 288), bit_rate=1_500_000)
    frames(path)
    starts = cycle((0.0, 0.5, 1.0, 1.5))

    def took() -> float:
        began = perf_counter()
        frames(path, start=next(starts), count=25)
        return perf_counter() - began

    # 0.2 s is the aim on a quiet machine.
    assert quickest(took, 0.4, tries=12) < 0.4
