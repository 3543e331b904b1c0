"""The left hand: a pattern of the style over a smooth bass line, below the melody at every moment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from desktop.piano.arranging.draft import Draft, Role
from desktop.piano.arranging.patterns import Style, cells_for, split_pulses
from desktop.piano.arranging.plan import Bar, Plan, segments
from desktop.piano.arranging.sheet import Sheet
from desktop.piano.arranging.voicing import bass_pitch, close_chord, is_clear, ladder
from desktop.piano.cover import LEFT, Chord
from desktop.piano.playability import LIMITS

_CLEARANCE = 3
"""Semitones between the melody and the left hand below it."""
_MIDDLE = 50
"""Lowest key of a close chord."""
_TURN = 0.1
"""Accent, 0..1, that the cell whose turn it is has in advance."""
_BIGGER = {"0": "B", "P": "Q"}
"""What full bars begin with at the full difficulty: the bass in octaves, the fifth with the octave ..."""
_CHORDS = "CPV"
"""... where the cell goes on in chords; a hand that plays a flowing figure has no finger left for them."""
_WALK = range(3, 8)
"""Semitones between two bass notes that a passing note joins."""


class LeftHand:
    """Plays a plan bar by bar; remembers its bass and chord so that the next ones lie near."""

    def __init__(self, sheet: Sheet, plan: Plan, style: Style, difficulty: str) -> None:
        self._sheet, self._plan, self._style, self._difficulty = sheet, plan, style, difficulty
        self._easy, self._full = difficulty == "easy", difficulty == "full"
        self._centre = style.easy_bass if self._easy else style.bass
        self._bass: int | None = None
        self._chord: Sequence[int] = ()

    def play(self, until: float) -> list[Draft]:
        """All notes before beat ``until``, where the ending begins."""
        out: list[Draft] = []
        for bar in self._plan.bars:
            if bar.start < until:
                out += self._bar(bar, until)
        return out

    def _bar(self, bar: Bar, until: float) -> list[Draft]:
        out: list[Draft] = []
        parts = [(a, min(b, until), chord) for a, b, chord in segments(self._sheet, bar) if a < until - 1e-6]
        for number, (start, end, chord) in enumerate(parts):
            self._bass = bass_pitch(chord.bass, self._bass, self._centre)
            out += self._segment(bar, start, end, chord, number)
        if out and bar.closes and bar.level > 0 and not self._easy:
            self._walk(out, bar)
        return out

    def _segment(self, bar: Bar, start: float, end: float, chord: Chord, number: int) -> Iterator[Draft]:
        pulse = self._plan.pulse
        at = start
        for index, size in enumerate(split_pulses((end - start) / pulse)):
            whole = max(1, int(size))
            seconds = whole * pulse * 60.0 / self._sheet.grid.tempo
            variants = cells_for(self._style, self._difficulty, bar.level, whole, seconds)
            turn = bar.section + number + index + (1 if bar.place % 2 else 0)
            cell = self._variant(variants, turn, at, whole * pulse)
            yield from self._cell(cell, at, at + size * pulse, max(1.0, size) * pulse, chord, bar.level)
            at += size * pulse

    def _variant(self, variants: Sequence[str], turn: int, at: float, length: float) -> str:
        """The cell that strikes where the song's accents are; where they do not decide, cells take turns."""

        def fit(cell: str) -> float:
            accents = [self._sheet.accent(at + length * place / len(cell)) for place in range(len(cell))]
            weights = [0.0 if token in ".-" else 1.0 if token.isdigit() and token != "0" else 2.0 for token in cell]
            struck = sum(weight * accent for weight, accent in zip(weights, accents, strict=True))
            return struck / sum(weights) - sum(accents) / len(accents)

        favourite = turn % len(variants)
        return max(enumerate(variants), key=lambda one: fit(one[1]) + (_TURN if one[0] == favourite else 0.0))[1]

    def _cell(self, cell: str, start: float, end: float, length: float, chord: Chord, level: int) -> Iterator[Draft]:
        step = length / len(cell)
        if self._full and level >= 2 and any(token in _CHORDS for token in cell):
            cell = _BIGGER.get(cell[0], cell[0]) + cell[1:]
        for place, token in enumerate(cell):
            at = start + place * step
            if token in ".-" or at >= end - 1e-6:
                continue
            stop = place + 1
            while stop < len(cell) and cell[stop] == ".":
                stop += 1
            if token in "0B" and self._style.detached == 1.0:
                # The little finger keeps the bass until the next one, or until the hand has to leave it.
                stop = next((i for i in range(place + 1, len(cell)) if cell[i] in "0BPQ-"), len(cell))
            until = min(end, start + stop * step)
            until = at + (until - at) * self._style.detached
            for number, pitch in enumerate(self._pitches(token, chord, at, until)):
                role = Role.BASS if token in "0BPQV" and number == 0 else Role.HARMONY
                yield Draft(at, until, pitch, LEFT, role)

    def _pitches(self, token: str, chord: Chord, start: float, end: float) -> list[int]:
        """The notes of a token that stay below the melody while they sound; the bass is played in any case, an octave
        lower when the melody is very low."""
        assert self._bass is not None
        bass = self._bass
        ceiling = min(self._style.top, self._sheet.ceiling(start, end) - _CLEARANCE)
        while bass > ceiling and bass - 12 >= 24:
            bass -= 12
        if self._easy:
            ceiling = min(ceiling, bass + LIMITS["easy"].span)
        steps = ladder(chord, bass, max(ceiling, bass))
        if token.isdigit():
            return [steps[self._fold(int(token), len(steps))]]
        if token == "B":
            return self._octave(bass, ceiling)
        if token in "PQ":
            fifth = [p for p in steps[1:] if 6 <= p - bass <= 8]
            octave = [bass + 12] if token == "Q" and bass + 12 <= ceiling else []
            return [bass, *fifth[:1], *octave]
        if token == "V":
            return self._with_tenor(bass, steps)
        return self._close(token, chord, bass, ceiling)

    def _close(self, token: str, chord: Chord, bass: int, ceiling: int) -> list[int]:
        """A close chord, or one tone of it, near the one before; a beginner's above the bass that the hand stands on."""
        size = 1 if token == "H" else 2 if self._easy else self._style.chord + self._full
        low = bass + 6 if self._easy else _MIDDLE
        for count in range(size, 0, -1):
            found = close_chord(chord, low, ceiling, self._chord, count)
            if found:
                self._chord = found
                return found
        return [bass]

    def _with_tenor(self, bass: int, steps: Sequence[int]) -> list[int]:
        """Bass and a tenor that moves little; a tenth sounds fuller than one more fifth, and fuller still with one in between."""
        tenors = [p for p in steps[1:] if 5 <= p - bass <= LIMITS[self._difficulty].span]
        if not tenors:
            return [bass]
        before = self._chord[0] if self._chord else bass + 15
        tenor = min(tenors, key=lambda p: (abs(p - before) + 3 * ((p - bass) % 12 == 7), p))
        self._chord = [tenor]
        middle = [p for p in steps[1:] if self._full and is_clear([bass, p, tenor]) and bass < p < tenor - 2]
        return [bass, *middle[-1:], tenor]

    @staticmethod
    def _octave(bass: int, ceiling: int) -> list[int]:
        """The bass doubled, upward unless it lies high."""
        if bass <= 44 and bass + 12 <= ceiling:
            return [bass, bass + 12]
        return [bass - 12, bass] if bass >= 36 else [bass]

    @staticmethod
    def _fold(index: int, size: int) -> int:
        """A step of the ladder, turning round at its top instead of standing on it."""
        if size == 1:
            return 0
        period = 2 * (size - 1)
        index %= period
        return min(index, period - index)

    def _walk(self, out: list[Draft], bar: Bar) -> None:
        """Turn the last note before a new group of bars into a step of the scale toward its bass."""
        after = self._sheet.chord_at(bar.end)
        last = max(out, key=lambda draft: draft.start)
        if after is None or self._bass is None or last.role != Role.HARMONY or bar.end - last.start > self._plan.pulse:
            return
        if sum(draft.start == last.start for draft in out) > 1:
            return
        target = bass_pitch(after.bass, self._bass, self._centre)
        if abs(target - self._bass) not in _WALK:
            return
        side = -1 if target > self._bass else 1
        for pitch in (target + side, target + 2 * side):
            if pitch % 12 in self._sheet.scale and pitch < self._sheet.ceiling(last.start, last.end) - _CLEARANCE:
                last.pitch = pitch
                return
