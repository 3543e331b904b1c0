"""One job without queue and history."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop.jobs.events import Done, Failed, Produced
from desktop.jobs.job import CoverJob
from desktop.jobs.once import run_once

pytestmark = pytest.mark.usefixtures("home", "extra_runners")


def _job(tmp_path: Path) -> CoverJob:
    return CoverJob(source=str(tmp_path / "x"), output=str(tmp_path))


def test_its_result_and_what_it_says_come_back(tmp_path: Path) -> None:
    heard: list[object] = []
    found = run_once(_job(tmp_path), runner="tests.jobs.runners:steps", listen=heard.append)
    assert found == Done({"steps": 20})
    assert any(isinstance(event, Produced) for event in heard)


def test_a_dead_worker_is_a_failure(tmp_path: Path) -> None:
    found = run_once(_job(tmp_path), runner="tests.jobs.runners:prints_then_dies")
    assert isinstance(found, Failed) and "exit code 41" in found.message and "last words" in found.details


def test_it_works_where_nothing_can_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("REPRISE_HOME", str(tmp_path / "file"))
    assert isinstance(run_once(_job(tmp_path), runner="tests.jobs.runners:quick"), Done)
