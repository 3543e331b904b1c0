"""The engine, takes and auditions on a real song, with a small network whose notes are chance."""

from __future__ import annotations

import hashlib
import shutil
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from desktop.errors import UsageError, UserError
from desktop.jobs.job import AuditionJob, CoverJob, TakeJob
from desktop.jobs.progress import Progress
from desktop.paths import resources
from desktop.piano.analysis_data import Analysis
from desktop.piano.cover import LEFT, RIGHT, Cover
from desktop.piano.job import run_cover
from desktop.piano.perform import perform
from desktop.piano.playability import LIMITS, violations
from desktop.piano.pop2piano.tidy import tidied
from desktop.piano.pop2piano.tokens import STRUCK
from desktop.piano.pop2piano.windows import STEPS_PER_BEAT
from desktop.piano.project import load_project, save_project
from desktop.piano.regridding import on_grid
from desktop.piano.takes import run_audition, run_take
from desktop.piano.two_hands import splits
from tests.piano.pop909 import load_song, truth

DEMO = resources() / "demo" / "six-oclock-ferry.opus"


def cover_of(folder: Path, **options: Any) -> Path:
    result = run_cover(CoverJob(source=str(DEMO), output=str(folder), engine="pop2piano", **options), Progress())
    files = result["files"]
    assert isinstance(files, dict)
    return Path(files["project"])


