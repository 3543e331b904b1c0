"""Jitter goes, motion stays, and nothing lags."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.video.faces.data import Track
from desktop.video.faces.smooth import smooth
from tests.video.faces.drawn import POINTS

RATE = 25.0
FACE = (POINTS - 256) * 0.35  # about 100 px wide


def motion(count: int, path: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Points [count, 5, 2] of a face on a path of places (complex) and turns with scale (complex)."""
    place, turn = path(np.arange(count) / RATE)
    z = (FACE[:, 0] + 1j * FACE[:, 1])[None] * np.broadcast_to(turn, count)[:, None] + np.broadcast_to(place, count)[:, None]
    return np.stack([z.real, z.imag], axis=2)


def tracked(points: np.ndarray, jitter: float, seen: np.ndarray | None = None) -> Track:
    rng = np.random.default_rng(0)
    count = len(points)
    noise = jitter * (rng.normal(size=points.shape) + 0.5 * rng.normal(size=(count, 1, 2)))
    return Track(
        id=1,
        frames=np.arange(count, dtype=np.int32),
        points=(points + noise).astype(np.float32),
        boxes=np.zeros((count, 4), np.float32),
        score=np.ones(count, np.float32),
        seen=np.ones(count, bool) if seen is None else seen,
    )


def rms(values: np.ndarray) -> float:
    return float(np.sqrt((values**2).mean()))


PATHS: dict[str, Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]] = {
    "still": lambda t: (300 + 200j + 0 * t, 1 + 0j * t),
    "drift": lambda t: (300 + 40 * t + 200j, np.exp((0.1 + 0.05j) * t)),
    "sway": lambda t: (300 + 30 * np.sin(5.2 * t) + 200j, 1 + 0j * t),
    "nod": lambda t: (300 + 1j * (200 + 8 * np.sin(10 * t)), np.exp(0.05j * np.sin(10 * t))),
}


@pytest.mark.parametrize(
    ("name", "left", "shaking"), [("still", 0.4, 0.1), ("drift", 0.4, 0.1), ("sway", 0.65, 0.25), ("nod", 0.75, 0.3)]
)
def test_jitter_goes_and_motion_stays(name: str, left: float, shaking: float) -> None:
    truth = motion(100, PATHS[name])
    track = tracked(truth, 0.8)
    error, before = smooth(track, RATE).points - truth, track.points - truth
    assert rms(error) < left * rms(before)
    assert rms(np.diff(error, axis=0)) < shaking * rms(np.diff(before, axis=0))


def test_it_does_not_lag() -> None:
    truth = motion(150, PATHS["sway"])
    found = smooth(tracked(truth, 0.5), RATE).points.mean(axis=1)[:, 0]
    path = truth.mean(axis=1)[:, 0]
    delays = np.linspace(-2, 2, 81)
    inner = np.arange(20, 130)
    errors = [rms(found[inner] - np.interp(inner - delay, np.arange(150), path)) for delay in delays]
    assert abs(delays[int(np.argmin(errors))]) <= 0.1


def test_a_parabola_passes_unchanged() -> None:
    truth = motion(60, lambda t: (300 + 10 * t + 15 * t**2 + 100j, 1 + 0j * t))
    assert np.abs(smooth(tracked(truth, 0.0), RATE).points - truth)[5:-5].max() < 0.05


def test_played_backwards_it_is_the_same() -> None:
    track = tracked(motion(70, PATHS["nod"]), 0.6)
    backwards = Track(1, track.frames, track.points[::-1].copy(), track.boxes, track.score, track.seen[::-1].copy())
    assert np.abs(smooth(track, RATE).points - smooth(backwards, RATE).points[::-1]).max() < 1e-2


def test_interpolated_places_weigh_little() -> None:
    truth = motion(60, PATHS["still"])
    seen = np.ones(60, bool)
    seen[25:31] = False
    track = tracked(truth, 0.3, seen)
    track.points[25:31] += 10
    error = np.abs(smooth(track, RATE).points - truth)
    assert error[seen].max() < 2 and error.max() < 7


@given(st.integers(1, 12), st.sampled_from([5.0, 25.0, 60.0]))
def test_short_tracks_keep_their_place(count: int, rate: float) -> None:
    truth = motion(count, PATHS["drift"])
    found = smooth(tracked(truth, 0.3), rate)
    assert found.points.shape == truth.shape and np.isfinite(found.points).all()
    assert np.abs(found.points - truth).max() < 3
    assert (found.boxes[:, :2] < found.points.min(axis=1)).all() and (found.boxes[:, 2:] > found.points.max(axis=1)).all()


def test_a_long_track_takes_little_time() -> None:
    """A quarter of an hour of one face."""
    truth = motion(22_500, PATHS["sway"])
    found = smooth(tracked(truth, 0.5), RATE)
    assert rms(found.points - truth) < 0.5
