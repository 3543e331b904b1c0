"""A cover as sound: the notes played on the piano of a SoundFont."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from desktop.jobs.progress import Progress
from desktop.piano.cover import Cover, Floats
from desktop.piano.sampler import Sampler
from desktop.piano.soundfont import open_soundfont

Samples = npt.NDArray[np.float32]

TAIL = 2.0
"""Seconds that the last note may ring."""
LOUDNESS = 0.1
"""Root mean square that the sounding parts are brought to (-20 dBFS) ..."""
CEILING = 0.89
"""... unless the peak would pass -1 dBFS."""
LONGEST = 12.0
"""Seconds after which a piano string is as good as silent."""


def render(cover: Cover, soundfont: Path | str, rate: int = 44100, progress: Progress | None = None) -> Samples:
    """Play ``cover`` and return float32 [n, 2] in -1..1, ``rate`` samples a second, time 0 = the source's time 0.

    Keys are played one after another, each tone made once, so that memory stays near the result's. The sustain pedal
    lengthens notes. Raises UserError when the SoundFont is none or has no piano.
    """
    sampler = Sampler(open_soundfont(soundfont), rate)
    progress = progress or Progress()
    start, end = cover.note_seconds()
    start = np.maximum(start, 0.0)
    end = sustained(start, np.maximum(end, start + 0.02), cover)
    held = np.minimum(end - start, LONGEST)
    length = max(cover.duration, float((start + held).max(initial=0.0)) + TAIL)
    out = np.zeros((2, int(np.ceil(length * rate))), np.float32)
    pitches, velocities = cover.notes["pitch"].tolist(), cover.notes["velocity"].tolist()
    groups: dict[tuple[int, tuple[int, ...]], list[int]] = {}
    for i, (pitch, velocity) in enumerate(zip(pitches, velocities, strict=True)):
        groups.setdefault((pitch, sampler.layer(velocity)), []).append(i)
    longest = {pitch: float(held[cover.notes["pitch"] == pitch].max()) for pitch in set(pitches)}
    for number, ((pitch, layer), members) in enumerate(sorted(groups.items())):
        progress.at(number / len(groups), "Playing the piano")
        for tone in sampler.tones(pitch, layer, longest[pitch]):
            for i in members:
                tone.add_to(out, int(start[i] * rate), int(held[i] * rate), velocities[i])
    normalise(out)
    return out.T


def sustained(start: Floats, end: Floats, cover: Cover) -> Floats:
    """Ends of the notes in seconds with the pedal counted in: a key let go while it is down sounds until it comes up,
    or until the same key is struck again."""
    if not len(cover.pedals) or not len(start):
        return end
    down, up = cover.grid.seconds(cover.pedals["down"]), cover.grid.seconds(cover.pedals["up"])
    span = np.searchsorted(down, end, side="right") - 1
    held = (span >= 0) & (end < up[span])
    longer = np.where(held, up[span], end)
    pitch = cover.notes["pitch"]
    order = np.lexsort((start, pitch))
    again = np.full(len(start), np.inf)
    same = pitch[order][1:] == pitch[order][:-1]
    again[order[:-1][same]] = start[order[1:][same]]
    sounding: Floats = np.maximum(end, np.minimum(longer, again))
    return sounding


def normalise(sound: Samples) -> None:
    """Bring ``sound`` [2, n] to ``LOUDNESS`` in place (measured where it sounds), never above ``CEILING``."""
    peak = max(float(sound.max(initial=0.0)), -float(sound.min(initial=0.0)))
    if peak <= 0.0:
        return
    block = 1 << 14
    power = np.array([float(np.mean(np.square(sound[:, at : at + block]))) for at in range(0, sound.shape[1], block)])
    loud = float(np.sqrt(np.mean(power[power > power.max() * 1e-3])))
    sound *= np.float32(min(LOUDNESS / loud, CEILING / peak))
