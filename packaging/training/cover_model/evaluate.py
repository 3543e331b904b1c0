"""Measure covers of songs that were not trained on, side by side with the engine Sketch on the same sound and the same beats.

cd packaging/training
python -m cover_model.evaluate --pop909 POP909 --model FILE [--songs 10] [--part check] [--json FIGURES]
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import mir_eval
import numpy as np
import numpy.typing as npt
import pretty_midi

from desktop.models.session import open_session
from desktop.piano.analysis import Analysis
from desktop.piano.analysis_data import SIXTEENTHS
from desktop.piano.analysis_store import packed, unpacked
from desktop.piano.cover import NOTE, Cover, Notes, sort_notes
from desktop.piano.engines import sketch
from desktop.piano.playability import LIMITS, statistics
from desktop.piano.songbook.compose import compose
from desktop.piano.songbook.network import Songbook
from tests.benchmarks import piano_measures as measures

from .band import Excerpt
from .hearing import Ears, grid_of, listen
from .render import excerpt_of, render
from .settings import RenderSettings, SongSettings
from .songs import Song, read_song

Floats = npt.NDArray[np.float64]
FRAME = 0.01  # seconds between the compared points of the melody
TOLERANCE = 0.05
MIDDLE_C = 60
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
    steps = np.arange(len(excerpt.beats)) * SIXTEENTHS
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
    row |= {name: float(str(counted[name])) for name in TEXTURE}
    notes, theirs = measures.played(cover), measures.PLAYED
    people = np.zeros(len(human), theirs)
    for name in ("start", "end", "pitch", "velocity"):
        people[name] = human[name]
    beats = np.stack([excerpt.beats - excerpt.start, excerpt.in_bar], axis=1)
    row |= measures.rhythm(notes)
    row["pitches apart"] = measures.distance(measures.pitches(notes), measures.pitches(people))
    row["places apart"] = measures.distance(*(measures.places(_of_one_hand(one), beats) for one in (notes, people)))
    row["bars alike"] = bars_alike(at[1], keys, cover)
    return row


def _of_one_hand(notes: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    """Nobody knows which hand people played them with."""
    out = notes.copy()
    out["hand"] = 0
    return out


def bars_alike(steps: list[int], keys: Floats, cover: Cover) -> float:
    """How alike the rhythms of neighbouring bars are below middle C: shared sixteenths as a share of all, 0..1."""
    length = cover.grid.meter * SIXTEENTHS
    bars: dict[int, set[int]] = {}
    for step, key in zip(steps, keys, strict=True):
        if key < MIDDLE_C:
            bar, within = divmod(step - cover.grid.downbeat * SIXTEENTHS, length)
            bars.setdefault(bar, set()).add(within)
    pairs = [(bars[bar], bars[bar + 1]) for bar in bars if bar + 1 in bars]
    return float(np.mean([len(a & b) / len(a | b) for a, b in pairs])) if pairs else 0.0


def compared(excerpt: Excerpt, analysis: Analysis, songbook: Songbook, difficulty: str) -> dict[str, dict[str, float]]:
    """Figures of the network's cover, of Sketch's, and of what people play, all on the true beats."""
    notes, pedals = compose(songbook, analysis, difficulty)
    theirs = sketch.make_cover(analysis, difficulty=difficulty)
    ours = replace(theirs, notes=notes, pedals=pedals)
    human = excerpt.within(excerpt.song.human())
    played = np.zeros(len(human), NOTE)
    for name in ("start", "end"):
        played[name] = analysis.grid.beats(np.maximum(0, human[name] - excerpt.start))
    played["pitch"], played["velocity"] = human["pitch"], human["velocity"]
    people = replace(theirs, notes=sort_notes(played))
    return {name: figures(cover, excerpt) for name, cover in (("network", ours), ("sketch", theirs), ("people", people))}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pop909", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True, help="file that export wrote")
    parser.add_argument("--songs", type=int, default=60)
    parser.add_argument("--part", choices=("check", "report"), default="report")
    parser.add_argument("--difficulty", choices=tuple(LIMITS), default="medium")
    parser.add_argument("--font", type=Path, default=Path(pretty_midi.__file__).parent / "TimGM6mb.sf2")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--keep", type=Path, help="folder for the analyses, so that the next model need not wait for them")
    args = parser.parse_args()
    ears, songbook = Ears.open(), Songbook(open_session(args.model, device="cpu"))
    low, high = getattr(SongSettings(), args.part)
    rows = {}
    for number in np.linspace(low, high, min(args.songs, high - low + 1)).astype(int).tolist():
        song = read_song(args.pop909 / f"{number:03d}")
        rng = np.random.default_rng([1000, number])
        excerpt, analysis = heard(song, rng, args.font, ears, args.keep)
        rows[song.number] = compared(excerpt, analysis, songbook, args.difficulty)
        print(song.number, json.dumps(rows[song.number]["network"]), flush=True)
    for player in ("network", "sketch", "people"):
        of_player = [row[player] for row in rows.values()]
        means = {name: round(float(np.mean([row[name] for row in of_player])), 3) for name in of_player[0]}
        print(player, json.dumps(means, indent=1))
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1) + "\n")


def heard(song: Song, rng: np.random.Generator, font: Path, ears: Ears, kept: Path | None) -> tuple[Excerpt, Analysis]:
    """An excerpt of a song as a band plays it, and the analysis of the sound."""
    settings = RenderSettings()
    path = kept / f"{song.number}.npz" if kept else None
    if path and path.exists():
        with path.open("rb") as file:
            return excerpt_of(song, rng, settings.beats), unpacked(file)
    excerpt, sound = render(song, rng, [font], settings)
    analysis = listen(sound, grid_of(excerpt.beats - excerpt.start, excerpt.in_bar), ears, song.number)
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(packed(analysis))
    return excerpt, analysis


if __name__ == "__main__":
    main()
