"""How full the battery is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Charge:
    """State of the battery: 0..100 per cent, and whether the computer runs on mains."""

    percent: float
    is_plugged: bool


def charge() -> Charge | None:
    """The battery's state; None where there is none, or where the system does not say."""
    import psutil

    read = getattr(psutil, "sensors_battery", None)
    try:
        found = None if read is None else read()
    except (OSError, RuntimeError, ValueError):
        return None
    # An unknown source of power is taken for mains: a hold must have a cause that the user can see.
    return None if found is None else Charge(float(found.percent), found.power_plugged is not False)
