"""How much nearer to the truth, and how steady, restored faces in clips are.

    python tests/benchmarks/video_quality.py [--clips FILE ...] [--strengths mild medium strong] [--frames N] [--json FILE]

The truth is a clean clip (GRID speech of the shared data); the input is that clip degraded as home video is, at three strengths
with fixed seeds, and encoded. The demo pair (carphone) is added as it is. Each input is restored by the real pipeline, written
without loss, and measured as `reprise measure --truth` does, for all levels of steadiness and for the ends of fidelity. Not part
of the test run; a clip of 75 pictures takes about a minute a row on 2 cores.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import zlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "packaging" / "training"))

from face_restorer.degrade import Picture, degrade_frames, draw_recipe  # noqa: E402

from desktop import paths  # noqa: E402
from desktop.errors import UserError  # noqa: E402
from desktop.jobs.job import MeasureJob, RestoreJob, RestoreOptions  # noqa: E402
from desktop.jobs.progress import Progress  # noqa: E402
from desktop.models.library import Library  # noqa: E402
from desktop.video.comparison.measures import BY_KEY  # noqa: E402
from desktop.video.job import run_measure, run_restore  # noqa: E402

SHARED = ROOT.parent / "shared" / "data"
CLIPS = ("grid_bbaf2n.mpg", "grid_brbk7n.mpg", "grid_lbax4n.mpg")
STRENGTHS = {"mild": 0.3, "medium": 0.55, "strong": 0.8}
VARIANTS = (("off", 0.5), ("low", 0.5), ("high", 0.5), ("low", 0.0), ("low", 1.0))
COLUMNS = ("psnr_faces", "ssim_faces", "warping", "tlme", "drift", "jitter", "light", "sharpness", "niqe")
HEADS = ("PSNR", "SSIM", "warp", "tlme", "drift", "jitter", "light", "sharp", "niqe")


def read(path: Path, frames: int) -> tuple[list[Picture], Fraction]:
    """The first pictures of a clip (all when 0), and its rate."""
    with av.open(str(path)) as file:
        rate = file.streams.video[0].average_rate or Fraction(25)
        pictures = [f.to_ndarray(format="rgb24") for n, f in enumerate(file.decode(video=0)) if not frames or n < frames]
    return pictures, Fraction(rate)


def write(path: Path, pictures: list[Picture], rate: Fraction, crf: int) -> Path:
    """A clip in H.264 at this constant rate factor; 0 writes FFV1."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264" if crf else "ffv1", rate=rate)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p" if crf else "yuv444p"
        stream.options = {"crf": str(crf)} if crf else {}
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, 1 / rate
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def cases(args: argparse.Namespace, folder: Path) -> Iterator[tuple[str, str, Path, Path]]:
    """Clip, strength, input and truth."""
    for source in args.clips:
        pictures, rate = read(source, args.frames)
        truth = write(folder / f"{source.stem}-truth.mkv", pictures, rate, 0)
        for strength in args.strengths:
            rng = np.random.default_rng(zlib.crc32(f"{source.stem} {strength}".encode()))
            recipe = draw_recipe(rng, STRENGTHS[strength])
            poor = degrade_frames(pictures, recipe, rng)
            yield source.stem, strength, write(folder / f"{source.stem}-{strength}.mp4", poor, rate, 20), truth
    try:
        demo = Library().ensure("niqe", Progress())
    except UserError as error:
        print("no demo pair:", error)
        return
    yield "carphone", "as it is", demo / "carphone_distorted.mp4", demo / "carphone_pristine.mp4"


def measured(before: Path, after: Path, truth: Path) -> dict[str, Any]:
    """Means by measure and clip."""
    result = run_measure(MeasureJob(before=str(before), after=str(after), truth=str(truth)), Progress())
    return dict(result["measures"])


def line(name: str, values: dict[str, float | None]) -> str:
    """A row of the table."""
    cells = [f"{values[c]:.{BY_KEY[c].digits}f}" if values.get(c) is not None else "-" for c in COLUMNS]
    return f"| {name} | " + " | ".join(cells) + " |"


def compare(name: str, before: Path, truth: Path, folder: Path) -> dict[str, dict[str, float | None]]:
    """Restore one input in every way; the rows of its table."""
    rows: dict[str, dict[str, float | None]] = {}
    print(f"\n### {name}\n\n| | " + " | ".join(HEADS) + " |\n|---" + "|---" * len(HEADS) + "|")
    for steadiness, fidelity in VARIANTS:
        after = folder / "after.mkv"
        options = RestoreOptions(steadiness=steadiness, fidelity=fidelity)
        run_restore(RestoreJob(source=str(before), output=str(after), options=options, encoder="ffv1"), Progress())
        found = measured(before, after, truth)
        if not rows:
            for clip, title in (("truth", "truth"), ("before", "input")):
                rows[title] = {key: found[key][clip] for key in COLUMNS if key in found}
                print(line(title, rows[title]))
        label = f"{steadiness}, fidelity {fidelity:g}"
        rows[label] = {key: found[key]["after"] for key in COLUMNS if key in found}
        print(line(label, rows[label]), flush=True)
        after.unlink()
    return rows


def verdicts(tables: dict[str, dict[str, dict[str, float | None]]]) -> None:
    """The bars, met or not, for every way of restoring."""
    print(
        "\n### Bars\n\n| | PSNR and SSIM above the input | warping error not above the input | mean PSNR | SSIM | warp |\n"
        + "|---" * 6
        + "|"
    )
    for steadiness, fidelity in VARIANTS:
        label = f"{steadiness}, fidelity {fidelity:g}"
        pairs = [(rows["input"], rows[label]) for rows in tables.values()]
        changes = {k: np.array([b[k] - a[k] for a, b in pairs], float) for k in ("psnr_faces", "ssim_faces", "warping")}
        nearer = (changes["psnr_faces"] > 0) & (changes["ssim_faces"] > 0)
        means = f"{changes['psnr_faces'].mean():+.2f} dB | {changes['ssim_faces'].mean():+.4f} | {changes['warping'].mean():+.2f}"
        print(f"| {label} | {nearer.sum()} of {len(pairs)} | {(changes['warping'] <= 0).sum()} of {len(pairs)} | {means} |")


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--clips", type=Path, nargs="*", default=[SHARED / "clips" / name for name in CLIPS])
    parser.add_argument("--strengths", nargs="+", choices=STRENGTHS, default=list(STRENGTHS))
    parser.add_argument("--frames", type=int, default=0, help="use only the first so many pictures of each clip")
    parser.add_argument("--json", type=Path, help="write all numbers there as well")
    args = parser.parse_args()
    os.environ.setdefault("REPRISE_MODELS", str(paths.models_dir()))
    tables = {}
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["REPRISE_HOME"] = f"{scratch}/home"
        for clip, strength, before, truth in cases(args, Path(scratch)):
            tables[f"{clip}, {strength}"] = compare(f"{clip}, {strength}", before, truth, Path(scratch))
    verdicts(tables)
    if args.json:
        args.json.write_text(json.dumps(tables, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
