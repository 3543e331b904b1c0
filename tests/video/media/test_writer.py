"""Segments: the same pixels, the same time stamps, the same bytes each time."""

from __future__ import annotations

import os
import resource
import signal
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from desktop.errors import UserError
from desktop.video.media.encoder_table import BY_ID
from desktop.video.media.encoders import choose, output_format, pixel_format
from desktop.video.media.formats import make_format
from desktop.video.media.hdr import Hdr, Screen
from desktop.video.media.join import join
from desktop.video.media.pack import frame_of
from desktop.video.media.picture import Picture
from desktop.video.media.probe import probe
from desktop.video.media.unpack import planes_of
from desktop.video.media.writer import SegmentWriter
from tests.video.media.results import facts, make_source, pictures, planes_in, stamps_in, write_segment

LOSSLESS = [
    ("x264", "420", 8),
    ("x264", "420", 10),
    ("x264", "422", 8),
    ("x264", "422", 10),
    ("x264", "444", 8),
    ("x264", "444", 10),
    ("x264", "gbr", 8),
    ("x265", "420", 8),
    ("x265", "420", 10),
    ("x265", "422", 12),
    ("x265", "gray", 8),
    ("x265", "gbr", 10),
    ("av1", "420", 8),
    ("vp9", "420", 8),
    ("vp9", "gbr", 8),
    ("ffv1", "420", 8),
    ("ffv1", "411", 8),
    ("ffv1", "410", 8),
    ("ffv1", "420", 9),
    ("ffv1", "422", 10),
    ("ffv1", "444", 12),
    ("ffv1", "gray", 8),
    ("ffv1", "gray", 16),
    ("ffv1", "gbr", 8),
    ("ffv1", "gbr", 16),
]


def container_for(name: str) -> str:
    return ".webm" if name == "vp9" else ".mkv"


@pytest.mark.parametrize(("name", "layout", "bits"), LOSSLESS)
def test_lossless_is_bit_identical(tmp_path: Path, name: str, layout: str, bits: int) -> None:
    shown = pictures(14, layout, bits)
    encoder = choose(name, container_for(name), shown[0].format, quality=0)
    path = write_segment(tmp_path / "one.seg", shown, encoder)
    found = planes_in(path, shown[0].format, (96, 64))
    assert len(found) == len(shown)
    for picture, planes in zip(shown, found, strict=True):
        for own, back in zip(picture.planes, planes, strict=True):
            np.testing.assert_array_equal(own, back)


@pytest.mark.parametrize("name", ["x264", "x265", "av1", "vp9", "ffv1", "prores"])
@pytest.mark.parametrize("tick", [Fraction(1, 90_000), Fraction(1001, 30_000 * 64), Fraction(1, 12_800), Fraction(1, 1000)])
def test_time_stamps_are_the_pictures_own(tmp_path: Path, name: str, tick: Fraction) -> None:
    shown = pictures(40, first=123_456, tick=tick)
    path = write_segment(tmp_path / "one.seg", shown, BY_ID[name], None)
    assert stamps_in(path) == [(picture.pts - shown[0].pts) * tick for picture in shown]


@pytest.mark.parametrize("name", ["x264", "x265", "av1", "vp9", "ffv1", "prores"])
@pytest.mark.parametrize("quality", [None, 0])
def test_same_pictures_and_settings_give_the_same_bytes(tmp_path: Path, name: str, quality: int | None) -> None:
    shown = pictures(45)
    one, other = (write_segment(tmp_path / f"{n}.seg", shown, BY_ID[name], quality).read_bytes() for n in range(2))
    assert one == other


@pytest.mark.parametrize("name", ["x264", "x265", "av1", "vp9", "ffv1", "prores"])
def test_each_segment_begins_with_a_key_picture_and_the_same_header(tmp_path: Path, name: str) -> None:
    shown = pictures(50)
    headers = set()
    for number, part in enumerate((shown[:1], shown[1:8], shown[8:50])):
        with av.open(str(write_segment(tmp_path / f"{number}.seg", part, BY_ID[name], None))) as container:
            packets = [packet for packet in container.demux(video=0) if packet.size]
            assert packets[0].is_keyframe and packets[0].pts == 0
            assert all(packet.pts >= packet.dts for packet in packets)
            assert len(packets) == len(part)
            headers.add(container.streams.video[0].codec_context.extradata)
    assert len(headers) == 1


@pytest.mark.parametrize("name", ["x264", "x265", "av1", "vp9", "ffv1", "prores"])
def test_one_picture_and_odd_sizes(tmp_path: Path, name: str) -> None:
    for size in [(65, 67), (66, 65), (67, 66)]:
        path = write_segment(tmp_path / "one.seg", pictures(1, size=size), BY_ID[name], None)
        with av.open(str(path)) as container:
            frame = next(container.decode(video=0))
            assert (frame.width, frame.height) == size


