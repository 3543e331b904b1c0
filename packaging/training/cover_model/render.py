"""Play songs of POP909 as bands and keep what is heard on the grid, with the human cover.

cd packaging/training
python -m cover_model.render --pop909 POP909 --out DATA [--part train|check|report] [--font A.sf2 ...] [--rounds 2]
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pretty_midi
import soundfile

from desktop.piano.analysis_data import SIXTEENTHS
from desktop.piano.analysis_store import packed
from desktop.piano.songbook.decode import STRUCK
from desktop.piano.struck import Struck

from .band import Excerpt, assemble
from .hearing import Ears, grid_of, listen
from .settings import RenderSettings, SongSettings
from .songs import Notes, Song, read_song
from .synth import mix, play

Rng = np.random.Generator


def excerpt_of(song: Song, rng: Rng, beats: int) -> Excerpt:
    """Some beats of a song, in which the melody sings."""
    last = max(0, len(song.beats) - beats - 1)
    entry = int(np.searchsorted(song.beats, song.parts["MELODY"]["start"][0]))
    first = int(rng.integers(0, last + 1)) if last > entry else max(0, min(last, entry - 4))
    cut = slice(first, first + beats + 1)
    return Excerpt(song, first, song.beats[cut], song.in_bar[cut])


def on_grid(notes: Notes, beats: npt.NDArray[np.float64]) -> Struck:
    """Notes (``STRUCK``, steps from the first beat) at the nearest steps, at least one step long."""
    steps = np.arange(len(beats)) * SIXTEENTHS
    onset, offset = (np.rint(np.interp(notes[end], beats, steps)).astype(int) for end in ("start", "end"))
    out = np.zeros(len(notes), STRUCK)
    out["onset"], out["offset"], out["pitch"] = onset, np.maximum(offset, onset + 1), notes["pitch"]
    return out[np.lexsort((out["pitch"], out["onset"]))]


def render(song: Song, rng: Rng, fonts: list[Path], settings: RenderSettings) -> tuple[Excerpt, npt.NDArray[np.float32]]:
    """An excerpt and the sound of a band that plays it, at ``settings.rate``; both begin with its first beat."""
    excerpt = excerpt_of(song, rng, settings.beats)
    font = fonts[int(rng.integers(len(fonts)))]
    cents = float(rng.uniform(-settings.tuning, settings.tuning))
    seconds = excerpt.end - excerpt.start
    stems = [play(players, seconds, font, settings.rate, cents) for players in assemble(excerpt, rng, settings)]
    return excerpt, mix(*stems, rng, settings)


def keep(path: Path, excerpt: Excerpt, sound: npt.NDArray[np.float32], ears: Ears) -> None:
    """Write the analysis of an excerpt and, beside it, the notes that people play to it; where the first is, both are."""
    analysis = listen(sound, grid_of(excerpt.beats - excerpt.start, excerpt.in_bar), ears, excerpt.song.number)
    np.save(path.with_suffix(".npy"), on_grid(excerpt.within(excerpt.song.human()), excerpt.beats))
    part = path.with_suffix(f".part{os.getpid()}")
    part.write_bytes(packed(analysis))
    part.replace(path)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pop909", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--part", choices=("train", "check", "report"), default="train")
    default = Path(pretty_midi.__file__).parent / "TimGM6mb.sf2"
    parser.add_argument("--font", type=Path, nargs="+", default=[default], help="SoundFonts; each song draws one")
    parser.add_argument("--rounds", type=int, default=1, help="excerpts of each song")
    parser.add_argument("--first-round", type=int, default=0)
    parser.add_argument("--sound", action="store_true", help="keep the sound beside the frames, for listening")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    settings, ears = RenderSettings(), Ears.open()
    low, high = getattr(SongSettings(), args.part)
    for turn in range(args.first_round, args.first_round + args.rounds):
        # Any order, so that the first hundred songs are as good a selection as all of them.
        for number in np.random.default_rng(turn).permutation(np.arange(low, high + 1)).tolist():
            path = args.out / f"{number:03d}-{turn}.npz"
            folder = args.pop909 / f"{number:03d}"
            if path.exists() or not folder.is_dir():
                continue
            began = time.monotonic()
            rng = np.random.default_rng([turn, number])
            try:
                excerpt, sound = render(read_song(folder), rng, args.font, settings)
            except ValueError as error:
                print(f"{path.name}: left out, {error}", flush=True)
                continue
            keep(path, excerpt, sound, ears)
            if args.sound:
                soundfile.write(path.with_suffix(".flac"), sound, settings.rate)
            print(f"{path.name}: {len(sound) / settings.rate:.0f} s of sound in {time.monotonic() - began:.1f} s", flush=True)


if __name__ == "__main__":
    main()
