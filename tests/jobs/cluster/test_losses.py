"""What becomes of jobs, nodes and the client when a part of the cluster is lost, comes late or does not belong."""

from __future__ import annotations

import signal
from pathlib import Path

import psutil
import pytest

from desktop.errors import UserError
from desktop.jobs.cluster.executor import ClusterExecutor
from desktop.jobs.cluster.keys import make_keys, own_keys
from desktop.jobs.events import Done, Failed
from desktop.jobs.executor import GivenBack, Task
from desktop.jobs.job import RestoreJob, RestoreOptions
from tests.jobs.cluster.cluster import Cluster, Heard, Member, task, wait_until

OTHER_VERSION = """
import sys, desktop
desktop.__version__ = "0.0.1"
from desktop.__main__ import main
sys.exit(main())
"""


@pytest.mark.slow
def test_the_scheduler_is_lost_and_comes_back(cluster: Cluster, tmp_path: Path) -> None:
    song, out = tmp_path / "song.wav", tmp_path / "out"
    song.write_bytes(b"song")
    executor, heard, told = ClusterExecutor(cluster.address, cluster.keys), Heard(), []
    executor.changed = lambda: told.append(executor.slots) if told[-1:] != [executor.slots] else None
    assert not executor.room_for(task("waits", song, out).job, 0)
    cluster.join("late", "--send-files").said("Joined")
    wait_until(lambda: told == [1])
    assert executor.room_for(task("waits", song, out).job, 0)
    assert not executor.room_for(task("waits", song, out).job, 1)

    future = executor.submit(None, task("waits", song, out), heard)
    wait_until(lambda: "Progressed" in heard.kinds(future))
    worker = psutil.Process(future.worker_pid)
    cluster.scheduler.end(signal.SIGKILL)
    with pytest.raises(GivenBack, match="connection to the cluster was lost"):
        future.result(15)
    wait_until(lambda: told == [1, 0])
    assert "was lost" in executor.problem
    wait_until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)
    wait_until(lambda: cluster.scratch_of("late") == [])
    cluster.nodes["late"].said("joining again")

    cluster.start()
    wait_until(lambda: executor.slots == 1, 60)
    assert executor.problem == ""
    assert isinstance(executor.submit(None, task("steps", song, out), heard).result(30), Done)
    executor.shutdown()


@pytest.mark.slow
def test_a_node_that_leaves_hands_its_job_on(cluster: Cluster, tmp_path: Path) -> None:
    song, out = tmp_path / "song.wav", tmp_path / "out"
    song.write_bytes(b"song")
    cluster.join("one").said("Joined")
    executor, heard = ClusterExecutor(cluster.address, cluster.keys), Heard()
    future = executor.submit(None, task("waits", song, out), heard)
    wait_until(lambda: "Progressed" in heard.kinds(future))
    worker = psutil.Process(future.worker_pid)
    cluster.join("two").said("Joined")
    assert cluster.nodes["one"].end(signal.SIGINT) == 0
    assert not worker.is_running()
    assert cluster.scratch_of("one") == []
    wait_until(lambda: future.node == "two")
    assert any("two does the job anew" in getattr(reply, "text", "") for _, reply in heard.events)
    # A job whose node is lost again and again is to blame at last.
    for name in ("two", "three", "four"):
        wait_until(lambda name=name: future.node == name)  # type: ignore[misc]
        if name != "four":
            cluster.join({"two": "three", "three": "four"}[name]).said("Joined")
        cluster.nodes[name].end(signal.SIGKILL)
    last = future.result(60)
    assert isinstance(last, Failed)
    assert "lost, one after another" in last.message
    executor.shutdown()


@pytest.mark.slow
def test_other_versions_are_told_apart(cluster: Cluster, tmp_path: Path) -> None:
    arguments = (cluster.address, "--key", str(cluster.key_file))
    for command in (("join", *arguments), ("status", *arguments)):
        member = Member(tmp_path, *command, program=("-c", OTHER_VERSION))
        assert member.process.wait(30) == 1
        member.end()
        assert any("computer 0.0.1" in line for line in member.lines), member.lines
        assert any("same version" in line for line in member.lines), member.lines


@pytest.mark.slow
def test_a_cluster_that_is_not_there(home: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not answer"):
        ClusterExecutor("127.0.0.1:1", own_keys())
    said: list[str] = []
    executor = ClusterExecutor("127.0.0.1:1", own_keys(), say=said.append)
    assert not executor.room_for(task("waits", tmp_path, tmp_path).job, 0)
    wait_until(lambda: bool(said))
    assert "does not answer" in said[0] and said == [executor.problem]
    executor.shutdown()


@pytest.mark.slow
def test_without_the_extra_it_says_how_to_install_it(home: Path, tmp_path: Path) -> None:
    key = str(tmp_path / "x.key")
    own = (
        "import sys",
        "sys.modules.update(distributed=None, dask=None, cryptography=None)",
        "from desktop.__main__ import main",
    )
    program = ("-c", "\n".join([*own, "sys.exit(main())"]))
    Path(key).write_text(make_keys().text)
    for words in (("start",), ("join", "127.0.0.1:1", "--key", key), ("status", "127.0.0.1:1", "--key", key)):
        member = Member(home, *words, program=program)
        assert member.process.wait(30) == 1
        member.end()
        assert any("pip install 'reprise-studio[cluster]'" in line for line in member.lines), member.lines


@pytest.mark.slow
def test_a_job_whose_model_a_node_cannot_have_is_given_back(cluster: Cluster, tmp_path: Path) -> None:
    clip, out = tmp_path / "clip.mp4", tmp_path / "out"
    clip.write_bytes(b"clip")
    cluster.join("bare").said("Joined")
    executor = ClusterExecutor(cluster.address, cluster.keys)
    job = RestoreJob(source=str(clip), output=str(out / "new.mp4"), options=RestoreOptions(restorer="my-own"))
    assert executor.room_for(job, 0)
    future = executor.submit(None, Task(1, job, "tests.jobs.cluster.runners:steps", Path(), 0), Heard())
    with pytest.raises(GivenBack, match="bare could not install my-own"):
        future.result(30)
    assert not executor.room_for(job, 0)
    wait_until(lambda: executor.room_for(task("steps", clip, out).job, 0))
    wait_until(lambda: cluster.scratch_of("bare") == [])
    executor.shutdown()
