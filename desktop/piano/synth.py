"""A cover as sound: the notes played through a SoundFont."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import symusic

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.piano.cover import Cover, Floats, Notes
from desktop.piano.soundfont import check_soundfont

Samples = npt.NDArray[np.float32]

SECTION = 30
"""Seconds rendered at once, so that memory stays at the result plus one section (whole, so that sections start on a sample)."""
TAIL = 2.0
"""Seconds that the last note may ring."""
LOUDNESS = 0.1
"""Root mean square that the sounding parts are brought to (-20 dBFS) ..."""
CEILING = 0.89
"""... unless the peak would pass -1 dBFS."""
VELOCITY_STEP = 4
"""Velocities are played in steps of this, about half a decibel: each is a rendering of its own."""
_QUALITY = 4


def render(cover: Cover, soundfont: Path | str, rate: int = 44100, progress: Progress | None = None) -> Samples:
    """Play ``cover`` and return float32 [n, 2] in -1..1, ``rate`` samples a second, time 0 = the source's time 0.

    The sustain pedal is played by lengthening notes, as the synthesizer knows no controllers. Raises UserError when the
    SoundFont is none or has no piano.
    """
    path = Path(soundfont)
    check_soundfont(path)
    progress = progress or Progress()
    try:
        synthesizer = symusic.Synthesizer(str(path), rate, _QUALITY)
    except (RuntimeError, ValueError, OSError) as error:
        raise UserError(f"The SoundFont cannot be opened: {error}", path=path) from error
    start, end = cover.note_seconds()
    start = np.maximum(start, 0.0)
    end = sustained(start, np.maximum(end, start + 0.02), cover)
    length = max(cover.duration, float(end.max(initial=0.0)) + TAIL)
    out = np.zeros((int(np.ceil(length * rate)), 2), np.float32)
    sections = int(length // SECTION) + 1
    for section in range(sections):
        progress.at(section / sections, "Playing the piano")
        inside = (start >= section * SECTION) & (start < (section + 1) * SECTION)
        _add_section(out, synthesizer, cover.notes, start, end, inside, section * SECTION * rate, rate)
    if len(start) and not np.any(out):
        raise UserError("This SoundFont has no piano sound", path=path, remedy="Choose another SoundFont.")
    normalise(out)
    return out


def _add_section(
    out: Samples, synthesizer: Any, notes: Notes, start: Floats, end: Floats, inside: npt.NDArray[np.bool_], first: int, rate: int
) -> None:
    """Render the notes that start in one section and add them, with their tails, where they belong.

    The synthesizer lets the velocity choose the sample and leaves the level alone, so notes of like velocity are
    rendered together and brought to their level: the square of velocity / 127, the SoundFont format's default curve.
    """
    levels = np.minimum(127, VELOCITY_STEP * np.rint(notes["velocity"] / VELOCITY_STEP)).astype(np.int8)
    for level in np.unique(levels[inside]):
        chosen = inside & (levels == level)
        score = symusic.Score(480, ttype="second")
        track = symusic.Track("Piano", 0, False, ttype="second")
        track.notes = symusic.Note.from_numpy(
            time=start[chosen] - first / rate,
            duration=end[chosen] - start[chosen],
            pitch=notes["pitch"][chosen].astype(np.int8),
            velocity=levels[chosen],
            ttype="second",
        )
        # The synthesizer stops with the last note: a silent one lets it ring out.
        last = float(end[chosen].max()) - first / rate + TAIL
        track.notes.append(symusic.Note(last - 0.02, 0.02, 0, 0, ttype="second"))
        score.tracks.append(track)
        sound = np.asarray(synthesizer.render(score, True)).T
        count = min(len(sound), len(out) - first)
        out[first : first + count] += np.float32((level / 127) ** 2) * sound[:count]


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


def normalise(samples: Samples) -> None:
    """Bring ``samples`` to ``LOUDNESS`` in place (measured where it sounds), never above ``CEILING``."""
    peak = max(float(samples.max(initial=0.0)), -float(samples.min(initial=0.0)))
    if peak <= 0.0:
        return
    block = 1 << 14
    power = np.array([float(np.mean(np.square(samples[at : at + block]))) for at in range(0, len(samples), block)])
    loud = float(np.sqrt(np.mean(power[power > power.max() * 1e-3])))
    samples *= np.float32(min(LOUDNESS / loud, CEILING / peak))
