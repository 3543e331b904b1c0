"""Results: the pictures of the segments as if made in one go, and everything else of the source beside them."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from desktop.video.media.join import join
from desktop.video.media.probe import probe
from desktop.video.media.reader import open_reader
from tests.video.media.results import make_source, packets_in, pictures, planes_in, restored, stamps_in, write_segments

LENGTHS = [(1000,), (1,), (7, 1, 2, 30), (25,), (13, 40)]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_source(tmp_path_factory.mktemp("source") / "clip.mp4", seconds=4.0)


def picture_packets(path: Path) -> list[tuple[int, int, int, bool]]:
    with av.open(str(path)) as container:
        found = [packet for packet in container.demux(video=0) if packet.size]
        return [(packet.pts, packet.dts, packet.duration, packet.is_keyframe) for packet in found]


def stream_of(path: Path, kind: str, number: int = 0) -> int:
    with av.open(str(path)) as container:
        return [stream for stream in container.streams if stream.type == kind][number].index


@pytest.mark.parametrize("name", ["x264", "x265", "av1", "vp9"])
@pytest.mark.parametrize("quality", [None, 0])
def test_joined_segments_are_timed_as_one(tmp_path: Path, source: Path, name: str, quality: int | None) -> None:
    """Uneven time stamps, B pictures, segments of any length: time stamps and pixels of an unbroken run."""
    shown = pictures(60)
    clip = probe(source)
    seen = []
    for number, lengths in enumerate(LENGTHS):
        segments, offsets = write_segments(tmp_path / f"{number}", shown, lengths, name, quality)
        path = tmp_path / f"{number}.mp4"
        assert join(segments, clip, path, offsets=offsets) == []
        assert stamps_in(path) == [picture.pts * picture.time_base for picture in shown]
        packets = picture_packets(path)
        assert all(later[1] > earlier[1] for earlier, later in pairwise(packets))
        assert all(pts >= dts for pts, dts, _, _ in packets)
        seen.append(sorted(packet[:1] for packet in packets))
        # Decoding times do not depend on where the segments end.
        assert [packet[1] for packet in packets] == [packet[1] for packet in packets]
        if quality == 0:
            for picture, planes in zip(shown, planes_in(path, shown[0].format, (96, 64)), strict=True):
                assert all(np.array_equal(own, back) for own, back in zip(picture.planes, planes, strict=True))
    assert all(one == seen[0] for one in seen)


def test_decoding_times_are_those_of_an_unbroken_run(tmp_path: Path, source: Path) -> None:
    """Lossless H.264 here has no B pictures, so any partition gives the same packets' times."""
    shown, times = pictures(50), []
    for number, lengths in enumerate(LENGTHS):
        segments, offsets = write_segments(tmp_path / f"{number}", shown, lengths)
        path = tmp_path / f"{number}.mkv"
        join(segments, probe(source), path, offsets=offsets)
        times.append([packet[:2] for packet in picture_packets(path)])
    assert all(one == times[0] for one in times)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_another_reader_agrees(tmp_path: Path, source: Path, suffix: str) -> None:
    shown = pictures(50, uneven=False, size=(160, 120))
    segments, offsets = write_segments(tmp_path / "parts", shown, (20, 7), "x264", None, rate=Fraction(25))
    path = tmp_path / f"result{suffix}"
    join(segments, probe(source), path, offsets=offsets)
    capture = cv2.VideoCapture(str(path))
    times, frames = [], []
    while True:
        there, frame = capture.read()
        if not there:
            break
        times.append(capture.get(cv2.CAP_PROP_POS_MSEC))
        frames.append(frame)
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(25, abs=0.5)
    capture.release()
    assert len(frames) == 50
    np.testing.assert_allclose(np.diff(times), 40, atol=1)
    for frame, picture in zip(frames, shown, strict=True):
        assert cv2.PSNR(frame, picture.rgb()[..., ::-1].copy()) > 25


def test_same_segments_give_the_same_file(tmp_path: Path, source: Path) -> None:
    segments, offsets = write_segments(tmp_path / "parts", pictures(30), (20, 7))
    for suffix in (".mp4", ".mkv"):
        made = []
        for number in range(2):
            path = tmp_path / f"{number}{suffix}"
            join(segments, probe(source), path, offsets=offsets)
            made.append(path.read_bytes())
        assert made[0] == made[1]


