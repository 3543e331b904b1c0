"""The keyboard at the foot of the picture: keys at rest, and each key as it looks when it is down."""

from __future__ import annotations

import numpy as np

from desktop.piano.waterfall import shapes
from desktop.piano.waterfall.keys import Keys, is_black
from desktop.piano.waterfall.looks import Colour, Look, mix
from desktop.piano.waterfall.shapes import Field
from desktop.piano.waterfall.surface import Ink, flat

_SHORT = 0.63
"""Length of a black key in white keys' lengths."""


class Keyboard:
    """Draws keys ``height`` pixels long; ``unit`` as of the form that the ink is for."""

    def __init__(self, keys: Keys, height: int, look: Look, unit: int) -> None:
        self.keys, self.height, self.look, self._unit = keys, height, look, unit
        self.felt = max(1, round(0.014 * height + 0.05 * keys.white))
        self._gap = max(1.0, round(keys.white / 26))

    def at_rest(self) -> Ink:
        """The whole keyboard, opaque: [height, width, 4]."""
        ink = np.empty((self.height, self.keys.width, 4), np.float32)
        ink[:] = (*self.look.gap, 1.0)
        for pitch in sorted(self.keys.spans, key=is_black):
            left, key = self.key(pitch)
            begin, end = max(0, -left), min(key.shape[1], self.keys.width - left)
            part = ink[:, left + begin : left + end]
            part *= 1 - key[:, begin:end, 3:]
            part += key[:, begin:end]
        y = shapes.rows(self.height)
        # What holds the keys casts a shadow on them.
        dark = 0.55 * np.exp(-y / (0.05 * self.height)) if self.look.rim else 0.0 * y
        ink[..., :3] *= 1 - dark[..., None]
        ink[: self.felt, :, :3] = self.look.felt
        return ink

    def key(self, pitch: int, lit: Colour | None = None) -> tuple[int, Ink]:
        """Where a key's ink begins (a multiple of the unit), and the ink, as high as the keyboard; only the key's own pixels
        are painted. ``lit``: its colour when it is down."""
        left, right = self.keys.spans[pitch]
        first = (left - 1) // self._unit * self._unit
        width = -(-(right + 1 - first) // self._unit) * self._unit
        if is_black(pitch):
            return first, self._black(width, left - first, right - first, lit)
        return first, self._white(pitch, width, first, left - first, right - first, lit)

    def _white(self, pitch: int, width: int, first: int, left: int, right: int, lit: Colour | None) -> Ink:
        half, height = self._gap / 2, self.height
        radius = 0.12 * self.keys.white
        front = 0.0 if lit else 0.022 * height
        distance = shapes.box(height, width, -9.0, left + half, height - 1 - front, right - half, radius)
        inside = shapes.cover(distance)
        shade = np.zeros((height, width), np.float32)
        for black in self.keys.neighbours(pitch):
            beside = self._black_box(width, self.keys.spans[black][0] - first, self.keys.spans[black][1] - first, half)
            inside = np.minimum(inside, 1 - shapes.cover(beside))
            shade = np.maximum(shade, 0.30 * np.exp(-np.maximum(beside, 0) / (0.10 * self.keys.white)))
        y = shapes.rows(height) / np.float32(height)
        colour = np.broadcast_to(np.array(self.look.ivory, np.float32), (height, width, 3))
        if lit:
            top, foot = mix(lit, (0.0, 0.0, 0.0), 0.06), mix(lit, (1.0, 1.0, 1.0), 0.16)
            colour = _between(top, foot, y)
            shade = shade * 0.7
        elif self.look.rim:
            colour = colour * (0.90 + 0.10 * shapes.ramp(y, 0.0, 0.6))[..., None]
            # The lip at the front end catches less light.
            shade = np.maximum(shade, 0.10 * shapes.ramp(y, 0.95, 0.965))
        ink = flat((0.0, 0.0, 0.0), inside)
        ink[..., :3] = colour * ((1 - shade) * inside)[..., None]
        if front:
            # The front of a key at rest stands out below its edge.
            lip = shapes.cover(shapes.box(height, width, 0.0, left + half, height - 1.0, right - half, radius))
            lip = np.clip(lip - shapes.cover(distance), 0, 1) * (y > 0.5)
            ink += flat(mix(self.look.ivory, self.look.gap, 0.55), lip)
        return ink

    def _black_box(self, width: int, left: int, right: int, grown: float = 0.0) -> Field:
        bottom = _SHORT * self.height
        return shapes.box(self.height, width, -9.0, left - grown, bottom + grown, right + grown, 0.10 * self.keys.white + grown)

    def _black(self, width: int, left: int, right: int, lit: Colour | None) -> Ink:
        wide = right - left
        inside = shapes.cover(self._black_box(width, left, right))
        y = shapes.rows(self.height) / np.float32(_SHORT * self.height)
        look = self.look
        if not look.rim:
            colour = np.broadcast_to(np.array(lit or look.ebony, np.float32), (self.height, width, 3))
        else:
            # A lighter top face between darker flanks, and a front that slopes down.
            down = 0.045 if lit else 0.09
            face_foot = (1 - down) * _SHORT * self.height
            face = shapes.box(
                self.height, width, -9.0, left + 0.13 * wide, face_foot, right - 0.13 * wide, 0.10 * self.keys.white
            )
            on_face = np.clip(0.5 - face / max(1.0, 0.05 * wide), 0, 1)[..., None]
            if lit:
                top, low = mix(lit, (0.0, 0.0, 0.0), 0.24), mix(lit, (1.0, 1.0, 1.0), 0.06)
                flank = np.array(mix(lit, (0.0, 0.0, 0.0), 0.45), np.float32)
            else:
                top, low = mix(look.ebony, (1.0, 1.0, 1.0), 0.05), mix(look.ebony, (1.0, 1.0, 1.0), 0.17)
                flank = np.array(mix(look.ebony, (0.0, 0.0, 0.0), 0.35), np.float32)
            colour = flank + (_between(top, low, np.clip(y, 0, 1)) - flank) * on_face
        ink = flat((0.0, 0.0, 0.0), inside)
        ink[..., :3] = colour * inside[..., None]
        return ink


def _between(top: Colour, foot: Colour, share: Field) -> Field:
    """A gradient: [h, 1, 3] for shares [h, 1]."""
    one, other = np.array(top, np.float32), np.array(foot, np.float32)
    return np.asarray(one + (other - one) * share[..., None], np.float32)
