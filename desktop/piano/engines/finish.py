"""What every engine does to the notes that it wrote: it makes a cover of them that says where it comes from."""

from __future__ import annotations

from typing import Any

from desktop.errors import UsageError
from desktop.piano import versions
from desktop.piano.analysis_data import Analysis
from desktop.piano.cover import Cover, Notes
from desktop.piano.playability import LIMITS, statistics


def check_difficulty(difficulty: str) -> None:
    """Raise UsageError unless there is such a difficulty."""
    if difficulty not in LIMITS:
        raise UsageError(f"There is no difficulty '{difficulty}'", remedy=f"Difficulties: {', '.join(LIMITS)}.")


def finished(
    analysis: Analysis, notes: Notes, pedals: Notes, *, engine: str, difficulty: str, title: str, facts: dict[str, Any]
) -> Cover:
    """The cover, with what it is like in numbers.

    Args:
        title: the song's own when empty.
        facts: what else the engine was told, or ran on.
    """
    info: dict[str, Any] = {"engine": engine, "engine_version": versions.ENGINES[engine]}
    info |= facts | {"difficulty": difficulty, "source_hash": analysis.source_hash}
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
