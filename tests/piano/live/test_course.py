"""When messages are due, by the player's clock."""

from __future__ import annotations

import pytest

from desktop.piano.cover import RIGHT
from desktop.piano.live.course import Course
from desktop.piano.live.schedule import CONTROL, NOTE_ON, SUSTAIN, schedule
from tests.piano.live.small import small_cover

BLOCK = 0.05


def feed(course: Course, first: float, last: float, *, speed: float = 1.0, now: float = 0.0) -> None:
    """Blocks as a mixer makes them."""
    at = first
    while at < last - 1e-9:
        course.add(at, min(at + BLOCK * speed, last), speed, now)
        at += BLOCK * speed


def onsets(course: Course, until: float = 1e9) -> list[tuple[float, int]]:
    """Moments and pitches of the keys that go down."""
    return [(round(at, 3), data[1]) for at, data in course.due(until) if data is not None and data[0] & 0xF0 == NOTE_ON]


def right_hand() -> Course:
    return Course(schedule(small_cover(), (RIGHT,)))


def test_messages_are_due_when_their_sound_is_heard_at_any_speed() -> None:
    course = right_hand()
    feed(course, 0.0, 1.2, now=10.0)
    feed(course, 1.2, 2.2, speed=0.5)
    assert course.next() == pytest.approx(10.0)
    assert onsets(course, 10.4) == [(10.0, 60)]
    assert onsets(course, 20.0) == [(10.5, 62), (10.5, 65), (11.0, 60), (12.8, 67)]
    course = right_hand()
    course.latency = 0.1
    feed(course, 0.4, 0.6, now=10.0)
    assert onsets(course) == [(10.2, 62), (10.2, 65)]


def test_a_loop_lets_go_and_begins_anew() -> None:
    course = Course(schedule(small_cover(pedals=((0.0, 1.5),)), (RIGHT,)))
    feed(course, 0.5, 1.0)
    feed(course, 0.5, 0.75)
    whole = course.due(1e9)
    turn = [round(at, 6) for at, data in whole].index(0.5)
    assert [data for _, data in whole[turn : turn + 2]] == [None, (CONTROL | RIGHT, SUSTAIN, 127)]
    assert [pitch for _, pitch in [(at, data[1]) for at, data in whole if data and data[0] == NOTE_ON]] == [62, 65, 62, 65]


def test_what_is_heard_corrects_the_course() -> None:
    course = right_hand()
    feed(course, 0.0, 2.1, now=10.0)
    course.heard(0.2, 10.5)
    assert onsets(course, 30.0)[1] == (10.8, 62), "far off: at once"
    course = right_hand()
    feed(course, 0.0, 2.1, now=10.0)
    for tick in range(1, 25):
        # The device reports in steps, up to 20 ms late, 10 on average.
        second = tick * 0.016
        course.heard(second - (tick % 3) * 0.01, 10.0 + second)
    assert onsets(course, 30.0)[1][0] == pytest.approx(10.51, abs=0.006), "near: gently"
    course.heard(99.0, 10.5)
    course = right_hand()
    course.heard(0.5, 1.0)
    assert course.next() is None


def test_a_short_loop_is_not_mistaken_for_its_last_pass() -> None:
    course = right_hand()
    for _ in range(4):
        feed(course, 0.45, 0.55)
    course.heard(0.5, 0.25)
    assert [at for at, pitch in onsets(course) if pitch == 62] == pytest.approx([0.05, 0.15, 0.25, 0.35], abs=0.001)


def test_other_notes_replace_those_to_come_and_none_twice() -> None:
    course = right_hand()
    feed(course, 0.0, 2.1, now=0.0)
    assert onsets(course, 0.6) == [(0.0, 60), (0.5, 62), (0.5, 65)]
    course.set_schedule(schedule(small_cover(((1.0, 2.0, 62, 80, RIGHT), (2.0, 3.0, 72, 80, RIGHT)), ((0.0, 4.0),)), (RIGHT,)))
    due = course.due(1e9)
    assert [data for _, data in due[:2]] == [None, (CONTROL | RIGHT, SUSTAIN, 127)]
    assert [data[1] for _, data in due if data and data[0] == NOTE_ON] == [72]
    course.stop()
    assert course.next() is None
    assert course.due(1e9) == []
