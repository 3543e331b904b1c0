"""Songbook as an engine: what was heard goes in, what people would play to it comes out."""

from __future__ import annotations

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models.library import Library
from desktop.piano.analysis_data import Analysis
from desktop.piano.cover import Cover
from desktop.piano.engines import EngineOptions
from desktop.piano.engines.finish import check_difficulty, finished
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
    check_difficulty(difficulty)
    library = (options.library if options else None) or Library()
    songbook = Songbook.open(library, options.device if options else "auto")
    notes, pedals = compose(songbook, analysis, difficulty, progress)
    if not len(notes):
        raise UserError(
            "Songbook would play nothing to this song",
            path=options.source if options else None,
            remedy="Choose the engine sketch.",
        )
    facts = {"device": songbook.session.device}
    return finished(analysis, notes, pedals, engine=NAME, difficulty=difficulty, title=title, facts=facts)
