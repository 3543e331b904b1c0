"""Stems of a song: the shared renderer plays each part, this module keeps the parts apart and knows who leads when.

The renderer is a script outside of the repository (``render_pop909.py`` beside its data); it is loaded from its path.
"""

from __future__ import annotations

import csv
import importlib.util
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

from .settings import DataSettings

Floats = npt.NDArray[Any]
Note = tuple[float, float, int]


@dataclass(frozen=True)
class Stems:
    """One song, part by part.

    Attributes:
        audio: part name to samples at ``rate``, each at the same loudness.
        levels: decibels of each part towards the lead, as the renderer drew them.
        lead, bridge: notes (start s, end s, pitch) of the voice's line and of the lead instrument, as they sound.
    """

    rate: int
    audio: dict[str, Floats]
    levels: dict[str, float]
    lead: list[Note]
    bridge: list[Note] = field(default_factory=list)


def load_renderer(path: Path, rate: int) -> ModuleType:
    """The renderer as a module that plays at ``rate``, writes no audio and leaves the room to us."""
    spec = importlib.util.spec_from_file_location("render_pop909", path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    captured: list[Any] = []

    class Band(module.Band):  # type: ignore[misc,name-defined]
        def render(self, seconds: float) -> Floats:
            sound = np.asarray(super().render(seconds), np.float32)
            captured.append((self.setup, list(self.events), sound))
            return sound

    module.__dict__.update(
        RATE=rate,
        Band=Band,
        captured=captured,
        plain_room=module.room,
        plain_tilt=module.tilt,
        room=_dry,
        tilt=_flat,
        soundfile=SimpleNamespace(write=_nowhere),
    )
    return module


def _dry(rng: np.random.Generator, sound: Floats, seconds: float, wet: float) -> Floats:  # noqa: ARG001
    return sound


def _flat(sound: Floats, low: float, high: float) -> Floats:  # noqa: ARG001
    return sound


def _nowhere(*args: object, **options: object) -> None:
    """The mix of the renderer is not wanted, only its stems."""


def play(module: ModuleType, folder: Path, seed: int, font: Path, program: int | None, settings: DataSettings) -> Stems:
    """Play one song.

    Args:
        folder: numbered folder of POP909.
        program: General MIDI program of the lead, or the renderer's own draw.
    """
    module.captured.clear()
    leads = dict(module.LEADS)
    if program is not None:
        module.__dict__["LEADS"] = {str(program): program}
    try:
        with tempfile.TemporaryDirectory() as scratch:
            info = module.render_song(folder, Path(scratch), seed, settings.seconds, [str(font)], "flac")
            with (Path(scratch) / f"{folder.name}_melody.csv").open() as rows:
                lead = [(float(r["start"]), float(r["end"]), int(r["pitch"])) for r in csv.DictReader(rows)]
    finally:
        module.__dict__["LEADS"] = leads
    names = list(info["parts"])
    audio = {name: _even(sound) for name, (_, _, sound) in zip(names, module.captured, strict=True)}
    bridge = _notes(module.captured[names.index("bridge")][1]) if "bridge" in names else []
    return Stems(module.RATE, audio, info["levels_db"], lead, bridge)


def _even(sound: Floats) -> Floats:
    loud = np.abs(sound) > 1e-4
    if not loud.any():
        return sound
    gain = 0.1 / float(np.sqrt(np.mean(np.square(sound[loud], dtype=np.float64))))
    return sound * np.float32(gain)


def _notes(events: list[tuple[float, int, tuple[Any, ...]]]) -> list[Note]:
    """Notes from the renderer's event list."""
    sounding: dict[int, float] = {}
    notes: list[Note] = []
    for time, _, event in sorted(events, key=lambda item: (item[0], item[1])):
        if event[0] == "on":
            sounding.setdefault(event[2], time)
        elif event[0] == "off" and event[2] in sounding:
            notes.append((sounding.pop(event[2]), time, event[2]))
    return sorted(notes)
