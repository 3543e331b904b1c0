"""Faults injected for real while the command line works: signals, full disks, permissions, damaged and missing models."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

from desktop.alive import is_alive
from desktop.cli.covers import demo_song
from desktop.jobs.states import State
from desktop.jobs.store import Store
from tests.e2e.command import command, environment, files, reprise, start
from tests.e2e.media import tune, write_wav
from tests.waiting import PATIENCE_S, quickest, until

pytestmark = [
    pytest.mark.usefixtures("home_with_models"),
    pytest.mark.skipif(os.name != "posix", reason="signals, limits and permissions as POSIX has them"),
]


def _working(child: subprocess.Popen[str], past: float = 0.05) -> int:
    """Wait until the cover is on its way; returns the worker's process number."""
    stream: IO[str] | None = child.stdout
    assert stream
    for line in stream:
        event = json.loads(line)
        assert event["event"] != "failed", event
        if event["event"] == "progress" and event["fraction"] > past:
            break
    with contextlib.closing(Store()) as store:
        return store.rows(State.RUNNING)[-1].worker_pid


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return write_wav(tmp_path / "song.wav", tune())


def test_a_killed_worker_fails_the_job_and_retry_works(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with start("cover", demo_song(), "-o", out, "--audio", "--json") as child:
        worker = _working(child)
        os.kill(worker, signal.SIGKILL)
        said, errors = child.communicate(timeout=PATIENCE_S)
    last = json.loads(said.splitlines()[-1])
    assert child.returncode == 1 and last["event"] == "failed" and "SIGKILL" in last["message"] and "Traceback" not in errors
    assert files(out) == [] and not is_alive(worker)
    assert reprise("queue", "retry", "1").code == 0
    assert [Path(name).suffix for name in files(out)] == [".mid", ".reprise", ".wav"]


def test_ctrl_c_cancels_and_leaves_nothing(tmp_path: Path, home: Path) -> None:
    out = tmp_path / "out"

    def cancelled() -> float:
        with start("cover", demo_song(), "-o", out, "--audio", "--json") as child:
            worker = _working(child)
            began = time.monotonic()
            child.send_signal(signal.SIGINT)
            said, errors = child.communicate(timeout=PATIENCE_S)
            took = time.monotonic() - began
        assert child.returncode == 130
        assert json.loads(said.splitlines()[-1])["cancelled"] is True and "Traceback" not in errors
        assert files(out) == [] and not is_alive(worker)
        assert files(home / "cache" / "jobs") == []
        return took

    assert quickest(cancelled, 4.0) < 4.0


def test_the_second_ctrl_c_does_not_wait(tmp_path: Path) -> None:
    def ended() -> float:
        with start("cover", demo_song(), "-o", tmp_path / "out", "--json") as child:
            worker = _working(child)
            os.kill(worker, signal.SIGSTOP)
            child.send_signal(signal.SIGINT)
            time.sleep(0.4)
            began = time.monotonic()
            child.send_signal(signal.SIGINT)
            child.communicate(timeout=PATIENCE_S)
            took = time.monotonic() - began
        assert child.returncode == 130 and not is_alive(worker)
        return took

    assert quickest(ended, 1.5) < 1.5


def test_a_killed_command_takes_its_worker_along(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with start("cover", demo_song(), "-o", out, "--audio", "--json") as child:
        worker = _working(child)
        child.kill()
        child.communicate(timeout=PATIENCE_S)
    until(lambda: not is_alive(worker))
    assert files(out) == []
    assert json.loads(reprise("queue", "list", "--json").out)[0]["state"] == State.INTERRUPTED


def test_a_terminal_shows_a_bar_and_the_time_left(song: Path) -> None:
    main, side = pty.openpty()
    child = subprocess.Popen(command("cover", song), env=environment(), stdout=subprocess.PIPE, stderr=side, text=True)
    os.close(side)
    shown = b""
    with child, contextlib.suppress(OSError), os.fdopen(main, "rb", 0) as terminal:
        while piece := terminal.read(4096):
            shown += piece
        child.wait(60)
    assert child.returncode == 0 and b"song.wav" in shown and re.search(rb"\d+%", shown)
    assert b"\x1b[?25h" in shown, "the cursor is shown again"


def test_no_permission_to_write(song: Path, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    before: tuple[str, ...] = ()
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("the superuser may write anywhere, and there is no setpriv to take that away")
        rights = "-dac_override,-dac_read_search"
        before = ("setpriv", "--bounding-set", rights, "--inh-caps", rights)
    closed.chmod(0o500)
    answer = reprise("cover", song, "-o", closed, "--audio", before=before)
    closed.chmod(0o700)
    assert answer.code == 1 and "permission" in answer.err and str(closed) in answer.err and "Traceback" not in answer.err
    assert files(closed) == []


def test_the_output_folder_is_a_file(song: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    answer = reprise("cover", song, "-o", tmp_path / "out")
    assert answer.code == 1 and "not a folder" in answer.err and (tmp_path / "out").read_text() == "mine"


@pytest.fixture
def small_disk(disk_of: Callable[[str], Path]) -> Path:
    """A file system of 1 MB, where that may be mounted."""
    return disk_of("1m")


def test_a_full_disk_leaves_nothing(song: Path, small_disk: Path) -> None:
    (small_disk / "song.mid").write_text("the old one")
    answer = reprise("cover", song, "-o", small_disk, "--audio")
    assert answer.code == 1 and "full" in answer.err and "Traceback" not in answer.err
    assert files(small_disk) == ["song.mid"] and (small_disk / "song.mid").read_text() == "the old one"


def test_a_limit_on_file_sizes_leaves_nothing(song: Path, tmp_path: Path) -> None:
    if shutil.which("prlimit") is None:
        pytest.skip("there is no prlimit")
    answer = reprise("cover", song, "-o", tmp_path / "out", "--audio", before=("prlimit", "--fsize=1000000"))
    assert answer.code == 1 and "Traceback" not in answer.err and "made an error" not in answer.err
    assert files(tmp_path / "out") == []


def test_a_model_damaged_after_install(song: Path, tmp_path: Path, machine_models: Path) -> None:
    whole = next(machine_models.glob("basic-pitch/*/nmp.onnx"), None)
    if whole is None:
        pytest.skip("Basic Pitch is not installed on this computer")
    mine = tmp_path / "models"
    shutil.copytree(machine_models / "basic-pitch", mine / "basic-pitch")
    damaged = next(mine.glob("basic-pitch/*/nmp.onnx"))
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 0xFF
    damaged.chmod(0o600)
    damaged.write_bytes(content)
    extra = {"REPRISE_MODELS": str(mine), "REPRISE_OFFLINE": "1"}
    answer = reprise("cover", song, "-o", tmp_path / "out", extra=extra)
    assert answer.code == 1 and "damaged" in answer.err and "reprise models install basic-pitch" in answer.err
    assert files(tmp_path / "out") == []
    assert reprise("models", "import", "basic-pitch", whole, extra=extra).code == 0
    assert reprise("cover", song, "-o", tmp_path / "out", extra=extra).code == 0


def test_a_missing_model_offline(song: Path, tmp_path: Path) -> None:
    extra = {"REPRISE_MODELS": str(tmp_path / "none"), "REPRISE_OFFLINE": "1"}
    answer = reprise("cover", song, "-o", tmp_path / "out", extra=extra)
    assert answer.code == 1 and "Basic Pitch" in answer.err and "offline" in answer.err and files(tmp_path / "out") == []