def test_mp4_can_be_played_while_it_loads(tmp_path: Path, source: Path) -> None:
    segments, offsets = write_segments(tmp_path / "parts", pictures(10), (5,))
    join(segments, probe(source), tmp_path / "a.mp4", offsets=offsets)
    data = (tmp_path / "a.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_sound_is_copied_byte_for_byte_at_its_time(tmp_path: Path, suffix: str) -> None:
    clip_path = make_source(tmp_path / "clip.mkv", sound=("aac", "ac3"))
    shown, clip = restored(clip_path)
    segments, offsets = write_segments(tmp_path / "parts", shown, (20,))
    path = tmp_path / f"result{suffix}"
    assert join(segments, clip, path, offsets=offsets) == []
    for number in range(2):
        before = packets_in(clip_path, stream_of(clip_path, "audio", number))
        after = packets_in(path, stream_of(path, "audio", number))
        assert [data for _, data in before] == [data for _, data in after]
        assert max(abs(one - other) for (one, _), (other, _) in zip(before, after, strict=True)) <= Fraction(1, 500)
    with av.open(str(path)) as result:
        tags = [stream.metadata for stream in result.streams.audio]
        assert [tag["language"] for tag in tags] == ["eng", "ger" if suffix == ".mov" else "deu"]
        assert [tag.get("title", tag.get("name")) for tag in tags] == ["Track 0", "Track 1"]


def test_everything_that_matroska_holds(tmp_path: Path) -> None:
    chapters = [(0.0, 1.0, "One"), (1.0, 3.0, "Two")]
    clip_path = make_source(
        tmp_path / "clip.mkv",
        sound=("aac", "ac3", "flac"),
        words="ass",
        chapters=chapters,
        tags={"title": "Holidays", "artist": "Grandmother", "comment": "reel 3"},
        attachment=b"\x00\x01\x00\x00font" * 50,
    )
    shown, clip = restored(clip_path)
    segments, offsets = write_segments(tmp_path / "parts", shown, (20,))
    path = tmp_path / "result.mkv"
    assert join(segments, clip, path, offsets=offsets) == []
    with av.open(str(clip_path)) as before, av.open(str(path)) as after:
        assert [stream.type for stream in before.streams] == [stream.type for stream in after.streams]
        assert [int(stream.disposition) for stream in before.streams] == [int(stream.disposition) for stream in after.streams]
        assert before.chapters() == after.chapters()
        assert {key: after.metadata[key] for key in ("title", "ARTIST", "COMMENT")} == {
            "title": "Holidays",
            "ARTIST": "Grandmother",
            "COMMENT": "reel 3",
        }
        font = next(stream for stream in after.streams if stream.type == "attachment")
        assert font.data == b"\x00\x01\x00\x00font" * 50
        assert font.metadata["filename"] == "Font.ttf"
        for one, other in zip(before.streams, after.streams, strict=True):
            assert one.metadata.get("title") == other.metadata.get("title")
            assert one.metadata.get("language") == other.metadata.get("language")
    for number in range(3):
        index = stream_of(path, "audio", number)
        assert packets_in(clip_path, index) == packets_in(path, index)
    index = stream_of(path, "subtitle")
    assert packets_in(clip_path, index) == packets_in(path, index)


def test_text_becomes_what_mp4_holds_and_comes_back(tmp_path: Path) -> None:
    clip_path = make_source(tmp_path / "clip.mkv", words="srt", chapters=[(0.0, 1.5, "One"), (1.5, 3.0, "Two")])
    shown, clip = restored(clip_path)
    segments, offsets = write_segments(tmp_path / "parts", shown, (20,))
    there, back = tmp_path / "there.mp4", tmp_path / "back.mkv"
    assert join(segments, clip, there, offsets=offsets) == []
    words = [(time, data) for time, data in packets_in(there, stream_of(there, "subtitle")) if data != b"\0\0"]
    assert [time for time, _ in words] == [Fraction(1, 10), Fraction(11, 10), Fraction(21, 10)]
    assert [data[2:8] for _, data in words] == [b"Line 0", b"Line 1", b"Line 2"]
    with av.open(str(there)) as result:
        assert [chapter["metadata"]["title"] for chapter in result.chapters()] == ["One", "Two"]
        assert result.streams.subtitles[0].metadata["language"] == "fra"
    assert join(segments, probe(there), back, offsets=offsets) == []
    assert packets_in(back, stream_of(back, "subtitle")) == packets_in(clip_path, stream_of(clip_path, "subtitle"))
    with av.open(str(back)) as result:
        assert result.streams.subtitles[0].metadata["title"] == "Paroles"


def test_what_mp4_cannot_hold_is_named(tmp_path: Path) -> None:
    clip_path = make_source(tmp_path / "clip.mkv", sound=("aac", "wavpack"), words="ass", attachment=b"font", tags={"reel": "3"})
    shown, clip = restored(clip_path)
    segments, offsets = write_segments(tmp_path / "parts", shown, (20,))
    notes = join(segments, clip, tmp_path / "result.mp4", offsets=offsets)
    assert any("Track 1, deu, wavpack" in note and "left out" in note for note in notes)
    assert any("Attachment" in note for note in notes)
    assert any("became plain text" in note for note in notes)
    assert any("REEL" in note for note in notes)
    assert len(notes) == 4


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_cover_picture(tmp_path: Path, suffix: str) -> None:
    clip_path = make_source(tmp_path / "clip.mp4", cover=True)
    shown, clip = restored(clip_path)
    assert [stream.kind for stream in clip.streams] == ["audio", "picture"]
    segments, offsets = write_segments(tmp_path / "parts", shown, (20,))
    path = tmp_path / f"result{suffix}"
    assert join(segments, clip, path, offsets=offsets) == []
    result = probe(path)
    assert [stream.kind for stream in result.streams] == ["audio", "picture"]
    before, after = (
        packets_in(one, next(s.index for s in probe(one).streams if s.kind == "picture")) for one in (clip_path, path)
    )
    assert before[0][1] == after[0][1]
    assert len(stamps_in_main(path)) == len(shown)


def stamps_in_main(path: Path) -> list[int]:
    with open_reader(path) as reader:
        return [picture.pts for picture in reader]


@pytest.mark.parametrize(
    ("name", "codec", "video", "suffix"),
    [
        ("clip.asf", "wmav2", "mpeg4", ".mkv"),
        ("clip.avi", "adpcm_ms", "mpeg4", ".mkv"),
        ("clip.avi", "pcm_s16le", "mpeg4", ".mkv"),
        ("clip.avi", "pcm_s16le", "mpeg4", ".mov"),
        ("clip.avi", "libmp3lame", "mpeg4", ".mp4"),
        ("clip.mpg", "mp2", "mpeg2video", ".mp4"),
        ("clip.ts", "aac", "mpeg2video", ".mp4"),
        ("clip.ts", "ac3", "libx264", ".mkv"),
        ("clip.flv", "aac", "libx264", ".mp4"),
        ("clip.mkv", "libopus", "libx264", ".mp4"),
        ("clip.mkv", "libopus", "libx264", ".webm"),
    ],
)
def test_old_containers(tmp_path: Path, name: str, codec: str, video: str, suffix: str) -> None:
    """Sound stays where it was beside the pictures, and all of it is there."""
    clip_path = make_source(tmp_path / name, sound=(codec,), video=video)
    shown, clip = restored(clip_path)
    quality = None if suffix == ".webm" else 0
    segments, offsets = write_segments(tmp_path / "parts", shown, (20,), "vp9" if suffix == ".webm" else "x264", quality)
    path = tmp_path / f"result{suffix}"
    assert join(segments, clip, path, offsets=offsets) == []
    sounds = [samples_in(one) for one in (clip_path, path)]
    pictures_at = [stamps_in(one)[0] for one in (clip_path, path)]
    assert abs(len(sounds[0][1]) - len(sounds[1][1])) <= 1400
    apart = [float(sound[0] - picture) for sound, picture in zip(sounds, pictures_at, strict=True)]
    assert apart[0] == pytest.approx(apart[1], abs=0.024)
    assert 0 <= pictures_at[1] < 0.2
    assert len(stamps_in(path)) == len(shown)


def samples_in(path: Path) -> tuple[Fraction, np.ndarray]:
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
        first = frames[0].pts * frames[0].time_base
        return first, np.concatenate([frame.to_ndarray().reshape(-1)[:: 1 if frame.format.is_planar else 2] for frame in frames])


def test_sound_of_dvds_becomes_plain_samples(tmp_path: Path) -> None:
    clip_path = make_source(tmp_path / "clip.vob", sound=("pcm_dvd",), video="mpeg2video", container="dvd")
    shown, clip = restored(clip_path)
    segments, offsets = write_segments(tmp_path / "parts", shown, (20,))
    path = tmp_path / "result.mkv"
    assert join(segments, clip, path, offsets=offsets) == []
    assert [stream.codec for stream in probe(path).streams] == ["pcm_s16le"]
    before, after = samples_in(clip_path)[1], samples_in(path)[1]
    np.testing.assert_array_equal(before, after)


def test_a_clock_that_begins_late_is_moved_as_a_whole(tmp_path: Path) -> None:
    clip_path = make_source(tmp_path / "clip.ts", start=50.0, video="mpeg2video", sound=("mp2",))
    shown, clip = restored(clip_path)
    assert clip.start > 45
    segments, offsets = write_segments(tmp_path / "parts", shown, (20,))
    join(segments, clip, tmp_path / "result.mp4", offsets=offsets)
    with av.open(str(clip_path)) as before, av.open(str(tmp_path / "result.mp4")) as after:
        apart = [
            container.streams.video[0].start_time * container.streams.video[0].time_base
            - container.streams.audio[0].start_time * container.streams.audio[0].time_base
            for container in (before, after)
        ]
        assert abs(apart[0] - apart[1]) <= Fraction(1, 1000)
        assert 0 <= after.start_time < 1000


def test_pictures_that_begin_late_stay_late(tmp_path: Path, source: Path) -> None:
    shown = pictures(20, first=31_415)
    segments, offsets = write_segments(tmp_path / "parts", shown, (7,), "x264", None)
    path = tmp_path / "result.mp4"
    join(segments, probe(source), path, offsets=offsets)
    assert stamps_in(path) == [picture.pts * picture.time_base for picture in shown]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_part_begins_at_zero_with_all_streams_cut(tmp_path: Path, suffix: str) -> None:
    clip_path = make_source(
        tmp_path / "clip.mkv",
        seconds=6.0,
        words="srt",
        chapters=[(0.0, 1.0, "A"), (1.0, 2.5, "B"), (2.5, 5.0, "C"), (5.0, 6.0, "D")],
    )
    with open_reader(clip_path, start=1.6, end=3.6) as reader:
        shown, clip = [picture.copy() for picture in reader], reader.clip
    segments, offsets = write_segments(tmp_path / "parts", shown, (20,))
    path = tmp_path / f"result{suffix}"
    join(segments, clip, path, offsets=offsets, start=1.6, end=3.6)
    assert stamps_in(path)[0] == 0 and len(stamps_in(path)) == len(shown) == 50
    sound = packets_in(path, stream_of(path, "audio"))
    first = offsets[0] * shown[0].time_base
    assert first == Fraction(8, 5)
    whole = [data for time, data in packets_in(clip_path, stream_of(clip_path, "audio")) if first <= time < first + 2]
    assert [data for _, data in sound] == whole
    assert 0 <= sound[0][0] < 0.024 and 1.95 < sound[-1][0] < 2
    with av.open(str(path)) as result:
        cut = [(chapter["start"] * chapter["time_base"], chapter["end"] * chapter["time_base"]) for chapter in result.chapters()]
        assert cut == [(0, Fraction(9, 10)), (Fraction(9, 10), 2)]
        lines = result.streams.subtitles[0]
        words = [packet for packet in result.demux(lines) if packet.size > 2]
        times = [
            (float(packet.pts * packet.time_base), float((packet.pts + packet.duration) * packet.time_base)) for packet in words
        ]
        assert times == [pytest.approx(pair) for pair in [(0, 0.3), (0.5, 1.3), (1.5, 2.0)]]


def test_plain_samples_are_cut_exactly(tmp_path: Path) -> None:
    clip_path = make_source(tmp_path / "clip.avi", sound=("pcm_s16le",), video="mpeg4")
    with open_reader(clip_path, start=1.0, end=2.0) as reader:
        shown, clip = [picture.copy() for picture in reader], reader.clip
    segments, offsets = write_segments(tmp_path / "parts", shown, (20,))
    join(segments, clip, tmp_path / "result.mkv", offsets=offsets, start=1.0, end=2.0)
    begin = offsets[0] * shown[0].time_base
    whole, part = samples_in(clip_path)[1], samples_in(tmp_path / "result.mkv")[1]
    assert len(part) == 44_100
    first = round(begin * 44_100)
    np.testing.assert_array_equal(part, whole[first : first + 44_100])


@pytest.mark.parametrize(
    ("name", "suffix"), [("ffv1", ".mkv"), ("av1", ".mkv"), ("vp9", ".webm"), ("x264", ".mkv"), ("av1", ".mp4")]
)
@pytest.mark.parametrize("sar", [Fraction(16, 15), Fraction(8, 9), Fraction(1)])
def test_pixel_aspect_in_every_container(tmp_path: Path, source: Path, name: str, suffix: str, sar: Fraction) -> None:
    shown = pictures(4, size=(80, 64))
    segments, offsets = write_segments(tmp_path / "parts", shown, (2,), name, None, sar=sar)
    path = tmp_path / f"result{suffix}"
    notes = join(segments, probe(source), path, offsets=offsets)
    assert all("Sound" in note for note in notes)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert float(stream.sample_aspect_ratio or 1) == pytest.approx(float(sar), rel=0.005)
        assert not stream.metadata.get("title")
        assert len(list(container.decode(video=0))) == 4


def test_truncated_source(tmp_path: Path) -> None:
    whole = make_source(tmp_path / "whole.mp4", options={"movflags": "faststart"})
    clip_path = tmp_path / "clip.mp4"
    clip_path.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * 0.6)])
    shown, clip = restored(clip_path)
    assert 20 < len(shown) < 70
    segments, offsets = write_segments(tmp_path / "parts", shown, (20,))
    join(segments, clip, tmp_path / "result.mp4", offsets=offsets)
    assert len(stamps_in(tmp_path / "result.mp4")) == len(shown)
    assert len(samples_in(tmp_path / "result.mp4")[1]) > 44_100


