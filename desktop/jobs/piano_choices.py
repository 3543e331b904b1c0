"""What each engine lets one choose, and how its choices are worded: the one place where engines differ in that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from desktop.jobs.piano_jobs import COMPOSERS, DIFFICULTIES, STYLES


@dataclass(frozen=True)
class _Choosing:
    """How one engine is told what to play.

    Attributes:
        field: of the job, the one that takes of the same bars differ in.
        values: all that it can be.
        name: a value alone, in words. take: a take, by that name. manner: a whole cover, in lower case.
    """

    field: str
    values: tuple[str, ...]
    name: str
    take: str
    manner: str


_ENGINES = {
    "sketch": _Choosing("style", STYLES, "{}", "Take in {} style", "{}"),
    "songbook": _Choosing("difficulty", DIFFICULTIES, "{}", "{} take by Songbook", "songbook"),
    "pop2piano": _Choosing("composer", tuple(map(str, COMPOSERS)), "Composer {}", "Take by {}", "composer {}"),
}


class Chosen(Protocol):
    """Whatever says how to cover: a job, the options of a song, an entry of a batch."""

    @property
    def engine(self) -> str: ...


def field_of(engine: str) -> str:
    """The field that an engine's choices are values of: "style", "difficulty" or "composer"."""
    return _ENGINES[engine].field


def choices_of(engine: str) -> tuple[str, ...]:
    """What there is to choose from with an engine."""
    return _ENGINES[engine].values


def unused_by(engine: str) -> frozenset[str]:
    """Fields that only other engines heed; all of them heed the difficulty."""
    return frozenset(choosing.field for choosing in _ENGINES.values()) - {field_of(engine), "difficulty"}


def choice_in(chosen: Chosen) -> str:
    """The choice made for the engine chosen."""
    return str(getattr(chosen, field_of(chosen.engine)))


def fields_for(engine: str, choice: str) -> dict[str, Any]:
    """A choice as the field of a job."""
    field = field_of(engine)
    return {field: int(choice) if field == "composer" else choice}


def name_of(engine: str, choice: str) -> str:
    """A choice in words."""
    return _ENGINES[engine].name.format(choice.capitalize())


def take_name(engine: str, choice: str) -> str:
    """What a take by a choice is called as a step that can be undone."""
    return _ENGINES[engine].take.format(name_of(engine, choice))


def manner_of(facts: Mapping[str, Any]) -> str:
    """How a whole cover is played, in words, from what is noted about it; that may be anything, or lack."""
    choosing = _ENGINES.get(str(facts.get("engine")), _ENGINES["sketch"])
    return f"{choosing.manner.format(facts.get(choosing.field, ''))}, {facts.get('difficulty', '')}"
