"""How everything is found out that must be known of a song before a note of its cover is written."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models.library import Library
from desktop.models.session import Session, open_session
from desktop.piano import analysis_store, versions
from desktop.piano.analysis_data import SIXTEENTHS, Analysis
from desktop.piano.audio import Audio, load_audio
from desktop.piano.bass import bass_line
from desktop.piano.beats import apply_beats_option, track_beats
from desktop.piano.chords import estimate_chords
from desktop.piano.cover import Chord, Grid, Notes
from desktop.piano.curves import measure
from desktop.piano.line import LINE
from desktop.piano.melody import extract_melody
from desktop.piano.stages import Stages
from desktop.piano.transcription import RATE, Posteriors, posteriors

__all__ = ["LINE", "SIXTEENTHS", "Analysis", "analyse"]

_UNSURE = 0.5
_HEARD = 0.5, 0.04
"""A frame holds a note when a posterior exceeds the first; music has notes in more than the second share of its frames (distorted
guitars: 0.45, white noise: 0.016)."""


def analyse(
    path: Path | str, library: Library, progress: Progress | None = None, beats: str = "auto", device: str = "auto"
) -> Analysis:
    """Listen to a song: notes, beats, key, chords, melody, bass, loudness.

    The same file and options give the same result; it is kept in the cache folder, so asking again takes no time.

    Args:
        library: where the networks are; "basic-pitch" is installed when it is missing, "beatnet" is used when it can be had.
        beats: correction of the grid, see ``beats.apply_beats_option``.
        device: where the large network runs: "auto", "cpu" or "cuda".

    Raises:
        UserError: the file or the file of beats cannot be used, there is no music in it, or a network is missing.
    """
    path, progress = Path(path), progress or Progress()
    source_hash = _hash(path, progress)
    models = _Models(library, device, progress.part(0.0, 0.02))
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

    def __init__(self, library: Library, device: str, progress: Progress) -> None:
        self._wanted = device
        self._notes = library.ensure("basic-pitch", progress)
        self._melody = library.ensure("melody", progress)
        self._beats = _optional(library, "beatnet", progress)
        self.device = "CPU"

    @property
    def state(self) -> str:
        """Names what is installed, for the cache."""
        beats = self._beats.name if self._beats else "none"
        return f"{self._notes.name} melody={self._melody.name} beatnet={beats}"

    def notes(self) -> Session:
        return self._open_notes(self._wanted)

    def notes_on_cpu(self) -> Session:
        return self._open_notes("cpu")

    def _open_notes(self, device: str) -> Session:
        session = open_session(self._notes / "nmp.onnx", device=device)
        self.device = session.device
        return session

    # The next two are recurrent or tiny: a GPU only adds the way there and back.

    def melody(self) -> Session:
        return open_session(self._melody / "melody.onnx", device="cpu")

    def beats(self) -> Session | None:
        return open_session(self._beats / "beatnet.onnx", device="cpu") if self._beats else None

    def lacks(self) -> tuple[str, ...]:
        """A warning when the beat network could not be had."""
        if self._beats is not None:
            return ()
        return ("BeatNet is not installed, so beats come from a plainer method that errs more: `reprise models install beatnet`",)


def _optional(library: Library, model: str, progress: Progress) -> Path | None:
    try:
        return library.ensure(model, progress)
    except UserError as error:
        progress.log(str(error), "warning")
        return None


def _listen(path: Path, source_hash: str, models: _Models, beats: str, progress: Progress) -> Analysis:
    stages = Stages()
    with stages.stage("decode"):
        audio = load_audio(path, RATE, progress=progress.part(0.02, 0.08))
    progress.at(0.08, "Listening for notes")
    with stages.stage("notes"):
        heard = posteriors(audio.samples, models.notes(), progress.part(0.08, 0.55), fallback=models.notes_on_cpu)
    _check_music(path, heard)
    progress.at(0.55, "Finding the beat")
    with stages.stage("beats"):
        grid = _grid(audio, heard, models, beats, progress.part(0.55, 0.75))
    progress.preview(
        "grid", {"times": grid.times.astype("<f8").tobytes(), "downbeat": grid.downbeat, "meter": grid.meter, "chords": []}
    )
    progress.at(0.75, "Reading the chords")
    with stages.stage("chords"):
        key, chords = estimate_chords(heard, audio.samples, grid, progress)
        bass = bass_line(heard, grid, chords)
    progress.at(0.82, "Following the melody")
    with stages.stage("melody"):
        melody = extract_melody(heard, audio.samples, models.melody(), progress.part(0.82, 0.97))
    with stages.stage("curves"):
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
        warnings=audio.warnings + models.lacks() + _doubts(grid, chords, melody, corrected=beats != "auto"),
        seconds=stages.seconds,
        device=models.device,
    )


def _grid(audio: Audio, heard: Posteriors, models: _Models, beats: str, progress: Progress) -> Grid:
    grid = track_beats(audio.samples, audio.rate, heard, models.beats(), progress)
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


def _doubts(grid: Grid, chords: tuple[Chord, ...], melody: Notes, *, corrected: bool) -> tuple[str, ...]:
    found = []
    if grid.confidence < _UNSURE and not corrected:
        found.append(
            f"The tempo could also be half or twice {grid.tempo:.0f}, or the beat half a beat off: listen, and correct the grid"
        )
    if not len(melody):
        found.append("No melody was found; the cover plays the harmony alone")
    if not chords:
        found.append("No chords were found; the cover plays the melody alone")
    return tuple(found)


def _cache_key(source_hash: str, models: str, beats: str) -> str:
    option = beats
    if Path(beats).is_file():
        option = hashlib.sha256(Path(beats).read_bytes()).hexdigest()
    return hashlib.sha256(f"{versions.LISTENING} {source_hash} {models} {option}".encode()).hexdigest()[:40]


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
