"""Work that was begun is gone on with: after kill -9 of worker or command, cancel, failure; and begun anew when it must be."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from desktop.alive import is_alive
from desktop.jobs.states import State
from desktop.jobs.store import Store
from tests.e2e import film
from tests.e2e.command import Answer, files, reprise, start
from tests.waiting import PATIENCE_S, quickest, until

pytestmark = [
    pytest.mark.usefixtures("home_with_models"),
    pytest.mark.skipif(os.name != "posix", reason="kill -9 as POSIX has it"),
]
OPTIONS = ("--json", "--steadiness", "low")


@pytest.fixture(scope="module")
def clip(carphone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A face in 45 pictures, five a second, unevenly timed, with sound: five segments."""
    shown = film.rgb(carphone / "carphone_pristine.mp4")[:45]
    stamps = [number * 200 + (number * 37) % 60 for number in range(45)]
    path = tmp_path_factory.mktemp("clip") / "clip.mkv"
    return film.write(path, shown, rate=5, stamps=stamps, time_base=Fraction(1, 1000), sound=True)


@pytest.fixture(scope="module")
def unbroken(clip: Path, machine_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The result of a run that nothing disturbed."""
    extra = {"REPRISE_HOME": str(tmp_path_factory.mktemp("home")), "REPRISE_MODELS": str(machine_models)}
    output = tmp_path_factory.mktemp("unbroken") / "out.mkv"
    answer = reprise("restore", clip, "-o", output, *OPTIONS, extra=extra)
    assert answer.code == 0, answer.err
    assert result(answer)["faces"]["restored"] >= 1 and result(answer)["resumed"] is False
    return output


def result(answer: Answer) -> dict[str, Any]:
    """What the job's last event says."""
    last = answer.events[-1]
    assert last["event"] == "done", last
    found: dict[str, Any] = last["result"]
    return found


def killed(clip: Path, output: Path, fraction: float, *, whole: bool = False) -> None:
    """Restore, and kill the worker (or the whole command) once ``fraction`` of the work is done."""
    with start("restore", clip, "-o", output, *OPTIONS) as child:
        worker = _worker_past(child, fraction)
        os.kill(child.pid if whole else worker, signal.SIGKILL)
        child.communicate(timeout=PATIENCE_S)
    until(lambda: not is_alive(worker))
    assert not output.exists()


def _worker_past(child: subprocess.Popen[str], fraction: float) -> int:
    assert child.stdout
    for line in child.stdout:
        event = json.loads(line)
        assert event["event"] not in ("failed", "done"), event
        if event["event"] == "progress" and event["fraction"] >= fraction:
            break
    with contextlib.closing(Store()) as store:
        return store.rows(State.RUNNING)[-1].worker_pid


def is_same(one: Path, other: Path) -> bool:
    """Whether two results have the same packets at the same times."""
    return all(film.packets(one, kind) == film.packets(other, kind) for kind in ("video", "audio"))


def said(answer: Answer) -> str:
    """Everything that a job logged."""
    return "\n".join(event["text"] for event in answer.events if event["event"] == "log")


def test_times_stay_and_nothing_is_left_behind(clip: Path, unbroken: Path, home: Path) -> None:
    assert film.times(unbroken) == film.times(clip)
    assert film.contents(unbroken, "audio") == film.contents(clip, "audio")
    assert files(unbroken.parent) == ["out.mkv"] and files(home / "cache" / "jobs") == []


def test_killed_three_times_and_still_the_same(clip: Path, unbroken: Path, tmp_path: Path, home: Path) -> None:
    output = tmp_path / "out.mkv"
    before = film.digest(clip)
    killed(clip, output, 0.15)
    killed(clip, output, 0.55, whole=True)
    killed(clip, output, 0.8)
    answer = reprise("restore", clip, "-o", output, *OPTIONS)
    assert answer.code == 0 and "Going on after 0:0" in said(answer) and result(answer)["resumed"] is True
    assert is_same(output, unbroken) and film.digest(clip) == before
    assert files(tmp_path) == ["out.mkv"] and files(home / "cache" / "jobs") == []
    assert len(json.loads(reprise("queue", "list", "--json").out)) == 1, "the job was gone on with, not queued anew"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_at_ten_random_points(clip: Path, unbroken: Path, tmp_path: Path) -> None:
    chance = random.Random(3)
    for number, point in enumerate(sorted(chance.uniform(0.02, 0.97) for _ in range(10))):
        output = tmp_path / f"{number}.mkv"
        killed(clip, output, point, whole=number % 2 == 1)
        answer = reprise("restore", clip, "-o", output, *OPTIONS)
        assert answer.code == 0, answer.err
        assert is_same(output, unbroken), f"killed at {point:.2f}"


def test_cancel_keeps_the_work_and_retry_goes_on(clip: Path, unbroken: Path, tmp_path: Path, home: Path) -> None:
    output = tmp_path / "out.mkv"

    def cancelled() -> float:
        """Begin it, or go on with it."""
        with start("restore", clip, "-o", output, *OPTIONS) as child:
            _worker_past(child, 0.5)
            began = time.monotonic()
            child.send_signal(signal.SIGINT)
            while json.loads(child.stdout.readline() if child.stdout else "{}").get("state") != State.CANCELLED:
                pass
            took = time.monotonic() - began
            child.communicate(timeout=PATIENCE_S)
        assert child.returncode == 130 and files(tmp_path) == []
        return took

    assert quickest(cancelled, 1.0) < 1.0, "cancel answers within a second"
    assert files(home / "cache" / "jobs") == ["1"]
    answer = reprise("queue", "retry", "1", "--json")
    assert answer.code == 0 and "Going on after" in said(answer)
    assert is_same(output, unbroken) and files(home / "cache" / "jobs") == []


@pytest.mark.slow
def test_a_damaged_segment_is_made_again(clip: Path, unbroken: Path, tmp_path: Path, home: Path) -> None:
    output = tmp_path / "out.mkv"
    killed(clip, output, 0.85)
    segments = home / "cache" / "jobs" / "1" / "segments"
    finished = sorted(segments.glob("*.json"))
    assert len(finished) >= 3
    content = bytearray(finished[1].with_suffix(".mov").read_bytes())
    content[len(content) // 2] ^= 0xFF
    finished[1].with_suffix(".mov").write_bytes(content)
    finished[2].with_suffix(".npz").unlink()
    answer = reprise("restore", clip, "-o", output, *OPTIONS)
    assert answer.code == 0 and is_same(output, unbroken)


@pytest.mark.slow
def test_a_changed_clip_starts_anew(clip: Path, unbroken: Path, tmp_path: Path) -> None:
    mine, output = tmp_path / "clip.mkv", tmp_path / "out.mkv"
    mine.write_bytes(clip.read_bytes())
    killed(mine, output, 0.3)
    os.utime(mine, ns=(1, 1))
    answer = reprise("restore", mine, "-o", output, *OPTIONS)
    assert answer.code == 0 and "The clip has changed" in said(answer) and result(answer)["resumed"] is False
    assert any("changed" in warning for warning in result(answer)["warnings"])
    assert is_same(output, unbroken)


def test_other_options_are_another_job(clip: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    killed(clip, output, 0.3)
    answer = reprise("restore", clip, "-o", output, *OPTIONS, "--to", "0:02")
    assert answer.code == 0 and result(answer)["resumed"] is False and result(answer)["frames"] == 10
    states = [job["state"] for job in json.loads(reprise("queue", "list", "--json").out)]
    assert states == [State.FAILED, State.DONE]


def test_removing_a_job_removes_its_work(clip: Path, tmp_path: Path, home: Path) -> None:
    killed(clip, tmp_path / "out.mkv", 0.3)
    assert files(home / "cache" / "jobs") == ["1"]
    assert reprise("queue", "clear", "--all").code == 0
    assert files(home / "cache" / "jobs") == []


@pytest.mark.slow
def test_pause_stands_still_and_goes_on(clip: Path, unbroken: Path, tmp_path: Path, home: Path) -> None:
    output = tmp_path / "out.mkv"
    segments = home / "cache" / "jobs" / "1" / "segments"
    with start("restore", clip, "-o", output, *OPTIONS) as child:
        _worker_past(child, 0.4)
        assert reprise("queue", "pause", "1").code == 0
        with contextlib.closing(Store()) as store:
            until(lambda: store.row(1).state is State.PAUSED)
        # What was on its way when the pause came is still written.
        time.sleep(4)
        before = files(segments)
        time.sleep(3)
        assert files(segments) == before
        assert reprise("queue", "resume", "1").code == 0
        child.communicate(timeout=PATIENCE_S)
    assert child.returncode == 0 and is_same(output, unbroken)
