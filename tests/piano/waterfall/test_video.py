"""The written video, read back: what every player would show and play, and when."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from desktop.errors import UserError
from desktop.jobs.events import AnyEvent, Produced, Progressed
from desktop.jobs.job import WaterfallJob
from desktop.jobs.progress import Cancelled, Progress
from desktop.piano.cover import LEFT, RIGHT
from desktop.piano.project import save_project
from desktop.piano.waterfall import containers
from desktop.piano.waterfall.job import RING, RUN_IN, run_waterfall
from desktop.piano.waterfall.keys import choose_keys
from desktop.piano.waterfall.looks import NIGHT
from desktop.piano.waterfall.scene import scene_of
from tests.piano.waterfall.songs import NOTES, cover, second

W, H, FPS = 480, 270, 30
# Sizes in a video are even: 270 is, and a quarter of a 1080p frame.


class Heard(Progress):
    """Keeps what was said; asks for the end once the work is ``until`` done."""

    def __init__(self, until: float = 2.0) -> None:
        self.events: list[AnyEvent] = []
        self._until = until

    def emit(self, event: AnyEvent) -> None:
        self.events.append(event)
        if isinstance(event, Progressed) and event.fraction >= self._until:
            raise Cancelled


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cover") / "known.reprise"
    save_project(cover(), path)
    return path


def make(project: Path, output: Path, progress: Progress | None = None, **options: Any) -> dict[str, Any]:
    job = WaterfallJob(cover=str(project), output=str(output), **{"size": f"{W}x{H}", "fps": FPS, **options})
    return dict(run_waterfall(job, progress or Progress()))


@pytest.fixture(scope="module")
def video(project: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], Heard]:
    """A whole video with sound."""
    heard = Heard()
    path = tmp_path_factory.mktemp("video") / "known.mp4"
    return path, make(project, path, heard), heard


def pictures(path: Path, form: str = "rgb24", decoder: str = "") -> tuple[np.ndarray, list[float]]:
    """All frames [n, h, w, channels], and when each is shown."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        if decoder:
            context = av.CodecContext.create(decoder, "r")
            frames = [frame for packet in container.demux(stream) for frame in context.decode(packet)]
        else:
            frames = list(container.decode(stream))
        made = np.stack([frame.to_ndarray(format=form) for frame in frames])
        return made, [float(frame.pts * stream.time_base) for frame in frames]


