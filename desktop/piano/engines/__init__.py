"""What writes covers: engines by name. An engine is added by its module's name and found when it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from desktop.errors import UsageError
from desktop.jobs.progress import Progress
from desktop.models.library import Library

if TYPE_CHECKING:
    from desktop.piano.analysis import Analysis
    from desktop.piano.cover import Cover

ENGINES = {
    "sketch": "desktop.piano.engines.sketch",
    "songbook": "desktop.piano.engines.songbook",
    "pop2piano": "desktop.piano.engines.pop2piano",
}
"""Module of each engine; it has a function ``make_cover`` as ``Engine`` says."""

MODELS = {"sketch": (), "songbook": ("songbook",), "pop2piano": ("pop2piano",)}
"""Models that must be installed for each, besides those that listening needs."""


@dataclass(frozen=True)
class EngineOptions:
    """What an engine may need besides the analysis; each takes what it has use for.

    Attributes:
        source: the song's file.
        composer: whose manner Pop2Piano takes, from 1.
        device: where networks run: "auto", "cpu" or "cuda".
        library: where they are; the usual one when None.
    """

    source: Path
    composer: int = 1
    device: str = "auto"
    library: Library | None = None


class Engine(Protocol):
    """Writes a cover of an analysed song; deterministic for the same input and options."""

    def __call__(
        self,
        analysis: Analysis,
        *,
        style: str,
        difficulty: str,
        title: str,
        options: EngineOptions | None = None,
        progress: Progress | None = None,
    ) -> Cover:
        """Notes, pedals and where they come from.

        Raises:
            UsageError: an option that it does not know.
            UserError: its model is missing, the song cannot be read, or nothing came of it.
        """
        ...


def check_models(name: str, library: Library) -> None:
    """Raise UserError when a model is missing or damaged that an engine needs: better now than after listening."""
    for model in MODELS.get(name, ()):
        library.folder(model)


def engine(name: str) -> Engine:
    """The engine called ``name``; raises UsageError when there is none."""
    if name not in ENGINES:
        raise UsageError(f"There is no engine '{name}'", remedy=f"Engines: {', '.join(ENGINES)}.")
    make_cover: Engine = import_module(ENGINES[name]).make_cover
    return make_cover
