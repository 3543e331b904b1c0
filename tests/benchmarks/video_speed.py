"""Speed and memory of restoring video, each with its target.

    python tests/benchmarks/video_speed.py [--only stages preview run memory gpu ...] [--clip FILE] [--check]

"stages" calls what the pipeline calls, one after the other on one thread, so that a figure is not disturbed by the others;
"run", "preview" and "memory" go through real commands and jobs. The clip is brought to 720x576. Not part of the test run.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from desktop.jobs.job import PreviewJob, RestoreJob, RestoreOptions
from desktop.jobs.progress import Progress
from desktop.models import runtime
from desktop.models.library import Library
from desktop.video.faces.detect import open_detector, reduced_size
from desktop.video.faces.shots import ShotFinder
from desktop.video.faces.smooth import smooth
from desktop.video.faces.track import Tracker
from desktop.video.findings import FacesByPicture
from desktop.video.job import run_preview, run_restore
from desktop.video.kit import open_kit
from desktop.video.media.encoders import choose
from desktop.video.media.reader import open_reader
from desktop.video.media.writer import SegmentWriter
from desktop.video.patches import calm, cut, put_back, restore
from desktop.video.restorers import Restorer, open_restorer
from desktop.video.temporal import Steady
from tests.benchmarks.speed import Line, measure, reprise

WIDTH, HEIGHT = 720, 576


@dataclass(frozen=True)
class Setting:
    """What is measured: where, and on which pictures."""

    folder: Path
    clip: Path
    device: str


class Clock:
    """Milliseconds by name, added up: of the wall clock, and of all processors together."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self.busy: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        began, busy = time.perf_counter(), time.process_time()
        yield
        self.busy[name] = self.busy.get(name, 0.0) + 1000 * (time.process_time() - busy)
        self.spent[name] = self.spent.get(name, 0.0) + 1000 * (time.perf_counter() - began)


def enlarged(source: Path, folder: Path, count: int, *, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Path:
    """``count`` pictures of a clip, over and over, at ``size``, as MPEG-2 with 25 pictures a second."""
    path = folder / f"clip-{size[0]}-{count}.mkv"
    with av.open(str(source)) as file:
        shown = [
            cv2.resize(frame.to_ndarray(format="rgb24"), size, interpolation=cv2.INTER_CUBIC) for frame in file.decode(video=0)
        ]
    # Forward and back, so that there is no cut where it begins again.
    shown += shown[-2:0:-1]
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg2video", rate=25)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = *size, "yuv420p", 6_000_000
        for number in range(count):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(shown[number % len(shown)])))
        file.mux(stream.encode(None))
    return path


def stages(setting: Setting) -> Iterator[Line]:
    """Milliseconds a picture of every stage, one after the other."""
    count = 75
    clip = enlarged(setting.clip, setting.folder, count)
    clock, library = Clock(), Library()
    kit = open_kit(RestoreOptions(), setting.device, library, Progress())
    tracks, every = _look(clip, clock, library, setting.device)
    faces_of, steady = FacesByPicture(tracks), Steady("low")
    faces = 0
    with open_reader(clip) as reader:
        encoder = choose("x264", ".mkv", reader.format)
        facts = reader.clip.video
        arguments: dict[str, Any] = {"width": reader.width, "height": reader.height, "sar": reader.sar, "format": reader.format}
        arguments |= {"time_base": reader.time_base, "rate": facts.rate, "colour": facts, "encoder": encoder}
        with SegmentWriter(setting.folder / "segment.mov", **arguments) as writer:
            while True:
                with clock("decode"):
                    picture = next(reader, None)
                if picture is None:
                    break
                with clock("cut and judge"):
                    patches = cut(picture, faces_of(picture.index), kit.restorer)
                with clock("restore (network)"):
                    restore(patches, kit.restorer, 0.5)
                faces += sum(patch.restored is not None for patch in patches)
                with clock("steady"):
                    calm(patches, steady, picture.index)
                with clock("paste"):
                    target = picture.copy()
                    put_back(target, patches)
                with clock("encode (x264)"):
                    writer.write(target)
    each = {name: (spent / count, clock.busy[name] / count) for name, spent in clock.spent.items()}
    for name, (wall, busy) in each.items():
        yield Line(f"{WIDTH}x{HEIGHT}: {name}", wall, "ms", 15.0 if name.startswith("find") else None, _processors(busy))
    other = [both for name, both in each.items() if "network" not in name]
    yield Line(
        "everything but the networks, a picture", sum(w for w, _ in other), "ms", 25.0, _processors(sum(b for _, b in other))
    )
    inner = [both for name, both in each.items() if "network" not in name and not name.startswith(("decode", "encode"))]
    yield Line(
        "the same without decoding and encoding", sum(w for w, _ in inner), "ms", None, _processors(sum(b for _, b in inner))
    )
    yield Line("faces restored a picture", faces / count, "", None, f"looked for every {every} pictures")


def _processors(busy: float) -> str:
    return f"{busy:.1f} ms of processors"


