"""The same moment of several clips in numbers: whole pictures, faces, and what changed since the moment before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from desktop.video.faces.data import FACE, Floats
from desktop.video.faces.detect import RGB, Detector
from desktop.video.patches import Face
from desktop.video.quality.landmarks import landmark_drift, landmark_jitter, tlme
from desktop.video.quality.motion import find_motion, warping_error
from desktop.video.quality.naturalness import PATCH, Naturalness
from desktop.video.quality.reference import luma, psnr, ssim
from desktop.video.quality.sharpness import sharpness

Numbers = dict[tuple[str, str], float]
"""Values by measure and clip."""

EQUAL = 100.0
"""dB that stand for equal pictures."""

_MOST_FACES = 4  # a picture, the largest
_LEAST_FACE = 16  # px
_MOST_FLOW = 320  # px of the longer side, where motion is looked for
_NATURE = 1.5  # times the face: what NIQE looks at, in whole patches
_MOMENTS = 3

_Rect = tuple[int, int, int, int]


class Comparison:
    """Compares clips moment by moment; keeps the last moments, and nothing of those before.

    Args:
        names: of the clips; ``reference`` is one of them.
        naturalness: for NIQE; None leaves it out.
        has_faces: False measures whole pictures where faces would be.
    """

    def __init__(
        self, names: Sequence[str], reference: str, detector: Detector, naturalness: Naturalness | None, *, has_faces: bool
    ) -> None:
        self._names, self._reference = names, reference
        self._detector, self._naturalness, self._has_faces = detector, naturalness, has_faces
        self._before: dict[str, RGB] = {}
        self._points: dict[tuple[str, int | None], list[Floats]] = {}
        self._features: dict[str, list[npt.NDArray[np.float64]]] = {}

    def feed(self, pictures: Mapping[str, RGB | None], faces: Sequence[Face], *, cut: bool, nature: bool) -> Numbers:
        """The next moment.

        Args:
            pictures: RGB in square pixels, of any size; None where a clip has none. The reference has one.
            faces: where they are in the reference.
            cut: a shot begins; nothing is compared with the moment before.
            nature: take this moment into NIQE, the costly one, if all clips have it.
        """
        whole = pictures[self._reference]
        assert whole is not None
        if cut:
            self._before, self._points = {}, {}
        shown = {name: picture for name, picture in pictures.items() if picture is not None}
        chosen = sorted(faces, key=lambda face: -face.size)[:_MOST_FACES]
        boxes = [box for face in chosen if (box := _inside(face.box, whole.shape)) is not None]
        if not self._has_faces:
            boxes = [(0, 0, whole.shape[1], whole.shape[0])]
        alike = {name: _resized(picture, whole.shape) for name, picture in shown.items()}
        numbers: Numbers = {}
        for name, picture in shown.items():
            own = [_scaled(box, whole.shape, picture.shape) for box in boxes]
            if own:
                numbers["sharpness", name] = float(np.mean([sharpness(_cut(picture, box)) for box in own]))
                numbers["light", name] = float(luma(_cut(picture, own[0])).mean())
            if own and nature and self._naturalness is not None and len(shown) == len(pictures):
                features = self._naturalness.features(_cut(picture, _around(own[0], picture.shape)))
                self._features.setdefault(name, []).append(features)
        numbers |= self._steadiness(alike, boxes) | self._nearness(alike, boxes) | self._landmarks(shown, chosen, whole.shape)
        self._before = alike
        return numbers

    def niqe(self) -> dict[str, float]:
        """NIQE of each clip, over all the moments that were to be taken into it.

        A face has too few patches for a covariance of its own, and pictures of less than 96 px have none at all.
        """
        if self._naturalness is None:
            return {}
        found = {name: self._naturalness.distance(np.vstack(parts)) for name, parts in self._features.items()}
        return {name: value for name, value in found.items() if np.isfinite(value)}

    def _nearness(self, alike: Mapping[str, RGB], boxes: Sequence[_Rect]) -> Numbers:
        truth = alike[self._reference]
        numbers: Numbers = {}
        for name, picture in alike.items():
            if name == self._reference:
                continue
            numbers["psnr", name], numbers["ssim", name] = _decibels(picture, truth), _similarity(picture, truth)
            if boxes and self._has_faces:
                pairs = [(_cut(picture, box), _cut(truth, box)) for box in boxes]
                numbers["psnr_faces", name] = float(np.mean([_decibels(*pair) for pair in pairs]))
                numbers["ssim_faces", name] = float(np.mean([_similarity(*pair) for pair in pairs]))
        return numbers

    def _steadiness(self, alike: Mapping[str, RGB], boxes: Sequence[_Rect]) -> Numbers:
        """Warping error of the faces' boxes along the reference's motion."""
        names = [name for name in alike if name in self._before]
        if self._reference not in names:
            return {}
        errors: dict[str, list[float]] = {name: [] for name in names}
        for box in boxes:
            now = {name: _reduced(_cut(alike[name], box)) for name in names}
            before = {name: _reduced(_cut(self._before[name], box)) for name in names}
            motion = find_motion(before[self._reference], now[self._reference])
            for name in names:
                errors[name].append(warping_error(before[name], now[name], motion))
        return {("warping", name): _mean(found) for name, found in errors.items()}

    def _landmarks(self, shown: Mapping[str, RGB], faces: Sequence[Face], size: tuple[int, ...]) -> Numbers:
        found = {name: self._refined(picture, faces, size) for name, picture in shown.items()}
        for name in self._names:
            self._remember(name, faces, found.get(name))
        numbers: Numbers = {}
        for name, points in found.items():
            tracks = [self._points[name, face.track] for face in faces]
            numbers["jitter", name] = 100.0 * _mean([landmark_jitter(np.stack(t[-3:])) for t in tracks if len(t) >= _MOMENTS])
            if name == self._reference:
                continue
            true = [self._points[self._reference, face.track] for face in faces]
            pairs = [(t[-2:], u[-2:]) for t, u in zip(tracks, true, strict=True) if len(t) >= 2 and len(u) >= 2]
            numbers["tlme", name] = 100.0 * _mean([tlme(np.stack(t), np.stack(u)) for t, u in pairs])
            numbers["drift", name] = 100.0 * landmark_drift(points, found[self._reference])
        return numbers

    def _refined(self, picture: RGB, faces: Sequence[Face], size: tuple[int, ...]) -> Floats:
        """Points [n, 5, 2] of the faces in one clip, in the reference's pixels; NaN where there is no face.

        They are looked for in all clips in the same way, from the same place, the reference included.
        """
        scale = np.array([picture.shape[1] / size[1], picture.shape[0] / size[0]], np.float32)
        asked = np.zeros(len(faces), FACE)
        for row, face in zip(asked, faces, strict=True):
            row["box"], row["points"], row["score"] = face.box * np.tile(scale, 2), face.points * scale, 1.0
        if not len(asked):
            return np.empty((0, 5, 2), np.float32)
        answer = self._detector.refine(picture, asked)
        points: Floats = (answer["points"] / scale).astype(np.float32)
        points[answer["score"] <= 0.0] = np.nan
        return points

    def _remember(self, name: str, faces: Sequence[Face], points: Floats | None) -> None:
        """Keep the last points of each face that is still there; a gap begins anew."""
        now = {} if points is None else {face.track: one for face, one in zip(faces, points, strict=True)}
        for key in [key for key in self._points if key[0] == name and key[1] not in now]:
            del self._points[key]
        for track, one in now.items():
            self._points[name, track] = [*self._points.get((name, track), [])[1 - _MOMENTS :], one]


def square(rgb: RGB, size: tuple[int, int]) -> RGB:
    """A picture brought to width and height in square pixels."""
    return _resized(rgb, (size[1], size[0]))


def _resized(rgb: RGB, shape: Sequence[int]) -> RGB:
    height, width = shape[:2]
    if rgb.shape[:2] == (height, width):
        return rgb
    how = cv2.INTER_AREA if rgb.shape[0] > height else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(rgb, (width, height), interpolation=how), np.uint8)


def _reduced(rgb: RGB) -> RGB:
    scale = _MOST_FLOW / max(rgb.shape[:2])
    return rgb if scale >= 1.0 else _resized(rgb, (round(rgb.shape[0] * scale), round(rgb.shape[1] * scale)))


def _inside(box: npt.NDArray[np.floating], shape: Sequence[int]) -> _Rect | None:
    """The part of a box inside the picture; None when too little is left."""
    x0, y0 = (max(0, int(v)) for v in box[:2])
    x1, y1 = min(shape[1], int(box[2]) + 1), min(shape[0], int(box[3]) + 1)
    return (x0, y0, x1, y1) if x1 - x0 >= _LEAST_FACE and y1 - y0 >= _LEAST_FACE else None


def _scaled(box: _Rect, size: Sequence[int], other: Sequence[int]) -> _Rect:
    x, y = other[1] / size[1], other[0] / size[0]
    return round(box[0] * x), round(box[1] * y), max(1, round(box[2] * x)), max(1, round(box[3] * y))


def _around(box: _Rect, shape: Sequence[int]) -> _Rect:
    """A square about a face, large enough for NIQE, moved inside the picture."""
    patches = max(2, round(_NATURE * max(box[2] - box[0], box[3] - box[1]) / PATCH))
    side = min(patches * PATCH, shape[0], shape[1])
    x = min(max(0, (box[0] + box[2] - side) // 2), shape[1] - side)
    y = min(max(0, (box[1] + box[3] - side) // 2), shape[0] - side)
    return x, y, x + side, y + side


def _cut(rgb: RGB, box: _Rect) -> RGB:
    return rgb[box[1] : box[3], box[0] : box[2]]


def _decibels(a: RGB, b: RGB) -> float:
    return min(EQUAL, psnr(a, b))


def _similarity(a: RGB, b: RGB) -> float:
    return ssim(a, b) if min(a.shape[:2]) > 11 else float("nan")


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")
