"""Quiet hours: the part of each day in which nothing runs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from desktop.errors import UsageError

_FORM = re.compile(r"\s*(\d{1,2}):(\d{2})\s*(?:-|–|to)\s*(\d{1,2}):(\d{2})\s*")


@dataclass(frozen=True)
class Hours:
    """From ``start`` to ``end`` of the local clock, over midnight where the end is the earlier one."""

    start: time
    end: time

    @classmethod
    def parse(cls, text: str) -> Hours | None:
        """Read "22:00-07:00"; None for an empty text. Raises UsageError for anything else."""
        if not text.strip():
            return None
        match = _FORM.fullmatch(text)
        try:
            if match is None:
                raise ValueError
            first, last = time(int(match[1]), int(match[2])), time(int(match[3]) % 24, int(match[4]))
        except ValueError:
            raise UsageError(f"'{text}' are no hours", remedy='Write them like "22:00-07:00".') from None
        if first == last:
            raise UsageError(f"'{text}' begin and end at the same time", remedy='Write them like "22:00-07:00".')
        return cls(first, last)

    def contain(self, moment: datetime) -> bool:
        """Whether ``moment`` (local time) is quiet; the start is, the end is not any more."""
        now = moment.time()
        if self.start < self.end:
            return self.start <= now < self.end
        return now >= self.start or now < self.end

    def over_at(self, moment: datetime) -> datetime:
        """When the quiet hours that contain ``moment`` end."""
        end = moment.replace(hour=self.end.hour, minute=self.end.minute, second=0, microsecond=0)
        return end if end > moment else end + timedelta(days=1)


def problem(text: str) -> str:
    """Why ``text`` names no hours; "" when it does, or is empty."""
    try:
        Hours.parse(text)
    except UsageError as error:
        return f"must look like 22:00-07:00 ({error.message})"
    return ""
