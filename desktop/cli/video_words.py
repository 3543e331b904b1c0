"""Restored and inspected clips in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_LEFT = {"small": "too small", "sharp": "sharp already", "outside": "at the edge", "unsure": "uncertain"}


def clock(seconds: float) -> str:
    """``62.5`` as "1:02.5", ``3723`` as "1:02:03"."""
    whole = int(seconds)
    part = f"{seconds - whole:.1f}"[1:] if seconds - whole >= 0.05 and seconds - whole < 0.95 else ""
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return (f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}") + part


def restored(result: Mapping[str, Any]) -> list[str]:
    """What a restoration gave, a line each."""
    lines = [f"{kind.capitalize():<10}{path}" for kind, path in result.get("files", {}).items()]
    faces = result.get("faces")
    if faces is not None:
        lines.append(f"{'Faces':<10}{_faces(faces)}")
    lines.append(f"{'Pictures':<10}{_pictures(result)}")
    seconds = sum(value for name, value in result.get("seconds", {}).items() if "." not in name)
    lines.append(f"{'Time':<10}{seconds:.1f} s{_where(result)}")
    return [*lines, *(f"{'Note':<10}{warning}" for warning in result.get("warnings", []))]


def inspected(result: Mapping[str, Any]) -> list[str]:
    """What a clip holds, a line each."""
    video = result.get("video", {})
    width, height = result.get("display_size", (0, 0))
    sar = result.get("sar", "1")
    shape = f"{video.get('width')}x{video.get('height')}" + (f", shown as {width}x{height}" if str(sar) != "1" else "")
    facts = [
        ("Container", f"{result.get('container')}{_length(result)}"),
        ("Video", f"{video.get('codec')}, {shape}, {video.get('bits', 8)} bits"),
        ("Rate", _rate(result)),
        ("Fields", f"interlaced, {_order(result)} field first" if result.get("interlaced") else "progressive"),
        ("Rotation", f"{result['rotation']} degrees" if result.get("rotation") else ""),
        ("Colour", ", ".join(f"{value}" for value in result.get("colour", {}).values() if value)),
        ("Chapters", str(result.get("chapters") or "")),
        *((stream["kind"].capitalize(), _stream(stream)) for stream in result.get("streams", [])),
        ("Faces", _sample(result.get("faces", {}))),
        ("Estimate", f"{_long(result['estimate_s'])} to restore all of it" if result.get("estimate_s") is not None else ""),
    ]
    lines = [f"{name:<11}{text}" for name, text in facts if text]
    return [*lines, *(f"{'Note':<11}{problem}" for problem in result.get("problems", []))]


def _faces(faces: Mapping[str, Any]) -> str:
    if not faces.get("tracks"):
        return "none found"
    left = [f"{count} {_LEFT.get(kind, kind)}" for kind, count in faces.get("left", {}).items() if count]
    rest = f", left as they were: {', '.join(left)}" if left else ""
    return f"{faces['restored']} of {faces['tracks']} restored{rest}"


def _pictures(result: Mapping[str, Any]) -> str:
    length = f" ({clock(result['seconds_of_video'])})" if result.get("seconds_of_video") else ""
    shots = f" in {result['shots']} shots" if result.get("shots", 0) > 1 else ""
    return f"{result.get('frames', 0)}{length}{shots}"


def _where(result: Mapping[str, Any]) -> str:
    speed = result.get("frames_per_second")
    parts = [f", {speed:.1f} pictures a second" if speed else "", f" on {result['device']}" if result.get("device") else ""]
    return "".join(parts)


def _length(result: Mapping[str, Any]) -> str:
    return f", {clock(result['duration'])}" if result.get("duration") else ""


def _rate(result: Mapping[str, Any]) -> str:
    if not result.get("rate"):
        return "unknown"
    known = {True: "constant", False: "variable", None: ""}
    steady = known[result.get("constant_rate")]
    return ", ".join(filter(None, [f"{result['rate']:.6g} pictures a second", steady]))


def _order(result: Mapping[str, Any]) -> str:
    return {"tff": "top", "bff": "bottom"}.get(str(result.get("field_order")), "unknown")


def _stream(stream: Mapping[str, Any]) -> str:
    return ", ".join(filter(None, (str(stream.get(key) or "") for key in ("codec", "language", "title", "detail"))))


def _sample(faces: Mapping[str, Any]) -> str:
    if not faces.get("sampled"):
        return ""
    if not faces.get("with_faces"):
        return f"none in {faces['sampled']} pictures looked at"
    small, large = round(faces["smallest_px"]), round(faces["largest_px"])
    sizes = f"{large} pixels" if small == large else f"{small} to {large} pixels"
    return f"in {faces['with_faces']} of {faces['sampled']} pictures looked at, {sizes} large"


def _long(seconds: float) -> str:
    return f"about {round(seconds)} s" if seconds < 90 else f"about {round(seconds / 60)} min"
