"""The piano's jobs, called as functions on real songs."""

from __future__ import annotations

import hashlib
import os
import resource
import subprocess
import sys
import wave
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from desktop.errors import UserError
from desktop.jobs.events import AnyEvent, Previewed, Produced, Progressed
from desktop.jobs.job import CoverJob, ListenJob, RenderJob
from desktop.jobs.progress import Cancelled, Progress
from desktop.names import file_stem
from desktop.paths import resources
from desktop.piano import listen
from desktop.piano.cover import NOTE, Cover
from desktop.piano.job import run_cover, run_listen, run_render
from desktop.piano.midi import read_midi
from desktop.piano.outputs import publish
from desktop.piano.project import load_project, save_project
from tests.piano.random_songs import make_song

DEMO = resources() / "demo" / "six-oclock-ferry.opus"


class Heard(Progress):
    """Keeps what a run says; cancels at a fraction."""

    def __init__(self, until: float = 2.0) -> None:
        self.events: list[AnyEvent] = []
        self.until = until

    def emit(self, event: AnyEvent) -> None:
        self.events.append(event)

    def checkpoint(self) -> None:
        if any(isinstance(event, Progressed) and event.fraction >= self.until for event in self.events):
            raise Cancelled

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def covered(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Heard, Path]:
    folder = tmp_path_factory.mktemp("covers") / "made" / "on the way"
    heard = Heard()
    return run_cover(CoverJob(source=str(DEMO), output=str(folder), name="My cover"), heard), heard, folder


def test_results(covered: tuple[dict[str, Any], Heard, Path]) -> None:
    result, heard, folder = covered
    assert sorted(path.name for path in folder.iterdir()) == ["My cover.mid", "My cover.reprise"]
    assert result["title"] == DEMO.stem and result["playability"]["violations"] == 0
    assert result["tempo"] == pytest.approx(104, rel=0.02) and result["meter"] == 4 and result["key"] == "D major"
    assert 3 <= result["notes_per_second"] <= 11
    assert {"analysis", "arrangement", "writing"} <= result["seconds"].keys()
    assert [event.kind for event in heard.of(Produced)] == ["midi", "project"]
    fractions = [event.fraction for event in heard.of(Progressed)]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0


def test_files_agree(covered: tuple[dict[str, Any], Heard, Path]) -> None:
    result, _, folder = covered
    cover, midi = load_project(folder / "My cover.reprise"), read_midi(folder / "My cover.mid")
    assert len(cover.notes) == len(midi.notes) == result["notes"]
    assert np.abs(np.sort(cover.note_seconds()[0]) - np.sort(midi.note_seconds()[0])).max() < 0.0015
    assert cover.info["source"] == str(DEMO) and cover.info["source_hash"] == digest(DEMO)
    assert cover.info["style"] == "pop" and cover.info["engine"] == "sketch"


def test_previews_are_the_cover(covered: tuple[dict[str, Any], Heard, Path]) -> None:
    _, heard, folder = covered
    cover = load_project(folder / "My cover.reprise")
    previews = heard.of(Previewed)
    grids = [event.data for event in previews if event.kind == "grid"]
    assert previews[0].kind == "grid" and len(grids[-1]["chords"]) == len(cover.chords)
    assert np.array_equal(np.frombuffer(grids[-1]["times"], "<f8"), cover.grid.times)
    parts = [np.frombuffer(event.data["notes"], NOTE) for event in previews if event.kind == "notes"]
    assert np.array_equal(np.concatenate(parts), cover.notes) and len(parts) > 20


def test_the_top_line_is_the_tune(covered: tuple[dict[str, Any], Heard, Path]) -> None:
    cover = load_project(covered[2] / "My cover.reprise")
    truth = np.loadtxt(DEMO.parent / "melody.csv", delimiter=",", skiprows=1)
    seconds = np.arange(0.0, cover.duration, 0.01)
    top, reference = np.zeros(len(seconds)), np.zeros(len(seconds))
    start, end = cover.note_seconds()
    for a, b, pitch in zip(start, end, cover.notes["pitch"], strict=True):
        inside = (seconds >= a) & (seconds < b)
        top[inside] = np.maximum(top[inside], pitch)
    for a, b, pitch in truth[:, :3]:
        reference[(seconds >= a) & (seconds < b)] = pitch
    sung = reference > 0
    assert np.mean(top[sung] % 12 == reference[sung] % 12) >= 0.7
    assert np.mean(top[sung] == reference[sung]) >= 0.6


