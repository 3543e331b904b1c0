"""What is found out about a file."""

from __future__ import annotations

import csv
import wave
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from desktop.errors import UserError
from desktop.video.media.probe import find_interlacing, probe
from tests.video.media.synthetic import drawn, make, woven


def test_shared_clips_are_as_their_index_says(shared: Path) -> None:
    with (shared / "clips" / "index.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["opens"] == "1"]
    for row in rows:
        path = shared / "clips" / row["file"]
        clip = probe(path)
        video = clip.video
        kinds = [stream.kind for stream in clip.streams]
        assert (video.codec, video.width, video.height) == (row["codec"], int(row["width"]), int(row["height"]))
        assert video.sar == Fraction(row["sar"] or "1")
        # The index counts degrees the other way round.
        assert video.rotation == -int(row["rotation"]) % 360
        # To the index, what the cut of the truncated clip took away is a gap.
        assert video.constant_rate is (row["constant_rate"] == "1" or row["file"] == "truncated.mp4")
        assert kinds.count("audio") == int(row["audio_tracks"])
        assert kinds.count("subtitle") == int(row["subtitle_tracks"])
        assert clip.chapters == int(row["chapters"])
        assert float(video.rate or 0) == pytest.approx(float(row["mean_fps"]), rel=0.03)
        assert find_interlacing(path) == (row["field_order"] or "progressive")
        assert clip.duration


def test_languages_titles_and_defaults_are_told(shared: Path) -> None:
    clip = probe(shared / "clips" / "multitrack.mkv")
    assert [(s.kind, s.codec, s.language, s.default) for s in clip.streams] == [
        ("audio", "aac", "eng", True),
        ("audio", "vorbis", "deu", False),
        ("subtitle", clip.streams[2].codec, "eng", clip.streams[2].default),
    ]
    assert clip.metadata["title"]


@pytest.mark.parametrize("order", ["tff", "bff"])
@pytest.mark.parametrize("flagged", [True, False])
def test_fields_are_seen_whether_or_not_the_stream_says_so(tmp_path: Path, order: str, flagged: bool) -> None:
    options = {"flags": "+ilme+ildct"} if flagged else {}
    clip = make(tmp_path / "fields.mkv", "mpeg2video", size=(160, 480), paint=woven(order), options=options, bit_rate=4_000_000)
    assert find_interlacing(clip) == order


def test_pictures_without_fields_are_progressive_whatever_the_stream_says(tmp_path: Path) -> None:
    film = make(tmp_path / "film.mkv", "mpeg2video", options={"flags": "+ilme+ildct"}, bit_rate=4_000_000)
    assert find_interlacing(film) == "progressive"
    assert find_interlacing(make(tmp_path / "clip.mkv")) == "progressive"


def test_dv_has_its_lower_field_first(tmp_path: Path) -> None:
    """Nothing moves, so the pictures tell nothing."""
    still = drawn(0, 720, 576)
    clip = make(tmp_path / "tape.dv", "dvvideo", size=(720, 576), frames=6, paint=lambda *_: still)
    assert find_interlacing(clip) in ("bff", "progressive")
    moving = make(tmp_path / "moving.dv", "dvvideo", size=(720, 576), frames=25, paint=woven("bff"))
    assert find_interlacing(moving) == "bff"


def test_colours_are_named_as_ffmpeg_names_them(tmp_path: Path) -> None:
    tags = {"colorspace": 9, "color_primaries": 9, "color_trc": 16, "color_range": 1}
    video = probe(make(tmp_path / "hdr.mkv", pixels="yuv420p10le", tags=tags)).video
    assert (video.matrix, video.primaries, video.transfer, video.color_range) == ("bt2020nc", "bt2020", "smpte2084", "tv")
    assert (video.bits, video.pixel_format) == (10, "yuv420p10le")


def test_aspect_and_size_upright(tmp_path: Path) -> None:
    clip = probe(make(tmp_path / "clip.mp4", size=(64, 48), sar=Fraction(4, 3), turn=(90, False, False)))
    assert (clip.video.rotation, clip.video.upright_size, clip.video.upright_sar) == (270, (48, 64), Fraction(3, 4))
    assert clip.display_size == (36, 64)


def test_a_rate_that_changes_late_is_variable(tmp_path: Path) -> None:
    times = [40 * n for n in range(400)] + [16000 + 67 * n for n in range(400)]
    clip = make(tmp_path / "late.mkv", "mpeg4", frames=800, size=(32, 32), times_ms=times)
    assert probe(clip).video.constant_rate is False


def test_a_file_that_changes_is_looked_at_again(tmp_path: Path) -> None:
    path = tmp_path / "clip.mkv"
    assert probe(make(path, size=(32, 32))).video.width == 32
    assert probe(make(path, size=(64, 32), frames=60)).video.width == 64


def test_cover_art_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("aac", rate=44100)
        cover: Any = output.add_stream("mjpeg", rate=1)
        cover.width = cover.height = 64
        cover.pix_fmt = "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        sound = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
        sound.sample_rate = 44100
        output.mux(stream.encode(sound))
        picture = av.VideoFrame.from_ndarray(drawn(0, 64, 64), format="rgb24").reformat(format="yuvj420p")
        output.mux(cover.encode(picture))
        output.mux([*cover.encode(None), *stream.encode(None)])
    with pytest.raises(UserError, match="only a cover picture") as caught:
        probe(path)
    assert caught.value.remedy


@pytest.mark.parametrize("kind", ["empty", "text", "noise", "sound", "missing", "folder", "no frames"])
def test_what_is_no_clip_is_refused_with_path_and_remedy(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "clip.mp4"
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("This is a letter, not a film.\n" * 50)
    elif kind == "noise":
        path.write_bytes(np.random.default_rng(0).bytes(20_000))
    elif kind == "sound":
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(bytes(16000))
    elif kind == "folder":
        path.mkdir()
    elif kind == "no frames":
        whole = make(tmp_path / "whole.mkv", frames=3).read_bytes()
        path.write_bytes(whole[: whole.index(b"\x1f\x43\xb6\x75") + 12])
    with pytest.raises(UserError) as caught:
        probe(path)
    assert caught.value.path == str(path)
    assert caught.value.remedy
