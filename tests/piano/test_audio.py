"""Decoding and writing sound: what people have, at any rate and with any channels, and what is wrong with it."""

from __future__ import annotations

import random
import socket
import threading
import wave
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest

from desktop.errors import UserError
from desktop.jobs.events import AnyEvent, Progressed
from desktop.jobs.progress import Cancelled, Progress
from desktop.piano.audio import CODECS, LONGEST, load_audio, peaks, write_audio

Floats = npt.NDArray[np.float32]
RATE = 44100


def sine(seconds: float = 3.0, rate: int = RATE, channels: int = 1) -> Floats:
    t = np.arange(int(seconds * rate)) / rate
    return np.repeat((0.4 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)[:, None], channels, axis=1)


def encode(path: Path, codec: str, rate: int = RATE, layout: str = "stereo", channels: int = 2, video: bool = False) -> Path:
    sound = sine(channels=channels, rate=rate)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=rate, layout=layout)
        picture: Any = container.add_stream("mpeg4", rate=10) if video else None
        if picture:
            picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
            for _ in range(10):
                container.mux(picture.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")))
            container.mux(picture.encode(None))
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound.reshape(1, -1)), format="flt", layout=layout)
        frame.sample_rate = rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return path


def pcm(path: Path, samples: npt.NDArray[np.int16], rate: int) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return path


def pitch_of(samples: Floats, rate: int) -> float:
    middle = samples[len(samples) // 4 : 3 * len(samples) // 4]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    return float(spectrum.argmax() * rate / len(middle))


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        ("a.mp3", "libmp3lame", 44100),
        ("a.m4a", "aac", 48000),
        ("a.flac", "flac", 96000),
        ("a.ogg", "libopus", 48000),
        ("a.opus", "libopus", 48000),
        ("a.wav", "pcm_s16le", 22050),
    ],
)
def test_formats_and_rates(tmp_path: Path, name: str, codec: str, rate: int) -> None:
    audio = load_audio(encode(tmp_path / name, codec, rate))
    assert audio.samples.dtype == np.float32 and audio.samples.ndim == 1
    assert audio.duration == pytest.approx(3.0, abs=0.1)
    assert pitch_of(audio.samples, 22050) == pytest.approx(440, abs=2)
    assert audio.warnings == ()


def test_stereo_at_the_rate_that_is_asked_for(tmp_path: Path) -> None:
    audio = load_audio(encode(tmp_path / "a.flac", "flac"), rate=48000, mono=False)
    assert audio.samples.shape == (144000, 2) and audio.rate == 48000


@pytest.mark.parametrize("channels", [1, 2, 5, 7, 12])
def test_any_number_of_channels_at_eight_kilohertz(tmp_path: Path, channels: int) -> None:
    samples = (sine(rate=8000, channels=channels) * 32767).astype(np.int16)
    audio = load_audio(pcm(tmp_path / "a.wav", samples, 8000))
    assert pitch_of(audio.samples, 22050) == pytest.approx(440, abs=2)
    assert float(np.abs(audio.samples).max()) <= 1.0


def test_the_sound_of_a_video(tmp_path: Path) -> None:
    audio = load_audio(encode(tmp_path / "clip.mp4", "aac", video=True))
    assert audio.duration == pytest.approx(3.0, abs=0.1)


def test_the_sound_of_shared_videos(shared: Path) -> None:
    assert load_audio(shared / "clips" / "multitrack.mkv").duration == pytest.approx(3.0, abs=0.1)
    assert load_audio(shared / "clips" / "truncated.mp4").warnings


