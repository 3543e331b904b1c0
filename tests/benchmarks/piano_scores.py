"""How good an analysis and a cover are, by the usual measures of music information retrieval."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import mir_eval
import numpy as np
import numpy.typing as npt
import pretty_midi

from desktop.piano.cover import Chord, Cover, Grid, Key, Notes

Floats = npt.NDArray[np.float64]
Score = dict[str, float]

FRAME = 1024 / 44100
"""Seconds between two frames of the melody measures."""
FLATS = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
_ROOTS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}


@dataclass(frozen=True)
class Truth:
    """What is known of a song; what is not known is empty.

    Attributes:
        beats: [n, 2] seconds and number in the bar.
        intervals, labels: chords in the syntax of mir_eval, in seconds of the audio.
        key: "Eb major", empty where none is known.
        melody: [n, 3] start, end, MIDI pitch.
        piano: the human accompaniment, [n, 2] start and MIDI pitch.
    """

    name: str
    audio: Path
    beats: Floats
    intervals: Floats = field(default_factory=lambda: np.zeros((0, 2)))
    labels: Sequence[str] = ()
    key: str = ""
    melody: Floats = field(default_factory=lambda: np.zeros((0, 3)))
    piano: Floats = field(default_factory=lambda: np.zeros((0, 2)))


def read_rendered(audio: Path, pop909: Path) -> Truth:
    """Truth of a song that render_pop909.py wrote."""
    info = json.loads(audio.with_suffix(".json").read_text())
    number = info["song"]
    beats = np.loadtxt(audio.with_name(f"{number}_beats.txt"), ndmin=2)
    melody = np.loadtxt(audio.with_name(f"{number}_melody.csv"), delimiter=",", skiprows=1, ndmin=2)
    midi = pretty_midi.PrettyMIDI(str(audio.with_name(f"{number}_piano.mid")))
    piano = np.array([(note.start, note.pitch) for track in midi.instruments for note in track.notes])
    intervals, labels = _chords(pop909 / number / "chord_midi.txt", info["window_start"], info["seconds"])
    key = _key(pop909 / number / "key_audio.txt", intervals, labels)
    return Truth(number, audio, beats, intervals, labels, key, melody, piano)


def _chords(path: Path, start: float, seconds: float) -> tuple[Floats, list[str]]:
    """Annotated chords that lie in the rendered window."""
    rows = [line.split()[:3] for line in path.read_text().splitlines() if line.strip()]
    spans = np.array([[float(a) - start, float(b) - start] for a, b, _ in rows])
    inside = (spans[:, 1] > 0.05) & (spans[:, 0] < seconds - 0.05)
    return np.clip(spans[inside], 0.0, seconds), [row[2] for row, kept in zip(rows, inside, strict=True) if kept]


def _key(path: Path, intervals: Floats, labels: Sequence[str]) -> str:
    """Longest annotated key; it was made on another recording, so it counts only where most chord roots are in its scale."""
    length: dict[str, float] = {}
    for line in path.read_text().splitlines():
        start, end, name = line.split()[:3]
        length[name] = length.get(name, 0.0) + float(end) - float(start)
    head, _, mode = max(length, key=lambda name: length[name]).partition(":")
    tonic, mode = _pitch_class(head), "minor" if mode == "min" else "major"
    scale = {(tonic + step) % 12 for step in _SCALES[mode]}
    weights = [float(b - a) for (a, b), label in zip(intervals, labels, strict=True) if ":" in label]
    inside = [_pitch_class(label.partition(":")[0]) in scale for label in labels if ":" in label]
    return f"{FLATS[tonic]} {mode}" if np.dot(weights, inside) > 0.85 * sum(weights) else ""


def _pitch_class(name: str) -> int:
    return (_ROOTS[name[0]] + name.count("#") - name.count("b")) % 12


def beat_f(reference: Floats, estimate: Floats) -> float:
    """F-measure at 70 ms after mir_eval's trim of the first five seconds."""
    trim = mir_eval.beat.trim_beats
    return float(mir_eval.beat.f_measure(trim(reference), trim(estimate))) if len(estimate) else 0.0


def grid_scores(truth: Truth, grid: Grid) -> Score:
    """Beats as found, and after the best single correction that the user can make; downbeats."""
    reference = truth.beats[:, 0]
    corrected = {"auto": grid, "x2": grid.doubled(), "half": grid.halved(), "shift": grid.shifted()}
    scores = {name: beat_f(reference, one.times) for name, one in corrected.items()}
    firsts = grid.times[grid.downbeat :: grid.meter]
    true_tempo = 60.0 / float(np.median(np.diff(reference)))
    return {
        "beat": scores["auto"],
        "beat fixed": max(scores.values()),
        "octave": float(abs(np.log2(grid.tempo / true_tempo)) < 0.1),
        "down": beat_f(reference[truth.beats[:, 1] == 1], firsts),
        "tempo": grid.tempo,
        "true tempo": true_tempo,
    }


