"""Clips whose clock jumps: recordings that were put one after another."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest

from desktop.video.media.entry import about_how_many
from desktop.video.media.probe import probe
from desktop.video.media.reader import open_reader
from desktop.video.media.timing import Stamps
from tests.video.media.synthetic import make


def recording(path: Path, begin: int) -> bytes:
    """20 pictures from ``begin`` (seconds) on."""
    plain = make(path.with_suffix(".mp4"), "mpeg2video", frames=20, options={"g": "10", "bf": "2"}, bit_rate=600_000)
    with av.open(str(plain)) as source, av.open(str(path), "w") as output:
        stream = output.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                shift = round(begin / packet.time_base)
                packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, stream
                output.mux(packet)
    return path.read_bytes()


@pytest.mark.parametrize("ending", [".ts", ".vob"])
def test_a_clock_that_jumps_back_is_no_gap_of_a_day(tmp_path: Path, ending: str) -> None:
    late, early = (recording(tmp_path / f"{begin}{ending}", begin) for begin in (600, 0))
    clip = tmp_path / f"tape{ending}"
    clip.write_bytes(late + early)
    with open_reader(clip) as reader:
        times = [picture.pts for picture in reader]
        assert reader.problems == ["Time stamps jump in one place; what follows was moved, to go on there."]
    assert len(times) == 40
    assert {after - before for before, after in pairwise(times)} == {3600}


def test_a_clock_that_leaps_on_by_half_a_day_is_set_right() -> None:
    stamps = Stamps(Fraction(1, 90000), Fraction(25))
    told = [0, 3600, 12 * 3600 * 90000, 12 * 3600 * 90000 + 3600]
    assert [stamps.next(stamp, 3600) for stamp in told] == [0, 3600, 7200, 10800]
    assert stamps.jumps == 1


def test_a_pause_of_an_hour_is_not_counted_in_pictures(tmp_path: Path) -> None:
    times = [40 * number + (3_600_000 if number >= 20 else 0) for number in range(40)]
    assert about_how_many(probe(make(tmp_path / "pause.mkv", frames=40, times_ms=times))) == 40
    assert about_how_many(probe(make(tmp_path / "even.mkv", frames=40))) == pytest.approx(40, abs=1)


def test_a_clip_begins_no_later_than_its_first_picture(tmp_path: Path) -> None:
    clip = make(tmp_path / "old.asf", frames=20, options={"bf": "3", "b_strategy": "0"}, bit_rate=600_000)
    found = probe(clip)
    assert found.start <= Fraction(found.video.start).limit_denominator(1000)