@pytest.mark.parametrize("name", ["x264", "ffv1", "vp9", "av1", "prores"])
def test_sixteen_pixels_square(tmp_path: Path, name: str) -> None:
    path = write_segment(tmp_path / "one.seg", pictures(5, size=(16, 16)), BY_ID[name], None)
    assert len(stamps_in(path)) == 5


def test_too_small_for_the_encoder_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"needs pictures of 64x64"):
        write_segment(tmp_path / "one.seg", pictures(1, size=(37, 21)), BY_ID["x265"])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["x264", "x265", "av1", "vp9", "ffv1", "prores"])
def test_colours_and_aspect_are_tagged(tmp_path: Path, name: str) -> None:
    tags = {"color_range": "tv", "matrix": "smpte170m", "primaries": "smpte170m", "transfer": "bt709"}
    shown = pictures(3)
    path = write_segment(tmp_path / "one.seg", shown, BY_ID[name], None, colour=facts(96, 64, **tags), sar=Fraction(16, 15))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frame = next(container.decode(video=0))
        assert (frame.color_range, frame.colorspace, frame.color_primaries, frame.color_trc) == (1, 6, 6, 1)
        assert stream.sample_aspect_ratio == Fraction(16, 15)


def test_full_range_is_kept(tmp_path: Path) -> None:
    path = write_segment(tmp_path / "one.seg", pictures(3, full=True), BY_ID["x264"], colour=facts(96, 64, color_range="pc"))
    with av.open(str(path)) as container:
        assert next(container.decode(video=0)).color_range == 2


def test_untagged_colours_stay_untagged_unless_the_size_would_mislead(tmp_path: Path) -> None:
    matrices = []
    for size in [(96, 64), (1280, 720)]:
        path = write_segment(tmp_path / "one.seg", pictures(1, size=size), BY_ID["x264"], None, colour=facts(96, 64))
        with av.open(str(path)) as container:
            matrices.append(int(next(container.decode(video=0)).colorspace))
    assert matrices == [2, 6]


@pytest.mark.parametrize(
    ("layout", "bits", "full", "name"),
    [
        ("411", 8, False, "x264"),
        ("410", 8, False, "x264"),
        ("440", 8, False, "x264"),
        ("gray", 8, True, "x264"),
        ("420", 9, True, "x264"),
    ],
)
def test_wider_formats_hold_the_samples_exactly(layout: str, bits: int, full: bool, name: str) -> None:
    """What is put between and behind the old samples can be taken away again."""
    picture = pictures(1, layout, bits, full=full)[0]
    form = output_format(BY_ID[name], picture.format)
    frame = frame_of(picture, form, pixel_format(BY_ID[name], form))
    wide = planes_of(frame, form, picture.width, picture.height)
    own = picture.format
    for number, plane in enumerate(picture.planes):
        across = own.shift_x - form.shift_x if number else 0
        down = own.shift_y - form.shift_y if number else 0
        back = wide[number][:: 1 << down, :: 1 << across] >> (form.bits - own.bits)
        np.testing.assert_array_equal(back, plane)


def test_narrower_formats_keep_colour_and_range() -> None:
    """From RGB to 4:2:0 and from 4:4:4 to 4:2:0, a flat colour stays what it is."""
    for layout, values in [("gbr", (200, 60, 90)), ("444", (120, 90, 200))]:
        form = make_format(layout, 8, full_range=layout == "gbr", matrix="bt709")
        planes = tuple(np.full((32, 32), value, np.uint8) for value in values)
        picture = Picture(planes, form, 32, 32)
        narrow = output_format(BY_ID["av1"], form)
        frame = frame_of(picture, narrow, pixel_format(BY_ID["av1"], narrow))
        back = Picture(planes_of(frame, narrow, 32, 32), narrow, 32, 32)
        np.testing.assert_allclose(back.rgb().astype(int), picture.rgb().astype(int), atol=3)


@pytest.mark.parametrize(("name", "suffix"), [("x264", ".mp4"), ("x264", ".mkv"), ("ffv1", ".mkv"), ("prores", ".mov")])
@pytest.mark.parametrize(("fields", "number"), [("tff", 2), ("bff", 3), ("progressive", 1)])
def test_woven_pictures_stay_marked(tmp_path: Path, name: str, suffix: str, fields: str, number: int) -> None:
    """Players take fields apart only where the stream says that there are two."""
    shown = pictures(6)
    segment = write_segment(tmp_path / "one.seg", shown, BY_ID[name], 0, fields=fields)
    path = tmp_path / f"result{suffix}"
    join([segment], probe(make_source(tmp_path / "clip.mp4", seconds=1)), path, offsets=[0])
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frame = next(container.decode(stream))
        assert int(stream.codec_context.field_order) in ({number} if number > 1 else {0, 1})
        assert frame.interlaced_frame == (number > 1 and name != "ffv1")
    if name != "prores":
        for picture, planes in zip(shown, planes_in(path, shown[0].format, (96, 64)), strict=True):
            assert all(np.array_equal(own, back) for own, back in zip(picture.planes, planes, strict=True))


