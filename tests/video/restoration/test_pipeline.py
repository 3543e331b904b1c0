"""The two passes in this process: batches, cancel in the middle of a long call, threads, enlarging, previews."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from desktop.jobs.events import AnyEvent, Previewed, Progressed
from desktop.jobs.job import InspectJob, PreviewJob, RestoreJob, RestoreOptions
from desktop.jobs.progress import Cancelled, Progress
from desktop.video.enlarge import enlarger
from desktop.video.faces.align import crop_matrix
from desktop.video.faces.data import Track
from desktop.video.findings import FacesByPicture, Look, load, save
from desktop.video.job import run_inspect, run_preview, run_restore
from desktop.video.media.formats import make_format
from desktop.video.media.picture import Picture
from desktop.video.patches import scaled
from tests.e2e import film
from tests.waiting import quickest


class Recorder(Progress):
    """Keeps the events; cancels once the work has come so far."""

    def __init__(self, cancel_at: float = 2.0) -> None:
        self.events: list[AnyEvent] = []
        self.cancelled_at = 0.0
        self._cancel_at = cancel_at

    def emit(self, event: AnyEvent) -> None:
        self.events.append(event)

    def checkpoint(self) -> None:
        last = next((event.fraction for event in reversed(self.events) if isinstance(event, Progressed)), 0.0)
        if last >= self._cancel_at:
            self.cancelled_at = time.monotonic()
            raise Cancelled


@pytest.fixture(scope="module")
def clip(carphone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A face in 40 pictures."""
    shown = film.rgb(carphone / "carphone_pristine.mp4")[:40]
    return film.write(tmp_path_factory.mktemp("clip") / "clip.mp4", shown)


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert [thread.name for thread in set(threading.enumerate()) - before if thread.name.startswith("stage-")] == []


def test_previews_come_while_it_runs(clip: Path, tmp_path: Path) -> None:
    progress = Recorder()
    result = run_restore(RestoreJob(source=str(clip), output=str(tmp_path / "out.mp4")), progress)
    shown = [event.data for event in progress.events if isinstance(event, Previewed)]
    assert shown and all(one["before"][:2] == one["after"][:2] == b"\xff\xd8" for one in shown)
    assert (shown[0]["width"], shown[0]["height"]) == (176, 144) and shown[0]["before"] != shown[0]["after"]
    fractions = [event.fraction for event in progress.events if isinstance(event, Progressed)]
    assert fractions == sorted(fractions) and fractions[-1] == 1
    assert result["frames"] == 40 and result["faces"] == {"tracks": 1, "restored": 1, "left": {}}
    seconds: Any = result["seconds"]
    assert {"look", "restore", "restore.decode", "restore.restore", "restore.encode", "join"} <= seconds.keys()


@pytest.mark.parametrize("fraction", [0.05, 0.4, 0.7])
def test_cancel_is_prompt_whatever_goes_on(clip: Path, tmp_path: Path, fraction: float) -> None:
    def answered() -> float:
        progress = Recorder(cancel_at=fraction)
        with pytest.raises(Cancelled):
            run_restore(RestoreJob(source=str(clip), output=str(tmp_path / "new" / "out.mp4")), progress)
        took = time.monotonic() - progress.cancelled_at
        assert not (tmp_path / "new").exists()
        return took

    assert quickest(answered, 1.0) < 1.0


def test_a_preview_shows_before_and_after(clip: Path) -> None:
    job = PreviewJob(source=str(clip), time=0.5)
    result: Any = run_preview(job, Progress())
    before, after = np.load(result["before"]), np.load(result["after"])
    assert before.shape == after.shape == (144, 176, 3) and before.dtype == np.uint8
    assert 0.45 <= result["time"] <= 0.5 and (result["width"], result["height"]) == (176, 144)
    (face,) = result["faces"]
    assert face["kind"] == "restored" and np.shape(face["points"]) == (5, 2) and 30 < face["size"] < 140
    x0, y0, x1, y1 = (int(value) for value in face["box"])
    assert np.abs(before[y0:y1, x0:x1].astype(int) - after[y0:y1, x0:x1]).max() > 8
    assert np.array_equal(before[:, :20], after[:, :20])
    assert len(result["metrics"]["sharpness"]) == 2 and result["device"] in ("CPU", "CUDA")
    plain: Any = run_preview(PreviewJob(source=str(clip), time=0.5, options=RestoreOptions(scale=2)), Progress())
    assert np.load(plain["after"]).shape == (288, 352, 3) and plain["seconds"]["decode"] < 0.02, "the picture was kept"


