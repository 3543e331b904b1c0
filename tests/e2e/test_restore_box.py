"""A box of old clips, by the command line: containers and codecs of twenty years ago, odd names, closed terminals."""

from __future__ import annotations

import subprocess
from itertools import pairwise
from pathlib import Path

import av
import pytest

from tests.e2e import film
from tests.e2e.clips import make_clip
from tests.e2e.command import command, environment, files, reprise

pytestmark = pytest.mark.usefixtures("home_with_models")


def test_a_folder_of_old_clips(tmp_path: Path) -> None:
    box = tmp_path / "Oma's „Box“ 📼"
    box.mkdir()
    clips = [
        make_clip(box / "Jürgen #1 100%d.avi", 12, codec="mpeg4", sound=False),
        make_clip(box / "tape.avi", 12, sound=False),
        make_clip(box / "tape.mp4", 12, codec="mpeg4"),
    ]
    _rewrap(make_clip(tmp_path / "plain.mov", 12), box / "wrong.mp4")
    (box / "notes.txt").write_text("not a clip")
    before = {clip: film.digest(clip) for clip in clips}
    answer = reprise("restore", box, "--json", "--encoder", "x264")
    assert answer.code == 0, answer.err
    assert {event["event"] for event in answer.events} >= {"done"}
    made = [name for name in files(box) if "restored" in name]
    assert made == ["Jürgen #1 100%d-restored.mp4", "tape-restored.mp4", "tape.avi-restored.mp4", "wrong-restored.mkv"]
    assert before == {clip: film.digest(clip) for clip in clips} and len(files(box)) == 9
    for name in made:
        times = film.times(box / name)
        assert len(times) == 12 and {round((b - a) * 1000) for a, b in pairwise(times)} == {40}, name
    with av.open(str(box / "wrong-restored.mkv")) as result:
        assert result.streams.audio[0].codec_context.name == "pcm_s16le"
    again = reprise("restore", box, "--json", "--to", "0")
    assert again.code == 2


def test_a_part_beyond_the_end_is_refused(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", 12, sound=False)
    answer = reprise("restore", clip, "--from", "9")
    assert answer.code == 2 and "no picture in the part" in answer.err and files(tmp_path) == ["clip.mp4"]


def test_closed_standard_streams_do_no_harm(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", 12, sound=False)
    words = command("restore", clip, "-o", tmp_path / "out.mkv")
    done = subprocess.run(["sh", "-c", '"$@" <&- >&- 2>&-', "sh", *words], env=environment(), timeout=110, check=False)
    assert done.returncode == 0
    assert len(film.times(tmp_path / "out.mkv")) == 12 and files(tmp_path) == ["clip.mp4", "out.mkv"]


def _rewrap(source: Path, output: Path) -> None:
    """The pictures with plain sound in a Matroska file whose name says MP4."""
    with av.open(str(source)) as original, av.open(str(output), "w", format="matroska") as file:
        video = file.add_stream_from_template(original.streams.video[0])
        sound = file.add_stream("pcm_s16le", rate=44100, layout="mono")
        resampler = av.AudioResampler(format="s16", layout="mono", rate=44100)
        for packet in original.demux():
            if packet.stream.type == "video" and packet.size:
                packet.stream = video
                file.mux(packet)
            elif packet.size:
                for frame in packet.decode():
                    file.mux([encoded for part in resampler.resample(frame) for encoded in sound.encode(part)])
