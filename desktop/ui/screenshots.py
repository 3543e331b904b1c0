"""Pictures of every panel in light and dark, several sizes and scales, with real results.

A song is really listened to, covered and rendered by the queue, a clip is really restored, and a model is really tuned, in
folders of their own; the installed models are used.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QWidget

from desktop import paths
from desktop.errors import UserError

if TYPE_CHECKING:
    from desktop.ui.piano.panel import PianoPanel

SIZES = ((1440, 900), (1100, 700))
PATIENCE_S = 300


def main(out: Path | str, song: Path | str | None = None, clip: Path | str | None = None) -> int:
    """Write the pictures into ``out``; returns the exit code. The scale of 200 % is drawn by a process of its own.

    ``clip``: a video, or a folder of several, for the Video panel; the demo clip when None.
    """
    folder = paths.make_folder(Path(out).absolute())
    demo = paths.resources() / "demo"
    source = Path(song).absolute() if song else next(iter(sorted(demo.glob("*.opus"))), demo)
    if not source.is_file():
        raise UserError("The song for the pictures is not there", path=source)
    clips = Path(clip).absolute() if clip else demo / "two-on-a-tape.mp4"
    with tempfile.TemporaryDirectory(prefix="reprise-pictures-") as home:
        environment = {
            **os.environ,
            "REPRISE_HOME": home,
            "REPRISE_MODELS": str(paths.models_dir()),
            "QT_QPA_PLATFORM": "offscreen",
        }
        for scale in ("1", "2"):
            command = [sys.executable, "-m", "desktop.ui.screenshots", str(folder), str(source), str(clips)]
            done = subprocess.run(command, env={**environment, "QT_SCALE_FACTOR": scale}, check=False)
            if done.returncode:
                return done.returncode
    for picture in sorted(folder.glob("*.png")):
        print(picture)
    return 0


class _Session:
    """One run of the window, at the scale of this process."""

    def __init__(self, folder: Path, song: Path, clip: Path) -> None:
        from desktop.ui import app

        self.app = app.application()
        self.parts = app.build(self.app)
        self.window = self.parts.window
        self.folder, self.song, self.clip = folder, song, clip
        self.large = self.window.devicePixelRatioF() > 1
        self.suffix = "-200" if self.large else ""

    def run(self) -> None:
        from desktop.ui.piano.panel import PianoPanel

        window = self.window
        window.resize(*SIZES[0])
        window.show()
        window.go("piano")
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
        self._views(panel)
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
        self._video()
        self._tuning()
        if not self.large:
            self._dialogs()
        window.close()

    def _views(self, panel: PianoPanel) -> None:
        """The cover edited, as a score, as falling notes, its takes; and a batch."""
        canvas, song = panel.canvas, panel.song
        canvas.set_loop(None, False)
        for lane in ("velocity", "pedal"):
            canvas.editor.toggle_lane(lane)
        canvas.editor.choose_bars()
        self.rest()
        self.take("edited")
        for lane in ("velocity", "pedal"):
            canvas.editor.toggle_lane(lane)
        canvas.editor.choose(())
        for view in ("score", "falling"):
            canvas.show_view(view)
            self.rest(2500)
            self.take(view)
        canvas.show_view("takes")
        panel.bars.audition("sketch", song.options.difficulty)
        self.wait(lambda: len(panel.bars.found) > 1 and not panel.bars.running)
        self.rest()
        self.take("takes")
        canvas.show_view("roll")
        with tempfile.TemporaryDirectory(prefix="reprise-songs-") as folder:
            songs = [Path(shutil.copy(self.song, Path(folder) / name)) for name in (self.song.name, f"Another {self.song.name}")]
            songs.append(Path(folder) / "no song, although its name says so and is very long indeed.mp3")
            songs[-1].write_text("This is text.")
            panel.open_all(songs)
            self.wait(lambda: len(panel.batch.entries) == len(songs))
            panel.batch.choose(output=folder)
            panel.batch.start()
            self.wait(lambda: not panel.batch.running and panel.batch.batching.report is not None)
            self.take("batch")
            panel.batch.remove(range(len(songs)))
            panel.batch.choose(output="")
        panel.show_batch(False)

    def _video(self) -> None:
        """The Video panel: empty, with a clip, its frame in three views, running, done, with several clips, with an error."""
        from desktop.ui.video.panel import VideoPanel
        from desktop.ui.video.shown import After
        from desktop.ui.widgets.compare_view import Mode

        window = self.window
        window.go("video")
        panel = window.panel
        assert isinstance(panel, VideoPanel)
        self.rest()
        self.take("video-start")
        if not self.clip.name:
            return
        # Results go beside their clips: work on copies.
        with tempfile.TemporaryDirectory(prefix="reprise-clips-") as folder:
            given = sorted(self.clip.iterdir()) if self.clip.is_dir() else [self.clip]
            clips = [Path(shutil.copy(one, folder)) for one in given if panel.takes(one)]
            window.open_path(clips[0])
            shown, look, view = panel.clip.shown, panel.clip.look, panel.canvas.view
            self.wait(lambda: shown.kind is After.PREVIEW and bool(look.info) and not look.filming)
            panel.clip.seek(look.duration / 2)
            self.wait(lambda: shown.kind is After.PREVIEW and shown.frame is not None)
            self.rest(400)
            self.take("video-preview")
            for mode in (Mode.SIDE, Mode.DIFFERENCE):
                view.set_mode(mode)
                self.rest()
                self.take(f"video-{mode.value}")
            view.set_mode(Mode.SPLIT)
            panel.run()
            self.wait(lambda: shown.kind is After.RUNNING or panel.clip.running is None)
            self.take("video-running")
            self.wait(lambda: panel.clip.running is None and shown.kind is After.RESULT)
            self.rest(400)
            self.take("video-done")
            broken = Path(folder) / "no video, although its name says so and is very long indeed.mp4"
            broken.write_text("This is text.")
            panel.queue([*clips[1:], broken])
            panel.run_all()
            self.rest(2500)
            self.take("video-clips")
            window.open_path(broken)
            self.wait(lambda: panel.clip.error is not None)
            self.rest()
            self.take("video-error")
            for item in list(panel.clips.items):
                panel.clips.cancel(item)
            self.wait(lambda: all(item.running is None for item in panel.clips.items))

    def _tuning(self) -> None:
        """The Tuning panel: empty, with records, a recipe, a run that goes on and one that is done, with an error."""
        from desktop.tuning.recipes import STARTS
        from desktop.ui.tuning.panel import TuningPanel
        from desktop.ui.tuning.steps import Step

        window = self.window
        window.go("tuning")
        panel = window.panel
        assert isinstance(panel, TuningPanel)
        draft = panel.draft
        self.rest(600)
        self.take("tuning-start")
        for start in STARTS[:2]:
            panel.openings.open_sample(start)
            self.wait(lambda: draft.problem is not None or (draft.found is not None and not draft.looking))
            self.wait(lambda: not draft.estimating)
            self.rest(400)
            self.take(f"tuning-records-{start.id}")
            panel.go(Step.RECIPE)
            self.rest()
            self.take(f"tuning-recipe-{start.id}")
        broken = self.folder / ".records, although the name says so, that are none at all.csv"
        broken.write_bytes(b"")
        window.open_path(broken)
        self.wait(lambda: draft.problem is not None)
        self.rest()
        self.take("tuning-error")
        broken.unlink()
        panel.openings.open_sample(STARTS[0])
        self.wait(lambda: draft.found is not None and not draft.looking)
        if draft.blocked:
            return
        panel.start_run()
        run = panel.source.run_id
        self.wait(lambda: not panel.source.is_active(run) or getattr(panel.source.get(run), "step", 0) > 40)
        self.take("tuning-running")
        self.wait(lambda: not panel.source.is_active(run))
        self.rest(800)
        self.take("tuning-run")

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
            raise UserError("The pictures took too long")


def _draw(arguments: argparse.Namespace) -> int:
    session = _Session(arguments.folder, arguments.song, arguments.clip)
    try:
        session.run()
    finally:
        session.parts.close()
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("song", type=Path)
    parser.add_argument("clip", type=Path)
    sys.exit(_draw(parser.parse_args()))
