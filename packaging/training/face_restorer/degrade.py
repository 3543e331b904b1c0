"""What home video does to a face: capture, tape, interlace, codec and a second generation, held constant over a clip.

The order is that of the real chain.  A face of 512 px is shrunk to its size in the frame, moves a little, is caught as fields
or frames, passes an analogue path (luma and chroma low-pass, chroma delay, sharpening, noise, gain flicker, drop-outs), is
compressed by a real codec, deinterlaced, perhaps copied once more, and is then aligned back to the 256-px template as the
program would do it.  Ranges follow the published ones for tape and for cameras of the time; every frame of a clip shares
blur, scale, delay and codec, while noise and motion are its own.

All pictures are RGB uint8; all random numbers come from the generator that is passed in, so a seed fixes a clip.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Generator = np.random.Generator

SIDE = 256  # px, aligned output
MARGIN = 10  # px around the crop in the simulated frame, so that motion and codec blocks see neighbours
CROP_LARGE, CROP_SMALL = 370.0, 48.0  # px, side of the face crop in the frame: faces of about 200 to 26 px
DECODERS = {"mpeg2video": "mpeg2video", "mpeg4": "mpeg4", "libx264": "h264", "h263p": "h263"}


@dataclass(frozen=True)
class Codec:
    """One compression pass: `jpeg` with a quality 1..100, or an encoder with a quantiser (CRF for H.264)."""

    name: str
    quality: int


@dataclass(frozen=True)
class ClipRecipe:
    """Everything that stays the same over a clip; pixel values are in frame pixels, levels in 0..255."""

    crop: int
    motion: float
    interlace: str  # "", "weave", "blend" or "bob"
    luma_blur: tuple[float, float]  # sigma x, y
    chroma_blur: tuple[float, float]
    chroma_shift: tuple[float, float]
    sharpen: float
    luma_noise: float
    noise_grain: float  # sigma of the blur over the luma noise
    chroma_noise: float
    flicker: float
    dropouts: float  # expected lines a frame
    codec: Codec | None
    second: Codec | None
    second_scale: float
    interpolation: int


def _between(low: float, high: float, t: float) -> float:
    return low + (high - low) * t


def _codec(rng: Generator, t: float) -> Codec:
    """Draw a codec; t 0..1 goes from gentle to harsh."""
    kind = rng.choice(["mpeg2video", "dv", "mpeg4", "h263p", "mjpeg", "libx264"], p=[0.2, 0.15, 0.2, 0.1, 0.15, 0.2])
    ranges = {
        "mpeg2video": (2, 14),
        "mpeg4": (3, 16),
        "h263p": (4, 16),
        "libx264": (20, 37),
        "dv": (88, 60),
        "mjpeg": (85, 35),
    }
    quality = round(_between(*ranges[kind], t))
    return Codec("jpeg" if kind in ("dv", "mjpeg") else str(kind), quality)


def draw_recipe(rng: Generator, strength: float) -> ClipRecipe:
    """Draw a clip's recipe; `strength` 0..1 moves every range, each effect straying from it on its own."""

    def t() -> float:
        return float(np.clip(strength + rng.normal(0.0, 0.22), 0.0, 1.0))

    crop = CROP_LARGE * (CROP_SMALL / CROP_LARGE) ** t()
    # Low-pass filters belong to the recorder and not to the face: a small face loses more to them.
    # Beyond this bound nothing of the face would be left to restore.
    bound = min(1.0, crop / 150.0)
    luma = _between(0.2, 2.2, t()) * bound
    chroma = _between(0.6, 6.5, t()) * bound
    delay = _between(0.0, 3.0, t()) * bound
    copied = rng.random() < 0.15 + 0.3 * strength
    return ClipRecipe(
        crop=round(crop),
        motion=float(rng.choice([0.15, 0.5, 1.2])) * float(rng.uniform(0.5, 1.5)),
        interlace=str(rng.choice(["", "weave", "blend", "bob"], p=[0.6, 0.16, 0.12, 0.12])),
        luma_blur=(luma, luma * float(rng.uniform(0.25, 1.0))),
        chroma_blur=(chroma, chroma * float(rng.uniform(0.2, 0.8))),
        chroma_shift=(delay * float(rng.uniform(-1, 1)), 0.5 * delay * float(rng.uniform(-1, 1))),
        sharpen=float(rng.uniform(0.3, 1.3)) * t() if rng.random() < 0.35 else 0.0,
        luma_noise=_between(0.5, 12.0, t()),
        noise_grain=float(rng.choice([0.0, 0.5, 0.9])),
        chroma_noise=_between(0.5, 13.0, t()),
        flicker=0.03 * t(),
        dropouts=float(rng.uniform(0.3, 2.0)) if rng.random() < 0.08 else 0.0,
        codec=_codec(rng, t()) if rng.random() < 0.93 else None,
        second=_codec(rng, 0.7 * t()) if copied else None,
        second_scale=float(rng.uniform(0.75, 1.0)),
        interpolation=int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4], p=[0.5, 0.35, 0.15])),
    )