def test_the_sound_follows_the_song(covered: tuple[dict[str, Any], Heard, Path], tmp_path: Path) -> None:
    """Chroma of song and rendered cover agree beat by beat, better than with a beat's cover moved a bar away."""
    cover = load_project(covered[2] / "My cover.reprise")
    result = run_render(RenderJob(cover=str(covered[2] / "My cover.reprise"), output=str(tmp_path / "a.flac")), Progress())
    assert result["files"]["audio"] == str(tmp_path / "a.flac")
    one, two = (chroma(path, cover) for path in (DEMO, tmp_path / "a.flac"))
    moved = np.roll(two, 4, axis=0)
    alike, unlike = (np.mean(np.sum(one * other, axis=1)) for other in (two, moved))
    assert alike > 0.75 and alike > unlike + 0.05


def chroma(path: Path, cover: Cover) -> np.ndarray:
    """[beats, 12] of unit length, by spectrum peaks between 110 and 1760 Hz."""
    with av.open(str(path)) as file:
        resampler = av.AudioResampler("flt", "mono", 22050)
        blocks = [out.to_ndarray().ravel() for frame in file.decode(audio=0) for out in resampler.resample(frame)]
    sound = np.concatenate(blocks)
    frequency = np.fft.rfftfreq(8192, 1 / 22050)
    inside = (frequency > 110) & (frequency < 1760)
    classes = np.round(69 + 12 * np.log2(frequency[inside] / 440)).astype(int) % 12
    rows = []
    for start in cover.grid.times[:-2]:
        part = sound[int(start * 22050) :][:8192]
        spectrum = np.abs(np.fft.rfft(np.pad(part, (0, 8192 - len(part))) * np.hanning(8192)))[inside]
        rows.append(np.bincount(classes, np.sqrt(spectrum), 12))
    found = np.array(rows)
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)


def test_again_is_the_same_and_quick(covered: tuple[dict[str, Any], Heard, Path], tmp_path: Path) -> None:
    again = run_cover(CoverJob(source=str(DEMO), output=str(tmp_path), name="My cover"), Progress())
    assert digest(tmp_path / "My cover.mid") == digest(covered[2] / "My cover.mid")
    assert again["seconds"]["analysis"] < 2.0


def test_audio_of_the_cover(tmp_path: Path) -> None:
    before = digest(DEMO)
    result = run_cover(CoverJob(source=str(DEMO), output=str(tmp_path), audio=True, difficulty="easy"), Progress())
    with wave.open(result["files"]["audio"]) as file:
        assert file.getframerate() == 44100 and file.getnchannels() == 2
        assert file.getnframes() / 44100 >= result["duration"] - 0.1
    assert digest(DEMO) == before


@pytest.mark.parametrize("until", [0.1, 0.81, 0.86, 0.93])
def test_cancelled_at_any_point_leaves_nothing(until: float, tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        run_cover(CoverJob(source=str(DEMO), output=str(tmp_path / "out"), audio=True), Heard(until))
    assert not (tmp_path / "out").exists()


def test_too_late_to_cancel(tmp_path: Path) -> None:
    """Once the files are in place the job is done, whatever the user asks for."""
    result = run_cover(CoverJob(source=str(DEMO), output=str(tmp_path)), Heard(0.98))
    assert all(Path(path).is_file() for path in result["files"].values())


def test_a_bad_soundfont_is_found_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "x.sf2").write_text("no")
    heard = Heard()
    job = CoverJob(source=str(DEMO), output=str(tmp_path / "out"), audio=True, soundfont=str(tmp_path / "x.sf2"))
    with pytest.raises(UserError, match="SoundFont"):
        run_cover(job, heard)
    assert not heard.of(Progressed)


