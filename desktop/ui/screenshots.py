"""Pictures of every panel in light and dark, several sizes and scales, with real results.

A song is really listened to, covered and rendered by the queue, in folders of its own; the installed models are used.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QWidget

from desktop import paths
from desktop.errors import UserError

SIZES = ((1440, 900), (1100, 700))
PATIENCE_S = 300


def main(out: Path | str, song: Path | str | None = None) -> int:
    """Write the pictures into ``out``; returns the exit code. The scale of 200 % is drawn by a process of its own."""
    folder = paths.make_folder(Path(out).absolute())
    demo = paths.resources() / "demo"
    source = Path(song).absolute() if song else next(iter(sorted(demo.glob("*.opus"))), demo)
    if not source.is_file():
        raise UserError("The song for the pictures is not there", path=source)
    with tempfile.TemporaryDirectory(prefix="reprise-pictures-") as home:
        environment = {
            **os.environ,
            "REPRISE_HOME": home,
            "REPRISE_MODELS": str(paths.models_dir()),
            "QT_QPA_PLATFORM": "offscreen",
        }
        for scale in ("1", "2"):
            command = [sys.executable, "-m", "desktop.ui.screenshots", str(folder), str(source)]
            done = subprocess.run(command, env={**environment, "QT_SCALE_FACTOR": scale}, check=False)
            if done.returncode:
                return done.returncode
    for picture in sorted(folder.glob("*.png")):
        print(picture)
    return 0


class _Session:
    """One run of the window, at the scale of this process."""

    def __init__(self, folder: Path, song: Path) -> None:
        from desktop.ui import app

        self.app = app.application()
        self.parts = app.build(self.app)
        self.window = self.parts.window
        self.folder, self.song = folder, song
        self.large = self.window.devicePixelRatioF() > 1
        self.suffix = "-200" if self.large else ""

    def run(self) -> None:
        from desktop.ui.piano.panel import PianoPanel

        window = self.window
        window.resize(*SIZES[0])
        window.show()
        panel = window.panel
        assert isinstance(panel, PianoPanel)
        self.rest()
        self.take("start")
        window.open_path(self.song)
        self.wait(lambda: panel.song.covering is None or panel.song.covering.fraction > 0.2)
        self.take("running")
        self.wait(lambda: panel.song.covering is None and panel.song.sound is not None and panel.song.original is not None)
        self.rest(600)
        self.take("done")
        canvas, grid = panel.canvas, panel.song.grid
        if grid is not None:
            bar = grid.seconds([k * grid.meter + grid.downbeat for k in (4, 6, 8, 12)]).tolist()
            canvas.timeline.show_range(bar[0] - 0.5, bar[3])
            canvas.set_loop((bar[1], bar[2]), True)
            canvas.seek((bar[1] + bar[2]) / 2)
        window.dock.toggle()
        self.rest()
        self.take("zoomed")
        window.dock.toggle()
        for name in ("library", "preferences"):
            window.go(name)
            self.rest(600)
            self.take(name)
        window.go("piano")
        broken = self.folder / ".not a song, although its name says so and is very long indeed.mp3"
        broken.write_text("This is text.")
        window.open_path(broken)
        self.wait(lambda: panel.song.error is not None)
        self.rest()
        self.take("error")
        broken.unlink()
        if not self.large:
            self._dialogs()
        window.close()

    def _dialogs(self) -> None:
        for action, name in (("help.shortcuts", "shortcuts"), ("help.about", "about")):
            self.window.book[action].trigger()
            self.rest(900)
            dialog = next(w for w in self.app.topLevelWidgets() if w is not self.window and w.isVisible() and w.windowTitle())
            self._grab(dialog, name)
            dialog.close()
            self.rest()

    def take(self, name: str) -> None:
        """The window in both themes; in the small size too at 100 %."""
        for choice in ("dark", "light"):
            self.parts.themer.choose(choice)
            for size in SIZES[: 1 if self.large else 2]:
                self.window.resize(*size)
                self.rest(120)
                self._grab(self.window, f"{name}-{choice}-{size[0]}x{size[1]}{self.suffix}")
        self.window.resize(*SIZES[0])
        self.rest(60)

    def _grab(self, widget: QWidget, name: str) -> None:
        path = self.folder / f"{name}.png"
        if not widget.grab().save(str(path)):
            raise UserError("The picture could not be written", path=path)

    def rest(self, milliseconds: int = 200) -> None:
        """Let the window live for a moment."""
        loop = QEventLoop()
        QTimer.singleShot(milliseconds, loop.quit)
        loop.exec()

    def wait(self, until: Callable[[], bool]) -> None:
        """Let the window live until something is so."""
        loop = QEventLoop()
        timer, limit = QTimer(interval=50), QTimer(interval=PATIENCE_S * 1000, singleShot=True)
        timer.timeout.connect(lambda: loop.quit() if until() else None)
        limit.timeout.connect(loop.quit)
        timer.start()
        limit.start()
        loop.exec()
        if not until():
            raise UserError("The song took too long")


def _draw(arguments: argparse.Namespace) -> int:
    session = _Session(arguments.folder, arguments.song)
    try:
        session.run()
    finally:
        session.parts.close()
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("song", type=Path)
    sys.exit(_draw(parser.parse_args()))