def test_a_preview_of_a_clip_without_faces(tmp_path: Path) -> None:
    clip = film.write(tmp_path / "drawn.mp4", film.drawn(8))
    result: Any = run_preview(PreviewJob(source=str(clip), time=99.0), Progress())
    assert result["faces"] == [] and result["metrics"] == {} and 0.2 <= result["time"] < 0.32
    assert np.array_equal(np.load(result["before"]), np.load(result["after"]))
    found: Any = run_inspect(InspectJob(source=str(clip)), Progress())
    assert found["faces"]["with_faces"] == 0 and found["rate"] == 25 and found["display_size"] == [160, 120]


def _track(number: int, first: int, length: int) -> Track:
    points = np.zeros((length, 5, 2), np.float32) + number
    return Track(
        number,
        np.arange(first, first + length, dtype=np.int32),
        points,
        np.zeros((length, 4), np.float32),
        np.ones(length, np.float32),
        np.ones(length, bool),
    )


def test_faces_of_a_picture_from_any_side() -> None:
    faces_of = FacesByPicture([_track(2, 5, 10), _track(1, 0, 8), _track(3, 20, 1)])
    for picture in (0, 4, 5, 7, 8, 14, 15, 20, 21, 6, 0):
        expected = [number for number, first, length in ((1, 0, 8), (2, 5, 10), (3, 20, 1)) if first <= picture < first + length]
        assert sorted(face.track or 0 for face in faces_of(picture)) == expected


def test_what_was_found_comes_back_or_not_at_all(tmp_path: Path) -> None:
    found = Look("tff", np.array([0, 3, 9]), Fraction(1, 25), 2, 720, 576, Fraction(16, 15), [0, 2], [_track(1, 0, 3)], ["odd"])
    assert load(tmp_path) is None
    save(found, tmp_path)
    again = load(tmp_path)
    assert again is not None and again.times.tolist() == [0, 3, 9] and again.shots == [0, 2] and again.problems == ["odd"]
    assert (again.sar, again.deinterlace, again.seconds) == (Fraction(16, 15), "tff", 11 / 25)
    (tmp_path / "times.npy").write_bytes(b"damaged")
    assert load(tmp_path) is None


def test_a_matrix_for_a_larger_picture_leads_to_the_same_place() -> None:
    points = np.array([(60, 50), (90, 52), (75, 70), (63, 85), (88, 86)], np.float32)
    matrix = crop_matrix(points, 256)
    for scale in (2, 4):
        # The centre of pixel n of the small picture is at (n + 0.5) · scale - 0.5 in the large one.
        place = np.array([30.0, 40.0])
        larger = (place + 0.5) * scale - 0.5
        wanted = matrix[:, :2] @ place + matrix[:, 2]
        assert np.allclose(scaled(matrix, scale)[:, :2] @ larger + scaled(matrix, scale)[:, 2], wanted, atol=1e-3)


@pytest.mark.parametrize(("layout", "bits"), [("420", 8), ("420", 10), ("422", 8), ("444", 16), ("gray", 8), ("gbr", 8)])
def test_plain_enlarging_keeps_the_format(layout: str, bits: int) -> None:
    form = make_format(layout, bits, full_range=False, matrix="bt601")
    width, height = 35, 27
    ramp = np.linspace(0, (1 << bits) - 1, width)
    planes = []
    for number in range(form.planes):
        rows, columns = form.plane_shape(number, width, height)
        planes.append(
            np.broadcast_to(np.interp(np.linspace(0, 34, columns), range(width), ramp), (rows, columns)).astype(form.dtype)
        )
    picture = Picture(tuple(planes), form, width, height, index=3, pts=9)
    enlarge = enlarger(RestoreOptions(scale=2), None)
    assert enlarge is not None and enlarger(RestoreOptions(), None) is None
    larger = enlarge(picture)
    assert (larger.width, larger.height, larger.index, larger.pts) == (70, 54, 3, 9) and larger.format == form
    for number, plane in enumerate(larger.planes):
        assert plane.shape == form.plane_shape(number, 70, 54) and plane.dtype == form.dtype and plane.max() < 1 << bits
        assert (np.diff(plane[5].astype(int)) >= -2 - (1 << bits) // 64).all()
