"""Beams: notes of a beat hang together, plain eighths of a group of beats too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from desktop.piano.score.metre import EIGHTH, QUARTER, Metre
from desktop.piano.score.model import Symbol

_LEVELS = {"eighth": 1, "16th": 2, "32nd": 3}


def beamed(symbols: Sequence[Symbol], metre: Metre, offset: int) -> list[Symbol]:
    """``symbols`` of one voice and bar with their beams; ``offset``: ticks of the metre's bar before the first (pickup)."""
    joined = _plain_groups(symbols, metre, offset)
    out: list[Symbol] = []
    for key, run in groupby(symbols, key=lambda symbol: _group(symbol, metre, offset, joined)):
        members = list(run)
        out += members if key is None or len(members) < 2 else _with_beams(members)
    return out


def _group(symbol: Symbol, metre: Metre, offset: int, joined: set[int]) -> tuple[int, int] | None:
    """What a symbol's beam belongs to; None for what has no beam."""
    if not symbol.heads or symbol.value.type not in _LEVELS:
        # A rest or a long note ends the beam: groupby sees a new key.
        return None
    at = symbol.start + offset
    group, _ = metre.group(at)
    if metre.compound:
        return 0, at // (3 * EIGHTH)
    return (1, group) if group in joined else (0, at // QUARTER)


def _plain_groups(symbols: Sequence[Symbol], metre: Metre, offset: int) -> set[int]:
    """Groups of beats that hold nothing but eighths."""
    out = set()
    for start in metre.groups:
        _, end = metre.group(start)
        inside = [s for s in symbols if start <= s.start + offset < end]
        plain = all(s.heads and s.value.type == "eighth" and not s.value.dots and s.tuplet is None for s in inside)
        if inside and plain and sum(s.length for s in inside) == end - start <= 3 * QUARTER:
            out.add(start)
    return out


def _with_beams(run: Sequence[Symbol]) -> list[Symbol]:
    deepest = max(_LEVELS[symbol.value.type] for symbol in run)
    levels: list[list[str]] = [[] for _ in run]
    for level in range(1, deepest + 1):
        for has, part in groupby(range(len(run)), key=lambda i, level=level: _LEVELS[run[i].value.type] >= level):  # type: ignore[misc]
            if has:
                _one_level(list(part), run, levels)
    return [replace(symbol, beams=tuple(beams)) for symbol, beams in zip(run, levels, strict=True)]


def _one_level(part: list[int], run: Sequence[Symbol], levels: list[list[str]]) -> None:
    if len(part) == 1:
        number = part[0]
        forward = number == 0 or (number < len(run) - 1 and run[number].start % EIGHTH == 0)
        levels[number].append("forward hook" if forward else "backward hook")
        return
    for number in part:
        levels[number].append("begin" if number == part[0] else "end" if number == part[-1] else "continue")
