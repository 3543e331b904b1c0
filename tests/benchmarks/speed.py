"""Speed and memory of what a user waits for, each with its target.

    python tests/benchmarks/speed.py [--only version cover window ...] [--song FILE] [--check]

Everything is measured from outside, as commands in fresh processes with an empty home; only the installed models are
shared. Memory is the sum of the resident sets of the command and all of its children, so pages that they share count
more than once. Not part of the test run.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from desktop import paths
from desktop.piano.audio import load_audio, write_audio

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "resources" / "demo" / "six-oclock-ferry.opus"
RATE = 44100


@dataclass(frozen=True)
class Line:
    """One line of the report: ``target`` is the largest value that will do, None where there is none."""

    what: str
    value: float
    unit: str
    target: float | None = None
    note: str = ""

    @property
    def met(self) -> bool:
        return self.target is None or self.value <= self.target

    def __str__(self) -> str:
        target = "" if self.target is None else f"(target {self.target:g} {self.unit}: {'met' if self.met else 'MISSED'})"
        return f"{self.what:<44} {self.value:8.2f} {self.unit:<3} {target} {self.note}".rstrip()


@dataclass(frozen=True)
class Run:
    """A finished command: wall seconds, peak memory of its whole tree in megabytes, what it printed."""

    seconds: float
    megabytes: float
    output: str


def measure(command: list[str], home: Path) -> Run:
    """Run a command with ``home`` as its user folder; SystemExit with its words when it fails."""
    environment = {
        **os.environ,
        "REPRISE_HOME": str(home),
        "REPRISE_MODELS": str(paths.models_dir()),
        "QT_QPA_PLATFORM": "offscreen",
    }
    with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
        started = time.perf_counter()
        process = psutil.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT
        )
        peak = 0
        while process.poll() is None:
            peak = max(peak, memory(process))
            with contextlib.suppress(psutil.TimeoutExpired):
                process.wait(0.05)
        seconds = time.perf_counter() - started
        said.seek(0)
        output = said.read()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}\nended with {process.returncode}:\n{output}")
    return Run(seconds, peak / 1e6, output)


def memory(process: psutil.Process) -> int:
    """Resident bytes of a process and its children."""
    total = 0
    try:
        tree = [process, *process.children(recursive=True)]
    except psutil.Error:
        return 0
    for member in tree:
        try:
            total += member.memory_info().rss
        except psutil.Error:
            continue
    return total


def reprise(*arguments: str) -> list[str]:
    """The command line of this checkout."""
    return [sys.executable, "-m", "desktop", *arguments]


def song(source: Path, seconds: float, folder: Path) -> Path:
    """``source`` over and over until it is ``seconds`` long, as an mp3."""
    sound = load_audio(source, rate=RATE, mono=False).samples
    if sound.ndim == 1:
        sound = np.stack([sound, sound], axis=1)
    times = int(np.ceil(seconds * RATE / len(sound)))
    path = folder / f"song-{seconds:.0f}s.mp3"
    write_audio(path, np.tile(sound, (times, 1))[: int(seconds * RATE)], RATE)
    return path


def version(folder: Path, source: Path) -> Iterator[Line]:
    """The start of the command line: the median of nine starts."""
    walls = [measure(reprise("--version"), folder).seconds for _ in range(10)][1:]
    yield Line("reprise --version", statistics.median(walls), "s", 0.3)


def cover(folder: Path, source: Path) -> Iterator[Line]:
    """Three minutes of music from the command to the MIDI, then again with another style on the kept analysis."""
    path = song(source, 180, folder)
    first = measure(reprise("cover", str(path), "-o", str(folder / "first"), "--json"), folder)
    yield Line("cover of 3 minutes, command to MIDI", first.seconds, "s", 30.0, notes_of(folder / "first"))
    yield Line("cover of 3 minutes, peak memory", first.megabytes, "MB", 1200.0)
    again = measure(reprise("cover", str(path), "-o", str(folder / "again"), "--style", "ballad", "--json"), folder)
    yield Line("the same song in another style", again.seconds, "s", None, notes_of(folder / "again"))


def long_song(folder: Path, source: Path) -> Iterator[Line]:
    """Ten minutes must work."""
    path = song(source, 600, folder)
    run = measure(reprise("cover", str(path), "-o", str(folder / "long"), "--json"), folder)
    yield Line("cover of 10 minutes", run.seconds, "s", None, notes_of(folder / "long"))
    yield Line("cover of 10 minutes, peak memory", run.megabytes, "MB")


def notes_of(folder: Path) -> str:
    """How many notes the MIDI in ``folder`` holds; SystemExit without one."""
    import mido

    found = sorted(folder.glob("*.mid"))
    if not found:
        raise SystemExit(f"no MIDI in {folder}")
    notes = sum(
        message.type == "note_on" and message.velocity > 0 for track in mido.MidiFile(found[0]).tracks for message in track
    )
    return f"{notes} notes"


def window(folder: Path, source: Path) -> Iterator[Line]:
    """The window's own benchmark, whose lines are passed on."""
    script = Path(__file__).with_name("window.py")
    if script.exists():
        print(measure([sys.executable, str(script)], folder).output.rstrip())
    yield from ()


def bootstrap(folder: Path, source: Path) -> Iterator[Line]:
    """What a second start of the bootstrap adds; only where it made the environment."""
    if not (ROOT / ".venv" / "bootstrap.json").exists():
        print("bootstrap: this environment was not made by it; nothing to measure")
        return
    command = [getattr(sys, "_base_executable", sys.executable), str(ROOT / "packaging" / "bootstrap.py"), "install"]
    walls = [measure(command, folder).seconds for _ in range(6)][1:]
    yield Line("bootstrap, second start", statistics.median(walls), "s", 1.0)


PARTS: dict[str, Callable[[Path, Path], Iterator[Line]]] = {
    "version": version,
    "cover": cover,
    "long": long_song,
    "window": window,
    "bootstrap": bootstrap,
}


def main() -> int:
    """Print the report; with --check, 1 when a target is missed."""
    parser = argparse.ArgumentParser(description="Measure speed and memory against the targets.")
    parser.add_argument("--only", nargs="+", choices=sorted(PARTS), default=list(PARTS))
    parser.add_argument("--song", type=Path, default=DEMO, help="what the long songs are made of")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a target is missed")
    parser.add_argument("--json", type=Path, help="write the numbers there too")
    options = parser.parse_args()
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}, load {psutil.getloadavg()[0]:.1f}")
    lines: list[Line] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in options.only:
            for line in PARTS[name](Path(folder), options.song):
                print(line, flush=True)
                lines.append(line)
    if options.json:
        options.json.write_text(
            json.dumps([{"what": x.what, "value": x.value, "unit": x.unit, "target": x.target} for x in lines], indent=1)
        )
    return int(options.check and not all(line.met for line in lines))


if __name__ == "__main__":
    sys.exit(main())
