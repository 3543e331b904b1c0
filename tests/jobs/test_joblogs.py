"""A log file for each job."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

from desktop.jobs.events import Failed, Logged
from desktop.jobs.joblogs import LARGEST, JobLogs, log_file, read_log, remove_old_logs
from desktop.jobs.rows import Update
from tests.jobs.bench import Bench


def _plain(lines: list[str]) -> list[str]:
    """Without the times."""
    return [line if line.startswith("    ") else line[20:] for line in lines]


def test_what_a_job_said_is_kept(bench: Bench, tmp_path: Path) -> None:
    bench.queue.subscribe(JobLogs(14).heard)
    row = bench.run("steps", str(tmp_path / "song.mid"))
    lines = _plain(read_log(row))
    assert lines[0] == f"state: running (process {row.worker_pid})" and lines[-1] == "state: done"
    assert [line for line in lines if "step" in line] == ["0% step 0"], "what differs in numbers alone is no news"
    assert "info: nearly there" in lines and "warning: careful" in lines and f"file: {tmp_path / 'song.mid'}" in lines


def test_why_it_failed_is_kept_and_a_second_try_follows(bench: Bench) -> None:
    bench.queue.subscribe(JobLogs(14).heard)
    row = bench.run("raises_bug")
    lines = _plain(read_log(row))
    assert "state: failed" in lines and any(line.startswith("error: Reprise made an error: ZeroDivisionError") for line in lines)
    assert any(line.startswith("    ") and "runners.py" in line for line in lines)
    bench.wait(bench.queue.retry(row.id))
    assert _plain(read_log(row)).count("state: failed") == 2


def test_the_file_of_an_earlier_list_is_not_taken_for_ours(bench: Bench) -> None:
    log_file(1).parent.mkdir(parents=True)
    log_file(1).write_text("job 1, queued at 1.000000: another\n2026-01-01 00:00:00 info: old\n")
    row = bench.run("quick")
    assert row.id == 1 and read_log(row) == []
    JobLogs(14).heard(Update(row, Logged("info", "new")))
    assert _plain(read_log(row))[-1] == "info: new" and "old" not in log_file(1).read_text()


def test_files_go_with_their_jobs_and_with_time(bench: Bench) -> None:
    bench.queue.subscribe(JobLogs(14).heard)
    first, second = bench.run("quick"), bench.run("quick")
    old = time.time() - 3 * 86400
    os.utime(log_file(second.id), (old, old))
    assert remove_old_logs(4) == 0 and remove_old_logs(2) == 1 and not log_file(second.id).exists()
    JobLogs(14).heard(Update(first, removed=True))
    assert not log_file(first.id).exists()


def test_a_chatty_job_does_not_fill_the_disk(bench: Bench) -> None:
    row = bench.run("quick")
    logs = JobLogs(14)
    running = replace(row, state=type(row.state).RUNNING)
    logs.heard(Update(running, Logged("info", "x" * LARGEST)))
    size = log_file(row.id).stat().st_size
    logs.heard(Update(running, Logged("info", "more")))
    assert log_file(row.id).stat().st_size == size
    logs.heard(Update(row, Failed("The end")))
    assert _plain(read_log(row))[-1] == "error: The end"


def test_a_log_that_cannot_be_written_harms_no_job(bench: Bench, home: Path) -> None:
    bench.queue.subscribe(JobLogs(14).heard)
    (home / "log").mkdir(exist_ok=True)
    (home / "log" / "jobs").write_text("in the way")
    assert bench.run("steps").state == "done"
