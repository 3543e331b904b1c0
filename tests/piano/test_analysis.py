"""The whole analysis: what it holds, that it is kept, that it is the same each time, and how it ends on bad input."""

from __future__ import annotations

import time
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from desktop.errors import UsageError, UserError
from desktop.jobs.events import AnyEvent, Previewed, Progressed
from desktop.jobs.progress import Cancelled, Progress
from desktop.models.library import Library
from desktop.paths import cache_dir
from desktop.piano import analysis_store
from desktop.piano.analysis import Analysis, analyse
from desktop.piano.audio import write_audio
from tests.piano.band import RATE, Bar, play
from tests.waiting import quickest

SONG: list[Bar] = [(2, "maj"), (9, "maj"), (11, "min"), (7, "maj")]


class Watch(Progress):
    """Keeps what is reported; cancels at a fraction when told to."""

    def __init__(self, stop_at: float = 2.0) -> None:
        self.fractions: list[float] = []
        self.previews: list[Previewed] = []
        self.stop_at = stop_at

    def emit(self, event: AnyEvent) -> None:
        if isinstance(event, Progressed):
            self.fractions.append(event.fraction)
        if isinstance(event, Previewed):
            self.previews.append(event)

    def checkpoint(self) -> None:
        if self.fractions and self.fractions[-1] >= self.stop_at:
            raise Cancelled


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("song") / "Band.flac"
    write_audio(path, play(SONG * 3, 112.0)[0], RATE)
    return path


@pytest.fixture
def library(home_with_models: Path, machine_models: Path) -> Library:
    return Library(machine_models)


def same(one: Analysis, two: Analysis) -> bool:
    for field in fields(Analysis):
        a, b = getattr(one, field.name), getattr(two, field.name)
        if field.name in ("seconds", "grid"):
            continue
        if not np.array_equal(a, b) if isinstance(a, np.ndarray) else a != b:
            return False
    return bool(np.array_equal(one.grid.times, two.grid.times)) and one.grid.downbeat == two.grid.downbeat


def test_what_it_holds_and_that_it_is_kept(song: Path, library: Library) -> None:
    watch = Watch()
    first = analyse(song, library, watch)
    beats = len(first.grid.times)
    assert first.title == "Band" and first.duration == pytest.approx(play(SONG * 3, 112.0)[0].size / RATE, abs=0.05)
    assert first.grid.tempo == pytest.approx(112.0, rel=0.01) and first.key.name == "D major"
    assert first.energy.shape == (beats,) and first.loudness.shape == first.accents.shape == (4 * beats,)
    assert first.salience.shape == first.attacks.shape == (4 * beats, 88)
    for curve in (first.energy, first.loudness, first.accents, first.salience, first.attacks):
        assert curve.dtype == np.float32 and curve.min() >= 0 and curve.max() <= 1
    assert {chord.root for chord in first.chords} == {2, 9, 11, 7} and len(first.bass)
    assert first.seconds.keys() >= {"decode", "notes", "beats", "chords", "melody"}
    assert watch.fractions == sorted(watch.fractions) and watch.fractions[-1] == 1.0
    grids = [preview.data for preview in watch.previews if preview.kind == "grid"]
    assert np.array_equal(np.frombuffer(grids[0]["times"], "<f8"), first.grid.times)

    def found_again() -> float:
        start = time.perf_counter()
        again = analyse(song, library)
        took = time.perf_counter() - start
        assert again.seconds == {} and same(first, again)
        return took

    assert quickest(found_again, 1.0) < 1.0
    moved = song.with_name("Other name.flac")
    moved.write_bytes(song.read_bytes())
    assert analyse(moved, library).title == "Other name"


def test_the_same_twice_and_a_damaged_cache(song: Path, library: Library) -> None:
    first = analyse(song, library)
    kept = list((cache_dir() / "analysis").glob("*.npz"))
    assert len(kept) == 1
    data = kept[0].read_bytes()
    for damage in (b"", data[: len(data) // 2], b"no archive at all" * 100):
        kept[0].write_bytes(damage)
        again = analyse(song, library)
        assert again.seconds and same(first, again)


def test_the_users_correction_is_another_analysis(song: Path, library: Library, tmp_path: Path) -> None:
    auto, half = analyse(song, library), analyse(song, library, beats="half")
    assert half.grid.tempo == pytest.approx(auto.grid.tempo / 2, rel=0.01)
    assert len(half.energy) == len(half.grid.times)
    tapped = tmp_path / "beats.txt"
    tapped.write_text("".join(f"{0.5 + 0.6 * k:.2f}\t{k % 3 + 1}\n" for k in range(20)))
    by_file = analyse(song, library, beats=str(tapped))
    assert by_file.grid.meter == 3 and by_file.grid.times[0] == 0.5
    tapped.write_text("".join(f"{0.7 + 0.6 * k:.2f}\t{k % 3 + 1}\n" for k in range(20)))
    assert analyse(song, library, beats=str(tapped)).grid.times[0] == pytest.approx(0.7)


def test_bad_input_ends_with_a_reason(song: Path, library: Library, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).standard_normal(6 * RATE).astype(np.float32) * 0.2
    write_audio(tmp_path / "noise.wav", noise, RATE)
    with pytest.raises(UserError, match="No notes can be heard"):
        analyse(tmp_path / "noise.wav", library)
    with pytest.raises(UserError, match="no such file"):
        analyse(tmp_path / "nothing.mp3", library)
    with pytest.raises(UserError, match="folder"):
        analyse(tmp_path, library)
    with pytest.raises(UsageError):
        analyse(song, library, beats="faster")
    late = tmp_path / "late.txt"
    late.write_text("500\t1\n500.5\t2\n")
    with pytest.raises(UserError, match="after the end"):
        analyse(song, library, beats=str(late))
    assert not list((cache_dir() / "analysis").glob("*")), "nothing half done is kept"


@pytest.mark.parametrize("fraction", [0.0, 0.3, 0.6, 0.85])
def test_it_can_be_cancelled_in_every_stage(song: Path, library: Library, fraction: float) -> None:
    with pytest.raises(Cancelled):
        analyse(song, library, Watch(stop_at=fraction))
    assert not list((cache_dir() / "analysis").glob("*"))


def test_the_cache_stays_small(song: Path, library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    found = analyse(song, library)
    size = next((cache_dir() / "analysis").glob("*.npz")).stat().st_size
    monkeypatch.setattr(analysis_store, "LIMIT", 3 * size + size // 2)
    for number in range(6):
        analysis_store.save(f"key{number}", found)
        time.sleep(0.01)
    assert sorted(p.stem for p in (cache_dir() / "analysis").glob("*.npz")) == ["key3", "key4", "key5"]


def test_without_the_optional_networks(song: Path, home: Path, machine_models: Path) -> None:
    offline = Library(home / "models", offline=True)
    source = machine_models / "basic-pitch"
    if not source.is_dir():
        Library(machine_models).ensure("basic-pitch", Progress())
    offline.import_folder(
        "basic-pitch", next(p for p in source.iterdir() if p.is_dir() and not p.name.startswith(".")), Progress()
    )
    found = analyse(song, offline)
    assert any("beatnet" in warning for warning in found.warnings)
    assert len(found.grid.times) > 20 and found.key.name == "D major"
