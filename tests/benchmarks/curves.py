"""How fast the plot of a run's curves draws 100,000 points, with the targets.

    python tests/benchmarks/curves.py

The real widget at 1440x900 in memory, as Qt's raster painter draws on a screen. Times are medians on the clock and of
the processor; the latter counts, since other work on the machine disturbs the clock. Not part of the test run.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtGui import QPixmap

from desktop.tuning.runs import Score
from desktop.ui.app import application
from desktop.ui.widgets.curve_axes import Axis
from desktop.ui.widgets.curve_plot import CurvePlot
from desktop.ui.widgets.curve_run import RunCurves

POINTS = 100_000
SIZE = (1440, 900)
TARGET_MS = 10.0


def points(count: int, begin: int = 0, seed: int = 1) -> dict[str, np.ndarray]:
    """Steps of a long noisy run."""
    rng = np.random.default_rng(seed + begin)
    step = np.arange(begin + 1, begin + count + 1)
    loss = 0.4 + 3.6 * np.exp(-step / 9000) + rng.gamma(2.0, 0.12, count)
    return {
        "step": step,
        "loss": loss,
        "rate": 5e-4 * 0.5 * (1 + np.cos(np.pi * step / POINTS)),
        "norm": rng.gamma(3.0, 0.4, count),
        "tokens": step * 240.0,
        "elapsed": np.cumsum(rng.gamma(20.0, 0.01, count)) + begin * 0.2,
        "memory": 2.1e9 + 1e8 * rng.random(count),
        "epoch": step / 12000,
    }


def curves(number: int = 0) -> RunCurves:
    """A run with 100,000 points and 200 evaluations."""
    run = RunCurves(f"{number:010x}", f"Run {number + 1}", number)
    run.extend(points(POINTS, seed=1 + number))
    steps = range(POINTS // 200, POINTS + 1, POINTS // 200)
    falling = {step: float(np.exp(-step / 9000)) for step in steps}
    run.set_scores(
        [
            Score(step, name, value)
            for step, share in falling.items()
            for name, value in (("loss", 0.5 + 3 * share), ("accuracy", 0.93 - 0.8 * share))
        ]
    )
    run.best_step, run.best_name = POINTS, "loss"
    return run


def report(what: str, work: Callable[[], object], target: float | None = TARGET_MS, count: int = 60) -> None:
    """Print a line: median milliseconds on the clock and of the processor."""
    walls, used = [], []
    for _ in range(count):
        began, busy = time.perf_counter(), time.process_time()
        work()
        walls.append((time.perf_counter() - began) * 1000)
        used.append((time.process_time() - busy) * 1000)
    wall, cpu = statistics.median(walls), statistics.median(used)
    aim = "" if target is None else f"(target {target:g} ms: {'met' if cpu <= target else 'MISSED'})"
    print(f"{what:<62} {wall:7.2f} ms  processor {cpu:7.2f} ms  {aim}".rstrip(), flush=True)


def main() -> None:
    """Measure all of it."""
    application()
    plot = CurvePlot()
    plot.resize(*SIZE)
    plot.show()
    screen = QPixmap(plot.size())
    report("taking in 100,000 points", curves, None, 5)
    run = curves()
    plot.set_runs([run])

    def again() -> None:
        plot.invalidate()
        plot.render(screen)

    report("100,000 points, drawn anew", again)
    turn = [0]

    def hover() -> None:
        turn[0] += 1
        plot.read(plot.scene.at(100 + turn[0] * 13 % 1200))
        plot.render(screen)

    report("crosshair moved", hover)
    plot.read(None)

    def zoom() -> None:
        turn[0] += 1
        plot.zoom(1.3 if turn[0] % 20 < 10 else 1 / 1.3, POINTS * 0.7)
        plot.render(screen)

    report("zooming in and out", zoom)
    plot.fit()
    plot.set_log(True)
    report("logarithmic", again)
    plot.set_log(False)
    plot.set_axis(Axis.TIME)
    report("over time", again)
    plot.set_axis(Axis.STEP)

    def append() -> None:
        run.extend(points(10, len(run)))
        plot.refresh()
        plot.render(screen)

    report("10 more points, drawn anew", append)

    def smooth() -> None:
        turn[0] += 1
        plot.set_span(100 if turn[0] % 2 else 200)
        plot.render(screen)

    report("smoothed over another span, drawn anew", smooth, None)
    plot.set_span(0)
    plot.set_runs([curves(number) for number in range(5)])
    report("five runs of 100,000 points compared, drawn anew", again, None)


if __name__ == "__main__":
    main()
