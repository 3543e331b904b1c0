"""The doctor's findings in words. Imports nothing heavy: the command line prints it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_WIDTH = 12
_MAIN = ("python", "PySide6", "onnxruntime-gpu", "onnxruntime", "torch", "av", "pretty_midi")


def report(result: Mapping[str, Any]) -> str:
    """Text of what ``desktop.models.doctor.run`` found, problems last, one per paragraph with what to do."""
    versions, system = result["versions"], result["system"]
    lines = [f"Reprise {versions['reprise']} on {system['platform']}"]
    lines += _block("Versions", [", ".join(f"{name} {versions[name]}" for name in _MAIN if name in versions)])
    lines += _block("Processor", [_processor(system["cpu"])])
    lines += _block("Memory", [_memory(system["memory"])])
    lines += _block("GPU", [_gpu(gpu) for gpu in result["gpus"]] or ["no NVIDIA GPU found; everything runs on the CPU"])
    lines += _block("Sessions", [_session(session) for session in result["sessions"]] or ["none could be opened"])
    lines += _block("Codecs", _codecs(result["codecs"]))
    lines += _block("Folders", [_folder(folder) for folder in result["folders"]])
    lines += _block("Models", [_model(model) for model in result["models"]])
    lines += _block("Libraries", [_libraries(result["libraries"])])
    problems = result["problems"]
    lines.append("")
    if not problems:
        return "\n".join([*lines, "No problem found."])
    lines.append("1 problem found:" if len(problems) == 1 else f"{len(problems)} problems found:")
    for problem in problems:
        lines += [f"- {problem['what']}", f"  {problem['remedy']}"] if problem["remedy"] else [f"- {problem['what']}"]
    return "\n".join(lines)


def _block(title: str, items: Iterable[str]) -> list[str]:
    return [f"{title if index == 0 else '':<{_WIDTH}}{item}" for index, item in enumerate(items)]


def _size(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def _processor(cpu: Mapping[str, Any]) -> str:
    features = f" ({' '.join(cpu['features'])})" if cpu["features"] else ""
    return f"{cpu['name']}, {cpu['cores']} cores, {cpu['threads']} threads{features}"


def _memory(memory: Mapping[str, int]) -> str:
    if not memory["total"]:
        return "unknown"
    free = f", {_size(memory['available'])} available" if memory["available"] else ""
    return _size(memory["total"]) + free


def _gpu(gpu: Mapping[str, Any]) -> str:
    return (
        f"{gpu['name']}, {_size(gpu['memory'])}, {_size(gpu['free'])} free, driver {gpu['driver']}, compute {gpu['capability']}"
    )


def _session(session: Mapping[str, Any]) -> str:
    asked = session["device"].upper()
    if not session["ok"]:
        return f"{asked}: failed ({session['note']})"
    return f"{asked}: works, {', '.join(session['providers'])}, {session['milliseconds']:.0f} ms"


def _codecs(codecs: Mapping[str, Any]) -> list[str]:
    lines = [f"reads {', '.join(codecs['read']) or 'nothing'}", f"writes {', '.join(codecs['write']) or 'nothing'}"]
    return [*lines, f"lacks {', '.join(codecs['missing'])}"] if codecs["missing"] else lines


def _folder(folder: Mapping[str, Any]) -> str:
    state = folder["problem"] or f"{_size(folder['free'])} free"
    return f"{folder['name']:<9}{folder['path']} ({state})"


def _model(model: Mapping[str, Any]) -> str:
    return f"{model['id']:<16}{model['status']:<10}{_size(model['size'])}"


def _libraries(libraries: Mapping[str, Any]) -> str:
    return f"missing: {', '.join(libraries['missing'])}" if libraries["missing"] else "all that Qt needs are there"