def _look(clip: Path, clock: Clock, library: Library, device: str) -> tuple[list[Any], int]:
    every = 5
    tracker, finder = Tracker(open_detector(library, device=device), every=every), ShotFinder()
    with open_reader(clip) as reader:
        while True:
            with clock("decode (first pass)"):
                picture = next(reader, None)
            if picture is None:
                break
            with clock("reduce"):
                width, height = picture.square_size
                small = reduced_size(width, height)
                rgb = picture.small(*small)
            with clock("shots"):
                cut_here = finder.feed(rgb)
            with clock("find and track (network)"):
                tracker.feed(picture.index, rgb, small[0] / width, cut=cut_here)
    tracks = tracker.finish()
    with clock("smooth"):
        tracks = [smooth(track, 25.0) for track in tracks]
    return tracks, every


def preview(setting: Setting) -> Iterator[Line]:
    """A preview with everything warm, of pictures that were not shown before."""
    clip = enlarged(setting.clip, setting.folder, 75)
    walls = []
    for number in range(8):
        began = time.perf_counter()
        run_preview(PreviewJob(source=str(clip), time=0.3 * number, device=setting.device), Progress())
        walls.append(time.perf_counter() - began)
    yield Line("first preview", walls[0], "s")
    yield Line("preview, warm", statistics.median(walls[1:]), "s", 0.7)
    began = time.perf_counter()
    again = PreviewJob(source=str(clip), time=2.1, options=RestoreOptions(fidelity=0.9), device=setting.device)
    run_preview(again, Progress())
    yield Line("the same picture with another fidelity", time.perf_counter() - began, "s", 0.7)


def run(setting: Setting) -> Iterator[Line]:
    """A whole job, in this process, its models opened before."""
    clip = enlarged(setting.clip, setting.folder, 150)
    job = RestoreJob(source=str(clip), output=str(setting.folder / "out.mkv"), device=setting.device)
    run_restore(job, Progress())
    result: dict[str, Any] = dict(run_restore(job, Progress()))
    spent = result["seconds"]
    yield Line(f"pictures a second on {result['device']}", result["frames_per_second"], "/s", None, json.dumps(spent))
    wall = spent["restore"]
    yield Line("share of the time that the restorer waits", 100 * (1 - spent["restore.restore"] / wall), "%")


def memory(setting: Setting) -> Iterator[Line]:
    """Peak memory of a command, and of one with a clip ten times as long."""
    peaks = []
    for count in (60, 600):
        clip = enlarged(setting.clip, setting.folder, count, size=(360, 288))
        command = reprise("restore", str(clip), "-o", str(setting.folder / f"{count}.mkv"), "--device", setting.device, "--json")
        peaks.append(measure(command, setting.folder / "home"))
    yield Line("peak memory, 60 pictures", peaks[0].megabytes, "MB")
    yield Line("peak memory, 600 pictures", peaks[1].megabytes, "MB")
    yield Line("ratio", peaks[1].megabytes / peaks[0].megabytes, "", 1.10)


def gpu(setting: Setting) -> Iterator[Line]:
    """Batches of faces on the GPU against the CPU, and what single precision's results are to the CPU's."""
    if not runtime.cuda_devices():
        print("There is no GPU; its part is left out.", file=sys.stderr)
        return
    library = Library()
    crops = np.random.default_rng(1).random((32, 256, 256, 3), np.float32)
    crops = np.stack([cv2.GaussianBlur(crop, (0, 0), 5) for crop in crops])
    on_gpu, on_cpu = (open_restorer(library, "face-restorer", device=device) for device in ("cuda", "cpu"))
    for size in (1, 2, 4, 8, 16, 32):
        yield Line(f"GPU ({on_gpu.precision}), {size} faces at a time, each", _each(on_gpu, crops[:size]), "ms")
    yield Line("CPU, 4 faces at a time, each", _each(on_cpu, crops[:4], 3), "ms")
    difference = float(np.abs(on_gpu(crops[:4]) - on_cpu(crops[:4])).max())
    yield Line("largest difference of GPU and CPU, of 255", 255 * difference, "", 2.0)


def _each(restorer: Restorer, crops: Any, rounds: int = 10) -> float:
    restorer(crops)
    began = time.perf_counter()
    for _ in range(rounds):
        restorer(crops)
    return 1000 * (time.perf_counter() - began) / rounds / len(crops)


PARTS: dict[str, Callable[[Setting], Iterator[Line]]] = {
    "stages": stages,
    "preview": preview,
    "run": run,
    "memory": memory,
    "gpu": gpu,
}


def main() -> int:
    """Measure what was asked for; 1 with --check when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--clip", type=Path, help="a clip with a face; the demo clip when left out")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--check", action="store_true")
    chosen = parser.parse_args()
    library = Library()
    library.ensure("mtcnn", Progress())
    clip = chosen.clip or library.ensure("niqe", Progress()) / "carphone_pristine.mp4"
    missed = False
    with tempfile.TemporaryDirectory() as folder:
        for name in chosen.only:
            for line in PARTS[name](Setting(Path(folder), clip, chosen.device)):
                print(line, flush=True)
                missed = missed or not line.met
    return int(missed and chosen.check)


if __name__ == "__main__":
    sys.exit(main())
