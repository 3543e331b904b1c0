"""Tracks in memory and in their file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from desktop.errors import UserError
from desktop.video.faces.data import Track, face_size, faces_at, load_tracks, save_tracks, size
from tests.video.faces.drawn import POINTS


def a_track(number: int, first: int, length: int) -> Track:
    frames = np.arange(first, first + length, dtype=np.int32)
    points = (POINTS * 0.2 + frames[:, None, None]).astype(np.float32)
    boxes = np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)
    return Track(number, frames, points, boxes, np.ones(length, np.float32), np.arange(length) % 2 == 0)


def test_tracks_come_back_as_they_were(tmp_path: Path) -> None:
    tracks = [a_track(3, 0, 5), a_track(8, 2, 1)]
    save_tracks(tmp_path / "tracks.npz", tracks, [0, 4])
    found, shots = load_tracks(tmp_path / "tracks.npz")
    assert shots == [0, 4]
    assert [track.id for track in found] == [3, 8]
    for one, other in zip(tracks, found, strict=True):
        for name in ("frames", "points", "boxes", "score", "seen"):
            assert np.array_equal(getattr(one, name), getattr(other, name))


def test_no_tracks_at_all(tmp_path: Path) -> None:
    save_tracks(tmp_path / "none.npz", [])
    assert load_tracks(tmp_path / "none.npz") == ([], [])


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "tracks.npz"
    save_tracks(path, [a_track(1, 0, 50)])
    whole = path.read_bytes()
    for cut in (0, 10, len(whole) // 2, len(whole) - 30):
        path.write_bytes(whole[:cut])
        with pytest.raises(UserError, match=r"tracks\.npz"):
            load_tracks(path)
    with pytest.raises(UserError, match=r"absent\.npz"):
        load_tracks(tmp_path / "absent.npz")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("format", np.array(99), "format"),
        ("length", np.array([7]), "shape"),
        ("frames", np.array([0, 1, 2, 3, 5], np.int32), "gaps"),
        ("score", np.full(5, np.nan, np.float32), "not numbers"),
        ("shots", np.array([4, 2]), "order"),
        ("points", np.array([object()] * 5), "pickle"),
    ],
)
def test_what_does_not_fit_is_refused(name: str, value: np.ndarray, said: str, tmp_path: Path) -> None:
    path = tmp_path / "tracks.npz"
    save_tracks(path, [a_track(1, 0, 5)], [0])
    with np.load(path) as file:
        arrays = dict(file)
    arrays[name] = value
    np.savez(path, **arrays)
    with pytest.raises(UserError, match=said):
        load_tracks(path)


def test_places_in_a_track() -> None:
    tracks = [a_track(1, 10, 5), a_track(2, 12, 9)]
    assert tracks[0].at(9) is None and tracks[0].at(10) == 0 and tracks[0].at(14) == 4 and tracks[0].at(15) is None
    assert [(track.id, place) for track, place in faces_at(tracks, 13)] == [(1, 3), (2, 1)]
    assert len(tracks[1]) == 9 and (tracks[1].first, tracks[1].last) == (12, 20)


def test_a_face_keeps_its_size_when_it_turns() -> None:
    frontal = face_size(POINTS)
    assert frontal == pytest.approx(2.42 * np.hypot(0.285, 131.2), rel=0.02)
    turned = POINTS.copy()
    turned[:, 0] = 256 + 0.4 * (turned[:, 0] - 256)
    assert face_size(turned) == pytest.approx(frontal, rel=0.05)
    assert size(a_track(1, 0, 3), 1) == pytest.approx(0.2 * frontal, rel=1e-4)