def clean_recipe(rng: Generator) -> ClipRecipe:
    """Draw a recipe for a face that needs nothing: large in the frame, no loss but a light resampling."""
    return ClipRecipe(
        crop=int(rng.choice([256, 512])),
        motion=0.0,
        interlace="",
        luma_blur=(0.0, 0.0),
        chroma_blur=(0.0, 0.0),
        chroma_shift=(0.0, 0.0),
        sharpen=0.0,
        luma_noise=0.0,
        noise_grain=0.0,
        chroma_noise=0.0,
        flicker=0.0,
        dropouts=0.0,
        codec=None,
        second=None,
        second_scale=1.0,
        interpolation=cv2.INTER_LINEAR,
    )


def compress(frames: list[Picture], codec: Codec) -> list[Picture]:
    """Encode and decode frames [H, W, 3] of even size; the list keeps its length."""
    if codec.name == "jpeg":
        return [_jpeg(frame, codec.quality) for frame in frames]
    height, width = frames[0].shape[:2]
    encoder = av.CodecContext.create(codec.name, "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, 25), Fraction(25, 1)
    encoder.thread_count = 1
    if codec.name == "libx264":
        encoder.options = {"crf": str(codec.quality), "preset": "veryfast", "bf": "0", "tune": "zerolatency"}
    else:
        # A fixed quantiser: rate control would need seconds of video to settle on one.
        encoder.options = {"qmin": str(codec.quality), "qmax": str(codec.quality), "g": "12", "bf": "0"}
    packets = []
    for index, frame in enumerate(frames):
        picture = av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(format="yuv420p")
        picture.pts = index
        packets += encoder.encode(picture)
    packets += encoder.encode(None)
    decoder = av.CodecContext.create(DECODERS[codec.name], "r")
    decoder.thread_count = 1
    decoded = [f for packet in packets for f in decoder.decode(packet)]
    decoded += decoder.decode(None)
    result = [f.to_ndarray(format="rgb24") for f in decoded]
    if len(result) != len(frames):
        raise RuntimeError(f"{codec.name} returned {len(result)} of {len(frames)} frames")
    return result


def _jpeg(frame: Picture, quality: int) -> Picture:
    _, data = cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])


def _blur(plane: NDArray[np.float32], sigma: tuple[float, float]) -> NDArray[np.float32]:
    x, y = sigma
    if max(x, y) < 0.15:
        return plane
    return cv2.GaussianBlur(plane, (0, 0), sigmaX=max(x, 0.05), sigmaY=max(y, 0.05))


