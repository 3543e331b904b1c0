"""One training in several processes."""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from desktop.alive import is_alive
from desktop.errors import UserError
from desktop.jobs.events import AnyEvent, Progressed
from desktop.jobs.progress import Cancelled, Progress
from desktop.tuning.devices import gpu_names, places
from desktop.tuning.runs import Runs, RunState
from desktop.tuning.training import helpers
from desktop.tuning.training.train import possible_processes
from desktop.tuning.tune import tune
from tests.tuning.training.tiny import job

Bases = Callable[[str], Path]


def _losses(run: str) -> np.ndarray:
    runs = Runs()
    try:
        return runs.points(run)["loss"]
    finally:
        runs.close()


def _children() -> list[int]:
    """Helper processes of this one."""
    listed = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(os.getpid())], capture_output=True, text=True, check=False)
    return [int(line.split()[0]) for line in listed.stdout.splitlines() if helpers.SWITCH in line]


class _At(Progress):
    def __init__(self, sentence: str, then: Callable[[], None]) -> None:
        self._sentence, self._then = sentence, then

    def emit(self, event: AnyEvent) -> None:
        if isinstance(event, Progressed) and event.message.startswith(self._sentence):
            self._sentence = "never"
            self._then()


def _listening(processes: list[int]) -> list[str]:
    """Addresses that processes listen on."""
    found = [connection for pid in processes for connection in psutil.Process(pid).net_connections("inet")]
    return [connection.laddr.ip for connection in found if connection.status == psutil.CONN_LISTEN]


def _prefer_a_network_that_others_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a computer does whose name is that of such an address."""
    for name, addresses in psutil.net_if_addrs().items():
        for address in addresses:
            if address.family == socket.AF_INET and not ipaddress.ip_address(address.address).is_loopback:
                monkeypatch.setenv("GLOO_SOCKET_IFNAME", name)


@pytest.mark.slow
@pytest.mark.usefixtures("home")
@pytest.mark.skipif(sys.platform == "win32", reason="one process only on Windows")
@pytest.mark.parametrize("kind", ["llama", "t5"])
def test_two_processes_learn_what_one_does_with_twice_the_passes(
    kind: str, tiny_base: Bases, tiny_rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = job(tiny_base(kind), tiny_rows, batch=4, accumulation=2, method="full", lora_targets=())
    tune(alone, Progress())
    together = job(tiny_base(kind), tiny_rows, batch=4, gpus=2, method="full", lora_targets=())
    _prefer_a_network_that_others_reach(monkeypatch)
    doors: list[str] = []

    def look_and_cancel() -> None:
        doors.extend(_listening([os.getpid(), *_children()]))
        raise Cancelled

    with pytest.raises(Cancelled):
        tune(together, _At("Step 7", look_and_cancel))
    assert doors and all(ipaddress.ip_address(door).is_loopback for door in doors)
    assert not _children(), "helpers end with the job"
    assert "RANK" not in os.environ
    assert tune(together, Progress())["steps"] == 12
    np.testing.assert_allclose(_losses(together.run), _losses(alone.run), atol=1e-4)


@pytest.mark.slow
@pytest.mark.usefixtures("home")
@pytest.mark.skipif(sys.platform == "win32", reason="one process only on Windows")
def test_a_lost_process_ends_the_run_which_can_go_on(tiny_base: Bases, tiny_rows: Path) -> None:
    asked = job(tiny_base("llama"), tiny_rows, batch=4, gpus=2)
    with pytest.raises(UserError, match="Training process 2 of 2 ended"):
        tune(asked, _At("Step 6", lambda: os.kill(_children()[0], signal.SIGKILL)))
    runs = Runs()
    assert runs.get(asked.run).state is RunState.FAILED and runs.get(asked.run).can_resume
    runs.close()
    assert tune(asked, Progress())["steps"] == 12


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes as Linux shows them")
def test_helpers_die_with_the_worker(tiny_base: Bases, tiny_rows: Path, home: Path) -> None:
    from tests.tuning.training import children

    asked = job(tiny_base("llama"), tiny_rows, batch=4, gpus=2)
    child = children.start(asked, home, delay=0.1)
    end = time.monotonic() + 90
    helper: list[int] = []
    while not (helper and list((home / "data/runs" / asked.run / "checkpoints").glob("step-*"))):
        assert time.monotonic() < end and child.is_alive()
        listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(child.pid)], capture_output=True, text=True, check=False)
        helper = [int(word) for word in listed.stdout.split()]
        time.sleep(0.2)
    child.kill()
    child.join()
    end = time.monotonic() + 30
    while is_alive(helper[0]):
        assert time.monotonic() < end, "the helper outlives its worker"
        time.sleep(0.05)


def test_gpus_are_named_for_the_processes() -> None:
    assert gpu_names(2, "") == ["0", "1"]
    assert gpu_names(3, "1") == ["1", "0", "2"]
    assert gpu_names(2, "3,5,7") == ["3", "5"]
    assert places("cpu", 4) == ["cpu"]


def test_two_trainings_lock_their_gpus_in_one_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert places("cuda", 2) == ["cuda-0", "cuda-1"] and places("cuda", 1) == ["cuda-1"]


def test_processes_that_cannot_be_had_are_not_started() -> None:
    assert possible_processes(4, "cuda", "linux", 2) == (2, "this computer has 2")
    assert possible_processes(2, "cpu", "linux", 0) == (2, "")
    most, why = possible_processes(2, "cuda", "win32", 2)
    assert most == 1 and "Windows" in why
