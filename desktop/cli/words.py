"""Numbers, times and results in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from desktop.cli.tuning_words import estimated, evaluated, exported, labelled, tuned
from desktop.cli.video_words import inspected, restored


def _filmed(result: Mapping[str, Any]) -> list[str]:
    """What is to be said of a falling-notes video."""
    length = f"{result['duration']:.0f} s, {result['frames']} frames, {result['fps']} a second"
    speed = f"{result['frames_per_second']:.0f} frames a second, {result['realtime']:.1f} times as fast as it plays"
    return [f"{'Video':<10}{result['files']['video']}", f"{'Length':<10}{length}", f"{'Made':<10}{speed}"]


_KINDS: Mapping[str, Callable[[Mapping[str, Any]], list[str]]] = {
    "seconds_of_video": restored,
    "streams": inspected,
    "headline": evaluated,
    "trainable": estimated,
    "stopped": tuned,
    "labelled": labelled,
    "sizes": exported,
    "realtime": _filmed,
}
"""What tells the result of one kind of job from the others, and who says it in words."""

_FILES = {"midi": "MIDI", "project": "Project", "audio": "Audio", "picture": "Picture"}


def summary(result: Mapping[str, Any]) -> list[str]:
    """What a job gave, a line each; what ``result`` does not have is left out."""
    for key, words in _KINDS.items():
        if key in result:
            return words(result)
    lines = [f"{_FILES.get(kind, kind.capitalize()):<10}{path}" for kind, path in result.get("files", {}).items()]
    facts = []
    if "tempo" in result:
        facts.append(f"{result['tempo']:.0f} beats a minute, {result.get('meter', 4)}/4")
    facts += [f"{result[key]}{unit}" for key, unit in (("key", ""), ("bars", " bars")) if key in result]
    if facts:
        lines.append(f"{'Song':<10}{', '.join(facts)}")
    if "notes" in result:
        rate = f" ({result['notes_per_second']:.1f} a second)" if "notes_per_second" in result else ""
        lines.append(f"{'Notes':<10}{result['notes']}{rate}{_playability(result.get('playability', {}))}")
    if "seconds" in result:
        where = f" on {result['device']}" if result.get("device") else ""
        lines.append(f"{'Time':<10}{_total(result['seconds']):.1f} s{where}{_stages(result['seconds'])}")
    lines += [f"{'Note':<10}{warning}" for warning in result.get("warnings", [])]
    return lines


def _playability(found: Mapping[str, Any]) -> str:
    violations = found.get("violations")
    if violations is None:
        return ""
    return ", playable by two hands" if violations == 0 else f", {violations} places that two hands cannot play"


def _total(seconds: Mapping[str, float]) -> float:
    """All stages; a stage "a.b" is part of the stage "a"."""
    return sum(value for name, value in seconds.items() if "." not in name)


def _stages(seconds: Mapping[str, float]) -> str:
    parts = [f"{name} {value:.1f}" for name, value in seconds.items() if "." not in name and value >= 0.05]
    return f" ({', '.join(parts)})" if len(parts) > 1 else ""
