"""Ink of one note, of the glow around it, and of the tone that the pedal holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from desktop.piano.waterfall import shapes
from desktop.piano.waterfall.looks import Colour, Look, mix
from desktop.piano.waterfall.surface import Ink, Wash

ROUND = 0.24
"""Radius of a note's corners in white keys."""
FLAT = 0.30
"""Height of the shortest note in white keys."""
SPREAD = 1.1
"""How far the glow around a note reaches, in white keys."""
_THIN = 0.52
"""Width of a held tone's trail in widths of its note."""


@dataclass(frozen=True)
class Place:
    """Where a note stands in a part of the picture of ``height`` x ``width`` pixels; edges may lie outside of it."""

    height: int
    width: int
    top: float
    left: float
    bottom: float
    right: float
    white: float


def body(place: Place, colour: Colour, look: Look) -> Ink:
    """The note itself: rounded, a little lighter where it begins, with a light rim."""
    distance = shapes.box(place.height, place.width, place.top, place.left, place.bottom, place.right, ROUND * place.white)
    inside = shapes.cover(distance)
    y = shapes.rows(place.height)
    far = np.clip((place.bottom - y) / (5 * place.white), 0, 1)
    wide = max(1.0, look.rim_width / 100 * place.white)
    rim = shapes.cover(np.abs(distance + wide / 2) - wide / 2)
    rim *= np.float32(look.rim)
    light = np.array(mix(colour, (1.0, 1.0, 1.0), 0.55 if look.hollow == 0 else 0.4), np.float32)
    base = np.array(colour, np.float32) * (1.03 - look.slope * far)[..., None]
    shown = base + (light - base) * rim[..., None]
    opacity = inside * (1 - look.hollow * (1 - rim))
    ink = np.empty((place.height, place.width, 4), np.float32)
    # Room for the light at the foot of the picture, which is added to it.
    room = np.float32(1 - max(look.horizon)) / np.maximum(shown.max(axis=2), 1e-6)
    ink[..., :3] = shown * (np.minimum(room, 1) * opacity)[..., None]
    ink[..., 3] = opacity
    return ink


def halo(place: Place, colour: Colour, look: Look) -> Wash:
    """Glow around a note, strongest at its edge."""
    distance = shapes.box(place.height, place.width, place.top, place.left, place.bottom, place.right, ROUND * place.white)
    near = np.exp(-np.square(np.maximum(distance, 0) / (0.42 * SPREAD * place.white))) * np.float32(look.halo)
    return Wash(colour, near, 0.5 * look.light)


def shadow(place: Place, look: Look) -> Wash:
    """Soft shadow that a note casts on what lies below it."""
    down = 0.07 * place.white
    distance = shapes.box(
        place.height, place.width, place.top + down, place.left, place.bottom + down, place.right, ROUND * place.white
    )
    dark = np.exp(-np.square(np.maximum(distance, 0) / (0.18 * place.white))) * np.float32(look.shadow)
    return Wash((0.12, 0.10, 0.06), dark)


def trail(place: Place, colour: Colour, look: Look) -> Wash:
    """A tone that goes on by the pedal: narrower than its note, fading out upwards."""
    spare = (place.right - place.left) * (1 - _THIN) / 2
    distance = shapes.box(
        place.height, place.width, place.top, place.left + spare, place.bottom, place.right - spare, ROUND * place.white
    )
    y = shapes.rows(place.height)
    left_over = np.clip((y - place.top) / max(1.0, place.bottom - place.top), 0, 1)
    return Wash(colour, shapes.cover(distance) * (np.float32(look.trail) * left_over ** np.float32(1.3)))
