"""Times of a clip as people write them."""

from __future__ import annotations

import re

from desktop.errors import UsageError

_TIME = re.compile(r"(?:(?:(\d+):)?(\d{1,2}):)?(\d+(?:\.\d*)?|\.\d+)$")


def seconds(text: str, name: str) -> float | None:
    """``12.5``, ``1:02``, ``1:02:03.5`` in seconds; None for "". Raises UsageError, naming the option, for anything else."""
    if not text.strip():
        return None
    match = _TIME.match(text.strip())
    if match is None:
        raise UsageError(f"{name}: '{text}' is not a time", remedy="Write 12.5, 1:02 or 1:02:03.5.")
    hours, minutes, rest = match.groups()
    if minutes is not None and (float(rest) >= 60 or (hours is not None and int(minutes) >= 60)):
        raise UsageError(f"{name}: '{text}' is not a time", remedy="Write 12.5, 1:02 or 1:02:03.5.")
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(rest)
