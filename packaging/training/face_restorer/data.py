"""Faces, their augmentation, and a pool of degraded clips that one process fills while another trains from it.

A clip costs about as much as a training step on one picture, so clips are made in worker processes and each is used a few
times: the pool holds clean faces with some degraded frames each, training draws from it at random, and new clips replace the
oldest at a fixed ratio to the pictures drawn.  If the makers fall behind, clips are simply used more often.
"""

from __future__ import annotations

import csv
import multiprocessing
import queue
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .degrade import SIDE, ClipRecipe, Picture, clean_recipe, degrade_clip, draw_recipe
from .settings import DataSettings

Generator = np.random.Generator


@dataclass(frozen=True)
class Clip:
    """A clean face [256, 256, 3] and the frames [K, 256, 256, 3] of its degraded clip, RGB uint8."""

    clean: Picture
    frames: Picture


def read_faces(folder: Path, split: str) -> list[tuple[str, Picture]]:
    """Read all faces of a split ("train" or "val") as (file name, [512, 512, 3] RGB)."""
    with (folder / "index.csv").open(newline="", encoding="utf-8") as file:
        names = sorted(row["file"] for row in csv.DictReader(file) if row["split"] == split)
    faces = []
    for name in names:
        picture = cv2.imread(str(folder / name), cv2.IMREAD_COLOR)
        if picture is None:
            raise FileNotFoundError(folder / name)
        faces.append((name, np.ascontiguousarray(picture[..., ::-1])))
    return faces


