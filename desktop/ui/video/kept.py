"""How much of a stopped job is kept, so that it can go on from there."""

from __future__ import annotations

import msgspec

from desktop.jobs.scratch import scratch_folder
from desktop.malformed import MALFORMED
from desktop.video.restoration.ledger import Segment


def frames_kept(job: int) -> int:
    """Frames in finished segments from the start of the work on; 0 when nothing is kept."""
    frames = 0
    for number, record in enumerate(sorted((scratch_folder(job) / "segments").glob("*.json"))):
        try:
            segment = msgspec.json.decode(record.read_bytes(), type=Segment)
        except (OSError, *MALFORMED):
            break
        if segment.number != number:
            break
        frames += segment.count
    return frames
