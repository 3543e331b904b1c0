"""How soon the window is there, how fast it draws, how much memory it takes, each with its target.

    python tests/benchmarks/window.py

Starts are fresh processes with an empty home; painting is measured on the real widgets, with 50,000 notes and with large
pictures. Without a display Qt draws into memory, as it does on a screen with its raster painter. Not part of the test run.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
import psutil
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QApplication

from desktop.piano.cover import NOTE, Chord, Grid
from desktop.ui.app import application
from desktop.ui.widgets.compare_view import CompareView
from desktop.ui.widgets.piano_roll import PianoRoll
from desktop.ui.widgets.picture import Picture
from desktop.ui.widgets.roll_data import RollData, from_notes
from desktop.ui.widgets.timeline import Timeline

ROOT = Path(__file__).resolve().parents[2]
NOTES = 50_000
SIZE = (1400, 600)

START = """
import time, sys
from desktop.ui import app
a = app.application()
parts = app.build(a)
parts.window.show()
a.processEvents()
import psutil
own = psutil.Process()
print(time.time(), own.memory_info().rss / 1e6, own.cpu_times().user + own.cpu_times().system, flush=True)
parts.window.asks_before_closing = False
parts.window.close()
parts.close()
"""


def line(what: str, value: float, unit: str, target: float | None = None, note: str = "") -> None:
    """Print a line of the report."""
    aim = "" if target is None else f"(target {target:g} {unit}: {'met' if value <= target else 'MISSED'})"
    print(f"{what:<50} {value:8.2f} {unit:<3} {aim} {note}".rstrip(), flush=True)


def starts(count: int = 7) -> None:
    """From the command to the painted window: the median of fresh processes, the first one thrown away."""
    walls, memory, cpu = [], [], []
    with tempfile.TemporaryDirectory() as home:
        for _ in range(count):
            began = time.time()
            done = subprocess.run(
                [sys.executable, "-c", START],
                cwd=ROOT,
                env={**os.environ, "REPRISE_HOME": home},
                capture_output=True,
                text=True,
                check=True,
            )
            shown, rss, used = map(float, done.stdout.split())
            walls.append(shown - began)
            memory.append(rss)
            cpu.append(used)
    line("window shown", statistics.median(walls[1:]), "s", 1.5, f"processor time {statistics.median(cpu[1:]):.2f} s")
    line("memory of the window's process, empty", statistics.median(memory), "MB")


def many_notes() -> RollData:
    """Notes as in a very long song: six a second in two hands."""
    rng = np.random.default_rng(1)
    notes = np.zeros(NOTES, NOTE)
    notes["start"] = np.sort(np.round(rng.uniform(0, NOTES / 6, NOTES) * 4) / 4)
    notes["end"] = notes["start"] + rng.choice([0.25, 0.5, 1, 2], NOTES)
    notes["hand"] = rng.integers(0, 2, NOTES)
    notes["pitch"] = np.where(notes["hand"] == 1, rng.integers(33, 58, NOTES), rng.integers(58, 88, NOTES))
    notes["velocity"] = rng.integers(30, 110, NOTES)
    grid = Grid(np.arange(NOTES / 6 + 4) * 0.5)
    return from_notes(notes, grid, tuple(Chord(i * 4, i * 4 + 4, i % 12, "min7", i % 12) for i in range(NOTES // 24)))


def median_ms(work: Callable[[], object], count: int = 200) -> float:
    """Median milliseconds of a call."""
    walls = []
    for _ in range(count):
        began = time.perf_counter()
        work()
        walls.append((time.perf_counter() - began) * 1000)
    return statistics.median(walls)


def painting(app: QApplication) -> None:
    """Frames of the piano roll with 50,000 notes in the file."""
    timeline = Timeline()
    roll = PianoRoll(timeline)
    roll.resize(*SIZE)
    roll.show()
    data = many_notes()
    before = psutil.Process().memory_info().rss
    began = time.perf_counter()
    roll.set_data(data)
    length = float(data.end.max())
    timeline.set_duration(length)
    screen = QPixmap(roll.size())
    roll.render(screen)
    line("first picture of all 50,000 notes", (time.perf_counter() - began) * 1000, "ms")
    for shown in (60.0, length):
        timeline.show_range(100, 100 + shown) if shown < length else timeline.fit()
        visible = len(data.start[data.visible(timeline.start, timeline.end)])

        def scroll(pixels: int = 5 if shown < length else 0) -> None:
            timeline.pan(pixels)
            roll.render(screen)

        line(f"roll, scrolling, {visible} notes in view", median_ms(scroll), "ms", 1.0)
    timeline.show_range(100, 160)
    at = [100.0]

    def play() -> None:
        at[0] += 1 / 60
        roll.set_playhead(at[0])
        app.processEvents()

    line("roll, playhead moving, a frame", median_ms(play), "ms", 1.0)

    def zoom() -> None:
        roll.invalidate()
        roll.render(screen)

    line("roll, drawn anew (zooming)", median_ms(zoom, 60), "ms")
    line("memory for 50,000 notes and their pictures", (psutil.Process().memory_info().rss - before) / 1e6, "MB")


def comparing() -> None:
    """Frames of the compare view at 1920x1080: an old clip of 720x576 beside its result of twice the size, and 4K."""
    view = CompareView()
    view.resize(1920, 1080)
    view.show()
    screen = QPixmap(view.size())
    rng = np.random.default_rng(1)
    old = [rng.integers(0, 255, (576, 720, 3), np.uint8) for _ in range(3)]
    view.set_size(720, 576)
    view.set_pictures(Picture.of(old[0]), Picture.of(old[1].repeat(2, 0).repeat(2, 1)))
    turn = [0]

    def drag() -> None:
        turn[0] += 1
        view.set_split(turn[0] * 7 % 1000 / 1000)
        view.render(screen)

    def zoom() -> None:
        turn[0] += 1
        view.zoom_by(1.01 if turn[0] % 2 else 1 / 1.01)
        view.render(screen)

    def play() -> None:
        turn[0] += 1
        view.set_pictures(*(Picture.of(old[(turn[0] + k) % 3]) for k in (0, 1)))
        view.render(screen)

    line("compare view 1920x1080, line dragged", median_ms(drag), "ms", 4.0)
    line("compare view 1920x1080, zooming", median_ms(zoom), "ms", 4.0)
    view.fit()
    line("compare view 1920x1080, two new frames (playing)", median_ms(play), "ms", 4.0)
    large = [Picture.of(rng.integers(0, 255, (2160, 3840, 3), np.uint8)) for _ in range(2)]
    view.set_size(3840, 2160)
    view.set_pictures(large[0], large[1])
    view.fit()
    view.render(screen)
    line("compare view 1920x1080, 4K pictures, line dragged", median_ms(drag), "ms", 4.0)


if __name__ == "__main__":
    starts()
    painting(application())
    comparing()
