"""Writes the demo clip: two portraits before a moving camera, as an old camcorder would have kept them.

    python packaging/demo_clip/make.py --data faces512 --output resources/demo

Needs the project's environment, the face pictures that the face restorer is trained on (two of the people it was *not* trained on
are used) and the demo song, whose beginning becomes the clip's sound.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "packaging" / "training"))

from face_restorer.degrade import ClipRecipe, Codec, Picture, clean_recipe, degrade_frames  # noqa: E402

PEOPLE = ("val/faker_f71.jpg", "val/faker_m57.jpg")
SIZE = (320, 240)
VIEW = 470.0  # px of the 512-px portrait that the picture's width shows
RATE = 25
SECONDS = 3.0  # a shot
SEED = 1999


def recipe() -> ClipRecipe:
    """A tape: soft, smeared colour, grain, then a camera's coarse compression."""
    return replace(
        clean_recipe(np.random.default_rng(SEED)),
        luma_blur=(1.1, 0.6),
        chroma_blur=(3.0, 1.2),
        chroma_shift=(1.5, 0.5),
        luma_noise=9.0,
        noise_grain=0.5,
        chroma_noise=11.0,
        flicker=0.01,
        codec=Codec("mpeg4", 9),
    )


def shot(portrait: Picture, *, turn: float) -> list[Picture]:
    """The portrait [512, 512, 3] seen by a hand-held camera that comes closer; ``turn`` chooses the way it sways."""
    width, height = SIZE
    frames = []
    for n in range(round(SECONDS * RATE)):
        t = n / RATE
        scale = width / (VIEW * (1.0 - 0.02 * t))
        angle = turn * 1.6 * np.sin(1.7 * t)
        centre = (256 + 9 * turn * np.sin(1.1 * t + 0.5), 272 + 5 * np.sin(1.9 * t))
        matrix = cv2.getRotationMatrix2D(centre, angle, scale)
        matrix[:, 2] += np.array([width / 2, height / 2]) - centre
        large = matrix * 2.0
        drawn = cv2.warpAffine(portrait, large, (2 * width, 2 * height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
        frames.append(cv2.resize(drawn, SIZE, interpolation=cv2.INTER_AREA))
    return frames


def write(frames: list[Picture], song: Path, path: Path) -> None:
    """MP4 with MPEG-4 video, as cameras made it, and the beginning of the song as sound."""
    with av.open(str(path), "w") as out, av.open(str(song)) as music:
        out.metadata.update({"title": "Two on a tape", "comment": "Dedicated to the public domain: CC0 1.0"})
        video = out.add_stream("mpeg4", rate=RATE)
        video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
        video.codec_context.options = {"qmin": "3", "qmax": "9"}
        video.bit_rate = 500_000
        sound = out.add_stream("aac", rate=44_100, layout="mono")
        sound.bit_rate = 48_000
        for n, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = n, Fraction(1, RATE)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        resampler = av.AudioResampler("fltp", "mono", 44_100, frame_size=1024)
        until = len(frames) / RATE
        for block in music.decode(audio=0):
            if block.time is not None and block.time >= until:
                break
            for piece in resampler.resample(block):
                out.mux(sound.encode(piece))
        out.mux(sound.encode(None))


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the demo clip.")
    parser.add_argument("--data", type=Path, required=True, help="folder of the aligned face pictures (faces512)")
    parser.add_argument("--output", type=Path, default=ROOT / "resources" / "demo")
    args = parser.parse_args()
    frames = []
    for name, turn in zip(PEOPLE, (1.0, -1.0), strict=True):
        portrait = cv2.imread(str(args.data / name))
        if portrait is None:
            parser.error(f"{args.data / name} cannot be read")
        frames += shot(cv2.cvtColor(portrait, cv2.COLOR_BGR2RGB), turn=turn)
    seen = degrade_frames(frames, recipe(), np.random.default_rng(SEED))
    write(seen, ROOT / "resources" / "demo" / "six-oclock-ferry.opus", args.output / "two-on-a-tape.mp4")


if __name__ == "__main__":
    main()
