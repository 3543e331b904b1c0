"""When a queue waits, from facts; and the facts themselves: battery and disks."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from desktop.jobs.guards import space
from desktop.jobs.guards.battery import Charge, charge
from desktop.jobs.guards.hours import Hours
from desktop.jobs.guards.rules import Facts, Guard, Limits, holds
from desktop.jobs.guards.space import GB, MB, Disk
from desktop.jobs.job import CoverJob, ListenJob, RestoreJob, RestoreOptions

NOON = datetime(2026, 5, 1, 12)


@pytest.mark.parametrize(
    ("battery", "held", "waits"),
    [
        (Charge(19, False), (), True),
        (Charge(20, False), (), False),
        (Charge(24, False), (Guard.BATTERY,), True),
        (Charge(25, False), (Guard.BATTERY,), False),
        (Charge(3, True), (Guard.BATTERY,), False),
        (None, (), False),
    ],
)
def test_battery(battery: Charge | None, held: tuple[Guard, ...], waits: bool) -> None:
    found = holds(Facts(NOON, battery), Limits(charge=20), held)
    assert (Guard.BATTERY in found) is waits
    assert not holds(Facts(NOON, battery), Limits(charge=0), held)


def test_disks() -> None:
    full, roomy = Disk(Path("/a"), 1 * GB, 500 * GB), Disk(Path("/b"), 90 * GB, 500 * GB)
    stick = Disk(Path("/stick"), 30 * MB, 500 * MB)
    limits = Limits(free=2 * GB)
    assert holds(Facts(NOON, None, (roomy, stick)), limits) == {}
    assert "/a has 1.0 GB left, and 2.0 GB" in holds(Facts(NOON, None, (roomy, full)), limits)[Guard.DISK]
    assert holds(Facts(NOON, None, (full,)), Limits()) == {}
    nearly = Disk(Path("/a"), 2 * GB + 1, 500 * GB)
    assert not holds(Facts(NOON, None, (nearly,)), limits)
    assert holds(Facts(NOON, None, (nearly,)), limits, (Guard.DISK,))


def test_all_reasons_at_once() -> None:
    limits = Limits(free=2 * GB, charge=20, quiet=Hours.parse("11:00-13:00"))
    facts = Facts(NOON, Charge(5, False), (Disk(Path("/a"), 0, GB),))
    assert list(holds(facts, limits)) == [Guard.DISK, Guard.BATTERY, Guard.HOURS]
    assert holds(facts, limits)[Guard.HOURS].endswith("until 13:00")


@pytest.mark.skipif(sys.platform != "linux", reason="Linux keeps the battery's state in files")
@pytest.mark.parametrize(
    ("now", "status", "percent", "plugged"), [("900000", "Discharging", 30, False), ("2700000", "Charging", 90, True)]
)
def test_the_battery_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, now: str, status: str, percent: int, plugged: bool
) -> None:
    import psutil

    files = {"capacity": str(percent), "energy_now": now, "energy_full": "3000000", "power_now": "1000", "status": status}
    battery = tmp_path / "BAT0"
    battery.mkdir()
    for name, text in files.items():
        (battery / name).write_text(f"{text}\n")
    monkeypatch.setattr(psutil._pslinux, "POWER_SUPPLY_PATH", str(tmp_path))
    assert charge() == Charge(percent, plugged)
    (battery / "energy_now").unlink()
    (battery / "capacity").write_text("rubbish\n")
    assert charge() is None
    (tmp_path / "BAT0").rename(tmp_path / "other")
    assert charge() is None


@pytest.fixture
def tiny(disk_of: Callable[[str], Path]) -> Path:
    """A file system of 40 MB."""
    return disk_of("40m")


def test_a_disk_that_fills_up(home: Path, tiny: Path) -> None:
    job = CoverJob(source="/songs/a.mp3", output=str(tiny / "not" / "yet"))

    def reasons() -> dict[Guard, str]:
        disks = [disk for disk in space.disks([job]) if disk.folder.is_relative_to(tiny)]
        assert len(disks) == 1
        return holds(Facts(NOON, None, tuple(disks)), Limits(free=2 * GB))

    assert not reasons()
    (tiny / "filler").write_bytes(b"x" * 41 * MB)
    assert "2 MB are to stay free" in reasons()[Guard.DISK]
    (tiny / "filler").unlink()
    assert not reasons()


def test_what_jobs_will_need_is_said_before(home: Path, tiny: Path) -> None:
    sung = [CoverJob(source=f"/{n}.mp3", output=str(tiny), audio=True) for n in range(3)]
    (said,) = space.shortages(sung, 2 * GB)
    assert "151 MB" in said and str(tiny) in said
    assert space.shortages([*sung[:0], CoverJob(source="/a.mp3", output=str(tiny))], 2 * GB) == []


def test_estimates_follow_the_source(tmp_path: Path, home: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"x" * 1000)
    plain = RestoreJob(source=str(clip), output=str(tmp_path / "out.mp4"))
    doubled = RestoreJob(source=str(clip), output=str(tmp_path / "out.mp4"), options=RestoreOptions(scale=2))
    assert space.needed(plain)[tmp_path] == 1500 and space.needed(doubled)[tmp_path] == 6000
    assert space.needed(ListenJob(source=str(clip))) == {}
    assert space.needed(RestoreJob(source="/nowhere.mp4", output=str(tmp_path / "x.mp4")))[tmp_path] == 0
