"""A batch on several computers through the real command line: who did what, files that are sent, and parts that are lost."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import psutil
import pytest

from tests.e2e.command import files, reprise, start
from tests.e2e.pictures import draw
from tests.jobs.cluster.cluster import Member, wait_until
from tests.waiting import PATIENCE_S


def began(home: Path, name: str = "studio") -> tuple[Member, str]:
    """A cluster whose first computer works as well, and its address."""
    member = Member(home, "start", "--address", "127.0.0.1:0", "--workers", "1", "--name", name)
    return member, member.said("listens at").split()[-1]


def joined(home: Path, address: str, name: str, *options: str) -> Member:
    key = home / "config" / "cluster" / "cluster.key"
    member = Member(home / name, "join", address, "--key", str(key), "--workers", "1", "--name", name, *options)
    member.said("Joined")
    return member


def test_two_computers_share_a_batch(home_with_models: Path, tmp_path: Path) -> None:
    for number in range(4):
        draw(tmp_path / "in" / f"{number}.png", number)
    sources = {path: path.read_bytes() for path in (tmp_path / "in").iterdir()}
    studio, address = began(home_with_models)
    far = joined(home_with_models, address, "far", "--send-files")
    out = tmp_path / "out"
    answer = reprise("batch", "restore", tmp_path / "in", "-o", out, "--cluster", address)
    assert answer.code == 0 and "4 done" in answer.out, answer.err
    assert files(out) == [*(f"{number}-restored.png" for number in range(4)), "restored.csv", "restored.html", "restored.json"]
    assert {path: path.read_bytes() for path in (tmp_path / "in").iterdir()} == sources
    shown = json.loads(reprise("batch", "show", "1", "--json").out)["computers"]
    assert shown.keys() == {"studio", "far"} and sum(shown.values()) == 4
    assert "studio" in reprise("queue", "list").out
    workers = psutil.Process(studio.process.pid).children() + psutil.Process(far.process.pid).children()
    assert workers, "they stay warm"
    assert reprise("cluster", "stop").code == 0
    assert (studio.process.wait(PATIENCE_S), far.process.wait(PATIENCE_S)) == (0, 0)
    assert (studio.end(), far.end()) == (0, 0)
    wait_until(lambda: not any(worker.is_running() for worker in workers))
    for home in (home_with_models, home_with_models / "far"):
        assert files(home / "cache" / "cluster") == []


@pytest.mark.slow
def test_the_scheduler_is_killed_in_the_middle(home_with_models: Path, tmp_path: Path) -> None:
    for number in range(12):
        draw(tmp_path / "in" / f"{number:02}.png", number)
    studio, address = began(home_with_models)
    far = joined(home_with_models, address, "far", "--send-files")
    out = tmp_path / "out"
    with start("batch", "restore", tmp_path / "in", "-o", out, "--cluster", address) as child:
        wait_until(lambda: sum(name.endswith(".png") and not name.startswith(".") for name in files(out)) >= 2)
        workers = psutil.Process(studio.process.pid).children() + psutil.Process(far.process.pid).children()
        studio.end(signal.SIGKILL)
        said = child.communicate(timeout=150)
    assert child.returncode == 0 and "12 done" in said[0], said
    assert "was lost; this computer works alone meanwhile" in said[1]
    shown = json.loads(reprise("batch", "show", "1", "--json").out)
    assert shown["counts"] == {"done": 12} and "this computer" in shown["computers"]
    assert files(out) == [
        *(f"{number:02}-restored.png" for number in range(12)),
        "restored.csv",
        "restored.html",
        "restored.json",
    ]
    wait_until(lambda: not any(worker.is_running() for worker in workers))
    assert files(home_with_models / "far" / "cache" / "cluster") == []
    assert far.end(signal.SIGINT) == 0


@pytest.mark.slow
def test_a_cluster_that_is_not_there(home_with_models: Path, tmp_path: Path) -> None:
    draw(tmp_path / "a.png", 1)
    words = ("batch", "restore", tmp_path / "a.png", "-o", tmp_path / "out")
    answer = reprise(*words, "--cluster", "127.0.0.1:1")
    assert answer.code == 1 and "key file could not be read" in answer.err
    member, _ = began(home_with_models)
    assert member.end(signal.SIGINT) == 0
    answer = reprise(*words, "--cluster", "127.0.0.1:1")
    assert answer.code == 1 and "does not answer" in answer.err
    assert json.loads(reprise("batch", "list", "--json").out) == [], "nothing is queued"
    assert reprise(*words, "--cluster", "no/address").code == 2
    assert reprise(*words, "--cluster-key", "x").code == 2
    # By the preferences it is no error: this computer works alone.
    settings = home_with_models / "config" / "settings.json"
    settings.write_text(json.dumps({"version": 1, "cluster_address": "127.0.0.1:1"}))
    answer = reprise(*words)
    assert answer.code == 0 and "1 done" in answer.out, answer.err