def heard_sound(path: Path) -> tuple[np.ndarray, int]:
    """The sound as a player hears it (edit lists and encoder delay counted), mono, from the video's time 0."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        frames = list(container.decode(stream))
        rate = stream.rate
        begin = float(frames[0].pts * frames[0].time_base)
        sound = np.concatenate([frame.to_ndarray().mean(axis=0) for frame in frames])
    shift = round(begin * rate)
    return (sound[-shift:] if shift < 0 else np.concatenate([np.zeros(shift), sound])), rate


def key_place(pitch: int) -> tuple[int, int]:
    keys = choose_keys(scene_of(cover()), W, H)
    return round(0.96 * H), int(keys.centre(pitch))


def test_size_rate_length_and_tags(video: tuple[Path, dict[str, Any], Heard]) -> None:
    path, result, heard = video
    length = second(5) + RING - (second(0) - RUN_IN)
    assert result["files"] == {"video": str(path)} and result["frames"] == round(length * FPS)
    with av.open(str(path)) as container:
        stream, sound = container.streams.video[0], container.streams.audio[0]
        context = stream.codec_context
        assert (stream.codec.name, context.pix_fmt, sound.codec.name) == ("h264", "yuv420p", "aac")
        assert (stream.width, stream.height, stream.average_rate, stream.frames) == (W, H, FPS, result["frames"])
        assert (context.colorspace, context.color_range, context.color_primaries, context.color_trc) == (1, 1, 1, 1)
        assert float(stream.duration * stream.time_base) == pytest.approx(length, abs=1 / FPS)
        assert float(sound.duration * sound.time_base) == pytest.approx(length, abs=0.05)
    assert [e.path for e in heard.events if isinstance(e, Produced)] == [str(path)]
    fractions = [e.fraction for e in heard.events if isinstance(e, Progressed)]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0


def test_keys_light_up_when_and_where_their_notes_are_heard(video: tuple[Path, dict[str, Any], Heard]) -> None:
    path, result, _ = video
    frames, times = pictures(path)
    assert times == pytest.approx([number / FPS for number in range(len(frames))], abs=1e-3)
    begin = result["begins"]
    for beat, _, pitch, _, hand in NOTES[:3]:
        if pitch == 66:
            continue
        y, x = key_place(pitch)
        shown = frames[:, y - 1 : y + 2, x - 1 : x + 2].mean(axis=(1, 2)) / 255
        wanted = np.array(NIGHT.hands[hand])
        lit = np.abs(shown - wanted).max(axis=1) < 0.2
        first = int(np.argmax(lit))
        assert lit.any() and 0 <= times[first] - (second(beat) - begin) < 1 / FPS + 1e-6
        still = (np.array(times) > second(beat) - begin + 1 / FPS) & (np.array(times) < second(beat + 1) - begin - 1 / FPS)
        assert lit[still].all()
    y, x = key_place(72)
    assert frames[:, y, x].std(axis=0).max() < 3


def test_sound_and_picture_begin_together(video: tuple[Path, dict[str, Any], Heard]) -> None:
    path, result, _ = video
    sound, rate = heard_sound(path)
    onset = float(np.argmax(np.abs(sound) > 0.08 * np.abs(sound).max()) / rate)
    frames, times = pictures(path)
    y, x = key_place(60)
    change = np.abs(frames[:, y, x].astype(float) - frames[0, y, x]).max(axis=1)
    lit = times[int(np.argmax(change > 40))]
    assert abs(onset - lit) < 1 / FPS
    assert onset == pytest.approx(second(0) - result["begins"], abs=0.03)


@pytest.mark.parametrize(("name", "codec", "decoder"), [("a.mov", "prores", ""), ("a.webm", "vp9", "libvpx-vp9")])
def test_transparent_videos_let_through_what_lies_behind(
    project: Path, tmp_path: Path, name: str, codec: str, decoder: str
) -> None:
    path = tmp_path / name
    make(project, path, transparent=True, first=second(0), last=second(0.5), size="320x180")
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec.name == codec
        assert len(container.streams.audio) == 1
    frames, _ = pictures(path, "rgba", decoder)
    assert len(frames) == round(0.25 * FPS)
    alpha = frames[-1][..., 3]
    board = round(0.86 * 180)
    assert (alpha[board:] > 250).all()
    assert (alpha[: round(0.7 * 180)] < 4).mean() > 0.8
    assert alpha[: round(0.7 * 180)].max() > 250
    right = frames[-1][alpha > 250][:, :3].astype(float) / 255
    assert (np.abs(right - np.array(NIGHT.hands[RIGHT])).max(axis=1) < 0.12).sum() > 50


def test_a_part_without_sound_on_a_picture(project: Path, tmp_path: Path) -> None:
    Image.new("RGB", (300, 900), (0, 200, 0)).save(tmp_path / "green.png")
    path = tmp_path / "new" / "part.mkv"
    result = make(
        project, path, first=1.0, last=1.5, sound=False, background=str(tmp_path / "green.png"), caption="Title", size="180x320"
    )
    frames, _ = pictures(path)
    assert frames.shape == (15, 320, 180, 3) and result["duration"] == 0.5
    with av.open(str(path)) as container:
        assert not container.streams.audio
    red, green, blue = frames[3, 20, 170].astype(int)
    assert green > red + 25 and green > blue + 25


def test_midi_files_will_do(tmp_path: Path) -> None:
    from desktop.piano.midi import write_midi

    write_midi(cover(), tmp_path / "known.mid")
    result = make(tmp_path / "known.mid", tmp_path / "known.mp4", last=0.2, sound=False, size="160x90")
    assert result["frames"] == round((0.2 + RUN_IN - second(0)) * FPS)


def test_cancelling_leaves_nothing(project: Path, tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        make(project, tmp_path / "deep" / "a.mp4", Heard(0.05), sound=False, fps=120, size="1280x720")
    assert list(tmp_path.iterdir()) == []


@contextlib.contextmanager
def no_file_above(limit: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("sound", [False, True])
def test_a_full_disk_leaves_the_old_video(project: Path, tmp_path: Path, sound: bool) -> None:
    path = tmp_path / "a.mov"
    path.write_bytes(b"old")
    with no_file_above(200_000), pytest.raises(UserError) as caught:
        make(project, path, transparent=True, sound=sound)
    assert "could not be written" in caught.value.message and caught.value.remedy
    assert path.read_bytes() == b"old" and [p.name for p in tmp_path.iterdir()] == ["a.mov"]


def test_what_will_not_do_is_said(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "a.mp4"
    (tmp_path / "no.png").write_bytes(b"this is no picture")
    for options, words in (
        ({"background": str(tmp_path / "gone.png")}, "no such picture"),
        ({"background": str(tmp_path / "no.png")}, "cannot be read"),
        ({"background": str(tmp_path)}, "cannot be read"),
        ({"soundfont": str(tmp_path / "gone.sf2")}, "SoundFont"),
        ({"first": 100.0}, "is over after"),
    ):
        with pytest.raises(UserError, match=words):
            make(project, output, **options)
    monkeypatch.setitem(containers._KINDS, ("mp4", False), containers.Kind("mp4", "h263000", "yuv420p", {}, "aac"))
    with pytest.raises(UserError, match="no encoder 'h263000'"):
        make(project, output)
    assert not output.exists()


def test_left_and_right_are_told_apart() -> None:
    assert np.abs(np.array(NIGHT.hands[RIGHT]) - np.array(NIGHT.hands[LEFT])).max() > 0.4