def test_output_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError):
        run_cover(CoverJob(source=str(DEMO), output=str(tmp_path / "file")), Progress())
    (tmp_path / "My.mid").mkdir()
    with pytest.raises(UserError):
        run_cover(CoverJob(source=str(DEMO), output=str(tmp_path), name="My"), Progress())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["My.mid", "file"]


@pytest.mark.skipif(os.name != "posix", reason="needs a limit on file sizes")
def test_publishing_is_all_or_nothing(tmp_path: Path) -> None:
    """The second file does not fit: the first is not put in place either, and what was there before stays."""
    script = """
import resource, signal, sys
from pathlib import Path
from desktop.errors import UserError
from desktop.piano.outputs import publish
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
folder = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    publish({folder / "a": folder / "out" / "a", folder / "b": folder / "out" / "b"})
except UserError as error:
    print("told:", error)
"""
    (tmp_path / "a").write_bytes(b"new" * 100)
    (tmp_path / "b").write_bytes(b"x" * 100_000)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").write_bytes(b"old")
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True, cwd=root, timeout=60
    )
    assert "told:" in done.stdout
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a"]
    assert (tmp_path / "out" / "a").read_bytes() == b"old"
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 50_000


def test_publishing(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    publish({tmp_path / "a": tmp_path / "b"})
    assert (tmp_path / "b").read_bytes() == b"1"


@pytest.mark.parametrize(
    ("name", "stem"), [("a/b", "a_b"), (" . ", "cover"), ('q"?', "q__"), ("Ünï", "Ünï"), ("x" * 400, "x" * 200)]
)
def test_file_stems(name: str, stem: str) -> None:
    assert file_stem(name) == stem


def test_listening(home_with_models: Path) -> None:
    first = run_listen(ListenJob(source=str(DEMO)), Progress())
    with wave.open(str(first["pcm"])) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (44100, 2, 2)
        assert file.getnframes() / 44100 == pytest.approx(first["duration"], abs=0.01)
    peaks = np.load(str(first["peaks"]))
    assert peaks.dtype == np.float32 and peaks.shape == (pytest.approx(first["duration"] * 100, abs=2), 2)
    assert np.all(peaks[:, 0] <= peaks[:, 1]) and peaks[:, 1].max() > 0.1
    heard = Heard()
    assert run_listen(ListenJob(source=str(DEMO)), heard) == first
    assert "Reading the song" in {event.message for event in heard.of(Progressed)}


def test_a_half_written_cache_is_made_again(home_with_models: Path) -> None:
    first = run_listen(ListenJob(source=str(DEMO)), Progress())
    Path(str(first["pcm"])).write_bytes(b"RIFF")
    assert run_listen(ListenJob(source=str(DEMO)), Progress()) == first


def test_the_cache_is_bounded(home_with_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listen, "LARGEST", 400_000)
    found = []
    for n in range(4):
        path = tmp_path / f"{n}.wav"
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 22050, 0, "NONE", ""))
            file.writeframes((np.sin(np.arange(22050) * 0.05 * (n + 1)) * 20000).astype("<i2").tobytes())
        found.append(Path(str(run_listen(ListenJob(source=str(path)), Progress())["pcm"])))
        os.utime(found[-1], (1000 + n, 1000 + n))
    assert [path.exists() for path in found] == [False, False, True, True] or found[-1].exists()
    assert sum(path.stat().st_size for path in found if path.exists()) <= 400_000


@pytest.mark.parametrize("source", ["missing.mp3", "."])
def test_nothing_to_listen_to(source: str, tmp_path: Path) -> None:
    with pytest.raises(UserError):
        run_listen(ListenJob(source=str(tmp_path / source)), Progress())


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_rendering_formats(suffix: str, tmp_path: Path) -> None:
    from desktop.piano.engines import engine

    save_project(engine("sketch")(make_song(2, bars=4), style="pop", difficulty="easy", title="x"), tmp_path / "x.reprise")
    output = tmp_path / "new" / f"x{suffix}"
    run_render(RenderJob(cover=str(tmp_path / "x.reprise"), output=str(output)), Progress())
    with av.open(str(output)) as file:
        assert file.streams.audio[0].codec_context.sample_rate in (44100, 48000)
    assert [path.name for path in output.parent.iterdir()] == [output.name]
