"""Reading clips: every awkward one, synthetic and shared."""

from __future__ import annotations

import csv
import random
import struct
import tracemalloc
from fractions import Fraction
from itertools import islice, pairwise, product
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from desktop.errors import UsageError
from desktop.video.media.probe import probe
from desktop.video.media.reader import open_reader
from tests.video.media.synthetic import decoded, digest, make, woven


def luma_difference(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> float:
    """Mean difference in luma of 4 x 4 averages: ffmpeg's scaler takes chroma to lie elsewhere, and clips before it averages."""
    size = one.shape[1] // 4, one.shape[0] // 4
    gray = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (one, other)]
    small = [cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(int) for image in gray]
    return float(np.abs(small[0] - small[1]).mean())


def everything(path: Path, **options: object) -> list[tuple[int, int, int, bytes]]:
    with open_reader(path, **options) as reader:  # type: ignore[arg-type]
        return [digest(picture) for picture in reader]


def test_every_shared_clip_gives_what_its_index_says(shared: Path) -> None:
    with (shared / "clips" / "index.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["opens"] == "1"]
    assert len(rows) == 12
    for row in rows:
        with open_reader(shared / "clips" / row["file"]) as reader:
            pictures = [(picture.index, picture.pts, picture.duration) for picture in reader]
            size = reader.clip.display_size
            problems = reader.problems
        assert len(pictures) == int(row["frames_decoded"]), row["file"]
        assert [index for index, _, _ in pictures] == list(range(len(pictures)))
        assert all(after[1] - before[1] == before[2] > 0 for before, after in pairwise(pictures))
        sar = Fraction(row["sar"] or "1")
        stored = round(int(row["width"]) * sar), int(row["height"])
        assert size == (stored[::-1] if int(row["rotation"]) % 180 else stored), row["file"]
        assert bool(problems) == (row["file"] in ("truncated.mp4", "corrupt_tail.mpg")), problems


def test_damaged_shared_clips_say_what_is_missing(shared: Path) -> None:
    with open_reader(shared / "clips" / "truncated.mp4") as reader:
        assert len(list(reader)) == 38
        assert reader.problems == ["38 pictures could be decoded, 75 promised."]
    with open_reader(shared / "clips" / "corrupt_tail.mpg") as reader:
        assert len(list(reader)) == 40
        assert reader.problems == ["One picture could be decoded only in part."]


@pytest.mark.parametrize("name", ["rotated90.mp4", "grid_bbaf2n.mpg", "vfr.mp4"])
def test_shared_pictures_match_another_reader(shared: Path, name: str) -> None:
    """OpenCV decodes with its own ffmpeg, converts with its own scaler and turns by itself."""
    other = cv2.VideoCapture(str(shared / "clips" / name))
    with open_reader(shared / "clips" / name) as reader:
        for picture in islice(reader, 20):
            found, bgr = other.read()
            assert found
            difference = np.abs(picture.rgb()[..., ::-1].astype(int) - bgr)
            assert difference.mean() < 2.0
            # Away from edges of colour, where chroma is interpolated in other ways.
            assert np.median(difference) <= 2
    other.release()


def test_planes_are_those_of_the_decoder_and_stay_when_the_reader_goes_on(tmp_path: Path) -> None:
    clip = make(tmp_path / "clip.mkv", options={"x264-params": "bframes=2:keyint=12"})
    frames = decoded(clip)
    with open_reader(clip) as reader:
        pictures = list(reader)
    assert len(pictures) == len(frames) == 50
    for picture, frame in zip(pictures, frames, strict=True):
        assert picture.pts == frame.pts
        assert np.array_equal(np.vstack([plane.reshape(-1, 88) for plane in picture.planes]).ravel(), frame.to_ndarray().ravel())
        assert not picture.planes[0].flags.writeable


def test_a_variable_rate_is_kept(tmp_path: Path) -> None:
    chance = random.Random(3)
    times = [0]
    for _ in range(59):
        times.append(times[-1] + chance.choice([10, 20, 40, 60, 145]))
    clip = make(tmp_path / "vfr.mkv", frames=60, times_ms=times)
    assert probe(clip).video.constant_rate is False
    with open_reader(clip) as reader:
        pictures = list(reader)
    assert [round(picture.time * 1000) for picture in pictures] == times
    with open_reader(clip, deinterlace="double-tff") as reader:
        doubled = list(reader)
    assert [picture.time for picture in doubled[::2]] == [picture.time for picture in pictures]
    # A second field lies in the middle between its frame and the next.
    middles = [(a.time + b.time) / 2 for a, b in pairwise(pictures)]
    assert [picture.time for picture in doubled[1:-1:2]] == pytest.approx(middles)


@pytest.mark.parametrize("turn", [*product((0, 90, 180, 270), (False, True), (False,)), (90, False, True)])
@pytest.mark.parametrize("pixels", ["yuv420p", "yuv422p", "yuv444p"])
def test_pictures_are_turned_sample_by_sample(tmp_path: Path, turn: tuple[int, bool, bool], pixels: str) -> None:
    lossless = {"qp": "0"}
    clip = make(tmp_path / "turned.mp4", options=lossless, frames=2, size=(48, 32), pixels=pixels, turn=turn, sar=Fraction(4, 3))
    frame = decoded(clip)[0]
    stored = np.frombuffer(frame.planes[0], np.uint8).reshape(32, -1)[:, :48]
    matrices = [bytes(data) for data in frame.side_data if data.type.name == "DISPLAYMATRIX"]
    matrix = matrices[0] if matrices else struct.pack("9i", 1, 0, 0, 0, 1, 0, 0, 0, 1)
    a, b, _, c, d, *_ = (int(np.sign(value)) for value in struct.unpack("9i", matrix))
    y, x = np.mgrid[:32, :48]
    across, down = a * x + c * y, b * x + d * y
    across, down = across - across.min(), down - down.min()
    expected = np.zeros((down.max() + 1, across.max() + 1), np.uint8)
    expected[down, across] = stored
    with open_reader(clip) as reader:
        picture = next(reader)
        sar = reader.sar
    assert np.array_equal(picture.planes[0], expected)
    swapped = turn[0] % 180 != 0
    assert sar == (Fraction(3, 4) if swapped else Fraction(4, 3))
    assert picture.format.name == ("yuv444p" if swapped and pixels == "yuv422p" else pixels)
    assert (picture.width, picture.height) == expected.shape[::-1]
    upright = np.zeros((*expected.shape, 3), np.uint8)
    upright[down, across] = frame.to_ndarray(format="rgb24")
    assert luma_difference(picture.rgb(), upright) < 1.5


@pytest.mark.parametrize("how", ["tff", "bff", "double-tff", "double-bff"])
def test_fields_become_pictures(tmp_path: Path, how: str) -> None:
    order = how.removeprefix("double-")
    clip = make(tmp_path / "fields.mkv", "ffv1", frames=12, paint=woven(order), size=(176, 144))
    with open_reader(clip, deinterlace=how) as reader:
        pictures = list(reader)
    with open_reader(clip, deinterlace="off") as reader:
        combed = list(reader)
    assert len(pictures) == (24 if how.startswith("double") else 12)
    assert np.allclose(np.diff([picture.time for picture in pictures]), 0.02 if how.startswith("double") else 0.04)

    def combs(picture: object) -> float:
        luma = picture.planes[0].astype(float)  # type: ignore[attr-defined]
        return float(np.abs(luma[1:-1] - (luma[:-2] + luma[2:]) / 2).mean())

    assert np.mean([combs(p) for p in pictures[2:-2]]) < 0.6 * np.mean([combs(p) for p in combed[2:-2]])
    # The first field of a frame is kept as it is in the picture made of it.
    step = 2 if how.startswith("double") else 1
    first = 0 if order == "tff" else 1
    assert np.array_equal(pictures[4 * step].planes[0][first::2], combed[4].planes[0][first::2])


def test_small_pictures_have_no_fields(tmp_path: Path) -> None:
    clip = make(tmp_path / "low.mkv", "ffv1", frames=3, size=(16, 2))
    with open_reader(clip, deinterlace="tff") as reader:
        assert len(list(reader)) == 3
        assert reader.problems == ["The pictures are too small to be deinterlaced."]


@pytest.mark.parametrize(("size", "frames"), [((16, 16), 3), ((175, 143), 3), ((176, 144), 1), ((7680, 4320), 1)])
def test_any_size_and_length(tmp_path: Path, size: tuple[int, int], frames: int) -> None:
    plain = np.full((size[1], size[0], 3), (90, 120, 30), np.uint8)
    clip = make(tmp_path / "size.mkv", "mpeg4" if size[0] > 4000 else "ffv1", frames=frames, size=size, paint=lambda *_: plain)
    for how in ("off", "double-bff"):
        with open_reader(clip, deinterlace=how) as reader:
            pictures = list(reader)
        assert len(pictures) == frames * (2 if how != "off" else 1)
        assert (pictures[0].width, pictures[0].height) == size
        # The clip was made with the matrix of standard definition, which a large picture is not taken to have.
        assert np.abs(pictures[-1].rgb((0, 0, 16, 16)).astype(int) - (90, 120, 30)).max() <= 10


@pytest.mark.parametrize(
    ("codec", "pixels", "ending", "name"),
    [
        ("ffv1", "yuv420p10le", "mkv", "yuv420p10le"),
        ("ffv1", "yuv422p", "mkv", "yuv422p"),
        ("ffv1", "yuv411p", "mkv", "yuv411p"),
        ("ffv1", "yuv410p", "mkv", "yuv410p"),
        ("ffv1", "yuv440p", "mkv", "yuv440p"),
        ("ffv1", "yuv444p16le", "mkv", "yuv444p16le"),
        ("ffv1", "yuva420p", "mkv", "yuv420p"),
        ("ffv1", "gray", "mkv", "gray"),
        ("ffv1", "gray16le", "mkv", "gray16le"),
        ("ffv1", "bgr0", "mkv", "gbrp"),
        ("ffv1", "gbrp10le", "mkv", "gbrp10le"),
        ("rawvideo", "uyvy422", "avi", "yuv422p"),
        ("rawvideo", "nv12", "avi", "yuv420p"),
        ("rawvideo", "bgr24", "avi", "gbrp"),
        ("v210", "yuv422p10le", "mov", "yuv422p10le"),
        ("mjpeg", "yuvj420p", "avi", "yuv420p"),
        ("png", "rgb48be", "mov", "gbrp16le"),
        ("qtrle", "rgb24", "mov", "gbrp"),
    ],
)
def test_every_pixel_format_is_worked_on_without_loss(tmp_path: Path, codec: str, pixels: str, ending: str, name: str) -> None:
    clip = make(tmp_path / f"clip.{ending}", codec, frames=3, pixels=pixels, bit_rate=4_000_000)
    with open_reader(clip) as reader:
        pictures = list(reader)
    assert [picture.format.name for picture in pictures] == [name] * 3
    for picture, frame in zip(pictures, decoded(clip), strict=True):
        form = picture.format
        assert [plane.shape for plane in picture.planes] == [form.plane_shape(n, 176, 144) for n in range(form.planes)]
        assert luma_difference(picture.rgb(), frame.to_ndarray(format="rgb24")) < 1.5


def test_a_changing_size_is_scaled_to_the_first(tmp_path: Path) -> None:
    one = make(tmp_path / "one.ts", "mpeg2video", frames=20)
    two = make(tmp_path / "two.ts", "mpeg2video", frames=20, size=(352, 288))
    both = tmp_path / "both.ts"
    both.write_bytes(one.read_bytes() + two.read_bytes())
    with open_reader(both) as reader:
        pictures = list(reader)
        problems = reader.problems
    assert len(pictures) >= 38
    assert {(picture.width, picture.height) for picture in pictures} == {(176, 144)}
    assert any("352x288" in problem and "176x144" in problem for problem in problems)
    # The second file's clock begins anew; its pictures go on after those of the first.
    assert all(a.pts < b.pts for a, b in pairwise(pictures))


def test_missing_time_stamps_are_made_from_the_rate(tmp_path: Path) -> None:
    """A bare MPEG-4 stream has none at all."""
    clip = make(tmp_path / "bare.m4v", "mpeg4", frames=30)
    with open_reader(clip) as reader:
        pictures = list(reader)
        problems = reader.problems
    assert len(pictures) == 30
    assert all(a.pts < b.pts for a, b in pairwise(pictures))
    steps = np.diff([picture.time for picture in pictures])
    assert np.allclose(steps, steps[0], rtol=0.1)
    if problems:
        assert "time stamp" in problems[-1]


def test_start_and_end_cut_by_time(tmp_path: Path) -> None:
    clip = make(tmp_path / "clip.mp4", frames=100, options={"x264-params": "keyint=10:bframes=2"})
    whole = everything(clip)
    part = everything(clip, start=1.4, end=2.6)
    assert [one[1:] for one in part] == [one[1:] for one in whole[35:65]]
    assert [one[0] for one in part] == list(range(30))
    assert everything(clip, start=3.96)[0][1:] == whole[99][1:]
    assert everything(clip, start=10.0) == []


def test_memory_does_not_grow_with_the_clip(tmp_path: Path) -> None:
    clip = make(tmp_path / "long.mkv", "mpeg4", frames=300)
    with open_reader(clip) as reader:
        list(islice(reader, 20))
        tracemalloc.start()
        for _ in reader:
            pass
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 1_000_000


def test_an_unknown_way_to_deinterlace_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="deinterlace"):
        open_reader(make(tmp_path / "clip.mkv", frames=2), deinterlace="yadif")
