"""POP909 songs as ground truth: grid, chords, key and the tracks of the human cover."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pretty_midi

from desktop.piano.analysis import LINE, Analysis
from desktop.piano.cover import LEFT, NOTE, QUALITIES, RIGHT, Chord, Cover, Grid, Key, Notes, sort_notes

_CLASSES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_SIMPLER = {"sus2": "sus4", "maj6": "maj", "min6": "min", "hdim7": "dim", "dim7": "dim", "minmaj7": "min", "9": "7"}
_DEGREES = {"1": 0, "b2": 1, "2": 2, "b3": 3, "3": 4, "4": 5, "b5": 6, "5": 7, "#5": 8, "6": 9, "b7": 10, "7": 11}


@dataclass(frozen=True)
class Song:
    """One song; note arrays are (start s, end s, pitch, velocity)."""

    name: str
    grid: Grid
    chords: tuple[Chord, ...]
    key: Key
    melody: np.ndarray
    bridge: np.ndarray
    piano: np.ndarray
    duration: float


def load_song(shared: Path, number: int) -> Song:
    folder = shared / "pop909" / f"{number:03d}"
    midi = pretty_midi.PrettyMIDI(str(folder / f"{number:03d}.mid"))
    tracks = {track.name: track for track in midi.instruments}
    beats = np.loadtxt(folder / "beat_midi.txt")
    bars = np.flatnonzero(beats[:, 2])
    meter = int(np.median(np.diff(bars)))
    grid = Grid(beats[:, 0], int(bars[0] % meter), meter)
    chords = tuple(
        chord
        for line in (folder / "chord_midi.txt").read_text().split("\n")
        if line.strip() and (chord := _chord(grid, *line.split("\t")))
    )
    tonic, mode = (folder / "key_audio.txt").read_text().split("\n")[0].split("\t")[2].split(":")
    return Song(
        name=f"{number:03d}",
        grid=grid,
        chords=chords,
        key=Key(_pitch_class(tonic), "minor" if mode.startswith("min") else "major"),
        melody=_notes(tracks["MELODY"]),
        bridge=_notes(tracks["BRIDGE"]),
        piano=_notes(tracks["PIANO"]),
        duration=float(midi.get_end_time()),
    )


def human_cover(song: Song) -> Cover:
    """What the human arranger plays: all three tracks, the accompaniment split between the hands at the melody's foot."""
    parts = []
    for track, split in ((song.melody, 0), (song.bridge, 0), (song.piano, 58)):
        notes = np.zeros(len(track), NOTE)
        notes["start"], notes["end"] = song.grid.beats(track[:, 0]), song.grid.beats(track[:, 1])
        notes["pitch"], notes["velocity"] = track[:, 2], track[:, 3]
        notes["hand"] = np.where(track[:, 2] >= split, RIGHT, LEFT)
        parts.append(notes)
    every: Notes = sort_notes(np.concatenate(parts))
    pedals = np.zeros(0, [("down", "f8"), ("up", "f8")])
    return Cover(song.name, every, pedals, song.grid, song.chords, song.key, song.duration, {"source": "POP909"})


def _notes(track: pretty_midi.Instrument) -> np.ndarray:
    rows = sorted((n.start, n.end, n.pitch, n.velocity) for n in track.notes if n.end > n.start)
    return np.array(rows, np.float64).reshape(-1, 4)


def _pitch_class(name: str) -> int:
    return (_CLASSES[name[0]] + name.count("#") - name.count("b")) % 12


def _chord(grid: Grid, start: str, end: str, label: str) -> Chord | None:
    if label.strip() == "N":
        return None
    root_name, quality = label.strip().split(":")
    quality, _, degree = quality.partition("/")
    root = _pitch_class(root_name)
    bass = (root + _DEGREES.get(degree, 0)) % 12
    kind = re.sub(r"\(.*\)", "", quality)
    kind = _SIMPLER.get(kind, kind)
    kind = kind if kind in QUALITIES else ("min" if kind.startswith("min") else "maj")
    first, last = np.round(grid.beats([float(start), float(end)]) * 2) / 2
    return Chord(float(first), float(last), root, kind, bass) if last > first else None


def truth(song: Song) -> Analysis:
    """The analysis that a perfect listener would make of the song: sung melody, chords, loudness of the whole cover."""
    beats = len(song.grid.times)
    melody = np.zeros(len(song.melody), LINE)
    melody["start"], melody["end"] = song.melody[:, 0], song.melody[:, 1]
    melody["pitch"], melody["confidence"] = song.melody[:, 2], 1.0
    every = np.concatenate([song.melody, song.bridge, song.piano])
    steps = np.zeros(beats * 4)
    at = np.round(song.grid.beats(every[:, 0]) * 4).astype(int)
    inside = (at >= 0) & (at < len(steps))
    np.add.at(steps, at[inside], every[inside, 3] / 100.0)
    bars = np.convolve(steps, np.ones(32) / 32, "same")[::4]
    low, high = np.percentile(bars, [5, 95])
    return Analysis(
        title=song.name,
        source_hash="",
        duration=song.duration,
        grid=song.grid,
        key=song.key,
        chords=song.chords,
        melody=melody,
        bass=np.zeros(0, LINE),
        energy=np.clip((bars - low) / max(1e-6, high - low), 0, 1).astype(np.float32),
        loudness=np.clip(steps / 4, 0, 1).astype(np.float32),
        accents=np.clip(steps / 4, 0, 1).astype(np.float32),
        salience=np.zeros((beats * 4, 88), np.float32),
        attacks=np.zeros((beats * 4, 88), np.float32),
    )
