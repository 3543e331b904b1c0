"""Quiet hours, over midnight too."""

from __future__ import annotations

from datetime import datetime, time

import pytest

from desktop.errors import UsageError
from desktop.jobs.guards.hours import Hours, problem


@pytest.mark.parametrize(
    ("text", "moment", "quiet", "until"),
    [
        ("22:00-07:00", "2026-05-01 21:59:59", False, ""),
        ("22:00-07:00", "2026-05-01 22:00:00", True, "2026-05-02 07:00"),
        ("22:00-07:00", "2026-05-01 23:59:59", True, "2026-05-02 07:00"),
        ("22:00-07:00", "2026-12-31 00:00:00", True, "2026-12-31 07:00"),
        ("22:00-07:00", "2026-12-31 23:30:00", True, "2027-01-01 07:00"),
        ("22:00-07:00", "2026-05-02 07:00:00", False, ""),
        ("9:30 – 17:05", "2026-05-02 12:00:00", True, "2026-05-02 17:05"),
        ("9:30 to 17:05", "2026-05-02 17:05:00", False, ""),
        ("20:00-24:00", "2026-05-02 23:59:00", True, "2026-05-03 00:00"),
        ("20:00-24:00", "2026-05-03 00:00:00", False, ""),
    ],
)
def test_hours(text: str, moment: str, quiet: bool, until: str) -> None:
    hours, now = Hours.parse(text), datetime.fromisoformat(moment)
    assert hours is not None and hours.contain(now) is quiet
    if quiet:
        assert hours.over_at(now) == datetime.fromisoformat(until)


def test_every_minute_is_either_in_the_hours_or_in_the_others() -> None:
    night, day = Hours(time(22), time(7)), Hours(time(7), time(22))
    for minute in range(1440):
        moment = datetime(2026, 1, 1, minute // 60, minute % 60)
        assert night.contain(moment) is not day.contain(moment)


def test_what_is_no_hours() -> None:
    assert Hours.parse(" ") is None and problem("") == "" == problem("22:00-06:30")
    for text in ("22-7", "25:00-07:00", "22:60-07:00", "07:00-07:00", "night"):
        assert "22:00-07:00" in problem(text)
        with pytest.raises(UsageError):
            Hours.parse(text)
