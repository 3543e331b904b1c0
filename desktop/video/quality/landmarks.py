"""How far facial points are off, and how far their motion is: lengths in parts of the distance between the eyes.

Points are float [..., 5, 2]: the eye on the left of the picture, the one on the right, nose, left and right mouth corner.
Any other number of points works too where the first two are the eyes. A face that was not found is NaN.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.floating]


def eye_distance(points: Points) -> NDArray[np.float64]:
    """Distance between the eyes [...], px."""
    d = np.asarray(points, np.float64)[..., 1, :] - np.asarray(points, np.float64)[..., 0, :]
    return np.hypot(d[..., 0], d[..., 1])


def landmark_drift(points: Points, truth: Points) -> float:
    """Mean distance of the points to the true ones, over the true distance between the eyes; NaN when no face counts.

    The landmark distance (LMD) of face restoration papers, in lengths of the face instead of px. Shapes [..., 5, 2].
    """
    return _mean_length(np.asarray(points, np.float64) - truth, eye_distance(truth))


def tlme(points: Points, truth: Points) -> float:
    """Temporal landmark error: how far the motion from picture to picture strays from the true motion.

    Mean over t of |(L(t) - L(t-1)) - (T(t) - T(t-1))| over the true distance between the eyes, for tracks [n, 5, 2];
    NaN when there are no two found neighbours. Xu et al.: Beyond alignment: blind video face restoration via parsing-guided
    temporal-coherent transformer (PGTFormer), 2024, section 4; there in px.
    """
    moves = np.diff(np.asarray(points, np.float64), axis=0) - np.diff(np.asarray(truth, np.float64), axis=0)
    return _mean_length(moves, eye_distance(truth)[1:])


def landmark_jitter(points: Points) -> float:
    """Mean change of the points' velocity from picture to picture, over the distance between the eyes; needs no truth.

    Mean over t of |L(t+1) - 2 L(t) + L(t-1)| for tracks [n, 5, 2]; NaN when there are no three found neighbours.
    """
    return _mean_length(np.diff(np.asarray(points, np.float64), 2, axis=0), eye_distance(points)[1:-1])


def _mean_length(vectors: NDArray[np.float64], unit: NDArray[np.float64]) -> float:
    """Mean length of vectors [..., k, 2] in units [...]; those with NaN left out."""
    lengths = np.hypot(vectors[..., 0], vectors[..., 1]).mean(axis=-1) / np.maximum(unit, 1e-6)
    known = lengths[np.isfinite(lengths)]
    return float(known.mean()) if known.size else float("nan")
