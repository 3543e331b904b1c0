"""Pictures for the tests: drawn faces, textures that look the same at no two places, and a picture that is a plain array."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import numpy.typing as npt

from desktop.video.faces import boxes
from desktop.video.faces.align import TEMPLATE_512
from desktop.video.faces.data import FACE, Faces

RGB = npt.NDArray[np.uint8]
POINTS = TEMPLATE_512 + 0.5
"""Points of an upright face of 512 px, from the picture's corner."""

COLOURS = ((250, 40, 40), (40, 250, 40), (40, 40, 250), (250, 250, 40), (40, 250, 250))
"""What the five points of a drawn face are marked with."""


def texture(height: int, width: int, seed: int = 0) -> RGB:
    """Coloured clouds of all sizes."""
    rng = np.random.default_rng(seed)
    total = np.zeros((height, width, 3))
    for step in (4, 8, 16, 32, 64):
        size = (width // step + 2, height // step + 2)
        total += step * cv2.resize(rng.normal(0, 1, (*size[::-1], 3)), (width, height), interpolation=cv2.INTER_CUBIC)
    total = 128 + 45 * (total - total.mean()) / total.std()
    return np.clip(total, 0, 255).astype(np.uint8)


def draw_face(picture: RGB, points: npt.NDArray[np.float64]) -> None:
    """A disc with five coloured marks, antialiased, in place."""
    down = points[3:].mean(axis=0) - points[:2].mean(axis=0)
    size = float(np.hypot(*down))
    _disc(picture, points.mean(axis=0), 1.2 * size, (190, 150, 120))
    for place, colour in zip(points, COLOURS, strict=True):
        _disc(picture, place, 0.14 * size, colour)


def _disc(picture: RGB, place: npt.NDArray[np.float64], radius: float, colour: tuple[int, int, int]) -> None:
    centre = tuple(round(float(v - 0.5) * 16) for v in place)
    cv2.circle(picture, centre, round(radius * 16), colour, -1, cv2.LINE_AA, 4)


class MarkFinder:
    """A detector of drawn faces: it finds their marks in the picture, and refines by looking near them only."""

    name, device = "marks", "CPU"

    def __init__(self) -> None:
        self.looks = 0

    def __call__(self, rgb: RGB) -> Faces:
        self.looks += 1
        return self._found(rgb, (0, 0, rgb.shape[1], rgb.shape[0]))

    def refine(self, rgb: RGB, faces: Faces) -> Faces:
        result = faces.copy()
        result["score"] = 0
        for number, face in enumerate(faces):
            x0, y0, x1, y1 = face["box"]
            room = 0.25 * (x1 - x0)
            around = tuple(int(v) for v in (max(0, x0 - room), max(0, y0 - room), x1 + room, y1 + room))
            seen = self._found(rgb, around)
            if len(seen):
                away = np.hypot(*(seen["points"].mean(axis=1) - face["points"].mean(axis=0)).T)
                result[number] = seen[away.argmin()]
        return result

    def _found(self, rgb: RGB, box: tuple[int, ...]) -> Faces:
        x0, y0, x1, y1 = box
        part = rgb[y0:y1, x0:x1].astype(int)
        places = [_centres(np.abs(part - colour).max(axis=2) < 30, (x0, y0)) for colour in COLOURS]
        faces = []
        for eye in places[0]:
            nearest = [eye, *(_nearest(others, eye) for others in places[1:])]
            if any(place is None for place in nearest):
                continue
            points = np.array(nearest, np.float32)
            face = np.zeros((), FACE)
            face["points"], face["box"], face["score"] = points, boxes.around(points[None])[0], 0.99
            faces.append(face)
        return np.array(faces, FACE)


def _centres(mask: npt.NDArray[np.bool_], corner: tuple[int, int]) -> npt.NDArray[np.float64]:
    if not mask.size:
        return np.zeros((0, 2))
    _, _, stats, centres = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    large = stats[1:, cv2.CC_STAT_AREA] >= 4
    return np.asarray(centres[1:][large] + corner + 0.5)


def _nearest(places: npt.NDArray[np.float64], to: npt.NDArray[np.float64]) -> npt.NDArray[np.float64] | None:
    if not len(places):
        return None
    away = np.hypot(*(places - to).T)
    return np.asarray(places[away.argmin()]) if away.min() < 80 else None


class Plain:
    """A picture that is an array of RGB."""

    def __init__(self, pixels: RGB, sar: Fraction | int = 1) -> None:
        self.pixels, self.sar = pixels, Fraction(sar)
        self.height, self.width = pixels.shape[:2]

    def rgb(self, box: tuple[int, int, int, int] | None = None, size: tuple[int, int] | None = None) -> RGB:
        x0, y0, x1, y1 = box or (0, 0, self.width, self.height)
        part = self.pixels[y0:y1, x0:x1]
        return part if size is None else np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA))

    def blend(self, rgb: npt.NDArray[np.float32], mask: npt.NDArray[np.float32], box: tuple[int, int, int, int]) -> None:
        part = self.rgb(box)
        part[:] = np.where(mask[..., None] > 0, np.round(part + (rgb * 255 - part) * mask[..., None]), part).astype(np.uint8)
