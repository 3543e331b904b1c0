"""Containers that keep only the order of the packets: AVI with B pictures."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from desktop.video.media.order import SortedStamps
from desktop.video.media.reader import open_reader
from tests.video.media.synthetic import drawn, make

VOP = b"\0\0\1\xb6"
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


def test_pictures_of_two_in_a_packet_are_in_order(tmp_path: Path) -> None:
    """DivX put a B picture into the packet of the picture before it, and an empty picture into the next packet."""
    plain = make(tmp_path / "plain.avi", "mpeg4", frames=41, options={"bf": "1", "b_strategy": "0"}, bit_rate=900_000)
    clip = tmp_path / "divx.avi"
    with av.open(str(plain)) as source, av.open(str(clip), "w") as output:
        stream = output.add_stream_from_template(source.streams.video[0])
        stream.codec_context.codec_tag = "DX50"
        chunks = [bytes(packet) for packet in source.demux(video=0) if packet.size]
        begin = chunks[0].find(VOP)
        chunks[0] = chunks[0][:begin] + b"\0\0\1\xb2DivX503b1393p" + chunks[0][begin:]
        for number, chunk in enumerate(packed(chunks)):
            packet = av.Packet(chunk)
            packet.pts = packet.dts = number
            packet.time_base, packet.stream, packet.is_keyframe = Fraction(1, 25), stream, kind(chunk) == 0
            output.mux(packet)
    with open_reader(clip) as reader:
        times = [picture.pts for picture in reader]
        assert reader.problems == []
    assert times == list(range(times[0], times[0] + 41))


def packed(chunks: list[bytes]) -> Iterator[bytes]:
    number = 0
    while number < len(chunks):
        if number + 1 < len(chunks) and kind(chunks[number + 1]) == 2:
            yield chunks[number] + chunks[number + 1]
            yield VOP + b"\x50\0\x7f"
            number += 2
        else:
            yield chunks[number]
            number += 1


def kind(chunk: bytes) -> int:
    """0 for a picture that stands alone, 1 for one made from the one before, 2 for a B picture."""
    return chunk[chunk.find(VOP) + 4] >> 6


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
