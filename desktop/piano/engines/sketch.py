"""Sketch: the engine that is always there. It arranges what was heard by the rules of a style."""

from __future__ import annotations

from typing import Any

from desktop.jobs.progress import Progress
from desktop.piano import versions
from desktop.piano.analysis import Analysis
from desktop.piano.arrange import arrange
from desktop.piano.cover import Cover
from desktop.piano.engines import EngineOptions
from desktop.piano.playability import LIMITS, statistics

NAME = "sketch"


def make_cover(
    analysis: Analysis,
    *,
    style: str = "pop",
    difficulty: str = "medium",
    title: str = "",
    options: EngineOptions | None = None,
    progress: Progress | None = None,
) -> Cover:
    """Arrange an analysed song; the same input and options always give the same notes.

    Raises UsageError when there is no such style or difficulty.
    """
    del options, progress
    notes, pedals = arrange(analysis, style, difficulty)
    info: dict[str, Any] = {
        "engine": NAME,
        "engine_version": versions.SKETCH,
        "style": style,
        "difficulty": difficulty,
        "source_hash": analysis.source_hash,
    }
    cover = Cover(
        title=title or analysis.title,
        notes=notes,
        pedals=pedals,
        grid=analysis.grid,
        chords=analysis.chords,
        key=analysis.key,
        duration=analysis.duration,
        info=info,
    )
    info["statistics"] = statistics(cover, LIMITS[difficulty])
    return cover