def chord_scores(truth: Truth, grid: Grid, chords: Sequence[Chord], key: Key) -> Score:
    """Shares of the time with the right root, third, major or minor triad; the key's weighted score where the key is known."""
    if not len(truth.intervals) or not chords:
        return {}
    ends = np.maximum.accumulate([grid.seconds([c.start, c.end]) for c in chords], axis=0)
    names = [f"{FLATS[c.root]}:{c.quality}" for c in chords]
    low, high = truth.intervals[0, 0], truth.intervals[-1, 1]
    spans, names = mir_eval.util.adjust_intervals(np.asarray(ends), names, low, high, "N", "N")
    spans, names = _filled(spans, names)
    intervals, wanted, found = mir_eval.util.merge_labeled_intervals(*_filled(truth.intervals, list(truth.labels)), spans, names)
    lengths = mir_eval.util.intervals_to_durations(intervals)
    measure = {"root": mir_eval.chord.root, "majmin": mir_eval.chord.majmin, "thirds": mir_eval.chord.thirds}
    scores = {name: float(mir_eval.chord.weighted_accuracy(how(wanted, found), lengths)) for name, how in measure.items()}
    if truth.key:
        scores["key"] = float(mir_eval.key.weighted_score(truth.key, f"{FLATS[key.tonic]} {key.mode}"))
    return scores


def _filled(intervals: Floats, labels: Sequence[str]) -> tuple[Floats, list[str]]:
    """Intervals without gaps: "N" lies between."""
    spans: list[tuple[float, float]] = []
    names: list[str] = []
    for (start, end), label in zip(intervals, labels, strict=True):
        start = max(float(start), spans[-1][1]) if spans else float(start)
        if spans and start > spans[-1][1] + 1e-6:
            spans.append((spans[-1][1], start))
            names.append("N")
        if end > start + 1e-6:
            spans.append((start, float(end)))
            names.append(label)
    return np.array(spans), names


def melody_scores(truth: Truth, start: Floats, end: Floats, pitch: Floats) -> Score:
    """Raw chroma and raw pitch accuracy of the highest sounding note of each frame against the true melody (50 cents)."""
    frames = int(max(truth.melody[:, 1].max(), 1.0) / FRAME) + 1
    reference = _top(frames, truth.melody[:, 0], truth.melody[:, 1], truth.melody[:, 2])
    estimate = _top(frames, start, end, pitch)
    times = np.arange(frames) * FRAME
    voiced = mir_eval.melody.to_cent_voicing(times, reference, times, estimate)
    return {
        "chroma": float(mir_eval.melody.raw_chroma_accuracy(*voiced)),
        "pitch": float(mir_eval.melody.raw_pitch_accuracy(*voiced)),
    }


def _top(frames: int, start: Floats, end: Floats, pitch: Floats) -> Floats:
    """[frames] frequency of the highest sounding note, 0 where none sounds."""
    top = np.zeros(frames)
    low = np.clip(np.ceil(np.asarray(start) / FRAME - 1e-6), 0, frames).astype(int)
    high = np.clip(np.ceil(np.asarray(end) / FRAME - 1e-6), 0, frames).astype(int)
    for a, b, p in zip(low, high, np.asarray(pitch, np.float64), strict=True):
        top[a:b] = np.maximum(top[a:b], p)
    return np.where(top > 0, 440.0 * 2.0 ** ((top - 69.0) / 12.0), 0.0)


def line_scores(truth: Truth, line: Notes) -> Score:
    """``melody_scores`` of an array of ``LINE``."""
    return melody_scores(truth, line["start"], line["end"], line["pitch"])


def cover_scores(truth: Truth, cover: Cover) -> Score:
    """The finished cover: its top line against the melody, its onsets (50 ms, pitch class) against the human's piano."""
    start, end = cover.note_seconds()
    scores = {f"top {name}": value for name, value in melody_scores(truth, start, end, cover.notes["pitch"]).items()}
    seconds = float(truth.melody[:, 1].max())
    hits = wanted = found = 0
    for pitch_class in range(12):
        ours = np.sort(start[(cover.notes["pitch"] % 12 == pitch_class) & (start < seconds + 2)])
        theirs = np.sort(truth.piano[truth.piano[:, 1] % 12 == pitch_class, 0]) if len(truth.piano) else np.zeros(0)
        hits += len(mir_eval.util.match_events(theirs, ours, 0.05)) if len(ours) and len(theirs) else 0
        wanted, found = wanted + len(theirs), found + len(ours)
    if wanted:
        scores["onsets"] = 2.0 * hits / (wanted + found)
    return scores
