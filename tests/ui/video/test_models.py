"""What is behind the panel: files, choices, decoded pictures, requests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication

from desktop.errors import UserError
from desktop.jobs.events import Failed, Previewed
from desktop.jobs.job import AnyJob, PreviewJob, RestoreJob, RestoreOptions
from desktop.jobs.rows import Owner, Row, Update
from desktop.jobs.states import State as JobState
from desktop.ui.asks import Newest
from desktop.ui.bridge import QueueBridge
from desktop.ui.state import State
from desktop.ui.video import files
from desktop.ui.video.choices import Choices, Memory, of_job
from desktop.ui.video.clips import Item
from desktop.ui.video.metrics import change, faces_text
from desktop.ui.video.reel import Reel, Stretch
from desktop.ui.widgets.face_marks import marks_of


def test_clips_are_gathered_from_files_and_folders(tmp_path: Path) -> None:
    folder = tmp_path / "box"
    folder.mkdir()
    for name in ("b.MPG", "a.mp4", "notes.txt", ".hidden.mp4"):
        (folder / name).write_bytes(b"x")
    assert files.gather([folder, folder / "a.mp4"]) == [folder / "a.mp4", folder / "b.MPG"]
    (folder / "scan.png").write_bytes(b"x")
    assert files.gather([folder])[-1] == folder
    assert files.takes(folder) and files.takes(Path("x.VOB")) and not files.takes(Path("song.mp3"))
    assert not files.takes(tmp_path) and files.gather([tmp_path / "song.mp3"]) == []


def test_a_result_never_goes_onto_a_file_that_is_there(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mpg"
    clip.write_bytes(b"x")
    first = files.output_for(clip, ".mkv")
    assert first == tmp_path / "clip-restored.mkv"
    first.write_bytes(b"x")
    assert files.output_for(clip, ".mkv") == tmp_path / "clip-restored 2.mkv"
    assert files.output_for(clip).suffix == ".mkv" and files.output_for(Path("a.mp4")).suffix == ".mp4"
    assert files.output_for(Path("a.png"), folder=str(tmp_path)) == tmp_path / "a-restored.png"
    assert files.output_for(tmp_path).name == f"{tmp_path.name}-restored"


def test_choices_are_remembered_by_clip_and_the_last_ones_are_the_default(qapp: QApplication, tmp_path: Path) -> None:
    ini, one, other = tmp_path / "window.json", Path("/a/one.mp4"), Path("/a/other.mp4")
    state = State(ini)
    memory = Memory(state)
    chosen = Choices(RestoreOptions(fidelity=0.8, scale=2), 3.0, 7.5, ".mkv", "x265", 20, "/b/out.mkv")
    memory.keep(one, chosen)
    state.save()
    again = Memory(State(ini))
    assert again.of(one) == chosen
    assert again.of(other) == Choices(RestoreOptions(fidelity=0.8, scale=2), None, None, ".mkv", "x265", 20, "")
    job = chosen.job(one, Path("/b/out.mkv"))
    assert isinstance(job, RestoreJob) and of_job(job) == chosen


@pytest.mark.parametrize(
    "text", ["", "[]", "nonsense", '{"/a": 3}', '{"/a": {"options": {"fidelity": 9}, "start": "x", "end": -1, "encoder": "gif"}}']
)
def test_damaged_choices_become_the_default(qapp: QApplication, tmp_path: Path, text: str) -> None:
    state = State(tmp_path / "window.json")
    state.keep("video/clips", text)
    assert Memory(state).of(Path("/a")) == Choices()


def stretch(tmp_path: Path, first: int, count: int, rate: float = 25.0, asked: int | None = None) -> Stretch:
    path = tmp_path / f"{first}-{count}.npy"
    np.save(path, np.arange(first, first + count, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 3), np.uint8))
    times = [n / rate for n in range(first, first + count)]
    return Stretch.read({"frames": str(path), "times": times, "indexes": list(range(first, first + count))}, asked or count)


def test_a_reel_finds_the_picture_shown_at_a_moment(tmp_path: Path) -> None:
    reel = Reel(3)
    assert reel.at(0.0) is None
    reel.add(stretch(tmp_path, 10, 5))
    for second, index in ((0.4, 10), (0.438, 10), (0.44, 11), (0.5, 12)):
        frame = reel.at(second)
        assert frame is not None and frame.index == index and frame.rgb[0, 0, 0] == index
    assert reel.at(0.39) is None and reel.at(0.58) is None
    last = reel.at(0.58, length=0.04)
    assert last is not None and last.index == 14
    assert reel.beside(last, 1) is None and reel.beside(last, -1).index == 13  # type: ignore[union-attr]


def test_a_reel_knows_how_far_it_reaches_and_where_the_clip_ends(tmp_path: Path) -> None:
    reel = Reel(3)
    reel.add(stretch(tmp_path, 0, 10))
    reel.add(stretch(tmp_path, 9, 10))
    assert reel.until(0.1) == pytest.approx(18 / 25) and reel.until(5.0) == 5.0
    assert not reel.ends_at(10.0)
    reel.add(stretch(tmp_path, 18, 4, asked=26))
    assert reel.until(0.1) == pytest.approx(21 / 25) and reel.ends_at(21 / 25) and not reel.ends_at(20 / 25)
    reel.add(stretch(tmp_path, 100, 4))
    assert reel.at(0.1) is None, "the oldest is forgotten"


def test_pictures_that_cannot_be_read_are_explained(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        Stretch.read({"frames": str(tmp_path / "gone.npy"), "times": [0.0]}, 1)


class OneAtATime:
    """A queue that ends a job when the test says so, on the test's thread."""

    def __init__(self) -> None:
        self.callback: Callable[[Update], None] = lambda update: None
        self.jobs: list[AnyJob] = []
        self.removed: list[int] = []
        self.cancelled: list[int] = []

    def subscribe(self, callback: Callable[[Update], None]) -> Callable[[], None]:
        self.callback = callback
        return lambda: None

    def submit(self, job: AnyJob, *, priority: int = 0) -> int:
        assert priority > 0
        self.jobs.append(job)
        return len(self.jobs)

    def remove(self, number: int) -> None:
        self.removed.append(number)

    def cancel(self, number: int) -> None:
        self.cancelled.append(number)

    def end(self, number: int, state: JobState = JobState.DONE, event: Previewed | None = None) -> None:
        row = Row(number, self.jobs[number - 1], state, Owner.me(), result={"number": number}, error=Failed("No."))
        self.callback(Update(row, event))


