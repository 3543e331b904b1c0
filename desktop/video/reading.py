"""How a clip is read: which of its fields are woven, and by what option."""

from __future__ import annotations

from pathlib import Path

from desktop.video.media.clip import BOTTOM_FIRST, PROGRESSIVE, TOP_FIRST, Clip
from desktop.video.media.probe import find_interlacing


def how_to_read(path: Path, clip: Clip, deinterlace: str) -> str:
    """What the reader is told: "off", "tff", "bff", "double-tff" or "double-bff".

    Args:
        deinterlace: as in ``RestoreOptions``; "on" and "double" are obeyed also where the pictures do not look interlaced.
    """
    if deinterlace == "off" or clip.is_still:
        return "off"
    order = find_interlacing(path)
    if deinterlace == "auto":
        return "off" if order == PROGRESSIVE else order
    if order == PROGRESSIVE:
        order = BOTTOM_FIRST if clip.video.field_order == BOTTOM_FIRST else TOP_FIRST
    return f"double-{order}" if deinterlace == "double" else order
