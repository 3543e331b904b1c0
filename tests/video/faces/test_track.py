"""Faces followed through pictures: found at once, kept through gaps, never across a cut, and no more of them than there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from desktop.video.faces.data import Track
from desktop.video.faces.track import Tracker
from tests.video.faces.drawn import POINTS, RGB, MarkFinder, draw_face, texture

GROUND = texture(240, 320)
Path = Callable[[int], np.ndarray | None]


def walker(
    x: float, y: float, dx: float = 0, dy: float = 0, scale: float = 0.15, hidden: Sequence[int] = (), first: int = 0
) -> Path:
    """Places of a face that walks; None while it is hidden or not there yet."""

    def at(number: int) -> np.ndarray | None:
        if number < first or number in hidden:
            return None
        return (POINTS - 256) * scale + (x + dx * number, y + dy * number)

    return at


def pictures(count: int, faces: Sequence[Path], ground: RGB = GROUND) -> list[RGB]:
    result = []
    for number in range(count):
        picture = ground // 3 + 60
        for face in faces:
            points = face(number)
            if points is not None:
                draw_face(picture, points)
        result.append(picture)
    return result


def follow(
    shown: Sequence[RGB], *, every: int = 5, cuts: Sequence[int] = (), scale: float = 1.0
) -> tuple[list[Track], MarkFinder]:
    finder = MarkFinder()
    tracker = Tracker(finder, every=every)
    for number, picture in enumerate(shown):
        tracker.feed(number, picture, scale, cut=number in cuts)
    return tracker.finish(), finder


def off(track: Track, face: Path) -> float:
    """Mean distance of the track's seen points from the drawn ones, px."""
    wanted = [face(int(number)) for number in track.frames]
    pairs = [
        (found, point) for found, point, seen in zip(track.points, wanted, track.seen, strict=True) if seen and point is not None
    ]
    return float(np.mean([np.hypot(*(a - b).T).mean() for a, b in pairs]))


def test_two_faces_are_followed_from_the_first_to_the_last_picture() -> None:
    faces = [walker(80, 120, 1.5, 0.4), walker(240, 110, -1.2, 0.5, 0.2)]
    tracks, finder = follow(pictures(30, faces))
    assert [(track.first, track.last) for track in tracks] == [(0, 29)] * 2
    assert {track.id for track in tracks} == {1, 2}
    for track in tracks:
        assert min(off(track, face) for face in faces) < 0.5 and track.seen.all()
        assert (track.boxes[:, :2] < track.points.min(axis=1)).all()
    assert finder.looks == 6


def test_a_face_that_appears_is_followed_back_to_its_first_picture() -> None:
    tracks, _ = follow(pictures(24, [walker(160, 120, 1, first=7)]))
    assert [(track.first, track.last) for track in tracks] == [(7, 23)]


def test_a_gap_is_bridged_and_marked() -> None:
    face = walker(100, 120, 2, 0.5, hidden=range(11, 16))
    tracks, _ = follow(pictures(36, [face]))
    assert [(track.first, track.last) for track in tracks] == [(0, 35)]
    assert tracks[0].frames[~tracks[0].seen].tolist() == [11, 12, 13, 14, 15]
    straight = walker(100, 120, 2, 0.5)
    filled = np.stack([straight(number) for number in range(11, 16)])
    assert np.abs(tracks[0].points[11:16] - filled).max() < 2


def test_a_face_that_leaves_ends_where_it_was_last_seen() -> None:
    tracks, _ = follow(pictures(60, [walker(160, 120, hidden=range(20, 60))]))
    assert [(track.first, track.last) for track in tracks] == [(0, 19)]


def test_no_track_crosses_a_cut() -> None:
    tracks, finder = follow(pictures(30, [walker(160, 120)]), cuts=[12])
    assert [(track.first, track.last) for track in tracks] == [(0, 11), (12, 29)]
    # At the cut it looks at once, not at the next turn.
    assert finder.looks == 3 + 4


def test_a_face_seen_once_is_none() -> None:
    tracks, _ = follow(pictures(30, [walker(160, 120, hidden=[n for n in range(30) if n != 10])]))
    assert tracks == []


@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_shot_of_few_pictures_has_its_face(count: int) -> None:
    tracks, _ = follow(pictures(count, [walker(160, 120)]))
    assert [len(track) for track in tracks] == [count]


def test_two_who_meet_and_part_stay_two() -> None:
    left, right = walker(90, 90, 2, 1), walker(250, 160, -2, -1)
    tracks, _ = follow(pictures(60, [left, right]))
    covered = sum(len(track) for track in tracks)
    assert 2 <= len(tracks) <= 4 and covered >= 90
    for track in tracks:
        for number, points in zip(track.frames[track.seen], track.points[track.seen], strict=True):
            away = [np.abs(points.mean(axis=0) - np.asarray(face(int(number))).mean(axis=0)).max() for face in (left, right)]
            # While one covers the other, their marks get mixed up.
            assert min(away) < 25


def test_coordinates_are_those_of_the_full_picture() -> None:
    face = walker(160, 120)
    tracks, _ = follow(pictures(8, [face]), scale=0.25)
    assert np.abs(tracks[0].points[0] - 4 * np.asarray(face(0))).max() < 4


def test_fifty_faces_take_turns() -> None:
    faces = [walker(40 + 60 * (i % 10), 40 + 80 * (i // 10), 0.3, 0.2, 0.12) for i in range(50)]
    tracks, finder = follow(pictures(20, faces, texture(420, 640)))
    assert len(tracks) == 50 and all((track.first, track.last) == (0, 19) for track in tracks)
    assert finder.looks == 2
    assert max(min(off(track, face) for face in faces) for track in tracks) < 1


def test_pictures_must_not_be_left_out() -> None:
    tracker = Tracker(MarkFinder())
    tracker.feed(4, GROUND)
    with pytest.raises(ValueError, match="picture 6 after picture 4"):
        tracker.feed(6, GROUND)
    with pytest.raises(ValueError, match="every"):
        Tracker(MarkFinder(), every=0)


def test_nothing_was_shown() -> None:
    assert Tracker(MarkFinder()).finish() == []
