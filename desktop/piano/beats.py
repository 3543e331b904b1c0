"""The beat grid of a song: found by listening, corrected by the user."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from desktop.errors import UsageError, UserError
from desktop.jobs.progress import Progress
from desktop.piano import downbeats, metre
from desktop.piano.cover import Grid
from desktop.piano.listening import weights
from desktop.piano.pulse import RATE, pulse
from desktop.piano.tatums import Times, find_tatums
from desktop.piano.transcription import Posteriors, Runner
from desktop.plain_files import read_plain

CHANGES = ("auto", "x2", "half", "shift")
_LARGEST_FILE = 4_000_000
_GAPS = 0.1, 6.0
"""Seconds between two beats of a user's file."""


def track_beats(
    samples: npt.NDArray[np.float32],
    rate: int,
    posteriors: Posteriors,
    session: Runner | None = None,
    progress: Progress | None = None,
) -> Grid:
    """Find beats, their tempo octave, the meter and the first beat of the bars.

    The grid covers the whole recording, silence at its ends as well.

    Args:
        samples: [n] mono at ``rate``, which must be 22050.
        posteriors: what sounds when; shows changes of harmony and bass.
        session: open BeatNet network; without it the beats come from spectral flux.
    """
    if rate != RATE:
        raise ValueError(f"samples must come at {RATE} Hz, not {rate}")
    progress = progress or Progress()
    heard = pulse(samples, session, progress.part(0.0, 0.5))
    tatums, _ = find_tatums(heard.beat, len(samples) / len(heard) and 50.0, progress.part(0.5, 0.95))
    tatums = _at_least(tatums, len(samples) / rate)
    evidence = metre.gather(tatums, heard, posteriors)
    choice, confidence = _choose(tatums, evidence)
    beats = tatums[choice.offset :: choice.stride]
    rows = 2 * np.arange(choice.offset, len(tatums), choice.stride)
    curves = downbeats.beat_curves(beats, evidence, rows, posteriors)
    meter, downbeat = _bars(curves)
    progress.at(1.0)
    return Grid(beats, downbeat, meter, confidence)


def apply_beats_option(grid: Grid, option: str) -> Grid:
    """The grid with the user's correction: "auto", "x2", "half", "shift" (half a beat later), or a file of beats.

    Raises:
        UsageError: neither a known correction nor a file.
        UserError: the file cannot be read or a line of it is wrong; names the line.
    """
    if option == "auto":
        return grid
    if option == "x2":
        return grid.doubled()
    if option == "half":
        return grid.halved()
    if option == "shift":
        return grid.shifted()
    path = Path(option)
    if not path.is_file():
        raise UsageError(f"beats: '{option}' is neither a file nor one of {', '.join(CHANGES)}")
    return read_beats(path)


def read_beats(path: Path) -> Grid:
    """Grid from lines of seconds and, after a tab or space, the beat's number in its bar (1 = first); ``#`` starts a comment.

    Without numbers every fourth beat starts a bar.
    """
    times: list[float] = []
    numbers: list[int] = []
    for row, line in enumerate(_lines(path), start=1):
        words = line.split("#", 1)[0].replace(",", " ").split()
        if not words:
            continue
        time, number = _beat(path, row, words)
        if times and not _GAPS[0] <= time - times[-1] <= _GAPS[1]:
            problem = (
                "is not later than the one before" if time <= times[-1] else f"is {time - times[-1]:.2f} s after the one before"
            )
            raise _wrong(path, row, f"the beat at {time:g} s {problem}; {_GAPS[0]:g} to {_GAPS[1]:g} s are possible")
        times.append(time)
        numbers.append(number)
    if len(times) < 2:
        raise UserError(
            "The file of beats holds fewer than two beats", path=path, remedy="Write one beat a line: seconds, tab, number."
        )
    return _numbered(np.array(times), numbers)


def _choose(tatums: Times, evidence: metre.Evidence) -> tuple[metre.Candidate, float]:
    """The most likely reading of the pulse, and how likely it is."""
    tempo = 30.0 / float(np.median(np.diff(tatums)))
    readings = metre.candidates(tatums)
    scores = [_score(weights().beat, metre.describe(reading, evidence, 2 * tempo / reading.stride)) for reading in readings]
    best = int(np.argmax(scores))
    return readings[best], float(1.0 / np.exp(np.array(scores) - scores[best]).sum())


def _bars(curves: npt.NDArray[np.float64]) -> tuple[int, int]:
    """Meter and index of the first downbeat."""
    readings = [(meter, phase) for meter in downbeats.METERS for phase in range(meter) if len(curves) >= 2 * meter]
    if not readings:
        return 4, 0
    return max(readings, key=lambda reading: _score(weights().bar, downbeats.describe(curves, *reading)))


def _score(weight: dict[str, float], features: dict[str, float]) -> float:
    return sum(weight.get(name, 0.0) * value for name, value in features.items())


def _at_least(tatums: Times, duration: float) -> Times:
    """A pulse of 120 beats a minute where none was found."""
    return tatums if len(tatums) >= 8 else np.arange(0.0, max(duration, 2.0), 0.25)


def _lines(path: Path) -> list[str]:
    try:
        return read_plain(path, _LARGEST_FILE).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(
            "The file of beats is not a text file", path=path, remedy="Write one beat a line: seconds, tab, number."
        ) from error
    except OSError as error:
        raise UserError(f"The file of beats cannot be read: {error.strerror}", path=path) from error


def _beat(path: Path, row: int, words: list[str]) -> tuple[float, int]:
    try:
        time = float(words[0])
        number = int(float(words[1])) if len(words) > 1 else 0
    except (ValueError, OverflowError) as error:
        raise _wrong(path, row, f"'{' '.join(words)[:40]}' is not a time in seconds and a beat number") from error
    if not 0.0 <= time < 36000.0:
        raise _wrong(path, row, f"{words[0][:40]} is not a time in a song")
    if not 0 <= number <= 12:
        raise _wrong(path, row, f"beat number {words[1][:40]} is not between 1 and 12")
    return time, number


def _wrong(path: Path, row: int, what: str) -> UserError:
    return UserError(f"Line {row} of the file of beats: {what}", path=path, remedy="Correct the line: seconds, tab, beat number.")


def _numbered(times: Times, numbers: list[int]) -> Grid:
    grid = Grid(times)
    firsts = [k for k, number in enumerate(numbers) if number == 1]
    if not firsts:
        return grid
    lengths = np.diff(firsts)
    lengths = lengths[(lengths >= 2) & (lengths <= 12)]
    meter = int(np.bincount(lengths).argmax()) if len(lengths) else 4
    phase = int(np.bincount([first % meter for first in firsts]).argmax())
    return replace(grid, meter=meter, downbeat=phase)
