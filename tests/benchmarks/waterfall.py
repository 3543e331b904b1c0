"""How fast falling-notes videos are made, in parts, beside a renderer that draws every frame anew.

    python tests/benchmarks/waterfall.py [--seconds 30] [--style night] [--cover FILE]

Not part of the test run. 1920x1080 at 60 frames a second. Without a cover, random notes of two hands (8 a second) are shown.
Wall time and processor time are given; the latter is what counts on a computer that does other work as well.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import av  # noqa: E402
import numpy as np  # noqa: E402
from PIL import Image, ImageDraw  # noqa: E402

from desktop.jobs.job import WaterfallJob  # noqa: E402
from desktop.jobs.progress import Progress  # noqa: E402
from desktop.piano.cover import NOTE, PEDAL, Cover, Grid, Key  # noqa: E402
from desktop.piano.open_cover import open_cover  # noqa: E402
from desktop.piano.project import save_project  # noqa: E402
from desktop.piano.waterfall.containers import Kind, kind_of  # noqa: E402
from desktop.piano.waterfall.frames import draw_frame  # noqa: E402
from desktop.piano.waterfall.job import run_waterfall  # noqa: E402
from desktop.piano.waterfall.letters import letters  # noqa: E402
from desktop.piano.waterfall.looks import LOOKS  # noqa: E402
from desktop.piano.waterfall.renderer import Options, Renderer  # noqa: E402
from desktop.piano.waterfall.scene import Scene, scene_of  # noqa: E402
from desktop.piano.waterfall.surface import Video  # noqa: E402

WIDTH, HEIGHT, FPS = 1920, 1080, 60
START = 4.0
"""Second at which the stretch begins."""
CHUNK = 60
VERYFAST = {"preset": "veryfast", "crf": "19"}


def busy_cover(seconds: float) -> Cover:
    """Random notes: 8 a second, both hands, with pedal."""
    rng = np.random.default_rng(5)
    beats = int((START + seconds + 8) * 2)
    notes = np.zeros(4 * beats, NOTE)
    notes["start"] = np.sort(rng.integers(0, 4 * beats, len(notes)) / 4)
    notes["end"] = notes["start"] + rng.choice([0.25, 0.5, 1, 2], len(notes))
    notes["hand"] = rng.integers(0, 2, len(notes))
    notes["pitch"] = np.where(notes["hand"], rng.integers(33, 60, len(notes)), rng.integers(60, 90, len(notes)))
    notes["velocity"] = rng.integers(40, 110, len(notes))
    pedals = np.array([(b + 0.2, b + 3.9) for b in range(0, beats, 4)], PEDAL)
    return Cover("Busy", notes, pedals, Grid(np.arange(beats + 1) * 0.5), (), Key(0, "major"), beats / 2)


class Plain:
    """The renderer one writes first: Pillow draws background, notes, keys and labels of every frame, swscale converts it."""

    def __init__(self, scene: Scene, renderer: Renderer) -> None:
        self.scene, self.like = scene, renderer

    def __call__(self, second: float) -> Any:
        like, scene = self.like, self.scene
        image = Image.new("RGB", (WIDTH, HEIGHT), (14, 16, 22))
        draw = ImageDraw.Draw(image)
        speed, fall = like.pace.speed, like.fall
        for beat in scene.beats:
            y = fall - (beat - second) * speed
            if 0 <= y < fall:
                draw.line((0, y, WIDTH, y), (40, 44, 60))
        hands = [tuple(round(255 * c) for c in colour) for colour in LOOKS["night"].hands]
        for i in scene.between(second, second + fall / speed).tolist():
            left, right = like.keys.spans[int(scene.pitch[i])]
            box = (left + 2, fall - (scene.end[i] - second) * speed, right - 3, fall - (scene.start[i] - second) * speed)
            if box[3] > box[1] + 1:
                draw.rounded_rectangle(box, 8, hands[int(scene.hand[i])], (255, 255, 255))
        down = {int(scene.pitch[i]): hands[int(scene.hand[i])] for i in scene.down(second).tolist()}
        for black in (False, True):
            for pitch, (left, right) in like.keys.spans.items():
                if (pitch % 12 in (1, 3, 6, 8, 10)) is black:
                    foot = fall + like.board * (0.63 if black else 1.0) - 1
                    draw.rectangle((left, fall, right - 1, foot), down.get(pitch, (25, 25, 28) if black else (235, 235, 238)), 0)
        return av.VideoFrame.from_image(image).reformat(format="yuv420p", dst_colorspace="ITU709")


def clocked(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and processor seconds of a call."""
    wall, cpu = perf_counter(), process_time()
    work()
    return perf_counter() - wall, process_time() - cpu


