"""The command line apart from music: help, errors, models, the queue, two processes at once."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop import __version__
from desktop.alive import is_alive
from desktop.cli import main
from desktop.jobs.job import CoverJob
from desktop.jobs.rows import Owner
from desktop.jobs.states import State
from desktop.jobs.store import Store
from tests.e2e.command import ROOT, environment, reprise
from tests.waiting import PATIENCE_S, until

pytestmark = pytest.mark.usefixtures("home")


def test_version_is_answered_without_loading_anything() -> None:
    asked = [sys.executable, "-X", "importtime", "-P", "-m", "desktop", "--version"]
    done = subprocess.run(asked, env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout == f"reprise {__version__}\n"
    assert not re.search(r"\| +(typer|msgspec|numpy|sqlite3|PySide6|desktop\.cli)\b", done.stderr)
    assert reprise("-V").out == done.stdout


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("cover",),
        ("render",),
        ("demo",),
        ("doctor",),
        ("window",),
        ("screenshots",),
        ("models",),
        ("models", "install"),
        ("models", "import"),
        ("queue",),
        ("queue", "cancel"),
        ("queue", "retry"),
    ],
)
def test_every_command_has_help(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--help"]) == 0
    said = capsys.readouterr()
    assert "Usage: reprise" in said.out and said.err == ""


def test_the_command_line_loads_nothing_heavy() -> None:
    code = "import sys, desktop.cli.app; print(*sorted(m for m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    heavy = {"numpy", "scipy", "torch", "onnxruntime", "av", "cv2", "PySide6", "httpx", "huggingface_hub", "transformers"}
    assert not heavy & set(done.stdout.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("cover",), "Missing argument 'SONG"),
        (("cover", "x.mp3", "--nonsense"), "No such option"),
        (("cover", "x.mp3", "--style", "polka"), "style: 'polka' is not one of pop, ballad"),
        (("cover", "x.mp3", "--difficulty", "absurd"), "difficulty: 'absurd' is not one of"),
        (("cover", "x.mp3", "--engine", "magic"), "engine: 'magic' is not one of"),
        (("cover", "x.mp3", "--beats", "x7"), "beats: 'x7' is neither a file nor one of"),
        (("cover", "x.mp3", "--name", "a/b"), "plain file name"),
        (("cover", "a/x.mp3", "b/x.mp3", "-o", "out"), "would both become x.mid"),
        (("cover", "a.mp3", "b.mp3", "-o", "out", "--name", "one"), "would both become one.mid"),
        (("cover", ""), "source: must not be empty"),
        (("render", "x.reprise", "-o", "x.doc"), "output: 'doc' is not one of wav"),
        (("fly",), "No such command 'fly'"),
        (("queue", "cancel"), "Which job?"),
        (("queue", "cancel", "one"), "Invalid value for 'JOB'"),
    ],
)
def test_what_cannot_be_understood_ends_with_2(
    words: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    assert main(words) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_programs_get_errors_as_json(tmp_path: Path) -> None:
    answer = reprise("cover", "x.mp3", "--style", "polka", "--json", cwd=tmp_path)
    assert answer.code == 2 and "Traceback" not in answer.err
    assert answer.events[-1]["event"] == "failed" and answer.events[-1]["usage"] and "polka" in answer.events[-1]["message"]


def test_without_a_display_the_window_says_so() -> None:
    answer = reprise(extra={"QT_QPA_PLATFORM": ""})
    assert answer.code == 1 and "no display" in answer.err and "reprise cover" in answer.err
    assert reprise("window", "song.mp3", extra={"QT_QPA_PLATFORM": ""}).err == answer.err


def test_models_list_for_people_and_programs() -> None:
    answer = reprise("models", "list")
    assert answer.code == 0 and "basic-pitch" in answer.out and "Apache-2.0" in answer.out and "missing" in answer.out
    entries = json.loads(reprise("models", "list", "--json").out)
    assert {"id", "licence", "size", "status", "revision"} <= entries[0].keys()


def test_models_that_are_not_there() -> None:
    for words in (("install", "nothing"), ("verify", "nothing"), ("remove", "nothing"), ("import", "nothing", "/x")):
        answer = reprise("models", *words)
        assert answer.code in (1, 2) and "nothing" in answer.err and "Traceback" not in answer.err
    assert reprise("models", "verify", "basic-pitch").code == 1
    answer = reprise("models", "install", "basic-pitch", extra={"REPRISE_OFFLINE": "1"})
    assert answer.code == 1 and "offline" in answer.err and "reprise models import" in answer.err
    assert reprise("models", "import", "basic-pitch", "/does/not/exist").code == 1


def test_an_imported_model_is_checked(tmp_path: Path) -> None:
    (tmp_path / "nmp.onnx").write_bytes(b"this is no model")
    answer = reprise("models", "import", "basic-pitch", tmp_path)
    assert answer.code == 1 and "Error:" in answer.err
    assert json.loads(reprise("models", "list", "--json").out)[0]["status"] == "missing"


def _queued(count: int, owner: Owner) -> list[int]:
    store = Store()
    numbers = [store.add(CoverJob(source=f"/no/song{n}.mp3", output="/no"), owner) for n in range(count)]
    store.close()
    return numbers


def test_the_queue_is_listed_cancelled_and_cleared() -> None:
    assert reprise("queue", "list").out == "No jobs.\n"
    first, second = _queued(2, Owner(2**22 + 1, "1"))
    listed = json.loads(reprise("queue", "list", "--json").out)
    assert [(row["job"], row["state"]) for row in listed] == [(first, "queued"), (second, "queued")]
    assert listed[0]["request"]["kind"] == "cover"
    assert reprise("queue", "cancel", str(first)).code == 0
    again = reprise("queue", "cancel", str(first))
    assert again.code == 1 and "cancelled already" in again.err
    assert "cancelled" in reprise("queue", "list").out
    assert reprise("queue", "cancel", "--all").code == 0
    assert reprise("queue", "cancel", "77").code == 1
    assert reprise("queue", "clear").out == "2 jobs were removed from the list\n"
    assert reprise("queue", "list").out == "No jobs.\n"


def test_a_job_of_a_process_that_died_is_shown_as_interrupted() -> None:
    (number,) = _queued(1, Owner(2**22 + 1, "1"))
    store = Store()
    store.claim(number, Owner(2**22 + 1, "1"))
    store.close()
    assert json.loads(reprise("queue", "list", "--json").out)[0]["state"] == "interrupted"
    answer = reprise("queue", "retry", str(number), "--json")
    assert answer.code == 1 and answer.events[-1]["event"] == "failed"
    assert "cannot be retried" in reprise("queue", "retry", "1", "1").err or answer.code == 1
    log = reprise("queue", "log", str(number))
    assert log.code == 0 and answer.events[-1]["message"] in log.out
    assert reprise("queue", "clear").out.startswith("0 jobs")
    assert reprise("queue", "clear", "--all").out.startswith("1 job was")


def test_a_damaged_list_of_jobs_is_put_aside(home: Path) -> None:
    (home / "data").mkdir(parents=True)
    (home / "data" / "queue.sqlite").write_bytes(b"not a database at all" * 100)
    answer = reprise("queue", "list")
    assert answer.code == 0 and "damaged" in answer.err and answer.out == "No jobs.\n"


def test_damaged_settings_do_not_stop_anything(home: Path) -> None:
    (home / "config").mkdir(parents=True)
    (home / "config" / "settings.json").write_text('{"workers": 99, "new": 1}')
    answer = reprise("queue", "list")
    assert answer.code == 0 and "workers must be a whole number" in answer.err and "new" in answer.err


def test_a_home_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    answer = reprise("queue", "list", extra={"REPRISE_HOME": str(tmp_path / "file")})
    assert answer.code == 1 and "could not be made" in answer.err and "Traceback" not in answer.err


@pytest.mark.skipif(os.name != "posix", reason="closed pipes as POSIX has them")
def test_a_reader_that_goes_away_is_no_crash() -> None:
    child = subprocess.Popen(
        f"{sys.executable} -P -m desktop models list --json | true",
        shell=True,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert "Traceback" not in child.communicate(timeout=PATIENCE_S)[1]


OTHER_PROCESS = """
import sys, time
from desktop.jobs.queue import Queue
from desktop.jobs.store import Store
from tests.jobs.bench import Bench, runner_of
store = Store()
bench = Bench(store, Queue(store, runner_of=runner_of))
numbers = [bench.submit(runner, sys.argv[1] + "/" + runner) for runner in sys.argv[2:]]
bench.running(numbers[0])
print(store.row(numbers[0]).worker_pid, flush=True)
sys.stdin.read()
for number in numbers:
    print(bench.queue.row(number).state, flush=True)