def _analogue(picture: NDArray[np.float32], recipe: ClipRecipe, rng: Generator) -> NDArray[np.float32]:
    """Pass one instant [H, W, 3] (RGB, 0..255) through the analogue path."""
    ycc = cv2.cvtColor(picture / 255.0, cv2.COLOR_RGB2YCrCb) * 255.0
    height, width = ycc.shape[:2]
    y = _blur(np.ascontiguousarray(ycc[..., 0]), recipe.luma_blur)
    if recipe.sharpen > 0:
        y = y + recipe.sharpen * (y - cv2.GaussianBlur(y, (0, 0), sigmaX=1.6, sigmaY=0.4))
    y = y * (1.0 + recipe.flicker * float(rng.normal()))
    noise = rng.standard_normal((height, width), dtype=np.float32)
    if recipe.noise_grain > 0:
        noise = _blur(noise, (recipe.noise_grain, 0.5 * recipe.noise_grain))
        noise /= max(float(noise.std()), 1e-6)
    y = y + recipe.luma_noise * noise
    chroma = np.ascontiguousarray(ycc[..., 1:])
    chroma = _blur(chroma, recipe.chroma_blur)
    shift = np.float32([[1, 0, recipe.chroma_shift[0]], [0, 1, recipe.chroma_shift[1]]])
    if max(map(abs, recipe.chroma_shift)) > 0.05:
        chroma = cv2.warpAffine(chroma, shift, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    if recipe.chroma_noise > 0:
        # Chroma has a tenth of the bandwidth of luma, mostly along the line: its noise comes as streaks.
        grain = rng.standard_normal((height, width // 3 + 1, 2), dtype=np.float32)
        grain = cv2.resize(_blur(grain, (0.7, 0.7)), (width, height), interpolation=cv2.INTER_LINEAR)
        chroma = chroma + recipe.chroma_noise * grain / max(float(grain.std()), 1e-6)
    out = np.dstack([y, chroma]).astype(np.float32) / 255.0
    return cv2.cvtColor(out, cv2.COLOR_YCrCb2RGB) * 255.0


def _drop_lines(frame: NDArray[np.float32], expected: float, rng: Generator) -> None:
    """Draw bright or dark dashes over random lines, in place."""
    height, width = frame.shape[:2]
    for _ in range(rng.poisson(expected)):
        row, start = int(rng.integers(height)), int(rng.integers(width))
        length = int(rng.integers(width // 8, width))
        frame[row, start : start + length] += float(rng.choice([-1.0, 1.0])) * float(rng.uniform(40, 160))


def _deinterlace(frame: Picture, kind: str) -> Picture:
    if kind == "blend":
        return cv2.filter2D(frame, -1, np.float32([[0.25], [0.5], [0.25]]))
    if kind == "bob":
        height, width = frame.shape[:2]
        # The kept field's lines are the even ones; the shift puts them back where they were.
        field = np.ascontiguousarray(frame[::2])
        move = np.float32([[1, 0, 0], [0, 0.5, 0]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(field, move, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return frame


def _shifted(plate: NDArray[np.float32], move: NDArray[np.float64]) -> NDArray[np.float32]:
    side = plate.shape[0]
    matrix = np.float32([[1, 0, move[0]], [0, 1, move[1]]])
    return cv2.warpAffine(plate, matrix, (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)


def _capture(
    plate: NDArray[np.float32], recipe: ClipRecipe, moves: NDArray[np.float64], rng: Generator
) -> tuple[Picture, NDArray[np.float64]]:
    """Catch one frame at two instants (`moves` [2, 2], px); return it and the motion that alignment would find."""
    first = _analogue(_shifted(plate, moves[0]), recipe, rng)
    if recipe.interlace:
        first[1::2] = _analogue(_shifted(plate, moves[1]), recipe, rng)[1::2]
    if recipe.dropouts:
        _drop_lines(first, recipe.dropouts, rng)
    found = moves[0] if recipe.interlace in ("", "bob") else moves.mean(axis=0)
    return np.clip(first + 0.5, 0, 255).astype(np.uint8), found


def _copy_again(frames: list[Picture], recipe: ClipRecipe) -> list[Picture]:
    """Scale, compress and scale back: the second generation."""
    if recipe.second is None:
        return frames
    size = frames[0].shape[1::-1]
    small = tuple(max(32, round(side * recipe.second_scale / 8) * 8) for side in size)  # H.263 wants multiples of 4
    scaled = [cv2.resize(f, small, interpolation=cv2.INTER_AREA) for f in frames]
    return [cv2.resize(f, size, interpolation=cv2.INTER_LINEAR) for f in compress(scaled, recipe.second)]


def degrade_clip(face: Picture, recipe: ClipRecipe, frames: int, rng: Generator) -> Picture:
    """Return [frames, 256, 256, 3]: the face [512, 512, 3] as `frames` aligned frames of a degraded clip."""
    crop = recipe.crop
    small = face if crop == face.shape[0] else cv2.resize(face, (crop, crop), interpolation=cv2.INTER_AREA)
    side = -(-(crop + 2 * MARGIN) // 16) * 16
    slack = side - crop - MARGIN
    left, top = (int(rng.integers(MARGIN, slack + 1)) for _ in range(2))  # where codec blocks fall on the face
    around = (top, side - crop - top, left, side - crop - left)
    plate = cv2.copyMakeBorder(small, *around, cv2.BORDER_REFLECT_101).astype(np.float32)
    steps = rng.normal(0.0, recipe.motion, (2 * frames, 2)) / np.sqrt(2.0)
    moves = np.clip(np.cumsum(steps, axis=0), -0.6 * MARGIN, 0.6 * MARGIN)
    if recipe.motion == 0.0:
        caught = [(plate.astype(np.uint8), np.zeros(2))] * frames
    else:
        caught = [_capture(plate, recipe, moves[2 * i : 2 * i + 2], rng) for i in range(frames)]
    pictures = [picture for picture, _ in caught]
    if recipe.codec is not None:
        pictures = compress(pictures, recipe.codec)
    pictures = _copy_again([_deinterlace(p, recipe.interlace) for p in pictures], recipe)
    corners = [np.array([left, top]) + move for _, move in caught]
    return np.stack([_aligned(p, crop, c, recipe.interpolation) for p, c in zip(pictures, corners, strict=True)])


def degrade_frames(frames: list[Picture], recipe: ClipRecipe, rng: Generator) -> list[Picture]:
    """Return whole frames [H, W, 3] (even sizes) of a real clip, degraded.

    Size, motion and interlacing are the clip's own, so the recipe's `crop`, `motion` and `interlace` are left aside.
    """
    caught = []
    for frame in frames:
        picture = _analogue(frame.astype(np.float32), recipe, rng)
        if recipe.dropouts:
            _drop_lines(picture, recipe.dropouts, rng)
        caught.append(np.clip(picture + 0.5, 0, 255).astype(np.uint8))
    return _copy_again(caught if recipe.codec is None else compress(caught, recipe.codec), recipe)


def _aligned(frame: Picture, crop: int, corner: NDArray[np.float64], interpolation: int) -> Picture:
    """Cut the crop with its corner at (x, y) px out of the frame and bring it to 256 px."""
    if crop == 2 * SIDE:
        x, y = (round(v) for v in corner)
        return cv2.resize(frame[y : y + crop, x : x + crop], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    scale = crop / SIDE
    matrix = np.float32([[scale, 0, 0.5 * scale - 0.5 + corner[0]], [0, scale, 0.5 * scale - 0.5 + corner[1]]])
    flags = interpolation | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(frame, matrix, (SIDE, SIDE), flags=flags, borderMode=cv2.BORDER_REPLICATE)
