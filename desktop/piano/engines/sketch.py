"""Sketch: the engine that is always there. It arranges what was heard by the rules of a style."""

from __future__ import annotations

from desktop.jobs.progress import Progress
from desktop.piano.analysis import Analysis
from desktop.piano.arrange import arrange
from desktop.piano.cover import Cover
from desktop.piano.engines import EngineOptions
from desktop.piano.engines.finish import finished

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
    facts = {"style": style}
    return finished(analysis, notes, pedals, engine=NAME, difficulty=difficulty, title=title, facts=facts)
