"""The queue with real workers: events, order, warm workers, retry, history."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from desktop.errors import UserError
from desktop.jobs.events import Logged, Measured, Previewed, Produced, Progressed
from desktop.jobs.executors import local_slots
from desktop.jobs.job import ListenJob
from desktop.jobs.local import LocalExecutor
from desktop.jobs.queue import Queue, Update
from desktop.jobs.scratch import scratch_folder
from desktop.jobs.states import State
from tests.jobs.bench import Bench, runner_of, until
from tests.waiting import PATIENCE_S


def test_a_job_runs_and_everything_it_says_arrives(bench: Bench, tmp_path: Path) -> None:
    row = bench.run("steps", str(tmp_path / "song.mid"))
    assert row.state is State.DONE and row.result == {"steps": 20} and row.fraction == 1 and row.error is None
    assert row.started and row.ended and row.created <= row.started <= row.ended
    assert row.artifacts == [Produced("midi", str(tmp_path / "song.mid"), "a file")]
    said = [update.event for update in bench.updates if update.row.id == row.id and update.event]
    assert [event for event in said if isinstance(event, Previewed)] == [Previewed("notes", {"bar": 1, "data": b"\x00\x01"})]
    assert len([event for event in said if isinstance(event, Measured)]) == 20
    fractions = [event.fraction for event in said if isinstance(event, Progressed)]
    assert fractions == sorted(fractions) and fractions[-1] == 1
    assert [line for _, line in bench.store.logs(row.id)] == [Logged("info", "nearly there"), Logged("warning", "careful")]
    assert bench.store.metrics(row.id)[3] == Measured("loss", 0.25, 3)
    assert list(dict.fromkeys(update.row.state for update in bench.updates)) == [State.QUEUED, State.RUNNING, State.DONE]


def test_the_worker_stays_warm(bench: Bench) -> None:
    first, second = bench.run("quick"), bench.run("quick")
    assert first.result and second.result and first.result["pid"] == second.result["pid"] == second.worker_pid
    assert first.device == "CPU"


def test_an_idle_worker_is_released(home: Path, extra_runners: None) -> None:
    from desktop.alive import is_alive
    from desktop.jobs.store import Store

    store = Store()
    queue = Queue(store, runner_of=runner_of, executors=[LocalExecutor(idle_s=0.3)])
    bench = Bench(store, queue)
    pid = bench.run("quick").worker_pid
    until(lambda: not is_alive(pid))
    assert bench.run("quick").state is State.DONE
    queue.close()
    store.close()


def test_order_and_what_the_user_waits_for(bench: Bench, tmp_path: Path) -> None:
    """It waits neither for a long job nor for those that were there before."""
    long = bench.submit("long", str(tmp_path / "long"))
    bench.running(long, "working")
    numbers = [bench.submit("steps") for _ in range(3)]
    urgent = bench.submit("quick", priority=1)
    assert bench.wait(urgent).state is State.DONE
    assert bench.queue.row(long).state is State.RUNNING
    bench.queue.cancel(long)
    assert bench.wait(long).state is State.CANCELLED
    assert [bench.wait(number).state for number in numbers] == [State.DONE] * 3
    ended = [row.id for row in sorted(bench.queue.rows(), key=lambda row: row.ended or 0)]
    assert ended == [urgent, long, *numbers]


def test_two_workers_share_the_cores(home: Path, extra_runners: None, tmp_path: Path) -> None:
    from desktop.jobs.store import Store

    store = Store()
    queue = Queue(store, runner_of=runner_of, executors=[LocalExecutor(local_slots(2, threads=6, gpus=0))])
    bench = Bench(store, queue)
    numbers = [bench.submit("long", str(tmp_path / name)) for name in "ab"]
    assert len({bench.running(number, "working").worker_pid for number in numbers}) == 2
    assert [queue.row(number).state for number in numbers] == [State.RUNNING] * 2
    for number in numbers:
        queue.cancel(number)
    rows = [bench.run("threads") for _ in range(2)]
    assert all(row.result and row.result["OMP_NUM_THREADS"] == row.result["REPRISE_THREADS"] == "3" for row in rows)
    queue.close()
    store.close()


@pytest.mark.parametrize(
    ("runner", "message", "details"),
    [
        ("raises_user_error", "The file is not a song", "UserError"),
        ("raises_bug", "ZeroDivisionError: division by zero", 'return {"never": 1 / 0}'),
        ("exits", "a library gave up", "SystemExit"),
        ("eats_memory", "The memory ran out", "MemoryError"),
        ("unsendable", "cannot be sent", "TypeError"),
        ("does_not_exist", "does_not_exist", "AttributeError"),
    ],
)
def test_a_failing_run_says_why_and_spares_the_worker(bench: Bench, runner: str, message: str, details: str) -> None:
    pid = bench.run("quick").worker_pid
    row = bench.run(runner, "song.mp3" if runner == "raises_user_error" else "")
    assert row.state is State.FAILED and row.error
    assert message in row.error.message and details in row.error.details
    assert not row.error.usage and not row.error.cancelled
    if runner == "raises_user_error":
        assert (row.error.path, row.error.remedy) == ("song.mp3", "Choose another file.")
    assert bench.run("quick").worker_pid == pid


def test_a_wrong_request_is_told_from_a_failure(bench: Bench) -> None:
    row = bench.run("raises_usage_error")
    assert row.error and row.error.usage


def test_only_runners_of_this_package_are_run(home: Path) -> None:
    from desktop.jobs.store import Store

    store = Store()
    queue = Queue(store, runner_of=lambda job: "os:system")
    row = queue.wait(queue.submit(ListenJob(source="x")), PATIENCE_S)
    assert row.state is State.FAILED and row.error and "not a runner" in row.error.message
    queue.close()
    store.close()


def test_arrays_and_paths_come_as_plain_data(bench: Bench) -> None:
    row = bench.run("arrays")
    assert row.result == {"scalar": 0.5, "list": [0, 1, 2], "path": str(Path("a") / "b")}


def test_what_cannot_be_sent_is_left_out_and_said(bench: Bench) -> None:
    row = bench.run("unsendable")
    assert [line.level for _, line in bench.store.logs(row.id)] == ["warning"]


def test_a_flood_of_reports_is_thinned(bench: Bench) -> None:
    began = time.monotonic()
    row = bench.run("chatty")
    assert row.state is State.DONE
    assert bench.events(row.id).count("Progressed") < (time.monotonic() - began) / 0.04 + 3


def test_a_thread_left_behind_does_not_talk_into_the_next_job(bench: Bench) -> None:
    first, second = bench.submit("leaves_a_thread"), bench.submit("steps")
    assert bench.wait(second).state is State.DONE
    assert "Logged" in bench.events(first)
    assert {line.text for _, line in bench.store.logs(second)} == {"nearly there", "careful"}


def test_a_failing_listener_does_no_harm(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    def fail(update: Update) -> None:
        raise RuntimeError("listener")

    unsubscribe = bench.queue.subscribe(fail)
    assert bench.run("quick").state is State.DONE
    unsubscribe()
    unsubscribe()
    assert "a listener of the queue failed" in caplog.text


def test_retry_and_remove(bench: Bench, tmp_path: Path) -> None:
    row = bench.run("dies_while_writing", str(tmp_path / "out"))
    assert row.state is State.FAILED and row.error and "SIGKILL" in row.error.message
    assert not list(tmp_path.glob("out")) and not scratch_folder(row.id).exists()
    assert bench.queue.retry(row.id) == row.id
    again = bench.wait(row.id)
    assert again.state is State.DONE and again.error is None and again.worker_pid != row.worker_pid
    assert (tmp_path / "out").read_bytes() == b"half whole"
    with pytest.raises(UserError, match="done and cannot be retried"):
        bench.queue.retry(row.id)
    bench.queue.remove(row.id)
    until(lambda: bench.updates[-1].removed)
    assert bench.queue.rows() == []
    with pytest.raises(UserError, match="no job number"):
        bench.queue.row(row.id)


def test_a_running_job_is_not_removed(bench: Bench, tmp_path: Path) -> None:
    number = bench.submit("long", str(tmp_path / "x"))
    bench.running(number, "working")
    with pytest.raises(UserError, match="is running"):
        bench.queue.remove(number)


def test_requests_that_come_too_late_do_nothing(bench: Bench) -> None:
    row = bench.run("quick")
    for request in (bench.queue.cancel, bench.queue.pause, bench.queue.resume):
        request(row.id)
        request(999)
    assert bench.run("quick").state is State.DONE
    assert bench.queue.row(row.id).state is State.DONE


def test_close_leaves_queued_jobs_queued_and_running_ones_interrupted(bench: Bench, tmp_path: Path) -> None:
    running, queued = bench.submit("long", str(tmp_path / "x")), bench.submit("quick")
    bench.running(running, "working")
    began = time.monotonic()
    bench.queue.close()
    assert time.monotonic() - began < 3
    assert [row.state for row in bench.store.rows()] == [State.INTERRUPTED, State.QUEUED]
    assert not list(tmp_path.glob("*x*"))
    queue = Queue(bench.store, runner_of=runner_of)
    assert queue.wait(queued, PATIENCE_S).state is State.DONE
    assert queue.retry(running) == running
    until(lambda: queue.row(running).message == "working")
    queue.close()
