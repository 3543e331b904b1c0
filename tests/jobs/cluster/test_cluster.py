"""Real jobs on real nodes on this computer."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from pathlib import Path

import psutil
import pytest

from desktop.errors import UserError
from desktop.jobs.cluster import client
from desktop.jobs.cluster.executor import ClusterExecutor
from desktop.jobs.cluster.keys import make_keys
from desktop.jobs.events import Done, Failed
from desktop.jobs.ledger import see
from tests.jobs.cluster.cluster import Cluster, Heard, Member, task, wait_until
from tests.waiting import PATIENCE_S


def test_jobs_events_requests_and_a_lost_node(cluster: Cluster, tmp_path: Path) -> None:
    one, two = cluster.join("one"), cluster.join("two", "--send-files")
    one.said("Joined")
    two.said("Joined")
    song, out = tmp_path / "song.wav", tmp_path / "out"
    song.write_bytes(b"song")
    before = listening(os.getpid())
    executor, heard = ClusterExecutor(cluster.address, cluster.keys), Heard()
    assert executor.slots == 2
    # Nobody listens on more than is needed: nodes where the scheduler finds them, and clients not at all.
    assert listening(os.getpid()) == before
    assert listening(cluster.scheduler.process.pid) == [cluster.address]
    for node in (one, two):
        (place,) = listening(node.process.pid)
        assert place.startswith("127.0.0.1:")
    assert executor.room_for(task("steps", song, out).job, 0)

    both = [executor.submit(None, task("steps", song, out), heard) for _ in range(2)]
    for future in both:
        last = future.result(PATIENCE_S)
        assert isinstance(last, Done)
        assert last.result["steps"] == 20
        # Hashes of what was read come back with the client's paths.
        assert list(last.result["sources"]) == [str(song)] and last.result["stamps"] == {str(song): see(song).stamp}
    assert {future.node for future in both} == {"one", "two"}
    for future in both:
        kinds = heard.kinds(future)
        assert kinds[:2] == ["Begun", "Progressed"]
        assert {"Measured", "Previewed", "Produced", "Logged"} <= set(kinds)
        (artifact,) = [reply.path for mine, reply in heard.events if mine is future and type(reply).__name__ == "Produced"]
        assert artifact == str(song)
    assert song.read_bytes() == b"song"

    held = executor.submit(None, task("deaf", song, out), heard)
    wait_until(lambda: "Progressed" in heard.kinds(held))
    held.kill()
    assert not isinstance(held.result(PATIENCE_S), Done | Failed)

    long = executor.submit(None, task("waits", song, out), heard)
    wait_until(lambda: "Progressed" in heard.kinds(long))
    long.pause()
    wait_until(lambda: "Held" in heard.kinds(long))
    assert [slot["job"] for node in client.nodes(cluster.address, cluster.keys) for slot in node["slots"]].count(song.name) == 1
    long.resume()
    wait_until(lambda: "Going" in heard.kinds(long))
    first = long.node
    cluster.nodes[first].end(signal.SIGKILL)
    wait_until(lambda: long.node != first)
    long.cancel_job()
    last = long.result(PATIENCE_S)
    assert isinstance(last, Failed)
    assert last.cancelled
    executor.shutdown()


@pytest.mark.slow
def test_results_come_back(cluster: Cluster, tmp_path: Path) -> None:
    cluster.join("far", "--send-files").said("Joined")
    song, out = tmp_path / "song.wav", tmp_path / "out"
    song.write_bytes(bytes(range(256)) * 40_000)
    executor = ClusterExecutor(cluster.address, cluster.keys)
    future = executor.submit(None, task("doubles", song, out), Heard())
    last = future.result(PATIENCE_S)
    assert isinstance(last, Done)
    assert last.result["file"] == str(out / "song" / "double.bin")
    assert (out / "song" / "double.bin").read_bytes() == song.read_bytes() * 2
    assert [path.name for path in out.rglob("*") if path.is_file()] == ["double.bin"]
    executor.shutdown()
    far = cluster.home / "far" / "cache" / "cluster"
    wait_until(lambda: not far.exists() or list(far.iterdir()) == [])


@pytest.mark.slow
def test_strangers_are_refused(cluster: Cluster, home: Path, tmp_path: Path) -> None:
    stranger = tmp_path / "other.key"
    stranger.write_text(make_keys().text)
    with pytest.raises(UserError, match="refuses this computer's key"):
        client.connect(cluster.address, make_keys(), timeout=3.0)
    member = Member(home / "stranger", "join", cluster.address, "--key", str(stranger), "--workers", "1")
    host, _, port = cluster.address.rpartition(":")
    with socket.create_connection((host, int(port)), 5) as plain:
        plain.sendall(b"\x00" * 64)
        plain.settimeout(5)
        # An alert of TLS or the end, and not a word of Dask's.
        with contextlib.suppress(ConnectionResetError):
            assert len(plain.recv(4096)) <= 32
    assert client.nodes(cluster.address, cluster.keys) == []
    assert member.process.wait(30) == 1
    member.end()
    assert any("refuses the key" in line for line in member.lines), member.lines


def listening(pid: int) -> list[str]:
    found = psutil.Process(pid).net_connections("inet")
    return [f"{one.laddr.ip}:{one.laddr.port}" for one in found if one.status == psutil.CONN_LISTEN]