def _no_sound(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        picture: Any = container.add_stream("mpeg4", rate=10)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        for _ in range(20):
            container.mux(picture.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")))
        container.mux(picture.encode(None))
    return path


def bad_files(folder: Path) -> dict[str, tuple[Path, str]]:
    (folder / "empty.mp3").touch()
    (folder / "text.mp3").write_text("this is no song\n" * 300)
    mp3 = encode(folder / "whole.mp3", "libmp3lame").read_bytes()
    (folder / "start.mp3").write_bytes(mp3[:3000])
    m4a = encode(folder / "whole.m4a", "aac").read_bytes()
    (folder / "cut.m4a").write_bytes(m4a[: len(m4a) // 2])
    quiet = np.zeros((3 * RATE, 1), np.int16)
    return {
        "missing": (folder / "nothing.mp3", "no such file"),
        "folder": (folder, "folder"),
        "empty": (folder / "empty.mp3", "0 bytes"),
        "text": (folder / "text.mp3", "not a sound or video file"),
        "hardly any": (folder / "start.mp3", "only 0."),
        "index at the end lost": (folder / "cut.m4a", "not a sound or video file"),
        "no audio track": (_no_sound(folder / "silent.mp4"), "no audio track"),
        "0.2 s": (pcm(folder / "short.wav", (sine(0.2) * 32767).astype(np.int16), RATE), "0.2 s long"),
        "silence": (pcm(folder / "quiet.wav", quiet, RATE), "only silence"),
        "not numbers": (_not_numbers(folder / "nan.wav"), "not numbers"),
    }


def _not_numbers(path: Path) -> Path:
    sound = np.full((1, RATE * 2), np.nan, np.float32)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("pcm_f32le", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(sound, format="flt", layout="mono")
        frame.sample_rate = RATE
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return path


def test_what_cannot_be_used_is_explained(tmp_path: Path) -> None:
    for name, (path, words) in bad_files(tmp_path).items():
        with pytest.raises(UserError) as caught:
            load_audio(path)
        assert words in caught.value.message, name
        assert caught.value.path == str(path) and caught.value.remedy, name


@pytest.mark.parametrize(("name", "codec"), [("a.mp3", "libmp3lame"), ("a.flac", "flac"), ("a.wav", "pcm_s16le")])
def test_a_cut_file_is_used_with_a_warning(tmp_path: Path, name: str, codec: str) -> None:
    data = encode(tmp_path / name, codec).read_bytes()
    (tmp_path / name).write_bytes(data[: len(data) * 6 // 10])
    audio = load_audio(tmp_path / name)
    assert 1.2 < audio.duration < 2.4
    assert "cut off" in audio.warnings[0] and name in audio.warnings[0]


def test_damage_in_the_middle_is_survived(tmp_path: Path) -> None:
    data = bytearray(encode(tmp_path / "a.mp3", "libmp3lame").read_bytes())
    noise = random.Random(1)
    for at in range(len(data) // 3, len(data) // 2):
        data[at] = noise.randrange(256)
    (tmp_path / "a.mp3").write_bytes(data)
    audio = load_audio(tmp_path / "a.mp3")
    assert audio.duration > 1.5 and audio.warnings and np.isfinite(audio.samples).all()


def test_hours_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    path = tmp_path / "concert.wav"
    rate, seconds = 8000, int(LONGEST) + 60
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(rate)
        file.setnframes(rate * seconds)
        file.writeframes(b"\x80" * rate * seconds)
    with pytest.raises(UserError, match="1:01:00 long"):
        load_audio(path)


def test_a_playlist_reaches_no_network(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        server.settimeout(0.5)
        reached = threading.Event()

        def listen() -> None:
            try:
                server.accept()[0].close()
                reached.set()
            except OSError:
                pass

        thread = threading.Thread(target=listen)
        thread.start()
        path = tmp_path / "list.m3u8"
        path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nhttp://127.0.0.1:{port}/a.mp3\n#EXT-X-ENDLIST\n")
        with pytest.raises(UserError):
            load_audio(path)
        thread.join()
    assert not reached.is_set()


def test_names_that_look_like_addresses_are_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "http:" / "example.org"
    folder.mkdir(parents=True)
    encode(folder / "a%20#1?.mp3", "libmp3lame")
    monkeypatch.chdir(tmp_path)
    assert load_audio(Path("http:/example.org/a%20#1?.mp3")).duration > 2.9


def test_progress_and_cancel(tmp_path: Path) -> None:
    class Watch(Progress):
        def __init__(self, stop: bool) -> None:
            self.fractions: list[float] = []
            self.stop = stop

        def emit(self, event: AnyEvent) -> None:
            if isinstance(event, Progressed):
                self.fractions.append(event.fraction)

        def checkpoint(self) -> None:
            if self.stop:
                raise Cancelled

    path = encode(tmp_path / "a.mp3", "libmp3lame")
    watch = Watch(stop=False)
    load_audio(path, progress=watch)
    assert watch.fractions == sorted(watch.fractions) and watch.fractions[-1] > 0.9
    with pytest.raises(Cancelled):
        load_audio(path, progress=Watch(stop=True))


@pytest.mark.parametrize("extension", sorted(CODECS))
@pytest.mark.parametrize("channels", [1, 2])
def test_what_is_written_is_read_again(tmp_path: Path, extension: str, channels: int) -> None:
    path = tmp_path / f"out{extension}"
    sound = sine(2.0, channels=channels)
    write_audio(path, sound[:, 0] if channels == 1 else sound, RATE)
    audio = load_audio(path, RATE)
    assert audio.duration == pytest.approx(2.0, abs=0.06)
    assert pitch_of(audio.samples, RATE) == pytest.approx(440, abs=2)
    assert float(np.abs(audio.samples[RATE // 2 : RATE]).max()) == pytest.approx(0.4 if channels == 1 else 0.566, abs=0.05)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_writing_nowhere_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"\.xyz"):
        write_audio(tmp_path / "out.xyz", sine()[:, 0], RATE)
    with pytest.raises(UserError):
        write_audio(tmp_path / "no folder" / "out.wav", sine()[:, 0], RATE)
    assert not list(tmp_path.iterdir())


def test_too_loud_is_clipped_not_wrapped(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.wav", 3 * sine(2.0)[:, 0], RATE)
    assert float(load_audio(tmp_path / "a.wav", RATE).samples[:1000].max()) == pytest.approx(1.0, abs=0.01)


def test_peaks() -> None:
    samples = np.zeros(1000, np.float32)
    samples[105], samples[199], samples[999] = 0.5, -0.25, 0.75
    found = peaks(samples, rate=1000, per_second=10)
    assert found.shape == (10, 2) and found.dtype == np.float32
    assert found[1].tolist() == [-0.25, 0.5] and found[9].tolist() == [0.0, 0.75]
    stereo = peaks(np.stack([samples, -samples], axis=1), rate=1000, per_second=10)
    assert stereo[1].tolist() == [-0.5, 0.5]
    assert peaks(np.zeros(0, np.float32), 1000).shape == (0, 2)
    uneven = peaks(np.ones(44100, np.float32), 44100, 7)
    assert len(uneven) == 7
