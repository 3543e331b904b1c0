"""What is alight in a frame: the notes that sound, the keys that are down, glow and sparks where notes strike."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from desktop.piano.waterfall import light, notes
from desktop.piano.waterfall.keyboard import Keyboard
from desktop.piano.waterfall.keys import Keys, bounds, is_black
from desktop.piano.waterfall.looks import PLAYED, Colour, Look, tint
from desktop.piano.waterfall.pace import Pace
from desktop.piano.waterfall.scene import Scene
from desktop.piano.waterfall.surface import Form, Planes, Sprite, paint, scatter, stamp

_PLAIN = 72
"""Velocity at which a note has the colour of its hand."""
_KEPT = 600
_FLIGHTS = 97
"""So many strikes have sparks that fly differently."""

Lit = dict[int, tuple[int, float]]
"""Pitch -> hand and brightness of the keys that are alight, white keys first."""


class Lights:
    """Paints light into frames whose keyboard begins at row ``fall`` and is ``board`` pixels high."""

    def __init__(self, keys: Keys, look: Look, form: Form, fall: int, board: int) -> None:
        self.keys, self.look, self.form, self.fall = keys, look, form, fall
        self._keyboard = Keyboard(keys, board, look, form.unit)
        self._resting = form.planes(board, keys.width)
        paint(form, self._resting, 0, 0, self._keyboard.at_rest())
        self._keys: dict[tuple[int, int], tuple[int, Sprite]] = {}
        self._glows: dict[int, Sprite] = {}
        self._sparks: dict[int, Sprite] = {}
        self._shone: dict[tuple[float, float, int, int], Sprite] = {}

    def lit(self, scene: Scene, second: float, pressed: Mapping[int, int]) -> Lit:
        """Which keys are alight at a second; ``pressed`` as for ``Renderer.frame``."""
        lit: Lit = {}
        for i in scene.down(second, light.FADE).tolist():
            pitch = int(scene.pitch[i])
            bright = light.strength(second - scene.start[i], second - scene.end[i], int(scene.velocity[i]))
            if pitch in self.keys.spans and bright > lit.get(pitch, (0, 0.0))[1]:
                lit[pitch] = (int(scene.hand[i]), bright)
        for pitch, hand in pressed.items():
            if pitch in self.keys.spans:
                lit[pitch] = (min(hand, PLAYED), 0.9)
        return dict(sorted(lit.items(), key=lambda item: is_black(item[0])))

    def paint_fall(self, scene: Scene, second: float, lit: Lit, pace: Pace, planes: Planes) -> None:
        """Light above the keys."""
        self._brighten(scene, second, pace, planes)
        if self.look.glow:
            self._sparkle(scene, second, planes)
            for pitch, (hand, bright) in lit.items():
                self._glow(planes, pitch, hand, bright)

    def paint_keys(self, lit: Lit, planes: Planes) -> None:
        """The keyboard."""
        for number, (plane, rest) in enumerate(zip(planes, self._resting, strict=True)):
            plane[self.form.rows(number, self.fall) :] = rest
        for pitch, (hand, bright) in lit.items():
            left, sprite = self._key(pitch, hand)
            stamp(self.form, planes, self.fall, left, sprite, min(1.0, bright / light.LEAST))

    def _brighten(self, scene: Scene, second: float, pace: Pace, planes: Planes) -> None:
        """Lighten the notes that sound, near the keys."""
        unit = self.form.unit
        reach = int(light.REACH * self.keys.white) // unit * unit
        for i in scene.down(second).tolist():
            if int(scene.pitch[i]) not in self.keys.spans:
                continue
            ahead = (scene.end[i] - second) * pace.speed - max(1.0, 0.06 * self.keys.white)
            # How far the note reaches above the keys: the sprite for it is made for a few heights only, in steps.
            step = max(unit, round(0.2 * self.keys.white) // unit * unit)
            high = min(reach, int(ahead) // step * step)
            if high <= 0:
                continue
            left, sprite = self._shine(int(scene.pitch[i]), int(scene.hand[i]), high, reach)
            stamp(self.form, planes, self.fall - high, left, sprite, light.strength(second - scene.start[i], 0, 100))

    def _shine(self, pitch: int, hand: int, high: int, reach: int) -> tuple[int, Sprite]:
        unit = self.form.unit
        left, right = bounds(self.keys, pitch)
        first = int(left) // unit * unit
        # Keys of the same width and the same fraction of a pixel share their sprites.
        shape = round(left - first, 3), round(right - first, 3), hand, high
        found = self._shone.get(shape)
        if found is None:
            width = -(-(int(np.ceil(right)) - first) // unit) * unit
            # A note that ends within reach has a round end there; one that goes on has none.
            top = -9.0 * self.keys.white if high >= reach else 0.0
            place = notes.Place(high, width, top, left - first, high + self.keys.white, right - first, self.keys.white)
            if len(self._shone) > _KEPT:
                self._shone.clear()
            found = self._shone[shape] = self.form.sprite(light.played(place, self._hand_colour(hand), self.look))
        return first, found

    def _glow(self, planes: Planes, pitch: int, hand: int, bright: float) -> None:
        unit = self.form.unit
        sprite = self._glows.get(hand)
        if sprite is None:
            ink = light.glow(self.keys.white, self._hand_colour(hand), self.look, unit)
            sprite = self._glows[hand] = self.form.sprite(ink)
        height, width = sprite.add[0].shape[:2]
        left = round((self.keys.centre(pitch) - width / 2) / unit) * unit
        stamp(self.form, planes, self.fall - height, left, sprite, bright)

    def _sparkle(self, scene: Scene, second: float, planes: Planes) -> None:
        count, white = self.look.sparks, self.keys.white
        if not count or white < 8:
            return
        low, high = np.searchsorted(scene.start, (second - light.LIFE, second))
        for hand in (0, 1):
            tops, lefts, powers = [], [], []
            for i in range(int(low), int(high)):
                if scene.hand[i] != hand or int(scene.pitch[i]) not in self.keys.spans:
                    continue
                age = second - float(scene.start[i])
                sideways, upwards, bright = light.flights(count, i % _FLIGHTS)
                right, up = light.flown(age, sideways, upwards)
                left = float(age / light.LIFE)
                lefts.append(self.keys.centre(int(scene.pitch[i])) + right * white)
                tops.append(self.fall - up * white)
                powers.append(bright * (1 - left) ** 1.1 * min(1.0, int(scene.velocity[i]) / 90))
            if tops:
                sprite = self._sparks.get(hand)
                if sprite is None:
                    ink = light.spark(white, self.look.hands[hand], self.look, self.form.unit)
                    sprite = self._sparks[hand] = self.form.sprite(ink)
                scatter(self.form, planes, np.concatenate(tops), np.concatenate(lefts), sprite, np.concatenate(powers))

    def _key(self, pitch: int, hand: int) -> tuple[int, Sprite]:
        found = self._keys.get((pitch, hand))
        if found is None:
            left, ink = self._keyboard.key(pitch, self._hand_colour(hand))
            # The felt lies on the keys.
            ink[: self._keyboard.felt] = 0
            found = self._keys[pitch, hand] = left, self.form.sprite(ink)
        return found

    def _hand_colour(self, hand: int) -> Colour:
        return tint(self.look, hand, _PLAIN, False)