def encoder(options: dict[str, str]) -> tuple[Any, Callable[[list[Any]], int]]:
    """x264 on two threads, and a function that gives it frames and tells how many bytes came out."""
    container = av.open("/dev/null" if sys.platform != "win32" else "NUL", "w", format="mp4")
    stream = container.add_stream("libx264", rate=FPS, options=options)
    stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    stream.codec_context.thread_count, stream.codec_context.gop_size = 2, 4 * FPS
    count = iter(range(1 << 30))

    def encode(frames: list[Any]) -> int:
        made = 0
        for frame in frames:
            frame.pts, frame.time_base = next(count), Fraction(1, FPS)
            made += sum(packet.size for packet in stream.encode(frame))
        return made + (0 if frames else sum(packet.size for packet in stream.encode(None)))

    return container, encode


def chunks(count: int) -> Iterator[list[float]]:
    """Times of the frames, some at a time: a minute of pictures would not fit into memory."""
    for first in range(0, count, CHUNK):
        yield [START + number / FPS for number in range(first, min(count, first + CHUNK))]


def say(what: str, seconds: float, wall: float, cpu: float, more: str = "") -> None:
    """Print a line."""
    frames = seconds * FPS
    a_frame = f"{1000 * wall / frames:7.2f} ms wall {1000 * cpu / frames:7.2f} ms cpu a frame"
    print(f"{what:<46}{seconds / wall:7.2f} x real time {a_frame}  {more}", flush=True)


def parts(draw: Callable[[float], Any], kinds: dict[str, dict[str, str]], seconds: float, name: str) -> float:
    """Draw a stretch and encode it in several ways, one after another; returns processor seconds of drawing."""
    drawn = np.zeros(2)
    coded = {title: np.zeros(2) for title in kinds}
    sizes = dict.fromkeys(kinds, 0)
    coders = {title: encoder(options) for title, options in kinds.items()}
    for times in chunks(round(seconds * FPS)):
        frames: list[Any] = []
        drawn += clocked(lambda times=times, frames=frames: frames.extend(draw(second) for second in times))
        for title, (_, encode) in coders.items():

            def work(encode: Callable[[list[Any]], int] = encode, title: str = title, frames: list[Any] = frames) -> None:
                sizes[title] += encode(frames)

            coded[title] += clocked(work)
    say(f"{name}: draw", seconds, *drawn)
    for title, (container, encode) in coders.items():
        coded[title] += clocked(lambda encode=encode: encode([]))
        say(f"{name}: {title}", seconds, *coded[title], f"{sizes[title] * 8e-6 / seconds:.2f} Mbit/s")
        container.close()
    return float(drawn[1])


def main() -> None:
    """Print all numbers."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=30.0)
    options.add_argument("--style", default="night", choices=sorted(LOOKS))
    options.add_argument("--cover", default="")
    chosen = options.parse_args()
    cover = open_cover(chosen.cover) if chosen.cover else busy_cover(chosen.seconds)
    scene = scene_of(cover)
    kind: Kind = kind_of(Path("a.mp4"), False)
    renderer = Renderer(scene, WIDTH, HEIGHT, LOOKS[chosen.style], Video(), Options(letters=letters))
    print(
        f"{chosen.seconds:g} s of {WIDTH}x{HEIGHT} at {FPS}, style {chosen.style}, {len(scene.start)} notes, av {av.__version__}"
    )
    ours = parts(
        lambda second: draw_frame(renderer, second, kind),
        {"encode, as in the job": kind.options, "encode, x264 veryfast untouched": VERYFAST},
        chosen.seconds,
        "strip",
    )
    short = min(4.0, chosen.seconds)
    plain = parts(Plain(scene, renderer), {"encode, x264 veryfast untouched": VERYFAST}, short, "Pillow, every frame anew")
    print(f"{'drawing, processor time':<46}{plain / short / (ours / chosen.seconds):7.2f} x that of Pillow")
    with tempfile.TemporaryDirectory() as folder:
        save_project(cover, Path(folder) / "a.reprise")
        job = WaterfallJob(
            cover=f"{folder}/a.reprise", output=f"{folder}/a.mp4", style=chosen.style, first=START, last=START + chosen.seconds,
            sound=False,
        )  # fmt: skip
        result: dict[str, Any] = {}
        wall, cpu = clocked(lambda: result.update(run_waterfall(job, Progress())))
        size = (Path(folder) / "a.mp4").stat().st_size
        say("the job: both at once, silent", chosen.seconds, wall, cpu, f"{size * 8e-6 / chosen.seconds:.2f} Mbit/s")
        say("  of it writing the video", chosen.seconds, result["seconds"]["video"], cpu)


if __name__ == "__main__":
    main()
