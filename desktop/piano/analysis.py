"""Everything that is known of a song before a note of the cover is written, and how it is found out."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models.library import Library
from desktop.models.session import Session, open_session
from desktop.piano import analysis_store
from desktop.piano.audio import Audio, load_audio
from desktop.piano.bass import bass_line
from desktop.piano.beats import apply_beats_option, track_beats
from desktop.piano.chords import estimate_chords
from desktop.piano.cover import Chord, Grid, Key, Notes
from desktop.piano.curves import measure
from desktop.piano.line import LINE
from desktop.piano.melody import extract_melody
from desktop.piano.plain_melody import plain_melody
from desktop.piano.transcription import RATE, Posteriors, posteriors

__all__ = ["LINE", "SIXTEENTHS", "Analysis", "analyse"]

SIXTEENTHS = 4
"""Steps in a beat of the curves below."""

VERSION = 3
"""Raised whenever the same song would be analysed differently."""

_UNSURE = 0.5
_HEARD = 0.5, 0.04
"""A frame holds a note when a posterior exceeds the first; music has notes in more than the second share of its frames (distorted
guitars: 0.45, white noise: 0.016)."""


@dataclass(frozen=True)
class Analysis:
    """What was heard in a song, on its beat grid.

    Attributes:
        title: stem of the file's name.
        source_hash: sha256 of the file's bytes, hex.
        duration: length in seconds.
        grid: beats, downbeat and meter; the grid covers the whole recording unless the user gave one.
        key: of the whole song.
        chords: in order, not overlapping, in beats of the grid, edges on whole beats; gaps are places without harmony.
        melody: ``LINE``, the tune in seconds, not quantised.
        bass: ``LINE``, the bass line in seconds, edges on half beats.
        energy: float32 [beats] 0 (the song's quietest) .. 1 (its loudest), smoothed over about a bar: how full the song is there.
        loudness: float32 [beats * 4] 0..1 of each sixteenth, not smoothed: accents and rhythm.
        accents: float32 [beats * 4] 0..1 how strongly something new begins at each sixteenth (all instruments).
        salience: float32 [beats * 4, 88] 0..1 how surely each pitch (21..108) sounds in each sixteenth.
        attacks: float32 [beats * 4, 88] 0..1 how surely each pitch begins within half a sixteenth of each sixteenth.
        warnings: what the user should know (cut-off file, no clear beat, ...).
        seconds: how long each stage took; empty when the analysis came from the cache.
        device: where the networks ran.
    """

    title: str
    source_hash: str
    duration: float
    grid: Grid
    key: Key
    chords: tuple[Chord, ...]
    melody: Notes
    bass: Notes
    energy: npt.NDArray[np.float32]
    loudness: npt.NDArray[np.float32]
    accents: npt.NDArray[np.float32]
    salience: npt.NDArray[np.float32]
    attacks: npt.NDArray[np.float32]
    warnings: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    device: str = "CPU"


def analyse(path: Path | str, library: Library, progress: Progress | None = None, beats: str = "auto") -> Analysis:
    """Listen to a song: notes, beats, key, chords, melody, bass, loudness.

    The same file and options give the same result; it is kept in the cache folder, so asking again takes no time.

    Args:
        library: where the networks are; "basic-pitch" is installed when it is missing, the others are used when they can be had.
        beats: correction of the grid, see ``beats.apply_beats_option``.

    Raises:
        UserError: the file or the file of beats cannot be used, there is no music in it, or a network is missing.
    """
    path, progress = Path(path), progress or Progress()
    source_hash = _hash(path, progress)
    models = _Models(library, progress.part(0.0, 0.02))
    key = _cache_key(source_hash, models.state, beats)
    kept = analysis_store.load(key)
    if kept is not None:
        progress.at(1.0, "Known already")
        return replace(kept, title=path.stem)
    found = _listen(path, source_hash, models, beats, progress)
    progress.checkpoint()
    analysis_store.save(key, found)
    progress.at(1.0, "Analysed")
    return found


class _Models:
    """The networks: opened when needed, dropped by the caller."""

    def __init__(self, library: Library, progress: Progress) -> None:
        self._notes = library.ensure("basic-pitch", progress)
        self._others = {model: _optional(library, model, progress) for model in ("beatnet", "melody")}
        self.device = "CPU"

    @property
    def state(self) -> str:
        """Names what is installed, for the cache."""
        return f"{self._notes.name} " + " ".join(f"{model}={folder and folder.name}" for model, folder in self._others.items())

    def notes(self) -> Session:
        session = open_session(self._notes / "nmp.onnx")
        self.device = session.device
        return session

    def other(self, model: str) -> Session | None:
        folder = self._others[model]
        # These two are recurrent or tiny: a GPU only adds the way there and back.
        return open_session(folder / f"{model}.onnx", device="cpu") if folder else None

    def lacks(self) -> tuple[str, ...]:
        """Warnings about networks that could not be had."""
        return tuple(
            f"{title} is not installed, so {what} a plainer method that errs more: `reprise models install {model}`"
            for model, title, what in (
                ("beatnet", "BeatNet", "beats come from"),
                ("melody", "The melody network", "the tune comes from"),
            )
            if self._others[model] is None
        )


def _optional(library: Library, model: str, progress: Progress) -> Path | None:
    try:
        return library.ensure(model, progress)
    except UserError as error:
        progress.log(str(error), "warning")
        return None


def _listen(path: Path, source_hash: str, models: _Models, beats: str, progress: Progress) -> Analysis:
    clock = _Clock()
    with clock.stage("decode"):
        audio = load_audio(path, RATE, progress=progress.part(0.02, 0.08))
    progress.at(0.08, "Listening for notes")
    with clock.stage("notes"):
        heard = posteriors(audio.samples, models.notes(), progress.part(0.08, 0.55))
    _check_music(path, heard)
    progress.at(0.55, "Finding the beat")
    with clock.stage("beats"):
        grid = _grid(audio, heard, models, beats, progress.part(0.55, 0.75))
    progress.preview(
        "grid", {"times": grid.times.astype("<f8").tobytes(), "downbeat": grid.downbeat, "meter": grid.meter, "chords": []}
    )
    progress.at(0.75, "Reading the chords")
    with clock.stage("chords"):
        key, chords = estimate_chords(heard, audio.samples, grid, progress)
        bass = bass_line(heard, grid, chords)
    progress.at(0.82, "Following the melody")
    with clock.stage("melody"):
        network = models.other("melody")
        part = progress.part(0.82, 0.97)
        melody = extract_melody(heard, audio.samples, network, part) if network else plain_melody(heard)
    with clock.stage("curves"):
        curves = measure(audio.samples, RATE, heard, grid)
    return Analysis(
        title=path.stem,
        source_hash=source_hash,
        duration=audio.duration,
        grid=grid,
        key=key,
        chords=chords,
        melody=melody,
        bass=bass,
        energy=curves.energy,
        loudness=curves.loudness,
        accents=curves.accents,
        salience=curves.salience,
        attacks=curves.attacks,
        warnings=audio.warnings + models.lacks() + _doubts(grid, chords, melody),
        seconds=clock.seconds,
        device=models.device,
    )


def _grid(audio: Audio, heard: Posteriors, models: _Models, beats: str, progress: Progress) -> Grid:
    grid = track_beats(audio.samples, audio.rate, heard, models.other("beatnet"), progress)
    corrected = apply_beats_option(grid, beats)
    if corrected.times[0] > audio.duration:
        raise UserError("The beats of the file lie after the end of the song", path=beats, remedy="Give the times in seconds.")
    return corrected


def _check_music(path: Path, heard: Posteriors) -> None:
    """Noise and speech without pitch leave no notes; a cover of them would be made up."""
    share = float(np.mean(heard.note.max(axis=1) > _HEARD[0]))
    if share < _HEARD[1]:
        raise UserError(
            "No notes can be heard in this file, only noise or silence", path=path, remedy="Choose a recording of music."
        )


def _doubts(grid: Grid, chords: tuple[Chord, ...], melody: Notes) -> tuple[str, ...]:
    found = []
    if grid.confidence < _UNSURE:
        found.append(
            f"The tempo could also be half or twice {grid.tempo:.0f}, or the beat half a beat off: listen, and correct the grid"
        )
    if not len(melody):
        found.append("No melody was found; the cover plays the harmony alone")
    if not chords:
        found.append("No chords were found; the cover plays the melody alone")
    return tuple(found)


class _Clock:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - start


def _cache_key(source_hash: str, models: str, beats: str) -> str:
    option = beats
    if Path(beats).is_file():
        option = hashlib.sha256(Path(beats).read_bytes()).hexdigest()
    return hashlib.sha256(f"{VERSION} {source_hash} {models} {option}".encode()).hexdigest()[:40]


def _hash(path: Path, progress: Progress) -> str:
    """sha256 of the file; what is not a readable file is left for the decoder to explain."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
                progress.checkpoint()
    except OSError:
        load_audio(path, RATE)
    return digest.hexdigest()
