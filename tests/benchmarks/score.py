"""How long a score takes: a cover of four minutes as MusicXML, SVG pages and PDF, each from the saved cover.

Run: python tests/benchmarks/score.py [COVER]
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from desktop.jobs.job import ScoreJob
from desktop.jobs.progress import Progress
from desktop.piano.arrange import arrange
from desktop.piano.cover import Cover
from desktop.piano.open_cover import open_cover
from desktop.piano.project import save_project
from desktop.piano.score.job import run_score
from tests.piano.random_songs import make_song

TARGET_S = 5.0
MINUTES = 4.0
TEMPO = 120.0


def four_minutes() -> Cover:
    """A dense cover of four minutes: arpeggios at full difficulty."""
    song = make_song(7, tempo=TEMPO, bars=int(MINUTES * TEMPO / 4))
    notes, pedals = arrange(song, "arpeggio", "full")
    return Cover("Four minutes", notes, pedals, song.grid, song.chords, song.key, song.duration)


def processor() -> float:
    """Seconds of processor time of this process and of the ended ones that it started."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def main(arguments: list[str]) -> int:
    """Print a line for each format; the exit code says whether all of them are within the target."""
    made = open_cover(arguments[0]) if arguments else four_minutes()
    print(f"{made.duration / 60:.1f} minutes, {len(made.notes)} notes")
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "cover.reprise"
        save_project(made, saved)
        for ending in ("musicxml", "svg", "pdf"):
            begun, used = time.perf_counter(), processor()
            result = run_score(ScoreJob(cover=str(saved), output=str(Path(folder) / f"score.{ending}")), Progress())
            took, used = time.perf_counter() - begun, processor() - used
            worst = max(worst, took)
            stages = ", ".join(f"{name} {seconds:.2f}" for name, seconds in result["seconds"].items())
            pages = f", {result['pages']} pages" if result["pages"] else ""
            print(f"{ending:<10}{took:6.2f} s (processor {used:.2f} s; {stages}){pages}")
    print(f"target: {TARGET_S:g} s each, {'met' if worst <= TARGET_S else 'missed'}")
    return 0 if worst <= TARGET_S else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
