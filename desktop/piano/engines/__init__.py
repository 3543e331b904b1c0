"""What writes covers: engines by name. An engine is added by its module's name and found when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from desktop.errors import UsageError

if TYPE_CHECKING:
    from desktop.piano.analysis import Analysis
    from desktop.piano.cover import Cover

ENGINES = {"sketch": "desktop.piano.engines.sketch"}
"""Module of each engine; it has a function ``make_cover`` as ``Engine`` says."""


class Engine(Protocol):
    """Writes a cover of an analysed song; deterministic for the same input and options."""

    def __call__(self, analysis: Analysis, *, style: str, difficulty: str, title: str) -> Cover:
        """Notes, pedals and where they come from; raises UsageError for an option it does not know."""
        ...


def engine(name: str) -> Engine:
    """The engine called ``name``; raises UsageError when there is none."""
    if name not in ENGINES:
        raise UsageError(f"There is no engine '{name}'", remedy=f"Engines: {', '.join(ENGINES)}.")
    make_cover: Engine = import_module(ENGINES[name]).make_cover
    return make_cover