def test_of_many_requests_the_newest_is_done_after_the_one_that_runs(qapp: QApplication, qtbot: object) -> None:
    queue, parent = OneAtATime(), QObject()
    bridge = QueueBridge(queue)  # type: ignore[arg-type]
    asks = Newest(bridge, 5, parent)
    told: list[tuple[float, object]] = []
    asks.answered.connect(lambda job, result: told.append((job.options.fidelity, result["number"])))
    asks.failed.connect(lambda job, failed: told.append((job.options.fidelity, failed.message)))
    jobs = [PreviewJob(source="a.mp4", options=RestoreOptions(fidelity=n / 100)) for n in range(50)]
    for job in jobs:
        asks.ask(job)
    assert queue.jobs == jobs[:1] and asks.asked == jobs[-1]
    asks.ask(jobs[0])
    queue.end(1)
    qtbot.waitUntil(lambda: len(told) == 1)  # type: ignore[attr-defined]
    assert not asks.busy, "what was asked last is what had been running"
    asks.ask(jobs[1])
    for job in jobs[2:]:
        asks.ask(job)
    queue.end(2)
    qtbot.waitUntil(lambda: len(queue.jobs) == 3)  # type: ignore[attr-defined]
    assert queue.jobs[2] == jobs[-1]
    queue.end(3, JobState.FAILED)
    qtbot.waitUntil(lambda: len(told) == 3)  # type: ignore[attr-defined]
    assert told == [(0.0, 1), (0.01, 2), (0.49, "No.")]
    assert queue.removed == [1, 2, 3], "no history of what only served the window"
    asks.ask(jobs[3])
    asks.drop()
    assert queue.cancelled == [4] and not asks.busy
    bridge.close()


def test_a_stopped_clip_says_where_it_goes_on() -> None:
    clip = Path("/a/clip.mp4")
    choices = Choices(start=10.0, end=70.0)
    job = choices.job(clip, Path("/a/out.mp4"))
    row = Row(1, job, JobState.INTERRUPTED, Owner.me(), fraction=0.5)
    item = Item(clip, choices, row, duration=100.0)
    assert not item.can_go_on and item.words == "Interrupted", "nothing of it is kept"
    item.kept = 750
    assert item.can_go_on and item.words == "Interrupted: can go on"
    item.rate = 25.0
    assert item.words == "Interrupted: goes on at 0:40"
    item.choices = Choices(RestoreOptions(fidelity=0.1), 10.0, 70.0)
    assert not item.can_go_on, "it would be restored another way now"
    item.row = Row(1, job, JobState.RUNNING, Owner.me(), fraction=0.5, message="Restoring")
    assert item.running is not None and item.words == "50%" and item.result is None


def test_only_numbers_that_were_computed_are_shown() -> None:
    assert change("Sharpness", [12.0, 38.5], True) == ("Sharpness 12.0 → 38.5", "good")
    assert change("NIQE", [5.0, 7.0], False) == ("NIQE 5.00 → 7.00", "warning")
    assert change("NIQE", [5.0, 5.05], False)[1] == ""
    for nothing in (None, [], [1.0], [None, 2.0], "12"):
        assert change("NIQE", nothing, False) == ("", "")
    faces = [
        {"track": 1, "box": [0, 0, 9, 9], "size": 90, "kind": "restored"},
        {"track": None, "box": [0, 0, 9, 9], "size": 9, "kind": "small", "reason": "9 px"},
        {"box": [1, 2]},
    ]
    marks = marks_of(faces)
    assert len(marks) == 2 and marks[1].title == "Face  ·  9 px"
    assert faces_text(marks) == "1 face restored  ·  1 left (too small)"
    assert faces_text([]) == "No face found in this frame"
