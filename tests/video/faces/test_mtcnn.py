"""MTCNN on real faces and on pictures without any."""

from __future__ import annotations

import csv
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models.library import Library
from desktop.video.faces import boxes
from desktop.video.faces.align import TEMPLATE_512
from desktop.video.faces.data import Track, empty
from desktop.video.faces.detect import Detector, open_detector, reduced_size
from desktop.video.faces.shots import ShotFinder
from desktop.video.faces.track import Tracker
from tests.video.faces.drawn import texture


@pytest.fixture(scope="module")
def detector(machine_models: Path) -> Detector:
    library = Library(machine_models)
    library.ensure("mtcnn", Progress())
    return open_detector(library, device="cpu")


@pytest.fixture(scope="module")
def carphone(machine_models: Path) -> list[np.ndarray]:
    """A man in a car, 176 × 144: the clip of the demo."""
    path = Library(machine_models).ensure("niqe", Progress()) / "carphone_pristine.mp4"
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def followed(clip: list[np.ndarray], detector: Detector, width: float = 1.0) -> tuple[list[Track], list[int]]:
    """Tracks and cuts; ``width`` is the pixel aspect."""
    full = round(clip[0].shape[1] * width), clip[0].shape[0]
    size = reduced_size(*full)
    tracker, finder, cuts = Tracker(detector), ShotFinder(), []
    for number, picture in enumerate(clip):
        small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
        if finder.feed(small):
            cuts.append(number)
        tracker.feed(number, small, size[0] / full[0], cut=number in cuts)
    return tracker.finish(), cuts


def test_one_face_all_through_the_demo_clip(carphone: list[np.ndarray], detector: Detector) -> None:
    tracks, cuts = followed(carphone[:60], detector)
    assert cuts == [] and [(track.first, track.last) for track in tracks] == [(0, 59)]
    assert tracks[0].score.mean() > 0.95 and tracks[0].seen.mean() > 0.9
    eyes = np.hypot(*(tracks[0].points[:, 1] - tracks[0].points[:, 0]).T)
    assert 15 < np.median(eyes) < 40


def test_points_follow_a_picture_that_is_turned_and_enlarged(carphone: list[np.ndarray], detector: Detector) -> None:
    plain = carphone[10]
    first = detector(plain)[0]
    centre = tuple(map(float, first["points"].mean(axis=0)))
    for turn, scale in ((-12, 1.5), (9, 2.2), (0, 3.0)):
        matrix = cv2.getRotationMatrix2D(centre, turn, scale)
        matrix[:, 2] += np.array([250, 200]) - centre
        moved = np.asarray(cv2.warpAffine(plain, matrix, (500, 400), flags=cv2.INTER_CUBIC))
        wanted = (first["points"] - 0.5) @ matrix[:, :2].T + matrix[:, 2] + 0.5
        found = detector(moved)
        away = [np.hypot(*(face["points"] - wanted).T).mean() for face in found]
        assert min(away) < 0.07 * scale * np.hypot(*(first["points"][1] - first["points"][0]))


def test_refining_brings_a_shifted_guess_back(carphone: list[np.ndarray], detector: Detector) -> None:
    found = detector(carphone[10])[:1]
    guess = found.copy()
    guess["points"] += (1.5, -1.0)
    guess["box"] += (1.5, -1.0, 1.5, -1.0)
    again = detector.refine(carphone[10], guess)
    assert again["score"][0] > 0.9
    assert np.abs(again["points"] - found["points"]).max() < 1.0
    gone = detector.refine(texture(144, 176), found)
    assert gone["score"][0] == 0 and len(detector.refine(carphone[10], empty())) == 0


@pytest.mark.parametrize("size", [(1, 1), (16, 16), (11, 300), (33, 13), (576, 768)])
def test_nobody_in_clouds_and_plain_pictures(size: tuple[int, int], detector: Detector) -> None:
    for picture in (texture(*size), np.zeros((*size, 3), np.uint8), np.full((*size, 3), 255, np.uint8)):
        assert len(detector(picture)) == 0


