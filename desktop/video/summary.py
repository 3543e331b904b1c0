"""What is told of a restoration when it is done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from desktop.video.restoration.ledger import Segment


def count_faces(tracks: Iterable[int], segments: Iterable[Segment]) -> dict[str, Any]:
    """How many tracks there are, how many of them have a restored face, and why the others have none."""
    restored: set[int] = set()
    left: dict[int, Counter[str]] = {}
    for segment in segments:
        restored.update(segment.restored)
        for track, why in segment.left.items():
            left.setdefault(int(track), Counter())[why] += segment.count
    reasons = Counter(why.most_common(1)[0][0] for track, why in left.items() if track not in restored)
    return {"tracks": len(list(tracks)), "restored": len(restored), "left": dict(sorted(reasons.items()))}


def clock(seconds: float) -> str:
    """``62.5`` as "1:02", ``3723`` as "1:02:03"."""
    whole = int(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
