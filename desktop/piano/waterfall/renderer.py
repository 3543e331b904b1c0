"""Frames of the falling notes. Drawing one copies slices of the strip and paints what is alight; numpy only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from desktop.piano.waterfall import caption, light, notes
from desktop.piano.waterfall.keyboard import Keyboard
from desktop.piano.waterfall.keys import choose_keys, is_black
from desktop.piano.waterfall.looks import PLAYED, Colour, Look, over_picture, tint, unlit
from desktop.piano.waterfall.pace import pace
from desktop.piano.waterfall.scene import Scene
from desktop.piano.waterfall.shapes import ramp
from desktop.piano.waterfall.strip import PIECE, Letters, Strip
from desktop.piano.waterfall.surface import Bytes, Form, Layer, Planes, Screen, Sprite, Video, flat, paint, scatter, stamp

_LOUD = 84
"""Velocity that the colour of a lit key stands for."""


@dataclass(frozen=True)
class Options:
    """What else is in the picture.

    Attributes:
        lead: about how many seconds a note falls; it is rounded so that every frame moves by the same part of a pixel.
        rate: frames a second.
        keys: see ``choose_keys``.
        transparent: nothing behind notes and keys.
        picture: uint8 [height, width, 3] red, green, blue, of the size of the frames, behind the notes; None for the look's ground.
        caption: words that show from second ``opening`` on.
        letters: draws words; none are drawn without.
    """

    lead: float = 3.0
    rate: float = 60.0
    keys: str = "auto"
    transparent: bool = False
    picture: Bytes | None = None
    caption: str = ""
    opening: float = 0.0
    letters: Letters | None = None


class Renderer:
    """Draws a scene at any second.

    Args:
        scene: what to draw.
        width, height: of the frames in pixels; even when ``form`` is ``Video``.
        look: one of ``LOOKS``, or another.
        form: of the pixels.
    """

    def __init__(
        self, scene: Scene, width: int, height: int, look: Look, form: Form | None = None, options: Options | None = None
    ) -> None:
        options = options or Options()
        self.scene, self.width, self.height, self.options = scene, width, height, options
        self.form: Form = form or Screen()
        self.look = unlit(look) if options.transparent else over_picture(look) if options.picture is not None else look
        self.keys = choose_keys(scene, width, height, options.keys)
        self.board = _board_height(self.keys.white, height)
        self.fall = height - self.board
        self.pace = pace(self.fall, options.lead, options.rate)
        over = isinstance(self.form, Video) and options.picture is not None
        phases = self.form.unit * self.pace.parts
        shown = -(-self.fall // PIECE) + 1
        ground = not options.transparent and options.picture is None
        self.strip = Strip(
            scene, self.keys, self.look, Layer() if over else self.form, self.pace, (shown + 2) * phases, options.letters, ground
        )
        self._keyboard = Keyboard(self.keys, self.board, self.look, self.form.unit)
        self._resting = self.form.planes(self.board, width)
        paint(self.form, self._resting, 0, 0, self._keyboard.at_rest())
        self._field_top, self._field = self._horizon()
        self._behind = self._picture(options.picture) if options.picture is not None else ()
        self._keys: dict[tuple[int, int], tuple[int, Sprite]] = {}
        self._glows: dict[tuple[int, bool], Sprite] = {}
        self._sparks: dict[int, Sprite] = {}
        self._shone: dict[tuple[int, int, int], tuple[int, Sprite]] = {}
        self._caption: Sprite | None = None
        self._buffer: Bytes | None = None

    @property
    def lead(self) -> float:
        """Seconds that a note really falls."""
        return self.fall / self.pace.speed

    def frame(self, second: float, pressed: Mapping[int, int] | None = None) -> Bytes:
        """The picture at a second, in memory that the next call overwrites.

        ``Screen``: [height, width, 4]. ``Video``: [height * 3 / 2, width], the three planes one after another.
        ``pressed``: keys that are down besides the scene's, pitch -> hand (``PLAYED`` for the user's own).
        """
        if self._buffer is None:
            shape = (self.height, self.width, 4) if isinstance(self.form, Screen) else (self.height * 3 // 2, self.width)
            self._buffer = np.zeros(shape, np.uint8)
        self.draw(second, self._views(self._buffer), pressed)
        return self._buffer

    def draw(self, second: float, planes: Planes, pressed: Mapping[int, int] | None = None) -> None:
        """Draw the picture at a second into ``planes`` of the form's shapes."""
        self._copy_strip(second, planes)
        lit = self._lit(second, pressed or {})
        self._brighten(second, planes)
        if self.look.glow:
            self._sparkle(second, planes)
            for pitch, (hand, bright) in lit.items():
                self._glow(planes, pitch, hand, bright)
        for number, (plane, rest) in enumerate(zip(planes, self._resting, strict=True)):
            plane[self.form.rows(number, self.fall) :] = rest
        for pitch, (hand, bright) in lit.items():
            left, sprite = self._key(pitch, hand)
            stamp(self.form, planes, self.fall, left, sprite, min(1.0, 0.25 + bright) if bright > 0.5 else 1.5 * bright)
        self._show_caption(second, planes)

    def pitch_at(self, x: float, y: float) -> int | None:
        """The key at a place of the picture; None above the keyboard."""
        if y < self.fall:
            return None
        found = [p for p, (left, right) in self.keys.spans.items() if left <= x < right]
        return max(found, key=is_black, default=None)

    def second_at(self, y: float, second: float) -> float:
        """When what is seen at height ``y`` sounds, while the picture shows ``second``."""
        return second + max(0.0, self.fall - y) / self.pace.speed

    # Parts of a frame

    def _copy_strip(self, second: float, planes: Planes) -> None:
        parts = self.pace.parts
        place = self.pace.place(second)
        phase = place % (self.form.unit * parts)
        # Row y of the picture is row `top - y` of the strip, counted upwards.
        top = (place - phase) // parts + self.fall - 1
        lowest = top - self.fall + 1
        for number in range(lowest // PIECE, top // PIECE + 1):
            piece = self.strip.piece(number, phase)
            first, last = max(lowest, number * PIECE), min(top, (number + 1) * PIECE - 1)
            y0, y1 = top - last, top - first + 1
            skip = (number + 1) * PIECE - 1 - last
            if self._behind:
                self._over_picture(piece, skip, planes, y0, y1)
            else:
                self._over_ground(piece, skip, planes, y0, y1)

    def _over_ground(self, piece: Planes, skip: int, planes: Planes, y0: int, y1: int) -> None:
        split = min(max(y0, self._field_top), y1)
        for number, plane in enumerate(planes):
            a, b, c, s = (self.form.rows(number, row) for row in (y0, split, y1, skip))
            plane[a:b] = piece[number][s : s + b - a]
            if c > b:
                field = self._field[number]
                at = b - self.form.rows(number, self._field_top)
                # Numbers wrap around at 256, so that less can be added as well as more.
                np.add(piece[number][s + b - a : s + c - a], field[at : at + c - b], out=plane[b:c])

    def _over_picture(self, piece: Planes, skip: int, planes: Planes, y0: int, y1: int) -> None:
        for number, plane in enumerate(planes):
            a, c, s = (self.form.rows(number, row) for row in (y0, y1, skip))
            rows = slice(s, s + c - a)
            if isinstance(self.form, Screen):
                keep = 255 - piece[0][rows, :, 3:]
            else:
                keep = piece[3 if number == 0 else 4][rows]
            # 255 * (p + 1) / 256 is p for every byte p: what is fully kept stays exactly.
            mixed = np.multiply(self._behind[number][a:c], keep, dtype=np.uint16)
            mixed += 255
            mixed >>= 8
            np.add(mixed, piece[number][rows], out=plane[a:c], casting="unsafe")

    def _lit(self, second: float, pressed: Mapping[int, int]) -> dict[int, tuple[int, float]]:
        """Pitch -> hand and brightness of the keys that are alight."""
        scene = self.scene
        lit: dict[int, tuple[int, float]] = {}
        for i in scene.down(second, light.FADE).tolist():
            pitch = int(scene.pitch[i])
            bright = light.strength(second - scene.start[i], second - scene.end[i], int(scene.velocity[i]))
            if pitch in self.keys.spans and bright > lit.get(pitch, (0, 0.0))[1]:
                lit[pitch] = (int(scene.hand[i]), bright)
        for pitch, hand in pressed.items():
            if pitch in self.keys.spans:
                lit[pitch] = (min(hand, PLAYED), 0.9)
        return dict(sorted(lit.items(), key=lambda item: is_black(item[0])))

    def _brighten(self, second: float, planes: Planes) -> None:
        """Lighten the notes that sound, near the keys."""
        scene, unit = self.scene, self.form.unit
        reach = int(5 * self.keys.white) // unit * unit
        for i in scene.down(second).tolist():
            if int(scene.pitch[i]) not in self.keys.spans:
                continue
            ahead = (scene.end[i] - second) * self.pace.speed - max(1.0, 0.06 * self.keys.white)
            # How far the note reaches above the keys: the sprite for it is made for a few heights only, in steps.
            step = max(unit, round(0.12 * self.keys.white) // unit * unit)
            high = min(reach, int(ahead) // step * step)
            if high <= 0:
                continue
            left, sprite = self._shine(int(scene.pitch[i]), int(scene.hand[i]), high, reach)
            stamp(self.form, planes, self.fall - high, left, sprite, light.strength(second - scene.start[i], 0, 100))

    def _shine(self, pitch: int, hand: int, high: int, reach: int) -> tuple[int, Sprite]:
        # A note that ends within reach has a round end there; one that goes on has none.
        found = self._shone.get((pitch, hand, high))
        if found is None:
            unit = self.form.unit
            left, right = self.strip.bounds_of(pitch)
            first = int(left) // unit * unit
            width = -(-(int(np.ceil(right)) - first) // unit) * unit
            top = -9.0 * self.keys.white if high >= reach else 0.0
            place = notes.Place(high, width, top, left - first, high + self.keys.white, right - first, self.keys.white)
            ink = light.played(place, self._hand_colour(hand), self.look)
            if len(self._shone) > 400:
                self._shone.clear()
            found = self._shone[pitch, hand, high] = first, self.form.sprite(ink)
        return found

    def _glow(self, planes: Planes, pitch: int, hand: int, bright: float) -> None:
        black, unit = is_black(pitch), self.form.unit
        sprite = self._glows.get((hand, black))
        if sprite is None:
            ink = light.glow(self.keys.white, self._hand_colour(hand), self.look, unit)
            sprite = self._glows[hand, black] = self.form.sprite(ink)
        height, width = sprite.add[0].shape[:2]
        left = round((self.keys.centre(pitch) - width / 2) / unit) * unit
        stamp(self.form, planes, self.fall - height, left, sprite, bright)

    def _sparkle(self, second: float, planes: Planes) -> None:
        count, white = self.look.sparks, self.keys.white
        if not count or white < 8:
            return
        scene = self.scene
        low, high = np.searchsorted(scene.start, (second - light.LIFE, second))
        for hand in (0, 1):
            tops, lefts, powers = [], [], []
            for i in range(int(low), int(high)):
                if scene.hand[i] != hand or int(scene.pitch[i]) not in self.keys.spans:
                    continue
                age = second - float(scene.start[i])
                sideways, upwards, bright = light.flights(count, i)
                right, up = light.flown(age, sideways, upwards)
                left = float(age / light.LIFE)
                lefts.append(self.keys.centre(int(scene.pitch[i])) + right * white)
                tops.append(self.fall - up * white)
                powers.append(bright * (1 - left) ** 1.5 * min(1.0, int(scene.velocity[i]) / 90))
            if tops:
                sprite = self._sparks.get(hand)
                if sprite is None:
                    ink = light.spark(white, self.look.hands[hand], self.form.unit)
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
        return tint(self.look, hand, _LOUD, False)

    def _show_caption(self, second: float, planes: Planes) -> None:
        options = self.options
        if not options.caption or options.letters is None:
            return
        strength = caption.opacity(second - options.opening)
        if strength <= 0:
            return
        if self._caption is None:
            veil = not options.transparent
            ink = caption.caption(options.caption, self.width, self.height, self.look, options.letters, veil)
            self._caption = self.form.sprite(ink)
        height, width = self._caption.add[0].shape[:2]
        left, top = (self.width - width) // 4 * 2, (int(0.40 * self.fall) - height // 2) // 2 * 2
        stamp(self.form, planes, top, left, self._caption, strength)

    # What is made once

    def _views(self, buffer: Bytes) -> Planes:
        if isinstance(self.form, Screen):
            return (buffer,)
        flat_ = buffer.reshape(-1)
        luma, chroma = self.width * self.height, self.width * self.height // 4
        half = (self.height // 2, self.width // 2)
        return (
            flat_[:luma].reshape(self.height, self.width),
            flat_[luma : luma + chroma].reshape(half),
            flat_[luma + chroma :].reshape(half),
        )

    def _horizon(self) -> tuple[int, Planes]:
        """From which row on light is added, and the numbers to add, for every plane."""
        if not any(self.look.horizon):
            return self.fall, ()
        top = int(0.25 * self.fall) // 2 * 2
        y = (np.arange(self.fall - top, dtype=np.float32)[:, None] + 0.5) / (self.fall - top)
        ink = flat(self.look.horizon, y**2.2)
        ink[..., 3] = 0
        # A trace of noise keeps the soft slope from showing steps.
        rng = np.random.default_rng(0)
        sprite = self.form.sprite(np.ascontiguousarray(np.broadcast_to(ink, (self.fall - top, self.width, 4))))
        made = [np.floor(add + rng.random(add.shape, np.float32)) for add in sprite.add]
        return top, tuple(one.astype(np.int16).astype(np.uint8) for one in made)

    def _picture(self, picture: Bytes) -> tuple[npt.NDArray[np.uint16], ...]:
        """The picture behind the notes in the form's numbers, dimmed by the look."""
        ink = np.empty((*picture.shape[:2], 4), np.float32)
        ground = np.array(self.look.ground, np.float32)
        ink[..., :3] = ground + (picture.astype(np.float32) / 255 - ground) * np.float32(self.look.picture)
        ink[..., 3] = 1
        y = np.arange(len(ink), dtype=np.float32)[:, None] / max(1, self.fall)
        # Darker towards the keys, where the light is.
        ink[..., :3] += (ground - ink[..., :3]) * (0.45 * ramp(y, 0.45, 1.0))[..., None]
        planes = self.form.planes(*ink.shape[:2])
        paint(self.form, planes, 0, 0, ink)
        return tuple(plane.astype(np.uint16) for plane in planes)


def _board_height(white: float, height: int) -> int:
    """Height of the keyboard in pixels, even: keys as long as they look natural, in proportion to the picture."""
    return max(4, round(min(max(4.3 * white, 0.10 * height), 0.20 * height) / 2) * 2)