def test_a_clock_that_jumps_back(tmp_path: Path) -> None:
    """Two recordings in one file: sound goes on beside the pictures."""
    one, two = (
        make_source(tmp_path / f"{n}.mpg", seconds=2.0, sound=("mp2",), video="mpeg2video", start=n * 0.2) for n in range(2)
    )
    clip_path = tmp_path / "clip.mpg"
    clip_path.write_bytes(one.read_bytes() + two.read_bytes())
    shown, clip = restored(clip_path)
    segments, offsets = write_segments(tmp_path / "parts", shown, (20,))
    path = tmp_path / "result.mp4"
    join(segments, clip, path, offsets=offsets)
    assert len(stamps_in(path)) == len(shown) >= 98
    times = [time for time, _ in packets_in(path, stream_of(path, "audio"))]
    assert all(later > earlier for earlier, later in pairwise(times))
    assert times[-1] == pytest.approx(4.0, abs=0.2)


def test_shared_clips(tmp_path: Path, shared: Path) -> None:
    """Every awkward clip, lossless, in its default container: pixels, times and streams as they were."""
    from desktop.video.media.encoders import default_output

    for name in ("multitrack.mkv", "vfr.mp4", "anamorphic_sar.mp4", "rotated90.mp4", "truncated.mp4", "corrupt_tail.mpg"):
        clip_path = shared / "clips" / name
        shown, clip = restored(clip_path)
        segments, offsets = write_segments(tmp_path / name, shown, (17, 30, 5), sar=clip.video.upright_sar)
        path = tmp_path / f"{name}{default_output(clip)}"
        notes = join(segments, clip, path, offsets=offsets)
        assert notes == (["One damaged packet of sound or subtitles left out."] if name == "truncated.mp4" else [])
        again, result = restored(path)
        assert [p.pts * p.time_base for p in again] == [p.pts * p.time_base - Fraction(0) for p in shown]
        assert all(
            np.array_equal(a, b)
            for one, other in zip(shown, again, strict=True)
            for a, b in zip(one.planes, other.planes, strict=True)
        )
        assert [(s.kind, s.language, s.title) for s in result.streams] == [(s.kind, s.language, s.title) for s in clip.streams]
        assert result.chapters == clip.chapters and result.video.upright_sar == clip.video.upright_sar
        assert (result.video.rotation, result.metadata.get("title")) == (0, clip.metadata.get("title"))