@pytest.mark.usefixtures("home_with_pop2piano")
def test_the_whole_way(tmp_path: Path) -> None:
    """Cover, a take of some of its bars, auditions with sound, all on the cover's grid, which stays as it is."""
    song = tmp_path / DEMO.name
    shutil.copy(DEMO, song)
    job = CoverJob(source=str(song), output=str(tmp_path / "out"), engine="pop2piano", composer=3)
    run_cover(job, Progress())
    project = tmp_path / "out" / "six-oclock-ferry.reprise"
    cover = load_project(project)
    info = cover.info
    assert (info["engine"], info["composer"], info["activation"], info["device"]) == ("pop2piano", 3, "gelu_new", "CPU")
    assert info["statistics"]["notes"] == len(cover.notes) > 20 and not violations(cover.notes, cover.grid)
    assert np.all(np.abs(cover.notes["start"] * 2 % 1) < 1e-9), "eighths of the cover's own grid"
    assert len(np.unique(cover.notes["velocity"])) > 5 and set(cover.notes["hand"].tolist()) == {RIGHT, LEFT}

    before = hashlib.sha256(project.read_bytes()).hexdigest()

    starts = cover.notes["start"]
    first = float(starts[np.argmax(np.bincount((starts // 4).astype(int))[(starts // 4).astype(int)])] // 4 * 4)
    take = run_take(TakeJob(cover=str(project), first=first, last=first + 4, engine="pop2piano", composer=3), Progress())
    notes = np.array(take["notes"])
    mine = cover.notes[(starts >= first) & (starts < first + 4)]
    assert len(notes) and set(map(tuple, notes[:, [0, 2]])) >= set(
        zip(mine["start"].tolist(), mine["pitch"].tolist(), strict=True)
    )

    folder = tmp_path / "auditions"
    found = run_audition(
        AuditionJob(cover=str(project), folder=str(folder), first=first, last=first + 4, choices=("3", "1", "21")), Progress()
    )
    takes = found["takes"]
    assert isinstance(takes, list) and [one["choice"] for one in takes] == ["3", "1", "21"]
    assert takes[0]["notes"] == take["notes"], "composers side by side do not hear one another"
    assert takes[1]["notes"] != takes[0]["notes"]
    length = float(np.diff(cover.grid.seconds([first, first + 4]))[0])
    for one in takes:
        with wave.open(one["audio"]) as file:
            assert length <= file.getnframes() / file.getframerate() < length + 4
            sound = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        assert bool(np.abs(sound).max() > 1000) == bool(one["notes"])
    assert sorted(path.name for path in folder.iterdir()) == ["1.wav", "21.wav", "3.wav"]
    assert hashlib.sha256(project.read_bytes()).hexdigest() == before

    _sketch_follows_the_grid(project, tmp_path)
    with pytest.raises(UsageError, match="outside of"):
        run_take(TakeJob(cover=str(project), first=-8, last=-4, engine="pop2piano"), Progress())
    song.unlink()
    with pytest.raises(UserError, match="not there any more: six-oclock-ferry"):
        run_take(TakeJob(cover=str(project), first=0, last=4), Progress())


def _sketch_follows_the_grid(project: Path, folder: Path) -> None:
    """The grid of half the tempo, without the chords that the user removed, is what the take is written on."""
    plain = run_take(TakeJob(cover=str(project), first=16, last=24, style="stride"), Progress())
    assert isinstance(plain["notes"], list) and plain["notes"] and plain["choice"] == "stride"
    cover = load_project(project)
    slower = Cover(cover.title, cover.notes[:0], cover.pedals[:0], cover.grid.halved(), (), cover.key, cover.duration, cover.info)
    save_project(slower, folder / "slower.reprise")
    take = run_take(TakeJob(cover=str(folder / "slower.reprise"), first=8, last=12, style="stride"), Progress())
    assert isinstance(take["notes"], list) and all(8 <= note[0] < 12 and note[1] <= 12 for note in take["notes"])
    assert take["notes"] != plain["notes"] and all(note[0] * 4 % 1 < 1e-6 for note in take["notes"])
    two = run_audition(
        AuditionJob(cover=str(project), folder=str(folder / "a"), first=16, last=24, engine="sketch", choices=("stride", "pop")),
        Progress(),
    )["takes"]
    assert isinstance(two, list) and two[0]["notes"] == plain["notes"] != two[1]["notes"]


@pytest.mark.usefixtures("home_with_models")
def test_without_the_model(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Pop2Piano is not installed") as caught:
        cover_of(tmp_path)
    assert "reprise models install pop2piano" in str(caught.value) and not list(tmp_path.iterdir())


def analysis_of(shared: Path, number: int = 1) -> Analysis:
    return truth(load_song(shared, number))


@pytest.mark.parametrize("difficulty", LIMITS)
def test_a_human_cover_is_performed(shared: Path, difficulty: str) -> None:
    """The human cover put on the grid: hands like a pianist's, nothing unplayable, tune and loudness kept."""
    song = load_song(shared, 1)
    analysis = truth(song)
    every = np.concatenate([song.melody, song.piano])
    onset = np.rint(song.grid.beats(every[:, 0]) * 2).astype(int)
    offset = np.maximum(onset + 1, np.rint(song.grid.beats(every[:, 1]) * 2).astype(int))
    struck = np.array([(a, b, p, a // 8, False) for a, b, p in zip(onset, offset, every[:, 2], strict=True)], STRUCK)
    notes, pedals = perform(tidied(struck), STEPS_PER_BEAT, analysis, difficulty)
    assert not violations(notes, song.grid, LIMITS[difficulty])
    tune = {(round(a / 2, 1), int(p)) for a, p in zip(onset[: len(song.melody)], song.melody[:, 2], strict=True)}
    mine = np.array([(round(float(note["start"]), 1), int(note["pitch"])) in tune for note in notes])
    assert np.mean(notes["hand"][mine] == RIGHT) > 0.95, "the right hand has the tune"
    assert 45 < np.median(notes["pitch"][notes["hand"] == LEFT]) < 58 < np.median(notes["pitch"][notes["hand"] == RIGHT]) < 76
    share = len(notes) / len(tidied(struck))
    assert share > 0.85 if difficulty != "easy" else 0.15 < share < 0.6
    assert len(pedals) > 30 and np.std(notes["velocity"]) > 4
    right, left = (notes["velocity"][notes["hand"] == hand].mean() for hand in (RIGHT, LEFT))
    assert right > left


def test_hands() -> None:
    assert splits([]) == []
    assert splits([(40, 52, 64, 67, 72)]) == [2]
    assert splits([(40,), (76,), (43,), (79,)]) == [1, 0, 1, 0]
    # A low passage of the right hand stays with it while the left has the bass.
    assert splits([(33, 45, 57, 60, 64)])[0] in (2, 3)


def test_an_analysis_on_another_grid(shared: Path) -> None:
    """Curves tell the same of the same seconds."""
    analysis = analysis_of(shared)
    cover = Cover("c", np.zeros(0, STRUCK), np.zeros(0, STRUCK), analysis.grid.doubled(), (), analysis.key, analysis.duration)
    found = on_grid(analysis, cover)
    assert len(found.energy) == len(cover.grid.times) and len(found.accents) == 4 * len(cover.grid.times)
    assert np.allclose(found.energy[::2][:50], analysis.energy[:50], atol=1e-5)
    assert np.allclose(found.accents[::2][:200], analysis.accents[:200], atol=1e-5)
    same = Cover("c", cover.notes, cover.pedals, analysis.grid, (), analysis.key, analysis.duration)
    assert on_grid(analysis, same).energy is analysis.energy
