"""When a queue has to wait: facts and limits in, reasons out."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from desktop.jobs.guards.battery import Charge
from desktop.jobs.guards.hours import Hours
from desktop.jobs.guards.space import Disk, amount

RECOVERED_PERCENT = 5
"""So much fuller than the limit a battery must be before work goes on, lest it begins and stops all the time."""
RECOVERED_SPACE = 1.1
"""So many times the limit must be free before work goes on."""


class Guard(StrEnum):
    """Who holds the queue."""

    DISK = "disk"
    BATTERY = "battery"
    HOURS = "hours"


@dataclass(frozen=True)
class Limits:
    """What the user wants: bytes that stay free, least charge in per cent (0: any), quiet hours."""

    free: int = 0
    charge: int = 0
    quiet: Hours | None = None


@dataclass(frozen=True)
class Facts:
    """How things are: local time, battery, the disks that work is written to."""

    now: datetime
    battery: Charge | None = None
    disks: tuple[Disk, ...] = ()


def holds(facts: Facts, limits: Limits, held: Container[str] = ()) -> dict[Guard, str]:
    """Why nothing should run, by guard; empty when all is well. ``held`` are the guards that hold it already."""
    found = {
        Guard.DISK: _disk(facts, limits, Guard.DISK in held),
        Guard.BATTERY: _battery(facts, limits, Guard.BATTERY in held),
        Guard.HOURS: _hours(facts, limits),
    }
    return {guard: reason for guard, reason in found.items() if reason}


def _disk(facts: Facts, limits: Limits, held: bool) -> str:
    limit = int(limits.free * (RECOVERED_SPACE if held else 1.0))
    short = [disk for disk in facts.disks if disk.is_short(limit)]
    if not short or not limit:
        return ""
    disk = short[0]
    return f"the disk of {disk.folder} has {amount(disk.free)} left, and {amount(disk.least(limits.free))} are to stay free"


def _battery(facts: Facts, limits: Limits, held: bool) -> str:
    battery = facts.battery
    least = limits.charge + (RECOVERED_PERCENT if held else 0)
    if not limits.charge or battery is None or battery.is_plugged or battery.percent >= least:
        return ""
    return f"the battery is at {battery.percent:.0f} % (the limit is {limits.charge} %)"


def _hours(facts: Facts, limits: Limits) -> str:
    if limits.quiet is None or not limits.quiet.contain(facts.now):
        return ""
    return f"quiet hours, until {limits.quiet.over_at(facts.now):%H:%M}"
