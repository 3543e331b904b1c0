"""The keeper with a real queue and real workers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from desktop.jobs.guards.battery import Charge
from desktop.jobs.guards.keeper import Keeper, Notice
from desktop.jobs.states import State
from desktop.settings import Settings
from tests.jobs.bench import Bench, until


class Kept:
    """A queue under a keeper, whose settings and battery may be changed."""

    def __init__(self, bench: Bench, settings: Settings, charge: Charge | None = None) -> None:
        self.settings, self.charge = settings, charge
        self.said: list[Notice] = []
        self.keeper = Keeper(
            bench.queue,
            lambda: self.settings,
            store=bench.store,
            tell=self.said.append,
            charge=lambda: self.charge,
            period_s=0.05,
        )

    @property
    def texts(self) -> list[str]:
        return [notice.text for notice in self.said]

    def close(self) -> None:
        self.keeper.close()


CALM = replace(Settings(), free_space=0, battery=0, keep_awake=False)


def _around_now() -> str:
    now = datetime.now()
    return f"{now - timedelta(hours=1):%H:%M}-{now + timedelta(hours=1):%H:%M}"


@pytest.fixture
def settings() -> Settings:
    """What the keeper finds at its first look."""
    return CALM


@pytest.fixture
def kept(bench: Bench, settings: Settings) -> Iterator[Kept]:
    one = Kept(bench, settings)
    yield one
    one.close()


@pytest.mark.parametrize("settings", [replace(CALM, quiet_hours=_around_now())])
def test_nothing_starts_in_quiet_hours_and_what_somebody_waits_for_does(bench: Bench, kept: Kept) -> None:
    work, urgent = bench.submit("quick"), bench.submit("quick", priority=1)
    assert bench.wait(urgent).state is State.DONE
    until(lambda: kept.said)
    assert bench.queue.row(work).state is State.QUEUED and kept.texts[0].startswith("The work stands still: quiet hours")
    assert list(bench.queue.holds) == ["hours"]
    kept.settings = CALM
    assert bench.wait(work).state is State.DONE
    until(lambda: kept.texts[1:] == ["The work goes on."])
    assert not bench.queue.holds


def test_what_runs_stands_still_on_a_low_battery(bench: Bench, kept: Kept, tmp_path: Path) -> None:
    number = bench.submit("long", str(tmp_path / "made"))
    bench.running(number, "working")
    kept.charge = Charge(10, False)
    kept.settings = replace(CALM, battery=20)
    until(lambda: bench.queue.row(number).state is State.PAUSED)
    kept.charge = Charge(10, True)
    until(lambda: bench.queue.row(number).state is State.RUNNING)
    bench.queue.cancel(number)
    assert bench.wait(number).state is State.CANCELLED
    until(lambda: len(kept.said) == 2)
    assert kept.texts == ["The work stands still: the battery is at 10 % (the limit is 20 %)", "The work goes on."]


def test_a_full_disk_holds_the_queue_until_there_is_space(bench: Bench, kept: Kept, disk_of: Callable[[str], Path]) -> None:
    folder = disk_of("40m")
    (folder / "filler").write_bytes(b"x" * 41_000_000)
    kept.settings = replace(CALM, free_space=2)
    number = bench.submit("long", str(folder / "made"))
    until(lambda: kept.said)
    assert f"{folder.name} has 1 MB left" in kept.texts[0]
    assert bench.queue.row(number).state in (State.QUEUED, State.RUNNING, State.PAUSED)
    (folder / "filler").unlink()
    until(lambda: bench.queue.row(number).state is State.RUNNING)
    bench.queue.cancel(number)
    bench.wait(number)


def test_when_all_is_done(bench: Bench, kept: Kept, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    command = f"\"{sys.executable}\" -c \"import os; open('{mark}', 'a').write(os.environ['REPRISE_DONE'])\""
    kept.settings = replace(CALM, when_done="command", done_command=command, grace=0)
    numbers = [bench.submit("steps") for _ in range(2)]
    for number in numbers:
        bench.wait(number)
    until(lambda: mark.exists() and mark.read_text())
    assert mark.read_text() == "2"
    # What somebody waited for, and what the user called off, is not followed by anything.
    bench.wait(bench.submit("quick", priority=1))
    cancelled = bench.submit("long", str(tmp_path / "made"))
    bench.running(cancelled, "working")
    bench.queue.cancel(cancelled)
    bench.wait(cancelled)
    with pytest.raises(AssertionError):
        until(lambda: mark.read_text() != "2", 0.5)


def test_it_can_be_called_off_and_new_work_calls_it_off(bench: Bench, kept: Kept, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    kept.settings = replace(CALM, when_done="command", done_command=f"touch {mark}", grace=3)
    bench.run("quick")
    until(lambda: kept.said)
    assert kept.texts == ["All is done: 1 done. In 3 s your command runs."]
    call_off = kept.said[0].call_off
    assert call_off is not None
    call_off()
    with pytest.raises(AssertionError):
        until(mark.exists, 3.3)
    bench.run("quick")
    until(lambda: len(kept.said) == 2)
    number = bench.submit("long", str(tmp_path / "made"))
    until(lambda: len(kept.said) == 3)
    assert kept.texts[2].startswith("There is new work") and not mark.exists()
    bench.queue.cancel(number)
    bench.wait(number)


@pytest.mark.skipif(sys.platform != "linux", reason="a helper program stands in for Linux's")
def test_the_computer_stays_awake_while_work_runs(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "systemd-inhibit"
    script.write_text(f"#!/bin/sh\ntouch {tmp_path}/awake\ncat\nrm {tmp_path}/awake\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    kept = Kept(bench, replace(CALM, keep_awake=True))
    awake = tmp_path / "awake"
    assert not awake.exists()
    number = bench.submit("long", str(tmp_path / "made"))
    until(awake.exists)
    bench.queue.cancel(number)
    until(lambda: not awake.exists())
    kept.close()
