"""Measure the melody on rendered songs that were not trained on, beside two plain methods.

cd packaging/training
python -m melody.evaluate --songs rendered-a rendered-b --network nmp.onnx --melody melody.onnx --cache cache
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import mir_eval
import numpy as np
import numpy.typing as npt

from desktop.models.session import open_session
from desktop.piano.audio import load_audio
from desktop.piano.cover import Notes
from desktop.piano.melody import Salience, line_of, melody_salience
from desktop.piano.melody_features import Features, features
from desktop.piano.transcription import FRAME_RATE, LOWEST, posteriors

from .baselines import highest_note, plain_viterbi

Floats = npt.NDArray[np.float64]
STEP = 0.01  # seconds between the compared points


@dataclass(frozen=True)
class Heard:
    """What the networks made of one song, and the truth."""

    name: str
    note: npt.NDArray[np.float32]
    salience: Salience
    truth: Notes
    seconds: float


def truth_of(folder: Path, number: str) -> Notes:
    """The melody as it was sung in the mix."""
    with (folder / f"{number}_melody.csv").open() as file:
        rows = [(float(row["start"]), float(row["end"]), int(row["pitch"])) for row in csv.DictReader(file)]
    return np.array(rows, [("start", "f8"), ("end", "f8"), ("pitch", "u1")])


def listen(folder: Path, number: str, network: Path, melody: Path, cache: Path) -> Heard:
    """Run both networks; the slow first one only once."""
    kept = cache / f"{folder.name}_{number}.npz"
    if not kept.exists():
        cache.mkdir(parents=True, exist_ok=True)
        sound = load_audio(folder / f"{number}.flac", 22050)
        heard = posteriors(sound.samples, open_session(network, device="cpu"))
        found = features(heard, sound.samples)
        np.savez(
            kept,
            maps=found.maps.astype(np.float16),
            spectrum=found.spectrum.astype(np.float16),
            note=heard.note.astype(np.float16),
        )
    with np.load(kept) as file:
        found = Features(file["maps"].astype(np.float32), file["spectrum"].astype(np.float32))
        note = file["note"].astype(np.float32)
    salience = melody_salience(found, open_session(melody, device="cpu"))
    return Heard(number, note, salience, truth_of(folder, number), len(note) / FRAME_RATE)


def curve(notes: Notes, seconds: float) -> Floats:
    """Hz at every STEP, 0 where no note sounds; the higher of two notes."""
    out = np.zeros(int(seconds / STEP))
    for note in np.sort(notes, order="pitch"):
        out[round(note["start"] / STEP) : round(note["end"] / STEP)] = 440 * 2 ** ((float(note["pitch"]) - 69) / 12)
    return out


def score(truth: Notes, found: Notes, seconds: float) -> dict[str, float]:
    """mir_eval's melody figures, and onset F (50 ms, right pitch) of the notes.

    Where the found line is silent it has no pitch, so "pitch" and "chroma" count that as wrong: silent covers have no melody.
    """
    times = np.arange(int(seconds / STEP)) * STEP
    wanted, given = curve(truth, seconds), curve(found, seconds)
    figures = mir_eval.melody.evaluate(times, wanted, times, given)
    notes = 0.0
    if len(found):
        _, _, notes, _ = mir_eval.transcription.precision_recall_f1_overlap(
            *_spans_and_hz(truth), *_spans_and_hz(found), offset_ratio=None
        )
    return {
        "chroma": figures["Raw Chroma Accuracy"],
        "pitch": figures["Raw Pitch Accuracy"],
        "recall": figures["Voicing Recall"],
        "false": figures["Voicing False Alarm"],
        "overall": figures["Overall Accuracy"],
        "notes": notes,
    }


def _spans_and_hz(notes: Notes) -> tuple[Floats, Floats]:
    spans = np.column_stack([notes["start"], notes["end"]]).astype(np.float64)
    return spans, 440 * 2 ** ((notes["pitch"].astype(np.float64) - 69) / 12)


METHODS: dict[str, Callable[[Heard], Notes]] = {
    "highest note": lambda heard: highest_note(heard.note, FRAME_RATE, LOWEST),
    "plain Viterbi": lambda heard: plain_viterbi(heard.note, FRAME_RATE, LOWEST),
    "melody network": lambda heard: line_of(heard.salience),
}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--songs", type=Path, nargs="+", required=True, help="folders that render_pop909.py wrote")
    parser.add_argument("--network", type=Path, required=True)
    parser.add_argument("--melody", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--each", action="store_true", help="a line for every song")
    args = parser.parse_args()
    everything: dict[str, list[dict[str, float]]] = {name: [] for name in METHODS}
    for folder in args.songs:
        rows: dict[str, list[dict[str, float]]] = {name: [] for name in METHODS}
        for path in sorted(folder.glob("*.flac")):
            heard = listen(folder, path.stem, args.network, args.melody, args.cache)
            for name, method in METHODS.items():
                rows[name].append(score(heard.truth, method(heard), heard.seconds))
            if args.each:
                parts = json.loads((folder / f"{path.stem}.json").read_text())["parts"]
                print(folder.name, path.stem, shown(rows["melody network"][-1:]), parts.get("lead"), "|", parts.get("bridge"))
        for name, figures in rows.items():
            everything[name] += figures
            print(f"{folder.name:12} {len(figures):3} songs  {name:15} {shown(figures)}", flush=True)
    for name, figures in everything.items():
        print(f"{'all':12} {len(figures):3} songs  {name:15} {shown(figures)}")


def shown(figures: list[dict[str, float]]) -> str:
    """Means of all figures in one line."""
    return "  ".join(f"{key} {np.mean([row[key] for row in figures]):.3f}" for key in figures[0])


if __name__ == "__main__":
    main()
