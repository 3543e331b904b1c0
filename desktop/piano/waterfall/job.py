"""The job that writes the falling-notes video of a saved cover."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from desktop.errors import UserError
from desktop.jobs.cores import encoding_threads
from desktop.jobs.events import Progressed
from desktop.jobs.job import Result, WaterfallJob
from desktop.jobs.progress import Progress
from desktop.piano.cover import Cover
from desktop.piano.open_cover import open_cover
from desktop.piano.soundfont import chosen_soundfont
from desktop.piano.waterfall.containers import kind_of
from desktop.piano.waterfall.frames import draw_frame
from desktop.piano.waterfall.letters import letters
from desktop.piano.waterfall.looks import LOOKS
from desktop.piano.waterfall.picture import load_picture
from desktop.piano.waterfall.renderer import Options, Renderer
from desktop.piano.waterfall.scene import Scene, scene_of
from desktop.piano.waterfall.sound import Frames, play_part
from desktop.piano.waterfall.surface import Form, Screen, Video
from desktop.piano.waterfall.writer import Writer
from desktop.results import results_folder

RUN_IN = 1.5
"""Seconds that the first note is seen falling at least, before it sounds."""
RING = 2.4
"""Seconds that the video goes on after the last key has come up."""
_WAITING = 4
_MOST_THREADS = 16
"""Frames drawn ahead of the encoder."""
_SAID_EVERY = 0.25


def run_waterfall(job: WaterfallJob, progress: Progress) -> Result:
    """Write the video; it is complete or not there.

    The result says where it is, how many frames it has, and how fast they were made (``realtime``: seconds of video a second).
    Raises UserError for a cover, picture, SoundFont or folder that will not do, or when the encoder is missing.
    """
    output = Path(job.output)
    kind = kind_of(output, job.transparent)
    cover = open_cover(job.cover)
    scene = scene_of(cover)
    begin, end = _span(job, scene)
    width, height = job.pixels
    picture = load_picture(job.background, width, height) if job.background else None
    soundfont = chosen_soundfont(job.soundfont) if job.sound else None
    form: Form = Screen() if kind.alpha else Video()
    options = Options(
        lead=job.lead, rate=job.fps, keys=job.keys, chords=job.chords, transparent=job.transparent, picture=picture,
        caption=job.caption, opening=begin, letters=letters,
    )  # fmt: skip
    with results_folder(output.parent):
        share = 0.15 if soundfont else 0.0
        sound = _sound(cover, soundfont, begin, end, progress.part(0.0, share))
        progress.at(share, "Drawing the first frames")
        renderer = Renderer(scene, width, height, LOOKS[job.style], form, options)
        count = max(1, round((end - begin) * job.fps))
        started = time.perf_counter()
        with Writer(output, kind, width, height, job.fps, sound, min(_MOST_THREADS, encoding_threads())) as writer:
            times = (begin + number / job.fps for number in range(count))
            told = _Told(count, job.fps, progress.part(share, 0.99))
            with closing(_ahead(times, lambda second: draw_frame(renderer, second, kind))) as frames:
                for number, frame in enumerate(frames):
                    told(number)
                    writer.write(frame)
        took = time.perf_counter() - started
    if sound is not None:
        _forget(sound)
    progress.artifact("video", output, cover.title)
    progress.emit(Progressed(1.0, "Done"))
    return {
        "files": {"video": str(output)},
        "title": cover.title,
        "duration": round(count / job.fps, 3),
        "begins": round(begin, 3),
        "frames": count,
        "fps": job.fps,
        "lead": round(renderer.lead, 3),
        "frames_per_second": round(count / took, 1),
        "realtime": round(count / job.fps / took, 2),
        "seconds": {"video": round(took, 3)},
    }


def _span(job: WaterfallJob, scene: Scene) -> tuple[float, float]:
    """First and last second of the song that are shown; UserError when nothing is there."""
    if not len(scene.start):
        raise UserError("There are no notes to show", path=job.cover, remedy="Choose another cover.")
    end = job.last or scene.last + RING
    begin = job.first or min(0.0, float(scene.start[0]) - RUN_IN)
    if begin >= end:
        what = f"The cover is over after {scene.last + RING:.1f} s, before the part that was asked for begins"
        raise UserError(what, path=job.cover, remedy="Choose an earlier start.")
    return begin, end


def _sound(cover: Cover, soundfont: Path | None, begin: float, end: float, progress: Progress) -> Frames | None:
    return play_part(cover, soundfont, begin, end, progress.scratch(), progress) if soundfont is not None else None


def _forget(sound: Frames) -> None:
    """Remove the file that a finished video needs no more."""
    path = getattr(sound, "filename", None)
    if path is not None:
        Path(path).unlink(missing_ok=True)


class _Told:
    """Says now and then how far the video is, how fast it goes, and how long it will take."""

    def __init__(self, count: int, fps: int, progress: Progress) -> None:
        self._count, self._fps, self._progress = count, fps, progress
        self._began = self._said = time.monotonic()

    def __call__(self, number: int) -> None:
        self._progress.checkpoint()
        now = time.monotonic()
        if now - self._said < _SAID_EVERY:
            return
        self._said = now
        speed = number / (now - self._began)
        left = (self._count - number) / max(speed, 1e-3)
        text = f"Frame {number} of {self._count} · {speed:.0f} frames/s · {int(left) // 60}:{int(left) % 60:02d} left"
        self._progress.at(number / self._count, text)


def _ahead(times: Iterator[float], draw: Callable[[float], Any]) -> Generator[Any, None, None]:
    """Draw frames in a thread, a few ahead of whoever takes them; ends the thread when that one stops."""
    frames: queue.Queue[Any] = queue.Queue(_WAITING)
    ended = threading.Event()

    def put(item: Any) -> bool:
        while not ended.is_set():
            try:
                frames.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for second in times:
                if not put(draw(second)):
                    return
            put(None)
        except BaseException as error:
            put(error)

    thread = threading.Thread(target=work, name="drawing", daemon=True)
    thread.start()
    try:
        while (item := frames.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        ended.set()
        thread.join()