def test_time_must_go_on(tmp_path: Path) -> None:
    shown = pictures(2)
    with pytest.raises(ValueError, match="follows"):
        write_segment(tmp_path / "one.seg", [shown[1], shown[0]], BY_ID["x264"])
    assert not list(tmp_path.iterdir())


def test_a_segment_without_pictures_is_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="without pictures"):
        SegmentWriter(
            tmp_path / "one.seg",
            width=64,
            height=64,
            sar=Fraction(1),
            format=make_format("420", 8, full_range=False, matrix="bt601"),
            time_base=Fraction(1, 25),
            rate=None,
            colour=facts(64, 64),
            encoder=BY_ID["x264"],
        ).close()
    assert not list(tmp_path.iterdir())


def test_nothing_is_there_until_it_is_complete(tmp_path: Path) -> None:
    shown = pictures(30)
    path = tmp_path / "one.seg"
    with pytest.raises(KeyboardInterrupt), _writer(path, shown) as writer:
        for picture in shown:
            writer.write(picture)
        assert not path.exists()
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_full_disk(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, before[1]))
    try:
        with pytest.raises(UserError, match="could not be written"):
            write_segment(tmp_path / "one.seg", pictures(60, size=(320, 240)), BY_ID["ffv1"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, old)
    assert not list(tmp_path.iterdir())


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="folder does not exist"):
        write_segment(tmp_path / "none" / "one.seg", pictures(1), BY_ID["x264"])


def _writer(path: Path, shown: list[Picture]) -> SegmentWriter:
    return SegmentWriter(
        path,
        width=96,
        height=64,
        sar=Fraction(1),
        format=shown[0].format,
        time_base=shown[0].time_base,
        rate=Fraction(25),
        colour=facts(96, 64),
        encoder=BY_ID["x264"],
        threads=2,
    )


@pytest.mark.parametrize("name", ["x264", "x265", "av1"])
def test_the_screen_that_it_was_graded_on_is_told(tmp_path: Path, name: str) -> None:
    """Through an encoder, a segment, a result, and what is read of that."""
    screen = Screen(
        red=(Fraction(708, 1000), Fraction(292, 1000)),
        green=(Fraction(17, 100), Fraction(797, 1000)),
        blue=(Fraction(131, 1000), Fraction(46, 1000)),
        white=(Fraction(3127, 10_000), Fraction(329, 1000)),
        darkest=Fraction(5, 1000),
        brightest=Fraction(1000),
    )
    colour = facts(
        96, 64, transfer="smpte2084", primaries="bt2020", matrix="bt2020nc", color_range="tv", hdr=Hdr(screen, (800, 250))
    )
    path = write_segment(tmp_path / "one.seg", pictures(8, bits=10), BY_ID[name], None, colour=colour)
    result = tmp_path / "result.mkv"
    join([path], probe(make_source(tmp_path / "clip.mp4", seconds=1)), result, offsets=[0])
    found = probe(result).video
    assert (found.transfer, found.primaries, found.matrix) == ("smpte2084", "bt2020", "bt2020nc")
    assert found.hdr is not None and found.hdr.light == (800, 250) and found.hdr.screen is not None
    for part in ("red", "green", "blue", "white"):
        np.testing.assert_allclose(
            np.array(getattr(found.hdr.screen, part), float), np.array(getattr(screen, part), float), atol=1e-4
        )
    assert float(found.hdr.screen.brightest) == pytest.approx(1000)
    assert float(found.hdr.screen.darkest) == pytest.approx(0.005, rel=0.1)


@pytest.mark.skipif(not hasattr(os, "SCHED_FIFO"), reason="only Linux has such scheduling")
def test_no_encoder_makes_itself_more_important_than_others(tmp_path: Path) -> None:
    """SVT-AV1, run by root, would make all threads real-time ones."""
    write_segment(tmp_path / "one.seg", pictures(3), BY_ID["av1"], None)
    policies = {os.sched_getscheduler(int(thread.name)) for thread in Path("/proc/self/task").iterdir()}
    assert not policies & {os.SCHED_FIFO, os.SCHED_RR}
