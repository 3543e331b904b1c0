"""Songbook as an engine: what was heard goes in, what people would play to it comes out."""

from __future__ import annotations

from typing import Any

from desktop.errors import UsageError, UserError
from desktop.jobs.progress import Progress
from desktop.models.library import Library
from desktop.piano import versions
from desktop.piano.analysis_data import Analysis
from desktop.piano.cover import Cover
from desktop.piano.engines import EngineOptions
from desktop.piano.playability import LIMITS, statistics
from desktop.piano.songbook.compose import compose
from desktop.piano.songbook.network import Songbook

NAME = "songbook"


def make_cover(
    analysis: Analysis,
    *,
    style: str = "",
    difficulty: str = "medium",
    title: str = "",
    options: EngineOptions | None = None,
    progress: Progress | None = None,
) -> Cover:
    """Let the network write a cover of an analysed song; the same input always gives the same notes.

    Args:
        style: of no use to it.

    Raises:
        UsageError: no such difficulty.
        UserError: the model is damaged, or the network would play nothing to this song.
    """
    del style
    if difficulty not in LIMITS:
        raise UsageError(f"There is no difficulty '{difficulty}'", remedy=f"Difficulties: {', '.join(LIMITS)}.")
    library = (options.library if options else None) or Library()
    songbook = Songbook.open(library, options.device if options else "auto")
    notes, pedals = compose(songbook, analysis, difficulty, progress)
    if not len(notes):
        raise UserError(
            "Songbook would play nothing to this song",
            path=options.source if options else None,
            remedy="Choose the engine sketch.",
        )
    info: dict[str, Any] = {
        "engine": NAME,
        "engine_version": versions.SONGBOOK,
        "device": songbook.session.device,
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
