"""The process that a VST3 instrument runs in; see ``instrument``, which starts it.

pedalboard is imported here and nowhere else. So that it starts soon, hardly anything of ours is.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from desktop.errors import UserError

PROBLEM, NOTES, SOUND, TASK = "problem.json", "notes.npz", "sound.f32", "task.json"
"""Files in the folder that both processes know."""
PLAYED = "reprise-played "
"""Begins the lines that say how far it is; plug-ins print what they like, but hardly that."""
CHUNK_S = 8.0
"""Seconds that are played at a time, so that it can be seen how far it is."""
Timed = tuple[bytes, float]


def main(arguments: Sequence[str]) -> int:
    """Play what the folder holds into it; a problem that is meant for the user is written there as well."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    folder = Path(arguments[0])
    task = json.loads((folder / TASK).read_text(encoding="utf-8"))
    try:
        plugin = _load(Path(task["plugin"]))
        with np.load(folder / NOTES) as notes, (folder / SOUND).open("wb") as sound:
            seconds, data = notes["seconds"], notes["data"]
            whole, rate = float(task["seconds"]), int(task["rate"])
            channels = 2
            print(f"{PLAYED}0", flush=True)
            for number, begin in enumerate(np.arange(0.0, whole, CHUNK_S).tolist()):
                length = min(CHUNK_S, whole - begin)
                first, last = np.searchsorted(seconds, (begin, begin + length))
                part = zip(data[first:last].tolist(), seconds[first:last].tolist(), strict=True)
                messages = [(bytes(row), at - begin) for row, at in part]
                played, channels = _play(plugin, messages, length, rate, channels, anew=number == 0)
                sound.write(np.broadcast_to(played, (2, played.shape[1])).T.astype("<f4").tobytes())
                print(f"{PLAYED}{(begin + length) / whole:.4f}", flush=True)
    except UserError as error:
        (folder / PROBLEM).write_text(json.dumps({"message": error.message, "remedy": error.remedy}), encoding="utf-8")
    sys.stdout.flush()
    # Past the plug-in's destructors: all that counts is written, and they are where many crash.
    os._exit(0)


def _load(path: Path) -> Any:
    pedalboard: Any = import_module("pedalboard")
    try:
        names = pedalboard.VST3Plugin.get_plugin_names_for_file(str(path))
        plugins = (pedalboard.VST3Plugin(str(path), plugin_name=name) for name in names)
        effects = []
        for plugin in plugins:
            if plugin.is_instrument:
                return plugin
            effects.append(plugin.name)
    except (ImportError, ValueError, RuntimeError) as error:
        raise UserError(
            f"{path.stem} cannot be loaded as a VST3 plug-in ({_short(error)})",
            remedy="Choose one that was made for this system and processor.",
        ) from error
    raise UserError(
        f"{', '.join(effects) or path.stem} is an effect, not an instrument",
        remedy="Choose a plug-in that makes sound of notes.",
    )


def _play(
    plugin: Any, messages: list[Timed], seconds: float, rate: int, channels: int, *, anew: bool
) -> tuple[npt.NDArray[np.float32], int]:
    """Sound of a stretch [1 or 2, n], and how many channels the plug-in has."""
    for count in (channels, 1):
        try:
            sound: npt.NDArray[np.float32] = plugin(
                messages, duration=seconds, sample_rate=rate, num_channels=count, buffer_size=512, reset=anew
            )
            return sound, count
        except ValueError as error:
            if count == 1:
                raise UserError(f"{plugin.name} cannot play notes ({_short(error)})", remedy="Choose another one.") from error
    raise AssertionError


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:240]


def _end_with_parent() -> None:
    while os.read(0, 4096):
        pass
    os._exit(1)
