"""Clips compared before and after: faces, whole pictures, other sizes, other rates, images, files, refusals."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import av
import cv2
import numpy as np
import pytest

from desktop.errors import UsageError, UserError
from desktop.jobs.job import MeasureJob
from desktop.jobs.progress import Cancelled, Progress
from desktop.models.library import Library, Status
from desktop.video.comparison.matching import Follower
from desktop.video.comparison.measure import measure
from desktop.video.comparison.series import Series


@pytest.fixture(autouse=True, scope="module")
def _detector() -> None:
    if Library().status("mtcnn") is not Status.INSTALLED:
        pytest.skip("needs the model mtcnn")


def write(
    path: Path, pictures: Sequence[np.ndarray], *, rate: int = 25, times: Sequence[int] | None = None, crf: int = 0
) -> Path:
    """A clip: lossless (FFV1) unless ``crf`` says how bad (H.264); ``times`` in ms."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264" if crf else "ffv1", rate=rate)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p" if crf else "yuv444p"
        stream.options = {"crf": str(crf), "preset": "veryfast"} if crf else {}
        if times:
            stream.codec_context.time_base = Fraction(1, 1000)
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = (times[number], Fraction(1, 1000)) if times else (number, Fraction(1, rate))
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def landscape(count: int, size: tuple[int, int] = (208, 200), seed: int = 1) -> list[np.ndarray]:
    """A picture without faces that moves."""
    noise = np.random.default_rng(seed).normal(size=(size[1] + 80, size[0] + 80, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    plate = np.clip(128 + 45 * smooth / smooth.std(), 0, 255).astype(np.uint8)
    return [plate[20 + t // 2 : 20 + t // 2 + size[1], t : t + size[0]].copy() for t in range(count)]


def noisy(pictures: Sequence[np.ndarray], sigma: float) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [np.clip(p + rng.normal(0, sigma, p.shape), 0, 255).astype(np.uint8) for p in pictures]


def run(progress: Progress | None = None, **paths: Path) -> dict[str, Any]:
    return measure(MeasureJob(**{name: str(path) for name, path in paths.items()}), progress or Progress())


def test_speech_restored_is_told_from_speech_spoilt(shared: Path, tmp_path: Path) -> None:
    with av.open(str(shared / "clips" / "scene_cut_two_people.mp4")) as file:
        truth = [f.to_ndarray(format="rgb24") for f, _ in zip(file.decode(video=0), range(50), strict=False)][30:]
    paths = {
        "truth": write(tmp_path / "truth.mkv", truth),
        "before": write(tmp_path / "before.mkv", noisy(truth, 12)),
        "after": write(tmp_path / "after.mp4", truth, crf=20),
    }
    result = run(**paths, plot=tmp_path / "x.svg", table=tmp_path / "x.csv")
    assert (result["reference"], result["pictures"], result["faces"], result["warnings"]) == ("truth", 20, 2, [])
    found = result["measures"]
    for key in ("psnr_faces", "ssim_faces", "psnr", "ssim"):
        assert found[key]["after"] > found[key]["before"] and result["better"][key] == "higher"
    for key in ("warping", "drift", "tlme", "jitter"):
        assert found[key]["after"] < found[key]["before"] and result["better"][key] == "lower", key
    assert found["warping"]["truth"] < 4 < 12 < found["warping"]["before"] < 20
    assert 20 < found["psnr_faces"]["before"] < 30 < found["psnr_faces"]["after"] < 50
    if Library().status("niqe") is Status.INSTALLED:
        assert found["niqe"]["after"] > 0
    with (tmp_path / "x.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 20
    column = [float(row["psnr_faces_after"]) for row in rows]
    assert np.mean(column) == pytest.approx(found["psnr_faces"]["after"], abs=0.01)
    # The second person's first picture has none before it.
    assert [number for number, row in enumerate(rows) if not row["warping_after"]] == [0, 10]
    assert {"PSNR of faces", "Warping error"} <= {t.text for t in ElementTree.parse(tmp_path / "x.svg").iter()}


def test_without_truth_and_faces_whole_pictures_are_measured(tmp_path: Path) -> None:
    clean = landscape(10)
    before, after = write(tmp_path / "a.mkv", noisy(clean, 15)), write(tmp_path / "b.mkv", clean)
    result = run(before=before, after=after)
    found = result["measures"]
    assert result["faces"] == 0 and any("No face" in text for text in result["warnings"])
    assert found["warping"]["after"] < 0.5 * found["warping"]["before"]
    assert found["psnr"]["before"] is None and 20 < found["psnr"]["after"] < 30
    assert result["better"]["psnr"] == "neither" and "psnr_faces" not in found and "drift" not in found
    assert len(result["curves"]["warping"]["after"]) == 10 and result["curves"]["warping"]["after"][0] is None
    assert result["files"] == {}


def test_a_clip_against_itself_is_equal(tmp_path: Path) -> None:
    clip = write(tmp_path / "a.mkv", landscape(6))
    found = run(before=clip, after=clip, truth=clip)["measures"]
    assert found["psnr"] == {"before": 100.0, "after": 100.0, "truth": None}
    assert found["ssim"]["after"] == pytest.approx(1.0)
    assert found["warping"]["before"] == found["warping"]["after"] == found["warping"]["truth"]


def test_other_sizes_and_rates_are_matched_by_time_and_said(tmp_path: Path) -> None:
    pictures = landscape(12)
    large = [cv2.resize(p, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC) for p in pictures]
    before, after = write(tmp_path / "a.mkv", pictures), write(tmp_path / "b.mkv", large[::2], times=range(0, 480, 80))
    result = run(before=before, after=after, table=tmp_path / "x.csv")
    said = " ".join(result["warnings"])
    assert "before 12, after 6" in said and "208x200" in said and "416x400" in said
    assert result["pictures"] == 6 and result["measures"]["psnr"]["after"] > 35
    with (tmp_path / "x.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [bool(row["psnr_after"]) for row in rows] == [True, False] * 6
    # Sharpness is at one size, so that enlarging alone gains nothing.
    sharp = result["measures"]["sharpness"]
    assert sharp["after"] == pytest.approx(sharp["before"], rel=0.1)


def test_images_are_compared(tmp_path: Path) -> None:
    (picture,) = landscape(1)
    for name, content in (("a.png", noisy([picture], 10)[0]), ("b.png", picture)):
        cv2.imwrite(str(tmp_path / name), content[..., ::-1])
    result = run(before=tmp_path / "a.png", after=tmp_path / "b.png", truth=tmp_path / "b.png", plot=tmp_path / "x.svg")
    assert result["pictures"] == 1 and result["measures"]["psnr"]["after"] == 100.0
    assert 27 < result["measures"]["psnr"]["before"] < 30 and "warping" not in result["measures"]
    assert (tmp_path / "x.svg").read_text().startswith("<svg")


def test_a_damaged_clip_is_measured_as_far_as_it_goes(tmp_path: Path) -> None:
    pictures = landscape(30)
    whole = write(tmp_path / "a.mkv", pictures)
    cut = tmp_path / "b.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    result = run(before=whole, after=cut)
    assert 10 < result["pictures"] < 25 and result["measures"]["psnr"]["after"] > 60
    assert any("same pictures" in text for text in result["warnings"])


def test_what_cannot_work_is_refused(tmp_path: Path) -> None:
    clip = write(tmp_path / "a.mkv", landscape(3))
    other = write(tmp_path / "b.mkv", landscape(3))
    text = tmp_path / "c.mp4"
    text.write_text("no clip")
    cv2.imwrite(str(tmp_path / "i.png"), landscape(1)[0])
    with pytest.raises(UserError, match="no such file"):
        run(before=clip, after=tmp_path / "missing.mkv")
    with pytest.raises(UserError):
        run(before=clip, after=text)
    with pytest.raises(UsageError, match="images"):
        run(before=clip, after=tmp_path / "i.png")
    with pytest.raises(UsageError, match=r"\.svg"):
        run(before=clip, after=other, plot=tmp_path / "x.png")
    with pytest.raises(UsageError, match=r"\.csv"):
        run(before=clip, after=other, table=tmp_path / "x.txt")
    link = tmp_path / "link.svg"
    link.symlink_to(clip)
    with pytest.raises(UsageError, match="overwrite"):
        run(before=clip, after=other, plot=link)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mkv", "b.mkv", "c.mp4", "i.png", "link.svg"]


def test_cancel_leaves_nothing(tmp_path: Path) -> None:
    clip = write(tmp_path / "a.mkv", landscape(8))

    class Impatient(Progress):
        asked = 0

        def checkpoint(self) -> None:
            self.asked += 1
            if self.asked > 6:
                raise Cancelled

    with pytest.raises(Cancelled):
        run(Impatient(), before=clip, after=clip, plot=tmp_path / "x.svg", table=tmp_path / "new" / "x.csv")
    assert [p.name for p in tmp_path.iterdir()] == ["a.mkv"]


class Shown(NamedTuple):
    time: float


def test_a_follower_takes_the_nearest_picture() -> None:
    follower = Follower(iter([Shown(t / 10) for t in range(10)]))
    assert [follower.at(t, 0.06) for t in (0.0, 0.12, 0.13, 0.55)] == [(0.0,), (0.1,), (0.1,), pytest.approx((0.55,), abs=0.051)]
    assert follower.at(5.0, 0.06) is None
    follower.finish()
    assert follower.seen == 10
    assert [shown.time for shown in Follower(iter([Shown(1.0), Shown(2.0)]))] == [1.0, 2.0]


def test_a_follower_holds_no_more_than_two() -> None:
    alive = set()

    class Counted:
        def __init__(self, time: float) -> None:
            self.time = time
            alive.add(time)
            assert len(alive) <= 4, "the two that are held, the one that is read, the one that was given out"

        def __del__(self) -> None:
            alive.discard(self.time)

    follower = Follower(Counted(t * 0.1) for t in range(50))
    for t in range(50):
        assert follower.at(t * 0.1, 0.04) is not None


def test_means_are_over_shared_moments_and_flicker_over_one_face() -> None:
    series = Series(("before", "after"))
    for t in range(20):
        numbers = {("psnr", "before"): 20.0 + t, ("light", "before"): 100.0 if t < 10 else 180.0}
        if t >= 10:
            numbers["psnr", "after"] = 50.0
        series.add(t * 0.04, t, numbers, who=t < 10)
    assert series.means("psnr") == {"before": pytest.approx(34.5), "after": 50.0}
    assert series.means("light") == {"before": pytest.approx(0.0)}
    assert series.means("niqe") == {}
    curve = series.curve("psnr", "after", points=4)
    assert curve == [None, None, 50.0, 50.0]
    assert not any(math.isnan(value) for value in series.times)
