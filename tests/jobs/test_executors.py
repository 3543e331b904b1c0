"""Slots of a computer, for any number of cores and GPUs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from desktop.jobs.executors import Slot, gpu_count, local_slots, program_command, program_environment
from desktop.jobs.job import ListenJob

AUTO, CPU, CUDA = (ListenJob(source="x", device=device) for device in ("auto", "cpu", "cuda"))


def test_one_worker_on_a_computer_without_gpu_lets_its_libraries_choose() -> None:
    slots = local_slots(1, gpus=0, cpus=8)
    assert [slot.name for slot in slots] == ["cpu-1", "express"]
    assert slots[0].threads == 8 and slots[0].environment == {}


def test_workers_share_the_cores() -> None:
    slots = local_slots(3, gpus=0, cpus=8)
    assert [slot.name for slot in slots] == ["cpu-1", "cpu-2", "cpu-3", "express"]
    assert [slot.threads for slot in slots] == [3, 3, 2, 2], "as evenly as can be"
    assert all(slot.environment["OMP_NUM_THREADS"] == str(slot.threads) for slot in slots)
    assert local_slots(16, gpus=0, cpus=2)[0].threads == 1
    assert local_slots(1, threads=3, gpus=0, cpus=8)[0].environment["REPRISE_THREADS"] == "3"


def test_a_gpu_has_one_slot_and_is_hidden_from_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    slots = local_slots(3, gpus=2, cpus=8)
    assert [(slot.name, slot.device) for slot in slots] == [
        ("cuda-0", "cuda"),
        ("cuda-1", "cuda"),
        ("cpu-1", "cpu"),
        ("express", "cpu"),
    ]
    assert [slot.environment["CUDA_VISIBLE_DEVICES"] for slot in slots] == ["0", "1", "-1", "-1"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3, 5")
    assert [slot.environment["CUDA_VISIBLE_DEVICES"] for slot in local_slots(1, gpus=2)][:2] == ["3", "5"]


def test_who_takes_what() -> None:
    cpu, cuda, express = Slot("cpu-1", "cpu", 1), Slot("cuda-0", "cuda", 1), Slot("express", "cpu", 1, express=True)
    assert all(slot.suits(job, 0, gpus=True) for slot in (cpu, cuda) for job in (AUTO, CPU))
    assert cuda.suits(CUDA, 0, gpus=True) and not cpu.suits(CUDA, 0, gpus=True)
    assert cpu.suits(CUDA, 0, gpus=False), "without a GPU the session itself says that there is none"
    assert express.suits(AUTO, 1, gpus=False) and not express.suits(AUTO, 0, gpus=False)


@pytest.mark.parametrize(("value", "count"), [("", 0), ("-1", 0), ("0", 1), ("0,2", 2)])
def test_gpus_that_the_user_allows(monkeypatch: pytest.MonkeyPatch, value: str, count: int) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    assert gpu_count() == count


def test_the_program_starts_itself_also_when_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert program_command()[-3:] == ["-P", "-m", "desktop"]
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert program_command() == [sys.executable]
    environment = program_environment({"OMP_NUM_THREADS": "2"})
    assert environment["OMP_NUM_THREADS"] == "2" and environment["PYTHONUTF8"] == "1"
    assert str(Path(__file__).resolve().parents[2]) in environment["PYTHONPATH"]
