"""Words for numbers and results."""

from __future__ import annotations

import pytest

from desktop.cli.quantities import duration, size
from desktop.cli.words import summary


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1, "0 s"), (0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (75, "1 min 15 s"), (7260, "2 h 1 min")],
)
def test_duration(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 B"), (999, "999 B"), (230444, "230.4 kB"), (6e6, "6.0 MB"), (3e12, "3000.0 GB")]
)
def test_size(count: float, words: str) -> None:
    assert size(count) == words


def test_summary_says_what_the_result_has() -> None:
    result = {
        "files": {"midi": "/a/x.mid", "stems": "/a/x.stems"},
        "tempo": 103.6,
        "meter": 3,
        "key": "A minor",
        "bars": 32,
        "notes": 412,
        "notes_per_second": 6.23,
        "playability": {"violations": 0},
        "seconds": {"analysis": 3.2, "analysis.beats": 1.0, "arrangement": 0.5, "writing": 0.01},
        "device": "CPU",
        "warnings": ["The beats are uncertain."],
    }
    assert summary(result) == [
        "MIDI      /a/x.mid",
        "Stems     /a/x.stems",
        "Song      104 beats a minute, 3/4, A minor, 32 bars",
        "Notes     412 (6.2 a second), playable by two hands",
        "Time      3.7 s on CPU (analysis 3.2, arrangement 0.5)",
        "Note      The beats are uncertain.",
    ]
    assert summary({}) == []
    assert summary({"notes": 3, "playability": {"violations": 2}}) == ["Notes     3, 2 places that two hands cannot play"]
