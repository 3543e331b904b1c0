"""Frames of the falling notes. Drawing one copies slices of the strip and paints what is alight; numpy only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from desktop.piano.waterfall import caption, shapes
from desktop.piano.waterfall.keys import Keys, choose_keys, is_black
from desktop.piano.waterfall.lights import Lights
from desktop.piano.waterfall.looks import Look, over_picture, unlit
from desktop.piano.waterfall.pace import pace
from desktop.piano.waterfall.scene import Scene
from desktop.piano.waterfall.strip import PIECE, Letters, Strip
from desktop.piano.waterfall.surface import ROUNDING, Bytes, Form, Layer, Planes, Screen, Sprite, Video, flat, paint, stamp


@dataclass(frozen=True)
class Options:
    """What else is in the picture.

    Attributes:
        lead: about how many seconds a note falls; it is rounded so that every frame moves by the same part of a pixel.
        rate: frames a second.
        keys: see ``choose_keys``; ``chords``: whether chord names fall along.
        transparent: nothing behind notes and keys.
        picture: what lies behind the notes, uint8 [height, width, 3] red, green, blue; None for the look's ground.
        caption: words that show from second ``opening`` on.
        letters: draws words; none are drawn without.
    """

    lead: float = 3.0
    rate: float = 60.0
    keys: str = "auto"
    chords: bool = False
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
        self.width, self.height, self.options = width, height, options
        self.form: Form = form or Screen()
        self.look = unlit(look) if options.transparent else over_picture(look) if options.picture is not None else look
        self._arrange(choose_keys(scene, width, height, options.keys))
        self._take(scene)
        self._behind = self._picture(options.picture) if options.picture is not None else ()
        self._caption: Sprite | None = None
        self._buffer: Bytes | None = None

    def show(self, scene: Scene) -> None:
        """Draw another scene from now on."""
        keys = choose_keys(scene, self.width, self.height, self.options.keys)
        if keys != self.keys:
            self._arrange(keys)
        self._take(scene)

    def fall_in(self, lead: float) -> None:
        """Let notes fall for about ``lead`` seconds from now on."""
        self.options = replace(self.options, lead=lead)
        self.pace = pace(self.fall, lead, self.options.rate)
        self._take(self.scene)

    def _arrange(self, keys: Keys) -> None:
        """Lay the picture out for a keyboard."""
        self.keys = keys
        self.board = _board_height(keys.white, self.height)
        self.fall = self.height - self.board
        self.pace = pace(self.fall, self.options.lead, self.options.rate)
        self._lights = Lights(keys, self.look, self.form, self.fall, self.board)
        self._field_top, self._field = self._horizon()

    def _take(self, scene: Scene) -> None:
        self.scene, options, form = scene, self.options, self.form
        over = isinstance(form, Video) and options.picture is not None
        scene = scene if options.chords else replace(scene, chords=())
        ground = not options.transparent and options.picture is None
        shown = -(-self.fall // PIECE) + 1
        kept = (shown + 2) * form.unit * self.pace.parts
        laid = Layer() if over else form
        self.strip = Strip(scene, self.keys, self.look, laid, self.pace, kept, options.letters, ground, form.room(self._field))

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
        lit = self._lights.lit(self.scene, second, pressed or {})
        self._lights.paint_fall(self.scene, second, lit, self.pace, planes)
        self._lights.paint_keys(lit, planes)
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
        y = shapes.rows(self.fall - top) / np.float32(self.fall - top)
        ink = flat(self.look.horizon, y**2.2)
        ink[..., 3] = 0
        # A trace of noise keeps the soft slope from showing steps.
        rng = np.random.default_rng(0)
        column = self.form.sprite(np.repeat(ink, self.form.unit, axis=1))
        made = []
        for number, add in enumerate(column.add):
            shape = (len(add), self.form.rows(number, self.width), *add.shape[2:])
            noise = rng.random(shape, np.float32)
            noise += add[:, :1] + (np.float32(256) - ROUNDING)
            made.append(noise.astype(np.uint16).astype(np.uint8))
        return top, tuple(made)

    def _picture(self, picture: Bytes) -> tuple[npt.NDArray[np.uint16], ...]:
        """The picture behind the notes in the form's numbers, dimmed by the look."""
        ink = np.empty((*picture.shape[:2], 4), np.float32)
        ground = np.array(self.look.ground, np.float32)
        ink[..., :3] = ground + (picture.astype(np.float32) / 255 - ground) * np.float32(self.look.picture)
        ink[..., 3] = 1
        y = shapes.rows(len(ink)) / np.float32(max(1, self.fall))
        # Darker towards the keys, where the light is.
        ink[..., :3] += (ground - ink[..., :3]) * (np.float32(0.45) * shapes.ramp(y, 0.45, 1.0))[..., None]
        # A trace of noise keeps soft slopes, dimmed, from showing steps.
        ink[..., :3] += ((np.random.default_rng(0).random(ink.shape[:2], np.float32) - np.float32(0.5)) / 255)[..., None]
        np.clip(ink, 0, 1, out=ink)
        planes = self.form.planes(*ink.shape[:2])
        paint(self.form, planes, 0, 0, ink)
        return tuple(plane.astype(np.uint16) for plane in planes)


def _board_height(white: float, height: int) -> int:
    """Height of the keyboard in pixels, even: keys as long as they look natural, in proportion to the picture."""
    return max(4, round(min(max(4.3 * white, 0.10 * height), 0.20 * height) / 2) * 2)