def test_nobody_in_noise(detector: Detector) -> None:
    rng = np.random.default_rng(0)
    for step in range(4):
        coarse = rng.integers(0, 255, (40 * (step + 1), 50 * (step + 1), 3), dtype=np.uint8)
        assert len(detector(np.asarray(cv2.resize(coarse, (500, 400), interpolation=cv2.INTER_CUBIC)))) == 0


def test_names_and_sizes(machine_models: Path) -> None:
    with pytest.raises(UserError, match="no face detector 'retina'"):
        open_detector(Library(machine_models), "retina")
    assert reduced_size(768, 576) == (768, 576)
    assert reduced_size(7680, 4320) == (1024, 576)
    assert reduced_size(16, 9000) == (16, 9000)


def test_a_missing_model_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="reprise models install mtcnn"):
        open_detector(Library(tmp_path))


def test_aligned_portraits(shared: Path, detector: Detector) -> None:
    """Each of 26 portraits, turned, shrunk, noisy: found once, with its points where the alignment put them."""
    folder = shared / "faces512"
    with (folder / "index.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "val"][::2]
    rng = np.random.default_rng(0)
    errors = []
    for row in rows:
        scale = float(np.exp(rng.uniform(np.log(0.12), np.log(0.6))))
        matrix = cv2.getRotationMatrix2D((256, 256), rng.normal(0, 7), scale)
        matrix[:, 2] += np.array([200, 160]) - 256
        portrait = cv2.GaussianBlur(cv2.imread(str(folder / row["file"]))[..., ::-1], (0, 0), 0.5 / scale)
        picture = cv2.warpAffine(portrait, matrix, (400, 320), borderValue=(90, 90, 90)) + rng.normal(0, 5, (320, 400, 3))
        found = detector(np.clip(picture, 0, 255).astype(np.uint8))
        assert len(found) == 1, row["file"]
        wanted = TEMPLATE_512 @ matrix[:, :2].T + matrix[:, 2] + 0.5
        errors.append((found["points"][0] - wanted) @ matrix[:, :2] / scale**2)
    # The template is a mean face: the alignment's own landmarks are 7 px off it on average.
    assert np.hypot(*np.mean(errors, axis=(0, 1))) < 2.5
    assert np.hypot(*np.moveaxis(errors, -1, 0)).mean() < 10


def test_real_clips(shared: Path, detector: Detector) -> None:
    wanted = {
        "grid_brbk7n.mpg": [(0, 74)],
        "scene_cut_two_people.mp4": [(0, 39), (40, 74)],
        "anamorphic_sar.mp4": [(0, 74)],
        "no_face.mp4": [],
    }
    for name, spans in wanted.items():
        with av.open(str(shared / "clips" / name)) as container:
            clip = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        tracks, _ = followed(clip, detector, 4 / 3 if "anamorphic" in name else 1.0)
        assert [(track.first, track.last) for track in tracks] == spans, name
        assert all(track.score.mean() > 0.97 and track.seen.all() for track in tracks)


def test_a_crowd(shared: Path, detector: Detector) -> None:
    """Sixty small faces side by side: nearly all of them, and no one else."""
    folder = shared / "faces512"
    with (folder / "index.csv").open(newline="") as file:
        names = [row["file"] for row in csv.DictReader(file)][:60]
    tiles = [
        cv2.resize(cv2.imread(str(folder / name))[60:470, 90:422, ::-1], (66, 82), interpolation=cv2.INTER_AREA) for name in names
    ]
    picture = np.ascontiguousarray(np.vstack([np.hstack(tiles[row * 10 : row * 10 + 10]) for row in range(6)]))
    found = detector(picture)
    assert 57 <= len(found) <= 60
    shared_area = boxes.overlaps(found["box"], found["box"]) - np.eye(len(found))
    assert shared_area.max() < 0.4
