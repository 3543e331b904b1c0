"""Going on inside a clip gives the very pictures of an unbroken reading."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from desktop.video.media import frames
from desktop.video.media.reader import open_reader
from tests.video.media.synthetic import digest, make

_OPEN = "open-gop=1:keyint=24:min-keyint=10:bframes=3:scenecut=0"
_KINDS = {
    "open.mkv": ("libx264", {"x264-params": _OPEN}),
    "open.mp4": ("libx264", {"x264-params": _OPEN}),
    "open.ts": ("libx264", {"x264-params": _OPEN}),
    "wave.mp4": ("libx264", {"x264-params": "intra-refresh=1:keyint=30:bframes=0"}),
    "one-key.mp4": ("libx264", {"x264-params": "keyint=infinite:bframes=2"}),
    "hevc.mp4": ("libx265", {"preset": "ultrafast", "x265-params": f"{_OPEN}:log-level=none"}),
    "old.mpg": ("mpeg2video", {"g": "15", "bf": "2"}),
    "old.avi": ("mpeg4", {"g": "20", "bf": "2"}),
    "camera.avi": ("mjpeg", {}),
    "web.webm": ("libvpx-vp9", {"g": "40", "cpu-used": "8", "deadline": "realtime"}),
    "phone.asf": ("wmv2", {"g": "25"}),
}


def check(clip: Path, how: str, indexes: list[int] | None = None) -> None:
    with open_reader(clip, deinterlace=how) as reader:
        whole = [digest(picture) for picture in reader]
    times = [one[1] for one in whole]
    with open_reader(clip, deinterlace=how) as reader:
        for index in indexes or [0, 1, 2, len(whole) // 3, len(whole) // 2, len(whole) - 30, len(whole) - 1]:
            if 0 <= index < len(whole):
                reader.resume_at(index, times)
                assert [digest(picture) for picture in reader] == whole[index:], f"{clip.name}, {how}, {index}"


@pytest.mark.parametrize("name", _KINDS)
def test_resuming_is_exact(tmp_path: Path, name: str) -> None:
    codec, options = _KINDS[name]
    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    clip = make(tmp_path / name, codec, frames=130, size=(96, 80), options=options, pixels=pixels, bit_rate=400_000)
    for how in ("off", "bff", "double-tff"):
        check(clip, how)


def test_resuming_seeks_where_that_is_exact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Near the end of a long clip, little is decoded again."""
    clip = make(tmp_path / "clip.mkv", frames=300, size=(96, 80), options={"x264-params": _OPEN})
    with open_reader(clip) as reader:
        times = [picture.pts for picture in reader]
        fed: list[object] = []
        feed = frames.Decoder.decoded
        monkeypatch.setattr(frames.Decoder, "decoded", lambda self, packet: fed.append(packet) or feed(self, packet))
        reader.resume_at(290, times)
        assert len(list(reader)) == 10
    assert 10 <= len(fed) < 120


def test_shared_clips_resume(shared: Path) -> None:
    for name in ("interlaced_tff_720x576.mpg", "vfr.mp4", "truncated.mp4", "corrupt_tail.mpg", "rotated90.mp4"):
        check(shared / "clips" / name, "tff", [3, 20, 30, 37])


def test_a_trimmed_reading_resumes(tmp_path: Path) -> None:
    clip = make(tmp_path / "clip.mp4", frames=130, size=(96, 80), options={"x264-params": _OPEN})
    with open_reader(clip, start=1.0, end=4.0) as reader:
        whole = [digest(picture) for picture in reader]
    times = [one[1] for one in whole]
    with open_reader(clip, start=1.0, end=4.0) as reader:
        for index in (0, 5, 40, 74):
            reader.resume_at(index, times)
            assert [digest(picture) for picture in reader] == whole[index:]


@pytest.mark.parametrize("name", ["open.mkv", "open.ts", "old.mpg", "old.avi", "hevc.mp4"])
@pytest.mark.parametrize("damage", ["bits", "noise", "gap", "cut"])
def test_a_damaged_clip_is_read_the_same_each_time(tmp_path: Path, name: str, damage: str) -> None:
    codec, options = _KINDS[name]
    muxer = {"movflags": "+faststart"} if name.endswith("mp4") else {}
    clip = make(tmp_path / name, codec, frames=130, size=(96, 80), options=options, bit_rate=400_000, muxer=muxer)
    data = bytearray(clip.read_bytes())
    chance = random.Random(f"{name} {damage}")
    low, high = len(data) * 2 // 5, len(data) * 3 // 5
    place = chance.randrange(low, high)
    if damage == "bits":
        for _ in range(6):
            data[chance.randrange(low, high)] ^= 1 << chance.randrange(8)
    elif damage == "noise":
        data[place : place + 1500] = chance.randbytes(1500)
    elif damage == "gap":
        del data[place : place + 2000]
    else:
        del data[place:]
    clip.write_bytes(data)
    with open_reader(clip) as reader:
        count = len(list(reader))
    assert count > 40
    check(clip, "off", [5, count // 2, count - 3])


def test_large_pictures_are_decoded_by_several_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until damage shows: then one thread goes on where they were."""
    clip = make(tmp_path / "clip.mkv", frames=130, size=(96, 80), options={"x264-params": _OPEN})
    damaged = tmp_path / "damaged.mkv"
    data = bytearray(clip.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 1500] = random.Random(1).randbytes(1500)
    damaged.write_bytes(data)
    with open_reader(damaged) as reader:
        times = [picture.pts for picture in reader]
    monkeypatch.setattr(frames, "_ONE_THREAD", 0)
    check(clip, "off")
    with open_reader(damaged) as reader:
        again = [picture.pts for picture in reader]
    assert again == sorted(set(again))
    assert abs(len(again) - len(times)) <= 3