def augment(face: Picture, rng: Generator, settings: DataSettings) -> Picture:
    """Vary pose, crop, mirror side, colour and light of a face [512, 512, 3]; the result is as clean as the input."""
    side = face.shape[0]
    angle = float(rng.normal(0.0, settings.angle))
    zoom = float(np.exp(rng.normal(0.0, settings.zoom)))
    shift = rng.normal(0.0, settings.shift * side, 2)
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), angle, zoom)
    matrix[:, 2] += shift
    # A little anisotropy and shear widen the range of head shapes.
    bend = np.eye(2) + rng.normal(0.0, settings.bend, (2, 2))
    matrix[:, :2] = bend @ matrix[:, :2]
    matrix[:, 2] += side / 2 - bend @ np.array([side / 2, side / 2])
    face = cv2.warpAffine(face, matrix, (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    if rng.random() < 0.5:
        face = face[:, ::-1]
    return _light(np.ascontiguousarray(face), rng, settings)


def _light(face: Picture, rng: Generator, settings: DataSettings) -> Picture:
    """Change exposure, contrast, white balance, saturation and add a light from one side."""
    picture = face.astype(np.float32) / 255.0
    gains = np.exp(rng.normal(0.0, settings.white_balance, 3)).astype(np.float32)
    picture = picture * gains * np.float32(np.exp(rng.normal(0.0, settings.exposure)))
    if rng.random() < 0.4:
        direction = float(rng.uniform(0, 2 * np.pi))
        line = np.linspace(-1.0, 1.0, face.shape[0], dtype=np.float32)
        ramp = line[None, :] * np.cos(direction) + line[:, None] * np.sin(direction)
        picture = picture * (1.0 + float(rng.uniform(0.1, 0.5)) * ramp[..., None])
    picture = np.clip(picture, 0.0, 1.0) ** np.float32(np.exp(rng.normal(0.0, settings.gamma)))
    grey = picture @ np.float32([0.299, 0.587, 0.114])
    saturation = 0.0 if rng.random() < settings.monochrome else float(rng.uniform(0.5, 1.3))
    picture = grey[..., None] + saturation * (picture - grey[..., None])
    low, high = float(rng.uniform(0.0, 0.08)), float(rng.uniform(0.88, 1.0))  # lifted blacks, dim whites of video
    picture = low + (high - low) * picture
    return np.clip(picture * 255.0 + 0.5, 0, 255).astype(np.uint8)


def make_clip(face: Picture, recipe: ClipRecipe, frames: int, rng: Generator) -> Clip:
    """Pair the face, brought to 256 px by area averaging, with its degraded frames."""
    clean = cv2.resize(face, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return Clip(clean, degrade_clip(face, recipe, frames, rng))


def training_clip(faces: list[tuple[str, Picture]], rng: Generator, settings: DataSettings) -> Clip:
    """Draw a face, augment it and degrade it at a random strength."""
    face = augment(faces[int(rng.integers(len(faces)))][1], rng, settings)
    if rng.random() < settings.clean_share:
        recipe = clean_recipe(rng)
    else:
        recipe = draw_recipe(rng, float(rng.uniform(*settings.strength)))
    return make_clip(face, recipe, settings.frames, rng)


def fixed_clips(folder: Path, strength: float, frames: int, seed: int, only: int | None = None) -> list[Clip]:
    """Return one clip per face that is not trained on (or of one of them), unaugmented; the same for the same seed."""
    clips = []
    for index, (_, face) in enumerate(read_faces(folder, "val")):
        if only is not None and index != only:
            continue
        rng = np.random.default_rng([seed, index, round(1000 * strength)])
        recipe = draw_recipe(rng, strength)
        clips.append(make_clip(face, recipe, frames, rng))
    return clips


def _maker(
    channel: multiprocessing.Queue[tuple[Picture, Picture]], folder: str, seed: tuple[int, ...], settings: DataSettings
) -> None:
    """Make clips for ever and put them into the channel; blocks while it is full."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng(seed)
    faces = read_faces(Path(folder), "train")
    while True:
        clip = training_clip(faces, rng, settings)
        channel.put((clip.clean, clip.frames))


class ClipPool:
    """Clips to draw training pictures from, renewed by maker processes."""

    def __init__(self, folder: Path, seed: int, settings: DataSettings) -> None:
        self.settings = settings
        self.rng = np.random.default_rng([seed, 1])
        size = settings.pool
        self.clean = np.zeros((size, SIDE, SIDE, 3), np.uint8)
        self.frames = np.zeros((size, settings.frames, SIDE, SIDE, 3), np.uint8)
        self.filled = 0
        self.next = 0
        self.owed = 0.0
        context = multiprocessing.get_context("spawn")
        self.channel = context.Queue(maxsize=32)
        self.makers = [
            context.Process(target=_maker, args=(self.channel, str(folder), (seed, 2, i), settings), daemon=True)
            for i in range(settings.makers)
        ]
        for maker in self.makers:
            maker.start()
        while self.filled < min(size, settings.pool_start):
            self._take(wait=True)

    def _take(self, wait: bool) -> bool:
        try:
            clean, frames = self.channel.get(timeout=300) if wait else self.channel.get_nowait()
        except queue.Empty:
            if wait:
                raise RuntimeError("the clip makers have stopped") from None
            return False
        self.clean[self.next], self.frames[self.next] = clean, frames
        self.filled = max(self.filled, self.next + 1)
        self.next = (self.next + 1) % len(self.clean)
        return True

    def draw(self, clips: int, frames_each: int) -> tuple[Tensor, Tensor]:
        """Return (degraded, clean), each [clips * frames_each, 3, 256, 256], RGB 0..1; frames of a clip are neighbours."""
        # Until the pool is full it takes whatever there is; afterwards new clips come in step with use.
        self.owed = min(self.owed + clips * frames_each / self.settings.uses_per_clip, 16.0)
        while (self.filled < len(self.clean) or self.owed >= 1.0) and self._take(wait=False):
            self.owed -= 1.0
        picked = self.rng.integers(self.filled, size=clips)
        degraded, clean = [], []
        for index in picked:
            order = self.rng.permutation(self.settings.frames)[:frames_each]
            step = -1 if self.rng.random() < 0.5 else 1
            for frame in order:
                degraded.append(self.frames[index, frame][:, ::step])
                clean.append(self.clean[index][:, ::step])
        return to_tensor(np.stack(degraded)), to_tensor(np.stack(clean))

    def close(self) -> None:
        """Stop the makers."""
        for maker in self.makers:
            maker.terminate()


def to_tensor(pictures: NDArray[np.uint8]) -> Tensor:
    """Turn RGB uint8 [N, H, W, 3] into float [N, 3, H, W], 0..1, channels last in memory."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float().div_(255.0)


def to_pictures(batch: Tensor) -> Picture:
    """Turn float [N, 3, H, W], 0..1, into RGB uint8 [N, H, W, 3]."""
    return (batch.detach().float().clamp(0, 1) * 255.0 + 0.5).to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()
