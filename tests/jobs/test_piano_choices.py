"""Every engine's choices: what they are, how they are worded, which jobs take them, which models they need."""

from __future__ import annotations

from typing import Any

import pytest

from desktop.errors import UsageError
from desktop.jobs import piano_choices
from desktop.jobs.cluster.files import models_of
from desktop.jobs.job import AuditionJob, CoverJob, TakeJob
from desktop.jobs.piano_jobs import ENGINES
from desktop.piano.engines import MODELS


def take(**fields: Any) -> TakeJob:
    return TakeJob(cover="song.reprise", first=0, last=4, **fields)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_choice_becomes_a_job_and_is_found_in_it(engine: str) -> None:
    choices = piano_choices.choices_of(engine)
    assert len(set(choices)) == len(choices) > 2
    for choice in choices:
        assert piano_choices.choice_in(take(engine=engine, **piano_choices.fields_for(engine, choice))) == choice
    AuditionJob(cover="song.reprise", folder="out", first=0, last=4, engine=engine, choices=choices)
    foreign = next(one for other in ENGINES if other != engine for one in piano_choices.choices_of(other))
    with pytest.raises(UsageError, match=f"choices: '{foreign}' is not one of {choices[0]}"):
        AuditionJob(cover="song.reprise", folder="out", first=0, last=4, engine=engine, choices=(foreign,))


def test_what_an_engine_does_not_heed() -> None:
    unused = {engine: set(piano_choices.unused_by(engine)) for engine in ENGINES}
    assert unused == {"sketch": {"composer"}, "songbook": {"style", "composer"}, "pop2piano": {"style"}}


@pytest.mark.parametrize(
    ("engine", "choice", "name", "undo"),
    [
        ("sketch", "stride", "Stride", "Take in Stride style"),
        ("songbook", "full", "Full", "Full take by Songbook"),
        ("pop2piano", "3", "Composer 3", "Take by Composer 3"),
    ],
)
def test_choices_in_words(engine: str, choice: str, name: str, undo: str) -> None:
    assert (piano_choices.name_of(engine, choice), piano_choices.take_name(engine, choice)) == (name, undo)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"engine": "sketch", "style": "rock", "composer": 2, "difficulty": "easy"}, "rock, easy"),
        ({"engine": "songbook", "style": "rock", "difficulty": "full"}, "songbook, full"),
        ({"engine": "pop2piano", "composer": 2, "difficulty": "easy"}, "composer 2, easy"),
        ({"engine": ["nonsense"], "style": 7}, "7, "),
        ({}, ", "),
    ],
)
def test_the_manner_of_a_cover(facts: dict[str, Any], words: str) -> None:
    assert piano_choices.manner_of(facts) == words


@pytest.mark.parametrize("engine", ENGINES)
def test_a_node_is_told_the_models_of_an_engine(engine: str) -> None:
    assert models_of(CoverJob(source="song.mp3", output="out", engine=engine)) == MODELS[engine]
