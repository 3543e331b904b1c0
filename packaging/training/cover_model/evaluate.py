"""Measure covers of songs that were not trained on, side by side with the engine Sketch on the same sound and the same beats.

cd packaging/training
python -m cover_model.evaluate --pop909 POP909 --model FOLDER [--songs 10] [--json FIGURES]
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import mir_eval
import numpy as np
import numpy.typing as npt
import pretty_midi
import soundfile

from desktop.jobs.progress import Progress
from desktop.models.decoding.pop2piano import Pop2Piano
from desktop.models.library import Library
from desktop.piano.analysis import analyse
from desktop.piano.cover import PEDAL, Cover, Grid, Notes
from desktop.piano.engines import sketch
from desktop.piano.playability import LIMITS, statistics

from .band import Excerpt
from .compose import compose, for_hands
from .export import ACTIVATION
from .features import Ears, heard
from .render import render
from .settings import GridSettings, RenderSettings, SongSettings
from .songs import read_song

Floats = npt.NDArray[np.float64]
FRAME = 0.01  # seconds between the compared points of the melody
TOLERANCE = 0.05
TEXTURE = ("notes_per_second", "notes_per_onset", "lowest", "highest")


def melody_chroma(melody: Notes, start: Floats, end: Floats, pitch: Floats) -> float:
    """Share of the melody's time in which the highest sounding note has its pitch class. Times in seconds."""
    frames = round(float(melody["end"].max()) / FRAME) + 1
    true, top = np.full(frames, -1), np.full(frames, -1)
    for note in melody:
        true[max(0, round(note["start"] / FRAME)) : round(note["end"] / FRAME)] = note["pitch"]
    for first, last, key in zip(start, end, pitch, strict=True):
        span = slice(max(0, round(first / FRAME)), round(last / FRAME))
        top[span] = np.maximum(top[span], int(key))
    sung = true >= 0
    return float(np.mean((top[sung] >= 0) & ((top[sung] - true[sung]) % 12 == 0)))


def onset_f1(wanted: tuple[Floats, Floats], found: tuple[Floats, Floats]) -> float:
    """F measure of onsets with their pitch within ``TOLERANCE``; each side is (seconds, MIDI pitches)."""
    if not len(wanted[0]) or not len(found[0]):
        return 0.0
    spans, hertz = zip(
        *((np.stack([at, at + 0.1], 1), mir_eval.util.midi_to_hz(keys)) for at, keys in (wanted, found)), strict=True
    )
    return float(
        mir_eval.transcription.precision_recall_f1_overlap(
            spans[0], hertz[0], spans[1], hertz[1], onset_tolerance=TOLERANCE, offset_ratio=None
        )[2]
    )


def step_f1(wanted: set[tuple[int, int]], found: set[tuple[int, int]]) -> float:
    """F measure of (sixteenth, pitch)."""
    return 2 * len(wanted & found) / max(1, len(wanted) + len(found))


def figures(cover: Cover, excerpt: Excerpt) -> dict[str, float]:
    """A cover against what people play to the song, over the excerpt."""
    start, end = cover.note_seconds()
    keys = cover.notes["pitch"].astype(float)
    human, melody = excerpt.within(excerpt.song.human()).copy(), excerpt.within(excerpt.song.parts["MELODY"]).copy()
    for notes in (human, melody):
        notes["start"] = np.maximum(0, notes["start"] - excerpt.start)
        notes["end"] -= excerpt.start
    steps = np.arange(len(excerpt.beats)) * GridSettings().steps_per_beat
    at = [np.rint(np.interp(one, excerpt.beats - excerpt.start, steps)).astype(int).tolist() for one in (human["start"], start)]
    counted = statistics(cover, LIMITS["medium"])
    row = {
        "melody chroma": melody_chroma(melody, start, end, keys),
        "onset F1 50 ms": onset_f1((human["start"], human["pitch"].astype(float)), (start, keys)),
        "onset F1 sixteenth": step_f1(
            set(zip(at[0], human["pitch"].tolist(), strict=True)), set(zip(at[1], keys.astype(int).tolist(), strict=True))
        ),
        "violations in 100 notes": 100 * float(str(counted["violations"])) / max(1, len(cover.notes)),
    }
    return row | {name: float(str(counted[name])) for name in TEXTURE}


def compared(
    excerpt: Excerpt, sound: npt.NDArray[np.float32], ears: Ears, model: Pop2Piano, scratch: Path
) -> dict[str, dict[str, float]]:
    """Figures of the network's and of Sketch's cover. Both are told the true beats and bars."""
    rate = RenderSettings().rate
    times = excerpt.beats - excerpt.start
    audio, beats = scratch / f"{excerpt.song.number}.flac", scratch / f"{excerpt.song.number}.txt"
    soundfile.write(audio, sound, rate)
    np.savetxt(beats, np.stack([times, excerpt.in_bar], axis=1), fmt=("%.4f", "%d"), delimiter="\t")
    analysis = analyse(audio, Library(), Progress(), beats=str(beats))
    grid = Grid(times)
    struck = compose(model, heard(sound, times, ears, GridSettings()), excerpt.in_bar)
    ours = Cover(
        title=excerpt.song.number,
        notes=for_hands(struck, grid),
        pedals=np.zeros(0, PEDAL),
        grid=grid,
        chords=(),
        key=analysis.key,
        duration=float(times[-1]),
        info={},
    )
    return {"network": figures(ours, excerpt), "sketch": figures(sketch.make_cover(analysis), excerpt)}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pop909", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True, help="folder that export wrote")
    parser.add_argument("--songs", type=int, default=60)
    parser.add_argument("--font", type=Path, default=Path(pretty_midi.__file__).parent / "TimGM6mb.sf2")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    ears = Ears.open()
    model = Pop2Piano(args.model, ACTIVATION, device="cpu", threads=1)
    low, high = SongSettings().report
    rows = {}
    with tempfile.TemporaryDirectory() as scratch:
        for number in np.linspace(low, high, min(args.songs, high - low + 1)).astype(int).tolist():
            song = read_song(args.pop909 / f"{number:03d}")
            excerpt, sound = render(song, np.random.default_rng([1000, number]), [args.font], RenderSettings())
            rows[song.number] = compared(excerpt, sound, ears, model, Path(scratch))
            print(song.number, json.dumps(rows[song.number]), flush=True)
    for engine in ("network", "sketch"):
        of_engine = [row[engine] for row in rows.values()]
        means = {name: round(float(np.mean([row[name] for row in of_engine])), 3) for name in of_engine[0]}
        print(engine, json.dumps(means, indent=1))
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
