"""Twenty songs by one command: one at a time on one core, one at a time on all, and as many as there are cores.

    python tests/benchmarks/batch.py [--songs 20] [--seconds 30]

Not part of the test run. The songs are stretches of the demo song, each from another place; every run has a fresh home.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from desktop.jobs.cores import cores  # noqa: E402
from desktop.paths import models_dir, resources  # noqa: E402
from desktop.piano.audio import load_audio, write_audio  # noqa: E402

RATE = 44100


def write_songs(folder: Path, count: int, seconds: float) -> None:
    """Stretches of the demo song as WAV files."""
    sound = load_audio(next((resources() / "demo").glob("*.opus")), RATE).samples
    room = sound.shape[-1] - round(seconds * RATE)
    for number in range(count):
        start = round(room * number / max(1, count - 1))
        part = sound[..., start : start + round(seconds * RATE)]
        write_audio(folder / f"song {number + 1:02}.wav", part if part.ndim == 2 else part[None].repeat(2, 0), RATE)


def run(songs: Path, at_once: int, threads: int) -> tuple[float, float]:
    """Seconds by the clock and of processor time; ``threads`` of all workers together, 0 for one a core."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as home:
        surroundings = {**os.environ, "REPRISE_HOME": home, "REPRISE_MODELS": str(models_dir()), "PYTHONPATH": str(ROOT)}
        settings = Path(home, "config", "settings.json")
        settings.parent.mkdir()
        settings.write_text(json.dumps({"threads": threads}))
        words = ["-m", "desktop", "batch", "cover", str(songs), "-o", f"{home}/out", "--jobs", str(at_once)]
        began = time.perf_counter()
        subprocess.run([sys.executable, *words], env=surroundings, check=True, capture_output=True)
        took = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--songs", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=30.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_songs(Path(folder), given.songs, given.seconds)
        base = 0.0
        for at_once, threads in dict.fromkeys(((1, 1), (1, 0), (cores(), 0))):
            took, busy = run(Path(folder), at_once, threads)
            base = base or took
            print(
                f"{given.songs} songs of {given.seconds:.0f} s, {at_once} at a time, threads: {threads or cores()}: {took:.1f} s"
            )
            print(f"    {base / took:.2f} times as fast, {busy:.1f} s of processor time, {busy / took:.2f} cores busy")


if __name__ == "__main__":
    main()
