"""Rendered POP909 songs as training examples: what the product hears in them, and what they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from desktop.models.session import Session
from desktop.piano.audio import load_audio
from desktop.piano.pulse import Pulse, pulse
from desktop.piano.transcription import Posteriors, posteriors

ROOTS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
SEMITONES = {"1": 0, "b2": 1, "2": 2, "b3": 3, "3": 4, "4": 5, "b5": 6, "5": 7, "#5": 8, "b6": 8, "6": 9, "b7": 10, "7": 11}
FAMILY = {
    "maj": "maj",
    "maj6": "maj",
    "min": "min",
    "min6": "min",
    "minmaj7": "min",
    "7": "7",
    "maj7": "maj7",
    "min7": "min7",
    "sus4": "sus4",
    "sus4(b7)": "sus4",
    "dim": "dim",
    "dim7": "dim",
    "hdim7": "dim",
    "aug": "aug",
}
"""Chord names of POP909 by the quality of the cover that stands for them; others (sus2) are not learned from."""


@dataclass(frozen=True)
class Label:
    """A chord of the annotation, in seconds of the rendering; ``quality`` is empty where it is not learned from."""

    start: float
    end: float
    root: int
    quality: str
    bass: int


@dataclass(frozen=True)
class Song:
    """
    Attributes:
        beats: [n, 2] seconds and number in the bar.
        key: tonic 0..11 and mode 0 (major) or 1 (minor), or None where the annotation does not fit the chords.
    """

    name: str
    samples: npt.NDArray[np.float32]
    posteriors: Posteriors
    pulse: Pulse
    beats: npt.NDArray[np.float64]
    chords: list[Label]
    key: tuple[int, int] | None


def songs(rendered: Path, pop909: Path, networks: tuple[Session, Session]) -> Iterator[Song]:
    """Songs of a folder that the renderer wrote.

    What the networks (Basic Pitch, BeatNet) hear is kept next to each song for the next time.
    """
    for audio in sorted(rendered.glob("*.flac")):
        info = json.loads(audio.with_suffix(".json").read_text())
        folder = pop909 / info["song"]
        chords = list(labels(folder / "chord_midi.txt", info["window_start"], info["seconds"]))
        samples = load_audio(audio).samples
        found, heard = _heard(audio, samples, networks)
        beats = np.loadtxt(audio.with_name(f"{info['song']}_beats.txt"), ndmin=2)
        yield Song(info["song"], samples, found, heard, beats, chords, key_of(folder, chords))


def labels(path: Path, start: float, seconds: float) -> Iterator[Label]:
    """Chords of an annotation within a window that starts at ``start``; spans without a chord are left out."""
    for line in path.read_text().splitlines():
        begin, end, name = line.split()[:3]
        low, high = max(0.0, float(begin) - start), min(seconds, float(end) - start)
        if name == "N" or ":" not in name or high - low < 0.05:
            continue
        head, _, rest = name.partition(":")
        quality, _, degree = rest.partition("/")
        root = (ROOTS[head[0]] + head.count("#") - head.count("b")) % 12
        yield Label(low, high, root, FAMILY.get(quality, ""), (root + SEMITONES.get(degree, 0)) % 12)


def key_of(folder: Path, chords: list[Label]) -> tuple[int, int] | None:
    """Longest key of the annotation, where most chord roots are in its scale (it was made on another recording)."""
    length: dict[str, float] = {}
    for line in (folder / "key_audio.txt").read_text().splitlines():
        begin, end, name = line.split()[:3]
        length[name] = length.get(name, 0.0) + float(end) - float(begin)
    head, _, mode = max(length, key=lambda name: length[name]).partition(":")
    tonic, minor = (ROOTS[head[0]] + head.count("#") - head.count("b")) % 12, int(mode == "min")
    scale = {(tonic + step) % 12 for step in ((0, 2, 3, 5, 7, 8, 10) if minor else (0, 2, 4, 5, 7, 9, 11))}
    inside = sum(chord.end - chord.start for chord in chords if chord.root in scale)
    whole = sum(chord.end - chord.start for chord in chords)
    return (tonic, minor) if inside > 0.85 * whole else None


def _heard(audio: Path, samples: npt.NDArray[np.float32], networks: tuple[Session, Session]) -> tuple[Posteriors, Pulse]:
    kept = audio.with_name(f"{audio.stem}_post.npz")
    if not kept.exists():
        found, heard = posteriors(samples, networks[0]), pulse(samples, networks[1])
        half = {"note": found.note.astype(np.float16), "onset": found.onset.astype(np.float16)}
        np.savez(kept, **half, beat=heard.beat, down=heard.down, flux=heard.flux)
    with np.load(kept) as data:
        note, onset = data["note"].astype(np.float32), data["onset"].astype(np.float32)
        return Posteriors(note, onset, np.zeros((len(note), 0), np.float32)), Pulse(data["beat"], data["down"], data["flux"])
