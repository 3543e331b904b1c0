"""What an InspectJob found, in words."""

from __future__ import annotations

from typing import Any

from desktop.ui.video.clips import Item
from desktop.ui.video.open_clip import OpenClip
from desktop.ui.widgets.timecode import about, clock

ORDERS = {"tff": "interlaced, upper field first", "bff": "interlaced, lower field first", "progressive": "not interlaced"}


def interlacing(info: dict[str, Any]) -> str:
    """What was found of fields; "" when nobody has looked."""
    if not info:
        return ""
    order = str(info.get("field_order") or "")
    if info.get("interlaced"):
        return ORDERS.get(order, "interlaced") if order != "progressive" else "interlaced"
    return ORDERS["progressive"]


def details(info: dict[str, Any]) -> dict[str, str]:
    """Caption -> value of what is known."""
    found: dict[str, str] = {}
    size = list(info.get("display_size") or [])
    if len(size) == 2:
        found["Picture"] = f"{size[0]} × {size[1]}"
    if rate := float(info.get("rate") or 0.0):
        varies = info.get("constant_rate") is False
        found["Frame rate"] = f"{rate:.3f}".rstrip("0").rstrip(".") + (" (varies)" if varies else "")
    if codec := str(dict(info.get("video") or {}).get("codec") or ""):
        found["Codec"] = codec
    if info:
        found["Scan"] = "interlaced" if info.get("interlaced") else "progressive"
    faces = dict(info.get("faces") or {})
    if faces.get("sampled"):
        found["Faces in a sample"] = _faces(faces)
    return found


def estimate(clip: OpenClip) -> str:
    """How long restoring takes, where a stopped job goes on, what the result of the last one was."""
    item, look = clip.item, clip.look
    if item is None or item.running is not None:
        return ""
    if item.can_go_on:
        return f"Stopped; it goes on at {clock(item.goes_on_at)}" if item.goes_on_at is not None else "Stopped; it can go on"
    seconds = look.info.get("estimate_s")
    if not seconds:
        return "Estimating the time…" if look.inspecting else ""
    if not clip.is_timed:
        return f"Takes {about(float(seconds) * clip.count)} on this computer"
    start, end = clip.part
    share = (end - start) / look.duration if look.duration > 0 else 1.0
    old = look.estimated != clip.choices.options
    return f"Takes {about(float(seconds) * share)} on this computer" + ("  ·  estimating anew…" if old else "")


def outcome(item: Item | None) -> str:
    """What a finished job says it did."""
    result = item.row.result if item is not None and item.row is not None else None
    if not result:
        return ""
    faces = dict(result.get("faces") or {})
    parts = []
    if "tracks" in faces:
        tracks, restored = int(faces["tracks"]), int(faces.get("restored") or 0)
        parts.append(f"{restored} of {tracks} {'face' if tracks == 1 else 'faces'} restored" if tracks else "No face was found")
    if result.get("frames"):
        parts.append(f"{int(result['frames'])} frames")
    if result.get("frames_per_second"):
        parts.append(f"{float(result['frames_per_second']):.1f} a second")
    return "  ·  ".join(parts)


def _faces(faces: dict[str, Any]) -> str:
    some = int(faces.get("with_faces") or 0)
    if not some:
        return "none"
    small, large = float(faces.get("smallest_px") or 0), float(faces.get("largest_px") or 0)
    sizes = f"{small:.0f}–{large:.0f} px" if round(small) != round(large) else f"{large:.0f} px"
    return f"{sizes}, in {some} of {int(faces['sampled'])}"