bench.queue.close()
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process, as the window is one, with a long job running and a deaf one waiting."""
    extra = {"REPRISE_EXTRA_RUNNERS": "tests.jobs.runners"}
    child = subprocess.Popen(
        [sys.executable, "-c", OTHER_PROCESS, str(tmp_path), "long", "deaf"],
        env=environment(extra),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        yield child
        child.kill()


def test_jobs_of_another_process_are_paused_and_go_on(other: subprocess.Popen[str]) -> None:
    assert other.stdout
    other.stdout.readline()
    with contextlib.closing(Store()) as store:
        assert reprise("queue", "pause", "1").code == 0
        until(lambda: store.row(1).state is State.PAUSED)
        assert "paused" in reprise("queue", "list").out and reprise("queue", "pause", "1").code == 1
        assert reprise("queue", "resume", "1").code == 0
        until(lambda: store.row(1).state is State.RUNNING)


def test_jobs_of_another_process_are_seen_and_cancelled(other: subprocess.Popen[str]) -> None:
    assert other.stdout
    worker = int(other.stdout.readline())
    began = time.monotonic()
    listed = json.loads(reprise("queue", "list", "--json").out)
    a_command = time.monotonic() - began
    assert [row["state"] for row in listed] == ["running", "queued"]
    began = time.monotonic()
    answer = reprise("queue", "cancel", "--all")
    assert answer.code == 0 and answer.out == "Job 1 is cancelled\nJob 2 is cancelled\n"
    assert time.monotonic() - began < 2 + 4 * a_command
    assert is_alive(worker), "the other process keeps its worker"
    assert other.communicate(timeout=PATIENCE_S)[0].split() == ["cancelled", "cancelled"]


@pytest.mark.skipif(os.name != "posix", reason="kill -9")
def test_a_killed_process_leaves_interrupted_and_adoptable_jobs(other: subprocess.Popen[str], tmp_path: Path) -> None:
    assert other.stdout
    worker = int(other.stdout.readline())
    until(lambda: list(tmp_path.iterdir()))
    other.send_signal(signal.SIGKILL)
    other.wait()
    until(lambda: not is_alive(worker))
    assert list(tmp_path.iterdir()) != []
    listed = json.loads(reprise("queue", "list", "--json").out)
    assert [row["state"] for row in listed] == [State.INTERRUPTED, State.QUEUED]
    assert list(tmp_path.iterdir()) == [], "what the killed worker had half-written is cleared away"


def test_the_doctor_speaks_to_people_and_programs(home: Path) -> None:
    answer = reprise("doctor")
    assert answer.code in (0, 1) and "Sessions" in answer.out and "Codecs" in answer.out and str(home) in answer.out
    found = json.loads(reprise("doctor", "--json").out)
    assert found["sessions"][0]["ok"] and isinstance(found["problems"], list)


def test_the_doctor_works_where_nothing_can_be_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    answer = reprise("doctor", extra={"REPRISE_HOME": str(tmp_path / "file")})
    assert answer.code == 1 and "cannot be used" in answer.out and "Traceback" not in answer.err + answer.out
