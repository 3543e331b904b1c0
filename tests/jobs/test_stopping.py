"""Cancel, pause, crashes: what happens when a job is stopped at any moment, with real signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from desktop.alive import is_alive
from desktop.jobs.states import State
from tests.jobs.bench import Bench, until
from tests.waiting import quickest

posix = pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")


def test_cancel_answers_within_a_second_and_leaves_nothing(bench: Bench, tmp_path: Path) -> None:
    pids = set()

    def cancelled() -> float:
        number = bench.submit("long", str(tmp_path / "out.mid"))
        pids.add(bench.running(number, "working").worker_pid)
        began = time.monotonic()
        bench.queue.cancel(number)
        row = bench.queue.wait(number)
        took = time.monotonic() - began
        assert row.state is State.CANCELLED and row.error is None and not list(tmp_path.iterdir())
        return took

    assert quickest(cancelled, 1.0) < 1.0
    assert pids == {bench.run("quick").worker_pid}, "a job that stops when asked keeps the worker warm"


def test_a_queued_job_is_cancelled_at_once(bench: Bench, tmp_path: Path) -> None:
    running, queued = bench.submit("long", str(tmp_path / "x")), bench.submit("quick")
    bench.running(running, "working")
    bench.queue.cancel(queued)
    assert bench.wait(queued).state is State.CANCELLED


@pytest.mark.parametrize("runner", ["deaf", "locked"])
@posix
def test_a_job_that_ignores_cancel_is_killed(bench: Bench, runner: str) -> None:
    def killed() -> float:
        number = bench.submit(runner)
        pid = bench.running(number, runner).worker_pid
        began = time.monotonic()
        bench.queue.cancel(number)
        row = bench.queue.wait(number)
        took = time.monotonic() - began
        assert row.state is State.CANCELLED and took > 1.9 and not is_alive(pid)
        return took

    assert quickest(killed, 3.5) < 3.5
    assert bench.run("quick").state is State.DONE


def test_pause_holds_and_resume_goes_on(bench: Bench, tmp_path: Path) -> None:
    number = bench.submit("long", str(tmp_path / "x"))
    bench.running(number, "working")
    bench.queue.pause(number)
    until(lambda: bench.queue.row(number).state is State.PAUSED)
    assert bench.store.row(number).state is State.PAUSED
    held = bench.queue.row(number).fraction
    time.sleep(0.4)
    assert bench.queue.row(number).fraction == held
    bench.queue.resume(number)
    until(lambda: bench.queue.row(number).state is State.RUNNING and bench.queue.row(number).fraction > held)
    bench.queue.pause(number)
    until(lambda: bench.queue.row(number).state is State.PAUSED)
    bench.queue.cancel(number)
    assert bench.wait(number).state is State.CANCELLED


@posix
def test_a_killed_worker_is_a_failed_job_that_can_be_retried(bench: Bench, tmp_path: Path) -> None:
    number = bench.submit("long", str(tmp_path / "out.mid"))
    pid = bench.running(number, "working").worker_pid
    os.kill(pid, signal.SIGKILL)
    row = bench.wait(number)
    assert row.state is State.FAILED and row.error and "signal 9, SIGKILL" in row.error.message and "retry" in row.error.remedy
    assert not list(tmp_path.iterdir()), "the queue clears what a killed writer leaves before it says that the job failed"
    bench.queue.retry(number)
    assert bench.running(number, "working").worker_pid != pid


@posix
def test_a_crash_in_native_code_shows_where(bench: Bench) -> None:
    row = bench.run("crashes")
    assert row.state is State.FAILED and row.error and "crashed (signal 11, SIGSEGV)" in row.error.message
    assert "Segmentation fault" in row.error.details and "in crashes" in row.error.details


def test_an_exit_in_the_middle_keeps_the_last_words(bench: Bench) -> None:
    row = bench.run("prints_then_dies")
    assert row.state is State.FAILED and row.error and "exit code 41" in row.error.message
    assert row.error.details.splitlines()[-2:] == ["last words", "downloading 20 %"]
    assert bench.run("quick").state is State.DONE


def test_prints_of_libraries_do_not_reach_the_protocol(bench: Bench) -> None:
    row = bench.run("noisy")
    assert row.state is State.DONE and row.result == {"fine": True}


@posix
def test_a_worker_that_breaks_the_protocol_is_ended(bench: Bench) -> None:
    row = bench.run("breaks_protocol")
    assert row.state is State.FAILED and row.error and "unreadable" in row.error.message
    assert not is_alive(row.worker_pid)


@posix
def test_a_stopped_worker_is_noticed_and_cancel_still_works(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("desktop.jobs.local.PING_EVERY_S", 0.2)
    monkeypatch.setattr("desktop.jobs.local.SILENT_AFTER_S", 0.6)
    number = bench.submit("stays_silent")
    pid = bench.running(number, "going to sleep").worker_pid
    # On a busy computer it may have been silent for a while before.
    until(lambda: [line.text for _, line in bench.store.logs(number)][-1:] == ["The worker does not answer."])
    bench.queue.cancel(number)
    assert bench.wait(number).state is State.CANCELLED
    assert not is_alive(pid)


@posix
def test_a_stopped_worker_that_wakes_up_goes_on(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desktop.jobs.local.PING_EVERY_S", 0.2)
    monkeypatch.setattr("desktop.jobs.local.SILENT_AFTER_S", 0.6)
    number = bench.submit("stays_silent")
    pid = bench.running(number, "going to sleep").worker_pid
    until(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED and bench.store.logs(number))
    os.kill(pid, signal.SIGCONT)
    assert bench.wait(number).state is State.DONE
    assert bench.store.logs(number)[-1][1].text == "The worker answers again." or len(bench.store.logs(number)) == 1


@posix
def test_helpers_of_a_worker_do_not_outlive_it(bench: Bench, tmp_path: Path) -> None:
    number = bench.submit("with_helper", str(tmp_path / "pid"))
    pid = bench.running(number, "with helper").worker_pid
    helper = int((tmp_path / "pid").read_text())
    assert is_alive(helper)
    os.kill(pid, signal.SIGKILL)
    assert bench.wait(number).state is State.FAILED
    until(lambda: not is_alive(helper))


def test_an_idle_worker_that_died_is_replaced(bench: Bench) -> None:
    pid = bench.run("quick").worker_pid
    os.kill(pid, signal.SIGTERM)
    until(lambda: not is_alive(pid))
    row = bench.run("quick")
    assert row.state is State.DONE and row.worker_pid != pid


def test_a_worker_that_cannot_start_says_why(home: Path, tmp_path: Path) -> None:
    from desktop.jobs.executors import Slot
    from desktop.jobs.local import LocalExecutor
    from desktop.jobs.queue import Queue
    from desktop.jobs.store import Store
    from tests.jobs.bench import runner_of

    store = Store()
    broken = Slot("broken", "cpu", 1, environment={"PYTHONHOME": str(tmp_path)})
    queue = Queue(store, runner_of=runner_of, executors=[LocalExecutor([broken])])
    row = Bench(store, queue).run("quick")
    assert row.state is State.FAILED and row.error and "could not start (exit code 1)" in row.error.message
    assert row.error.details
    queue.close()
    store.close()


def test_last_words_before_the_first_job_are_kept(home: Path, tmp_path: Path) -> None:
    from desktop.jobs.executors import Slot
    from desktop.jobs.job import DoctorJob
    from desktop.jobs.process import WorkerProcess

    broken = Slot("broken", "cpu", 1, environment={"PYTHONHOME": str(tmp_path)})
    worker = WorkerProcess(lambda process, reply: None, broken)
    until(lambda: not worker.is_alive and bool(worker.log))
    # The queue hands over the job without knowing that the worker has just died.
    worker.start(DoctorJob(), DoctorJob.runner, tmp_path)
    assert worker.log
    worker.join(5)


PARENT = """
import sys, time
from desktop.jobs.queue import Queue
from desktop.jobs.store import Store
from tests.jobs.bench import Bench, runner_of
store = Store()
bench = Bench(store, Queue(store, runner_of=runner_of))
number = bench.submit(sys.argv[1], sys.argv[2])
print(bench.running(number, sys.argv[3]).worker_pid, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize(("runner", "message"), [("long", "working"), ("locked", "locked"), ("stays_silent", "sleep")])
@posix
def test_the_worker_ends_with_its_parent(home: Path, extra_runners: None, tmp_path: Path, runner: str, message: str) -> None:
    """Also in native code that keeps the interpreter's lock, and when stopped; the job is then interrupted."""
    from desktop.jobs.queue import Queue
    from desktop.jobs.store import Store
    from tests.jobs.bench import RUNNERS, runner_of

    if runner != "long" and sys.platform != "linux":
        pytest.skip("only Linux ends a process for its parent's sake")
    source = str(tmp_path / "out" / "song.mid")
    Path(source).parent.mkdir()
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, runner, source, message], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    with parent:
        assert parent.stdout
        worker = int(parent.stdout.readline())
        assert is_alive(worker)
        parent.kill()
    until(lambda: not is_alive(worker), 30)
    assert Store().row(1).state is State.RUNNING
    store = Store()
    RUNNERS[source] = "quick"
    queue = Queue(store, runner_of=runner_of)
    until(lambda: queue.row(1).state is State.INTERRUPTED)
    queue.retry(1)
    assert queue.wait(1, 20).state is State.DONE
    queue.close()
    store.close()
