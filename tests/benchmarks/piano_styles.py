"""Are the styles and difficulties of Sketch different? Numbers of each, and distances between their left-hand patterns.

    python tests/benchmarks/piano_styles.py [--songs N] [--tuning] [--pop909 DIR]

Arranges POP909 songs as a perfect listener would hear them (true melody, chords and beats), so that it takes seconds a song.
The songs reported on are those that piano_quality.py holds back; ``--tuning`` takes songs below 600 instead, for tuning. A
pair of styles is apart when the same song in both differs more than two songs do in one of them.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from itertools import combinations
from pathlib import Path

import numpy as np
import piano_measures as measures
from piano_quality import HELD_BACK, SHARED, TUNING

from desktop.jobs.job import DIFFICULTIES, STYLES
from desktop.piano.cover import LEFT, RIGHT, Cover
from desktop.piano.engines import engine
from desktop.piano.playability import LIMITS, violations
from tests.piano.pop909 import load_song, truth

COLUMNS = (
    ("left mean", "L n/s", "6.2f"),
    ("left p95", "p95", "5.2f"),
    ("left most", "most", "5.2f"),
    ("right mean", "R n/s", "6.2f"),
    ("right p95", "p95", "5.2f"),
    ("right most", "most", "5.2f"),
    ("left span", "L span", "6.0f"),
    ("right span", "R span", "6.0f"),
    ("left pitch", "L pitch", "7.1f"),
    ("right pitch", "R pitch", "7.1f"),
    ("left leaps", "L leap", "6.1f"),
    ("right leaps", "R leap", "6.1f"),
    ("left off", "L off", "5.2f"),
    ("right off", "R off", "5.2f"),
    ("unplayable", "unpl%", "5.2f"),
    ("violations", "viol", "4.0f"),
)
LARGEST = {"left span", "right span", "left most", "right most", "violations"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--songs", type=int, default=20, metavar="N")
    parser.add_argument("--tuning", action="store_true", help="songs on which the arranger may be tuned")
    parser.add_argument("--pop909", type=Path, default=SHARED / "pop909")
    parser.add_argument("--difficulty", nargs="+", default=list(DIFFICULTIES))
    args = parser.parse_args()
    numbers = (TUNING if args.tuning else HELD_BACK)[: args.songs]
    songs = [truth(load_song(args.pop909.parent, number)) for number in numbers]
    for difficulty in args.difficulty:
        rows: dict[str, list[measures.Score]] = defaultdict(list)
        patterns: dict[str, list[measures.Floats]] = defaultdict(list)
        for song in songs:
            for style in STYLES:
                cover = engine("sketch")(song, style=style, difficulty=difficulty, title=song.title)
                rows[style].append(_numbers(cover, difficulty))
                patterns[style].append(measures.pattern(cover))
        _table(difficulty, rows)
        _distances(patterns)
    return 0


def _numbers(cover: Cover, difficulty: str) -> measures.Score:
    notes = measures.played(cover)
    out: measures.Score = {"unplayable": measures.unplayable(notes)}
    out["violations"] = len(violations(cover.notes, cover.grid, LIMITS[difficulty]))
    for name, hand in (("left", LEFT), ("right", RIGHT)):
        out |= {f"{name} {key}": value for key, value in measures.pace(notes, hand).items()}
        out[f"{name} leaps"] = measures.leaps(notes, hand)
        out[f"{name} off"] = measures.off_beat(cover, hand)
    return out


def _table(difficulty: str, rows: dict[str, list[measures.Score]]) -> None:
    """Means over the songs, of the largest where a limit is meant."""
    print(f"\n{difficulty:<10}" + " ".join(f"{title:>{int(form.split('.')[0])}}" for _, title, form in COLUMNS))
    for style, scores in rows.items():
        cells = []
        for key, _, form in COLUMNS:
            values = [score[key] for score in scores]
            cells.append(format(max(values) if key in LARGEST else float(np.mean(values)), form))
        print(f"{style:<10}" + " ".join(cells))


def _distances(patterns: dict[str, list[measures.Floats]]) -> None:
    """Between each two styles over the same songs; on the diagonal between each two songs in the same style."""
    inside = {
        style: float(np.mean([measures.distance(a, b) for a, b in combinations(ones, 2)])) for style, ones in patterns.items()
    }
    print(f"{'':<10}" + " ".join(f"{style:>8}" for style in patterns))
    near = []
    for one, ones in patterns.items():
        cells = []
        for other, others in patterns.items():
            between = float(np.mean([measures.distance(a, b) for a, b in zip(ones, others, strict=True)]))
            cells.append(f"{inside[one]:>8.2f}" if one == other else f"{between:>8.2f}")
            if one < other and between <= max(inside[one], inside[other]):
                near.append(f"{one}-{other}")
        print(f"{one:<10}" + " ".join(cells))
    print("all pairs apart" if not near else f"NOT apart: {', '.join(near)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
