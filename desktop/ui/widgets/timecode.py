"""Times in a clip as people write them."""

from __future__ import annotations

import math


def timecode(seconds: float, rate: float) -> str:
    """``h:mm:ss.ff``: hours, minutes, seconds, and the number of the frame within the second at ``rate`` frames a second."""
    rate = rate if rate > 0 else 25.0
    # A time read back from a container is often a hair below its frame.
    seconds = max(0.0, seconds) + 1e-4
    whole = math.floor(seconds)
    frame = min(math.ceil(rate) - 1, math.floor((seconds - whole) * rate + 1e-3))
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}.{frame:02d}"


def clock(seconds: float) -> str:
    """``m:ss``, with hours where there are any."""
    whole = max(0, math.floor(seconds + 1e-4))
    if whole >= 3600:
        return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
    return f"{whole // 60}:{whole % 60:02d}"


def about(seconds: float) -> str:
    """A length in words for an estimate: "about 4 min"."""
    if seconds < 60:
        return f"about {max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"about {minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"about {hours} h {rest} min" if hours < 24 else f"about {hours / 24:.1f} days"
