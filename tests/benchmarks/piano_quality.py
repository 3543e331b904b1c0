"""How well songs are heard and covered, song by song.

    python tests/benchmarks/piano_quality.py [--songs [DIR ...]] [--render N] [--keep DIR] [--seed S ...] [--soundfont FILE ...]

Without options: the recordings and the two rendered songs of the shared data. ``--render 20`` renders twenty with the shared
script, from a fixed list that nothing was fitted on; ``--songs`` without a folder leaves others out. ``--keep`` keeps rendered
songs and their analyses, so that a run that was stopped goes on and the next one only arranges. ``--librosa`` adds the beats of
librosa, as they come and with the tempo octave chosen by hand. Not part of the test run.

A second table holds the covers against what a human plays in the same songs: the three tracks of the arrangement.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import piano_measures as measures
import piano_scores as scores

from desktop import paths
from desktop.jobs.progress import Progress
from desktop.models.library import Library
from desktop.piano.analysis import Analysis, analyse
from desktop.piano.cover import Cover
from desktop.piano.engines import engine
from desktop.piano.playability import LIMITS, statistics

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
HELD_BACK = (*range(701, 781, 4), *range(703, 781, 4), *range(702, 781, 4))
"""Songs of POP909 that are only reported on; weights were fitted and the arranger was tuned on songs below 600."""
TUNING = tuple(range(5, 600, 29))
"""Songs that it may be tuned on."""
TARGETS = {"beat": 0.93, "root": 0.75, "top chroma": 0.70, "top pitch": 0.60}
COLUMNS = (
    ("tempo", "tempo", "6.1f"),
    ("true tempo", "true", "6.1f"),
    ("octave", "oct", "4.0f"),
    ("beat", "beat", "5.2f"),
    ("beat fixed", "fixed", "5.2f"),
    ("librosa", "libr", "5.2f"),
    ("librosa fixed", "l.fix", "5.2f"),
    ("down", "down", "5.2f"),
    ("root", "root", "5.2f"),
    ("majmin", "majm", "5.2f"),
    ("thirds", "third", "5.2f"),
    ("key", "key", "4.1f"),
    ("chroma", "m.chr", "5.2f"),
    ("pitch", "m.pit", "5.2f"),
    ("top chroma", "t.chr", "5.2f"),
    ("top pitch", "t.pit", "5.2f"),
    ("onsets", "onset", "5.2f"),
    ("rate", "n/s", "5.1f"),
    ("violations", "viol", "4.0f"),
    ("analysis", "ana s", "5.1f"),
    ("cover", "cov s", "5.1f"),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--songs", type=Path, nargs="*", default=[SHARED / "songs"], help="folders of songs with beats beside them"
    )
    parser.add_argument("--pop909", type=Path, default=SHARED / "pop909")
    parser.add_argument("--render", type=int, default=0, metavar="N", help="render N held-back songs and add them")
    parser.add_argument("--tuning", action="store_true", help="render songs that may be tuned on, not those held back")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep rendered songs and analyses there, and use those kept")
    parser.add_argument("--seed", type=int, nargs="+", default=[5])
    parser.add_argument("--soundfont", nargs="+", default=[])
    parser.add_argument("--engine", choices=("sketch", "songbook"), default="sketch")
    parser.add_argument("--style", default="pop")
    parser.add_argument("--difficulty", default="medium")
    parser.add_argument("--librosa", action="store_true")
    parser.add_argument("--json", type=Path, help="write all numbers there as well")
    args = parser.parse_args()
    os.environ.setdefault("REPRISE_MODELS", str(paths.models_dir()))
    with tempfile.TemporaryDirectory() as scratch:
        kept = args.keep.absolute() if args.keep else Path(scratch)
        # Without --keep no analysis comes from the cache, so that its time is measured.
        os.environ["REPRISE_HOME"] = str(kept / "home")
        folders = list(args.songs)
        for seed in args.seed if args.render else []:
            folders.append(kept / (f"tuning-{seed}" if args.tuning else f"seed-{seed}"))
            _render(args, seed, folders[-1])
        rows = _report(args, folders)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0


def _report(args: argparse.Namespace, folders: list[Path]) -> dict[str, scores.Score]:
    rows: dict[str, scores.Score] = {}
    print(f"{'song':<18}" + " ".join(f"{title:>{_width(form)}}" for _, title, form in COLUMNS))
    for folder in folders:
        of_folder = {}
        for truth in _truths(folder, args.pop909):
            row = _score(truth, args)
            of_folder[f"{folder.name}/{truth.name}"] = row
            print(_line(truth.name, row), flush=True)
        rendered = [row for row in of_folder.values() if "root" in row]
        if len(rendered) > 1:
            mean = {
                name: float(np.mean([row[name] for row in rendered if name in row]))
                for name, *_ in COLUMNS
                if name in rendered[0]
            }
            print(_line(f"mean of {len(rendered)}", mean))
            print(
                "  "
                + ", ".join(f"{n} {mean[n]:.3f} (target {t}: {'met' if mean[n] >= t else 'MISSED'})" for n, t in TARGETS.items())
            )
        rows |= of_folder
        _against_people(rendered)
    return rows


def _against_people(rows: Sequence[scores.Score]) -> None:
    """Means over the songs of the cover, of the human arrangement, and of the distance between the two in each song."""
    names = [name.removeprefix("human ") for name in (rows[0] if rows else {}) if name.startswith("human ")]
    if not names:
        return
    print("".ljust(10) + " ".join(f"{name:>10}" for name in names))
    ours, theirs = (np.array([[row[head + name] for name in names] for row in rows]) for head in ("cover ", "human "))
    for title, values in (("cover", ours), ("human", theirs), ("apart", np.abs(ours - theirs))):
        print(title.ljust(10) + " ".join(f"{value:>10.3f}" for value in values.mean(0)))
    away = {name: float(np.mean([row[name] for row in rows])) for name in ("places", "pitches")}
    print("distance from the human's distribution: " + ", ".join(f"{name} {value:.3f}" for name, value in away.items()))


def _compared(truth: scores.Truth, cover: Cover, chroma: Path) -> scores.Score:
    """The cover and the human arrangement by the same measures, over the same window."""
    seconds = float(truth.melody[:, 1].max())
    theirs = measures.human(truth.audio.with_name(f"{truth.name}_arrangement.mid"))
    ours = measures.played(cover)
    beats = truth.beats[:, 0]
    heard = measures.heard_chroma(truth.audio, beats, chroma)
    out: scores.Score = {}
    pieces = {"cover": ours[ours["start"] < seconds], "human": theirs[theirs["start"] < seconds]}
    for head, notes in pieces.items():
        numbers = measures.texture(notes) | measures.rhythm(notes) | {"chroma": measures.chroma_cosine(heard, notes, beats)}
        out |= {f"{head} {name}": value for name, value in numbers.items()}
    for name, histogram in (("places", lambda notes: measures.places(notes, truth.beats)), ("pitches", measures.pitches)):
        out[name] = measures.distance(*(histogram(notes) for notes in pieces.values()))
    return out


def _truths(folder: Path, pop909: Path) -> Iterator[scores.Truth]:
    for audio in sorted(p for p in folder.rglob("*") if p.suffix in (".flac", ".ogg", ".wav", ".mp3")):
        number = audio.stem
        if audio.with_suffix(".json").exists() and (pop909 / number).is_dir():
            yield scores.read_rendered(audio, pop909)
        elif (audio.parent / "beats.txt").exists():
            yield scores.Truth(number, audio, np.loadtxt(audio.parent / "beats.txt", ndmin=2))


def _score(truth: scores.Truth, args: argparse.Namespace) -> scores.Score:
    start = time.perf_counter()
    found = analyse(truth.audio, Library(), Progress())
    listened = time.perf_counter()
    cover = engine(args.engine)(found, style=args.style, difficulty=args.difficulty, title=truth.name)
    row = {"analysis": listened - start, "cover": time.perf_counter() - listened}
    row |= scores.grid_scores(truth, found.grid) | scores.chord_scores(truth, found.grid, found.chords, found.key)
    if len(truth.melody):
        row |= scores.line_scores(truth, found.melody) | scores.cover_scores(truth, cover)
        row |= _compared(truth, cover, paths.cache_dir() / "chroma" / f"{found.source_hash}.npy")
    numbers = statistics(cover, LIMITS[args.difficulty])
    row["rate"] = len(cover.notes) / found.duration
    row["violations"] = float(numbers["violations"])  # type: ignore[arg-type]
    if args.librosa:
        row |= _librosa(truth, found)
    return row


def _librosa(truth: scores.Truth, found: Analysis) -> scores.Score:
    """librosa's dynamic programming tracker: as it comes, and told the tempo octave that fits the truth best."""
    import librosa

    samples, rate = librosa.load(truth.audio, sr=22050)
    strength = librosa.onset.onset_strength(y=samples, sr=rate)
    tempo, beats = librosa.beat.beat_track(onset_envelope=strength, sr=rate, units="time")
    tempo = float(np.ravel(tempo)[0])
    tries = [librosa.beat.beat_track(onset_envelope=strength, sr=rate, units="time", bpm=tempo * k)[1] for k in (0.5, 2.0)]
    reference = truth.beats[:, 0]
    plain = scores.beat_f(reference, beats)
    return {"librosa": plain, "librosa fixed": max([plain, *(scores.beat_f(reference, one) for one in tries)])}


def _render(args: argparse.Namespace, seed: int, folder: Path) -> None:
    numbers = (TUNING if args.tuning else HELD_BACK)[: args.render]
    missing = [number for number in numbers if not (folder / f"{number:03d}.json").exists()]
    if not missing:
        return
    command = [sys.executable, SHARED / "songs" / "render_pop909.py", *map(str, missing)]
    command += ["--pop909", args.pop909, "--out", folder, "--seed", str(seed)]
    if args.soundfont:
        command += ["--soundfont", *args.soundfont]
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)


def _line(name: str, row: scores.Score) -> str:
    cells = [format(row[key], form) if key in row else "-".rjust(_width(form)) for key, _, form in COLUMNS]
    return f"{name[:18]:<18}" + " ".join(cells)


def _width(form: str) -> int:
    return int(form.split(".")[0])


if __name__ == "__main__":
    sys.exit(main())
