"""The whole song as one tall strip that falls past the keys; pieces of it are drawn when they come into view."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np

from desktop.piano.waterfall import notes, shapes
from desktop.piano.waterfall.keys import Keys, bounds, is_black
from desktop.piano.waterfall.looks import Look, tint
from desktop.piano.waterfall.pace import Pace
from desktop.piano.waterfall.scene import Mark, Scene
from desktop.piano.waterfall.surface import Bytes, Form, Ink, Planes, Wash, flat, padded, paint

PIECE = 256
"""Height of a piece in pixels: even, small enough to be drawn between two frames."""

Limits = Sequence[tuple[Bytes, Bytes]]
"""For each plane the smallest and the largest number, for all channels or for each."""

Letters = Callable[[str, int], Ink]
"""Draws words of a height in pixels: float32 [h, w], 0 background .. 1 letter."""


class Strip:
    """Pieces of the strip, counted upwards from the song's second 0.

    Args:
        form: of the planes; ``ground``: whether the look's ground is painted (else nothing).
        kept: how many pieces are remembered.
        limits: smallest and largest number in each plane, where something will be added to them; none where it is empty.
    """

    def __init__(
        self,
        scene: Scene,
        keys: Keys,
        look: Look,
        form: Form,
        pace: Pace,
        kept: int,
        letters: Letters | None,
        ground: bool,
        limits: Limits = (),
    ) -> None:
        self.scene, self.keys, self.look, self.form, self.pace = scene, keys, look, form, pace
        self._kept, self._letters, self._limits = kept, letters, limits
        self._pieces: OrderedDict[tuple[int, int], Planes] = OrderedDict()
        self._words: dict[tuple[str, int], Ink] = {}
        self._ground = form.planes(PIECE, keys.width)
        if ground:
            paint(form, self._ground, 0, 0, np.broadcast_to(ground_row(keys, look), (PIECE, keys.width, 4)))

    def piece(self, number: int, phase: int) -> Planes:
        """Piece ``number``, fallen by ``phase`` parts of a pixel; [PIECE, width] of every plane."""
        found = self._pieces.get((number, phase))
        if found is None:
            found = self._pieces[number, phase] = self._draw(number, phase)
            while len(self._pieces) > self._kept:
                self._pieces.popitem(last=False)
        else:
            self._pieces.move_to_end((number, phase))
        return found

    def _draw(self, number: int, phase: int) -> Planes:
        planes = tuple(plane.copy() for plane in self._ground)
        # The place of a second on the piece is `foot` minus what it has still to fall.
        foot = (number + 1) * PIECE + phase / self.pace.parts
        spread = notes.SPREAD * self.keys.white
        speed = self.pace.speed
        first, last = (foot - PIECE - 2 * spread) / speed, (foot + 2 * spread) / speed
        self._lines(planes, foot, first, last)
        found = self.scene.between(first, last)
        # Notes of black keys lie above those of white keys.
        found = found[np.argsort([is_black(int(p)) for p in self.scene.pitch[found]], kind="stable")]
        for layer in (self._trail, self._halo, self._body):
            for i in found.tolist():
                if int(self.scene.pitch[i]) in self.keys.spans:
                    layer(planes, foot, i)
        for plane, (low, high) in zip(planes, self._limits, strict=False):
            np.clip(plane, low, high, out=plane)
        return planes

    def _edges(self, foot: float, start: float, end: float) -> tuple[float, float]:
        bottom = foot - start * self.pace.speed
        gap = max(1.0, 0.06 * self.keys.white)
        top = min(foot - end * self.pace.speed + gap, bottom - notes.FLAT * self.keys.white)
        return top, bottom

    def _body(self, planes: Planes, foot: float, i: int) -> None:
        top, bottom = self._edges(foot, self.scene.start[i], self.scene.end[i])
        colour = self._colour(i)
        self._put(planes, top, bottom, i, 1.0, lambda place: notes.body(place, colour, self.look))

    def _halo(self, planes: Planes, foot: float, i: int) -> None:
        top, bottom = self._edges(foot, self.scene.start[i], self.scene.end[i])
        if self.look.shadow:
            self._put(planes, top, bottom, i, 0.6 * self.keys.white, lambda place: notes.shadow(place, self.look))
        if self.look.halo:
            colour, margin = self._colour(i), notes.SPREAD * self.keys.white
            self._put(planes, top, bottom, i, margin, lambda place: notes.halo(place, colour, self.look))

    def _trail(self, planes: Planes, foot: float, i: int) -> None:
        end, trail = self.scene.end[i], self.scene.trail[i]
        if trail - end < 0.05 or not self.look.trail:
            return
        colour = self._colour(i)
        # It begins below the round end of its note, which covers that part.
        hidden = 0.0 if self.look.hollow else min(0.5 * self.keys.white, (end - self.scene.start[i]) * self.pace.speed / 2)
        bottom = foot - end * self.pace.speed + hidden
        top = foot - trail * self.pace.speed
        self._put(planes, top, bottom, i, 1.0, lambda place: notes.trail(place, colour, self.look))

    def _colour(self, i: int) -> tuple[float, float, float]:
        pitch = int(self.scene.pitch[i])
        return tint(self.look, int(self.scene.hand[i]), int(self.scene.velocity[i]), is_black(pitch))

    def _put(
        self, planes: Planes, top: float, bottom: float, i: int, margin: float, draw: Callable[[notes.Place], Ink | Wash]
    ) -> None:
        """Paint what ``draw`` makes of the part of the piece about a note."""
        unit = self.form.unit
        left, right = bounds(self.keys, int(self.scene.pitch[i]))
        y, x = _down(max(0.0, top - margin), unit), _down(left - margin, unit)
        height, width = _up(min(float(PIECE), bottom + margin), unit) - y, _up(right + margin, unit) - x
        if height > 0 and top - margin < PIECE:
            place = notes.Place(height, width, top - y, left - x, bottom - y, right - x, self.keys.white)
            paint(self.form, planes, y, x, draw(place))

    def _lines(self, planes: Planes, foot: float, first: float, last: float) -> None:
        scene, look = self.scene, self.look
        thick = max(1.0, self.keys.white / 26)
        for times, opacity in ((scene.beats, look.beat), (scene.bars, look.bar)):
            if opacity:
                for second in times[np.searchsorted(times, first) : np.searchsorted(times, last)].tolist():
                    self._line(planes, foot - second * self.pace.speed, thick, opacity)
        if self._letters is not None and look.bar and self.keys.white >= 12:
            size = max(11, round(self.keys.white * 0.46))
            self._marks(planes, foot, first, last, scene.numbers, size, 0.4 * self.keys.white)
            # Chords stand right of the bars' numbers, which have three digits at most.
            self._marks(planes, foot, first, last, scene.chords, round(1.35 * size), 0.8 * self.keys.white + 2 * size)

    def _line(self, planes: Planes, y: float, thick: float, opacity: float) -> None:
        unit, width = self.form.unit, self.keys.width
        top = _down(y - thick, unit)
        height = _up(y + thick, unit) - top
        edge = shapes.cover(shapes.box(height, 1, y - thick / 2 - top, -9.0, y + thick / 2 - top, 9.0, 0.0))
        paint(self.form, planes, top, 0, Wash(self.look.line, np.repeat(edge * np.float32(opacity), width, axis=1)))

    def _marks(
        self, planes: Planes, foot: float, first: float, last: float, marks: tuple[Mark, ...], size: int, left: float
    ) -> None:
        # Words reach far above their line.
        earliest = first - 3 * size / self.pace.speed
        for mark in marks:
            if earliest <= mark.second < last:
                y = foot - mark.second * self.pace.speed
                word = self._word(mark.text, size)
                y -= word.shape[0] + 0.2 * size
                top = _down(y, self.form.unit)
                # It must fall with the line, by parts of a pixel where the line does.
                word = padded(_lowered(word, y - top), self.form.unit)
                paint(self.form, planes, top, _down(left, self.form.unit), word)

    def _word(self, text: str, size: int) -> Ink:
        found = self._words.get((text, size))
        if found is None and self._letters is not None:
            opacity = self._letters(text, size) * np.float32(min(1.0, 2.6 * self.look.bar))
            found = self._words[text, size] = flat(self.look.line, opacity)
        return found if found is not None else np.zeros((0, 0, 4), np.float32)


def ground_row(keys: Keys, look: Look) -> Ink:
    """One row of the ground behind the notes: [width, 4], darker lanes for black keys, a line at every octave."""
    row = np.empty((keys.width, 4), np.float32)
    row[:] = (*look.ground, 1.0)
    line = np.array(look.line, np.float32)
    for pitch, (left, right) in keys.spans.items():
        if is_black(pitch):
            row[max(0, left) : right, :3] = look.lane
    thick = max(1, round(keys.white / 30))
    for pitch, (left, _) in keys.spans.items():
        if pitch % 12 in (0, 5) and left > 0:
            share = look.octave * (1.0 if pitch % 12 == 0 else 0.4)
            part = row[left - thick // 2 : left - thick // 2 + thick, :3]
            part += (line - part) * np.float32(share)
    return row


def _down(value: float, unit: int) -> int:
    return math.floor(value / unit) * unit


def _up(value: float, unit: int) -> int:
    return math.ceil(value / unit) * unit


def _lowered(ink: Ink, by: float) -> Ink:
    """Ink moved down by ``by`` >= 0 pixels; it becomes so much higher."""
    whole = int(by)
    part = np.float32(by - whole)
    moved = np.pad(ink, ((whole, 1), (0, 0), (0, 0)))
    if part > 0:
        moved[1:] = moved[1:] * (1 - part) + moved[:-1] * part
        moved[0] *= 1 - part
    return moved
