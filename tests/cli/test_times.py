"""Times of a clip as people write them, and clips in words."""

from __future__ import annotations

import pytest

from desktop.cli.times import seconds
from desktop.cli.video_words import clock
from desktop.cli.words import summary
from desktop.errors import UsageError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        (" ", None),
        ("0", 0),
        ("12.5", 12.5),
        (".5", 0.5),
        ("90", 90),
        ("1:02", 62),
        ("1:02:03.5", 3723.5),
        ("0:00", 0),
    ],
)
def test_times_that_are_understood(text: str, value: float | None) -> None:
    assert seconds(text, "--from") == value


@pytest.mark.parametrize("text", ["x", "-1", "1:60", "1:99:00", "1:2:3:4", "1:", ":5", "1,5", "nan", "1e3"])
def test_times_that_are_not(text: str) -> None:
    with pytest.raises(UsageError, match=r"--to: .* is not a time"):
        seconds(text, "--to")


@pytest.mark.parametrize(("value", "text"), [(0, "0:00"), (62.5, "1:02.5"), (59.99, "0:59"), (3723, "1:02:03")])
def test_a_clock(value: float, text: str) -> None:
    assert clock(value) == text


def test_a_restoration_in_words() -> None:
    lines = summary(
        {
            "files": {"video": "/out.mp4"},
            "frames": 75,
            "seconds_of_video": 3.0,
            "faces": {"tracks": 4, "restored": 2, "left": {"small": 1, "sharp": 1}},
            "shots": 2,
            "device": "CPU",
            "seconds": {"look": 1.0, "restore": 2.0, "restore.decode": 0.5},
            "frames_per_second": 37.5,
            "warnings": ["One picture could not be decoded."],
        }
    )
    assert lines == [
        "Video     /out.mp4",
        "Faces     2 of 4 restored, left as they were: 1 too small, 1 sharp already",
        "Pictures  75 (0:03) in 2 shots",
        "Time      3.0 s, 37.5 pictures a second on CPU",
        "Note      One picture could not be decoded.",
    ]
