"""Looks at this computer from inside a worker, where the real sessions are opened."""

from __future__ import annotations

from typing import Any

from desktop import paths
from desktop.errors import UserError
from desktop.jobs.job import DoctorJob, Result
from desktop.jobs.progress import Progress
from desktop.models import runtime
from desktop.models.checks import codecs, libraries, machine, probe
from desktop.models.library import Library, Status


def run(job: DoctorJob, progress: Progress) -> Result:
    """Everything that decides whether Reprise works here; ``desktop.models.report`` puts it into words.

    Keys: ``versions``, ``system``, ``gpus``, ``runtime`` (providers), ``sessions``, ``codecs``, ``folders``, ``models``,
    ``libraries``, and ``problems``: what is wrong (``what``) and what to do (``remedy``).
    """
    progress.at(0.0, "Looking at versions and hardware")
    found: dict[str, Any] = {"versions": machine.versions(), "system": machine.system(), "gpus": machine.gpus()}
    problems: list[dict[str, str]] = []
    progress.at(0.2, "Opening a session on each device")
    found["runtime"], found["sessions"] = _sessions(job.device, problems)
    progress.at(0.6, "Asking for codecs")
    found["codecs"] = _codecs(problems)
    progress.at(0.8, "Looking at folders and models")
    found["folders"] = _folders(problems)
    found["models"] = _models(problems)
    found["libraries"] = _libraries(problems)
    found["problems"] = problems
    progress.at(1.0, "Done")
    return found


def _sessions(device: str, problems: list[dict[str, str]]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    try:
        available = probe.providers()
    except UserError as error:
        problems.append({"what": error.message, "remedy": error.remedy})
        return {"providers": [], "cuda_devices": 0}, []
    devices = runtime.cuda_devices()
    wanted = ["cpu"] if device != "cuda" else []
    # Without a GPU there is nothing to be tried, and nothing wrong.
    if device == "cuda" or (device == "auto" and devices and runtime.CUDA in available):
        wanted.append("cuda")
    results = [probe.probe(name) for name in wanted]
    for result in results:
        if not result["ok"]:
            remedy = "Install a recent NVIDIA driver, and the CUDA libraries with `pip install 'reprise-studio[cuda]'`."
            what = f"No session on {result['device'].upper()}: {result['note']}"
            problems.append({"what": what, "remedy": remedy if result["device"] == "cuda" else "Install Reprise again."})
    return {"providers": available, "cuda_devices": devices}, results


def _codecs(problems: list[dict[str, str]]) -> dict[str, object]:
    try:
        return codecs.codecs()
    except ImportError as error:
        problems.append({"what": f"PyAV cannot be loaded: {error}", "remedy": "Install Reprise again."})
        return {"version": "", "read": [], "missing": list(codecs.READ), "write": []}


def _folders(problems: list[dict[str, str]]) -> list[dict[str, Any]]:
    places = {
        "data": paths.data_dir,
        "settings": paths.config_dir,
        "cache": paths.cache_dir,
        "models": paths.models_dir,
        "logs": paths.log_dir,
    }
    found = []
    for name, place in places.items():
        try:
            result = machine.folder(name, place())
        except UserError as error:
            result = {"name": name, "path": error.path, "free": 0, "problem": error.message}
        if result["problem"]:
            what = f"The folder for {name} cannot be used: {result['problem']} ({result['path']})"
            problems.append({"what": what, "remedy": "Change its permissions, or set REPRISE_HOME to another folder."})
        found.append(result)
    return found


def _models(problems: list[dict[str, str]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    try:
        library = Library()
    except UserError as error:
        problems.append({"what": error.message, "remedy": error.remedy})
        return found
    for entry in library.entries():
        status = library.verify(entry.id)
        if status is Status.CORRUPT:
            what = f"The model {entry.title} is damaged: {library.problem(entry.id)}"
            problems.append({"what": what, "remedy": f"Run `reprise models install {entry.id}`."})
        found.append({"id": entry.id, "title": entry.title, "status": status.value, "size": entry.size})
    return found


def _libraries(problems: list[dict[str, str]]) -> dict[str, Any]:
    missing = libraries.missing()
    command = libraries.command(missing, libraries.families())
    if missing:
        names = ", ".join(library.name for library in missing)
        needed = " and ".join(dict.fromkeys(library.needed_for for library in missing))
        problems.append({"what": f"System libraries for {needed} are missing: {names}", "remedy": command})
    return {"missing": [library.name for library in missing], "command": command}
