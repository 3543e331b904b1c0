"""Light where notes strike: glow, the played note's brightness, sparks."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from desktop.piano.waterfall import notes, shapes
from desktop.piano.waterfall.looks import Colour, Look, mix
from desktop.piano.waterfall.surface import Ink, flat

FADE = 0.16
"""Seconds in which a key that came up loses its light."""
_FLASH = 0.14
"""Seconds after which the flash of a strike has gone to a third."""
LEAST = 0.62 * 0.72
"""Brightness of the softest key as long as it is down."""
REACH = 5.0
"""White keys up to which the note that sounds is lightened."""
LIFE = 0.75
"""Seconds that a spark flies."""


def strength(since: float, after: float, velocity: int) -> float:
    """How bright a key shines (0..1): flashes when it is struck, fades when it is up.

    Args:
        since: seconds since it went down; ``after``: since it came up, 0 or less while it is down.
    """
    held = 0.62 + 0.38 * float(np.exp(-max(0.0, since) / _FLASH))
    loud = 0.72 + 0.28 * min(1.0, velocity / 100)
    return held * loud * max(0.0, 1.0 - max(0.0, after) / FADE)


def glow(white: float, colour: Colour, look: Look, unit: int) -> Ink:
    """Light around a strike: its middle is the middle of the lower edge; even sizes."""
    reach = 2.4 * white
    width = int(2 * reach) // 2 * 2
    height = int(1.05 * reach) // unit * unit
    y = np.float32(height) - shapes.rows(height)
    x = shapes.columns(width) - np.float32(width / 2)
    wide = np.exp(-(np.square(x / (1.05 * white)) + np.square(y / (0.95 * white))))
    core = np.exp(-(np.square(x / (0.62 * white)) + np.square(y / (0.22 * white))))
    # Not a trace of it at the edges of its rectangle.
    fade = shapes.ramp(np.float32(1) - np.abs(x) / np.float32(width / 2), 0.0, 0.35)
    fade = fade * shapes.ramp(np.float32(1) - y / np.float32(height), 0.0, 0.35)
    soft = flat(colour, 0.50 * wide * fade * np.float32(look.glow))
    bright = flat(mix(colour, (1.0, 1.0, 1.0), 0.65), 0.85 * core * fade * np.float32(look.glow))
    ink = soft * (1 - bright[..., 3:]) + bright
    ink[..., 3] *= 1 - 0.65 * look.light
    return ink


def played(place: notes.Place, colour: Colour, look: Look) -> Ink:
    """What brightens the note that sounds: strongest at the keys, within the note's outline."""
    inside = shapes.cover(
        shapes.box(place.height, place.width, place.top, place.left, place.bottom, place.right, notes.ROUND * place.white)
    )
    y = shapes.rows(place.height)
    y = y + np.float32(REACH * place.white - place.height)
    near = np.exp((y - np.float32(REACH * place.white)) / np.float32(2.0 * place.white))
    target = mix(colour, (1.0, 1.0, 1.0), 0.72 if look.halo else 0.45)
    return flat(target, inside * near * np.float32(0.72) * shapes.ramp(y / np.float32(REACH * place.white), 0.0, 0.3))


def spark(white: float, colour: Colour, look: Look, unit: int) -> Ink:
    """One spark: a small soft dot with a bright middle."""
    size = max(unit * 2, round(0.13 * white) * 2)
    at = np.arange(size, dtype=np.float32) + 0.5 - size / 2
    far = np.hypot(at[:, None], at[None, :]) / (size / 2)
    opacity = np.minimum(1, 1.6 * np.clip(1 - far, 0, 1) ** 1.5)
    ink = flat(mix(colour, (1.0, 1.0, 1.0), 0.5), opacity)
    ink[..., 3] *= 1 - 0.5 * look.light
    return ink


@lru_cache(maxsize=128)
def flights(count: int, seed: int) -> tuple[Ink, Ink, Ink]:
    """Directions, speeds and brightness of the sparks of a strike: [count] each, the same for the same seed.

    Directions in white keys a second to the right, speeds upwards likewise.
    """
    rng = np.random.default_rng(seed)
    sideways = rng.normal(0.0, 1.9, count).astype(np.float32)
    upwards = rng.uniform(2.2, 7.5, count).astype(np.float32)
    bright = rng.uniform(0.5, 1.0, count).astype(np.float32)
    return sideways, upwards, bright


def flown(age: float, sideways: Ink, upwards: Ink) -> tuple[Ink, Ink]:
    """Where sparks are ``age`` seconds after the strike: right of it and above it, in white keys. They slow down in the air."""
    drag = float(1 - np.exp(-2.6 * age)) / 2.6
    return sideways * drag, upwards * drag - 0.5 * 1.2 * age * age
