"""The looks of the falling notes. Colours are red, green, blue in 0..1."""

from __future__ import annotations

from dataclasses import dataclass, replace

Colour = tuple[float, float, float]

PLAYED = 2
"""Hand number of keys that the user plays."""


def rgb(code: str) -> Colour:
    """A colour from "#RRGGBB"."""
    return int(code[1:3], 16) / 255, int(code[3:5], 16) / 255, int(code[5:7], 16) / 255


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """``one`` with ``share`` (0..1) of ``other``."""
    a, b, c = (x + (y - x) * share for x, y in zip(one, other, strict=True))
    return a, b, c


@dataclass(frozen=True)
class Look:
    """How a scene is drawn.

    Attributes:
        ground: behind the notes; ``lane``: where black keys' notes fall; ``line``: of bars and beats, and the words at them.
        bar, beat, octave: opacity of their lines.
        hands: colours of the right hand, the left hand, and the user's own playing.
        soft, loud: what colours of soft and loud notes tend to, and ``reach``: how far (0..1).
        shade: how much darker notes of black keys are (0..1); ``slope``: how much darker a note becomes upwards.
        rim: opacity of the light edge inside a note; ``rim_width`` in hundredths of a white key.
        hollow: how much of the colour the inside of a note lacks (0: full, 1: only the rim).
        halo: opacity of the glow around a note; ``shadow``: of the shadow below it.
        trail: opacity of a tone that the pedal holds.
        glow: strength of the light where a note strikes; ``light``: how much of it adds to what it falls on (0..1).
        sparks: how many fly off a strike.
        horizon: light at the foot of the picture, added; ``felt``: of the strip above the keys.
        ivory, ebony, gap: of the keys and what lies between them.
        words: of the caption, ``veil`` the opacity of what dims the picture behind it.
        picture: how bright a background picture stays (0..1).
    """

    ground: Colour
    lane: Colour
    line: Colour
    hands: tuple[Colour, Colour, Colour]
    soft: Colour
    loud: Colour
    ivory: Colour
    ebony: Colour
    gap: Colour
    felt: Colour
    words: Colour
    horizon: Colour = (0.0, 0.0, 0.0)
    bar: float = 0.16
    beat: float = 0.06
    octave: float = 0.07
    reach: float = 0.42
    shade: float = 0.24
    slope: float = 0.19
    rim: float = 0.35
    rim_width: float = 5.0
    hollow: float = 0.0
    halo: float = 0.0
    shadow: float = 0.0
    trail: float = 0.34
    glow: float = 0.8
    light: float = 0.7
    sparks: int = 0
    veil: float = 0.45
    picture: float = 0.4


NIGHT = Look(
    ground=rgb("#0E1016"), lane=rgb("#0B0D12"), line=rgb("#AEB9D6"), hands=(rgb("#6FB1FF"), rgb("#FFAA66"), rgb("#5BC08E")),
    soft=rgb("#1B2233"), loud=rgb("#FFFFFF"), ivory=rgb("#E9EAEE"), ebony=rgb("#17181C"), gap=rgb("#08090C"),
    felt=rgb("#8E2231"), words=rgb("#F3F5FA"), horizon=rgb("#0D1424"), halo=0.20, sparks=7,
)  # fmt: skip
PAPER = Look(
    ground=rgb("#FAF8F3"), lane=rgb("#F3F0E9"), line=rgb("#4A4438"), hands=(rgb("#2F80ED"), rgb("#E2762B"), rgb("#1E8E5A")),
    soft=rgb("#FAF8F3"), loud=rgb("#10182A"), ivory=rgb("#FFFFFF"), ebony=rgb("#2B2A2E"), gap=rgb("#B9B4A8"),
    felt=rgb("#8E2231"), words=rgb("#26231D"), bar=0.20, beat=0.075, octave=0.09, reach=0.34, shade=0.16, slope=0.07, rim=0.30,
    shadow=0.20, trail=0.26, glow=0.55, light=0.0, veil=0.72, picture=0.85,
)  # fmt: skip
NEON = Look(
    ground=rgb("#07050F"), lane=rgb("#05030B"), line=rgb("#8C7BFF"), hands=(rgb("#2CE5FF"), rgb("#FF4FA3"), rgb("#7CFF6B")),
    soft=rgb("#1A0F36"), loud=rgb("#FFFFFF"), ivory=rgb("#CFCBE6"), ebony=rgb("#0D0A18"), gap=rgb("#030208"),
    felt=rgb("#6B4BFF"), words=rgb("#FFFFFF"), horizon=rgb("#16092C"), bar=0.20, beat=0.07, octave=0.10, reach=0.28, shade=0.08,
    rim=0.95, rim_width=7.0, hollow=0.72, halo=0.42, trail=0.36, glow=1.0, light=1.0, sparks=12, picture=0.32,
)  # fmt: skip
PLAIN = Look(
    ground=rgb("#1E1F22"), lane=rgb("#1A1B1E"), line=rgb("#E8EAED"), hands=(rgb("#6FB1FF"), rgb("#FFAA66"), rgb("#5BC08E")),
    soft=rgb("#1E1F22"), loud=rgb("#FFFFFF"), ivory=rgb("#F4F4F5"), ebony=rgb("#202124"), gap=rgb("#55585E"),
    felt=rgb("#34363B"), words=rgb("#FFFFFF"), bar=0.10, beat=0.0, octave=0.06, reach=0.30, slope=0.0, rim=0.0,
    trail=0.28, glow=0.0,
)  # fmt: skip
LOOKS = {"night": NIGHT, "paper": PAPER, "neon": NEON, "plain": PLAIN}


def tint(look: Look, hand: int, velocity: int, black: bool) -> Colour:
    """Colour of a note: its hand's, towards ``soft`` or ``loud`` by velocity, darker for a black key."""
    colour = look.hands[min(hand, PLAYED)]
    share = min(1.0, max(-1.0, (velocity - 72) / 48))
    colour = mix(colour, look.loud, share * look.reach * 0.7) if share > 0 else mix(colour, look.soft, -share * look.reach)
    return mix(colour, (0.0, 0.0, 0.0), look.shade) if black else colour


def unlit(look: Look) -> Look:
    """The look of a picture with nothing behind notes and keys: no lines, no shadows, and light that covers what it falls on."""
    return replace(look, horizon=(0.0, 0.0, 0.0), shadow=0.0, bar=0.0, beat=0.0, octave=0.0, light=0.0)


def over_picture(look: Look) -> Look:
    """The look before a picture: nothing that adds light or draws the keys' lanes over it."""
    return replace(look, horizon=(0.0, 0.0, 0.0), beat=0.0, octave=0.0, halo=look.halo * 0.7, light=0.0)
