"""Measures for the evaluation that need more than two pictures: NIQE, landmarks and identity by dlib, flicker.

Pictures are RGB uint8 [H, W, 3], sets of them [N, H, W, 3].
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.special import gamma

from .degrade import Picture

Array = NDArray[np.float64]
SHAPES = np.arange(0.2, 10.001, 0.001)
MOMENT_RATIOS = gamma(2.0 / SHAPES) ** 2 / (gamma(1.0 / SHAPES) * gamma(3.0 / SHAPES))
PATCH = 96  # px, of the published natural-image model


def _asymmetric_gaussian(x: Array) -> tuple[float, float, float, float]:
    """Fit a generalised Gaussian with two scales by its moments; return shape, mean, left and right scale."""
    left = np.sqrt(np.mean(x[x < 0] ** 2)) if (x < 0).any() else 1e-6
    right = np.sqrt(np.mean(x[x > 0] ** 2)) if (x > 0).any() else 1e-6
    ratio = left / right
    moments = np.mean(np.abs(x)) ** 2 / max(float(np.mean(x**2)), 1e-12)
    moments *= (ratio**3 + 1) * (ratio + 1) / (ratio**2 + 1) ** 2
    shape = float(SHAPES[np.argmin((MOMENT_RATIOS - moments) ** 2)])
    scale = np.sqrt(gamma(1.0 / shape) / gamma(3.0 / shape))
    left, right = left * scale, right * scale
    return shape, float((right - left) * gamma(2.0 / shape) / gamma(1.0 / shape)), float(left), float(right)


def _normalised(grey: Array) -> Array:
    """Subtract the local mean and divide by the local deviation (7 x 7 Gaussian, sigma 7/6)."""
    mean = cv2.GaussianBlur(grey, (7, 7), 7 / 6, borderType=cv2.BORDER_REPLICATE)
    square = cv2.GaussianBlur(grey * grey, (7, 7), 7 / 6, borderType=cv2.BORDER_REPLICATE)
    return (grey - mean) / (np.sqrt(np.abs(square - mean * mean)) + 1.0)


def _patch_features(patch: Array) -> list[float]:
    """Return the 18 features of a normalised patch; for the diagonals the left scale stands twice, as in the model."""
    shape, _, left, right = _asymmetric_gaussian(patch)
    features = [shape, (left + right) / 2.0]
    for axes, shift in (((1,), (1,)), ((0,), (1,)), ((0, 1), (1, 1)), ((0, 1), (1, -1))):
        shape, mean, left, right = _asymmetric_gaussian(patch * np.roll(patch, shift, axes))
        features += [shape, mean, left, left if len(axes) == 2 else right]
    return features


def naturalness_features(picture: Picture) -> Array:
    """Return the NIQE features [patches, 36] of a picture's whole 96-px patches, over two scales."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float64)
    rows, columns = grey.shape[0] // PATCH, grey.shape[1] // PATCH
    top, left = (grey.shape[0] - rows * PATCH) // 2, (grey.shape[1] - columns * PATCH) // 2
    grey = grey[top : top + rows * PATCH, left : left + columns * PATCH]
    half = F.interpolate(torch.from_numpy(grey)[None, None], scale_factor=0.5, mode="bicubic", antialias=True)[0, 0].numpy()
    scales = []
    for plane, size in ((_normalised(grey), PATCH), (_normalised(half), PATCH // 2)):
        places = [(r * size, c * size) for r in range(rows) for c in range(columns)]
        scales.append([_patch_features(plane[r : r + size, c : c + size]) for r, c in places])
    return np.hstack([np.array(s) for s in scales])


def niqe(pictures: Sequence[Picture], model: Path) -> float:
    """Return the NIQE of a set of pictures; lower is more natural.

    Mittal, Soundararajan, Bovik: Making a completely blind image quality analyzer, 2013.  A 256-px face has four patches,
    too few for a covariance of 36 features, so the patches of all pictures are taken together.

    Args:
        pictures: the set.
        model: the published natural-image model, a .mat file with pop_mu [1, 36] and pop_cov [36, 36].
    """
    from scipy.io import loadmat

    published = loadmat(str(model))
    features = np.vstack([naturalness_features(p) for p in pictures])
    d = features.mean(axis=0) - published["pop_mu"].ravel()
    spread = (np.cov(features.T) + published["pop_cov"]) / 2.0
    return float(np.sqrt(d @ np.linalg.pinv(spread) @ d))


class FaceMeasures:
    """Landmark and identity differences by dlib, on aligned faces; needs dlib and face_recognition_models."""

    def __init__(self) -> None:
        import dlib

        spec = importlib.util.find_spec("face_recognition_models")
        if spec is None or not spec.submodule_search_locations:
            raise ImportError("face_recognition_models")
        models = Path(next(iter(spec.submodule_search_locations))) / "models"
        self.dlib: Any = dlib
        self.known: dict[int, tuple[Any, Array, Array]] = {}
        self.finder = dlib.get_frontal_face_detector()
        self.shape = dlib.shape_predictor(str(models / "shape_predictor_68_face_landmarks.dat"))
        self.chip_shape = dlib.shape_predictor(str(models / "shape_predictor_5_face_landmarks.dat"))
        self.encoder = dlib.face_recognition_model_v1(str(models / "dlib_face_recognition_resnet_model_v1.dat"))

    def box(self, truth: Picture) -> Any:
        """Find the face's box on the true picture; where none is found, take the template's."""
        boxes = self.finder(truth)
        return max(boxes, key=lambda b: b.area()) if boxes else self.dlib.rectangle(56, 80, 200, 224)

    def landmarks(self, picture: Picture, box: Any) -> Array:
        """Return the 68 points [68, 2] in px."""
        points = self.shape(picture, box)
        return np.array([(p.x, p.y) for p in points.parts()], dtype=np.float64)

    def identity(self, picture: Picture, truth: Picture, box: Any) -> Array:
        """Return the 128 numbers that tell a person; the cut is that of the true picture."""
        return np.array(self.encoder.compute_face_descriptor(picture, self.chip_shape(truth, box)))

    def of_truth(self, truth: Picture) -> tuple[Any, Array, Array]:
        """Return box, landmarks and identity of a true picture; remembered, as every method asks for them."""
        key = hash(truth.tobytes())
        if key not in self.known:
            box = self.box(truth)
            self.known[key] = box, self.landmarks(truth, box), self.identity(truth, truth, box)
        return self.known[key]

    def compare(self, pictures: Sequence[Picture], truths: Sequence[Picture]) -> tuple[float, float]:
        """Return mean landmark error (px of 256) and mean identity distance (0.6 is dlib's bound for one person)."""
        errors, distances = [], []
        for picture, truth in zip(pictures, truths, strict=True):
            box, points, person = self.of_truth(truth)
            d = self.landmarks(picture, box) - points
            errors.append(np.hypot(d[:, 0], d[:, 1]).mean())
            distances.append(np.linalg.norm(self.identity(picture, truth, box) - person))
        return float(np.mean(errors)), float(np.mean(distances))


def flicker(clips: Sequence[Picture]) -> float:
    """Return the warping error of clips [K, H, W, 3]: RMS difference of neighbouring frames, levels of 255.

    The frames are aligned to the same still face, so the true motion between them is none.
    """
    squares = [np.mean(np.diff(clip.astype(np.float64), axis=0) ** 2) for clip in clips]
    return float(np.sqrt(np.mean(squares)))
