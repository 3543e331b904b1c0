"""Practising, event by event."""

from __future__ import annotations

import pytest

from desktop.piano.cover import LEFT, RIGHT
from desktop.piano.live.practice import LEAD, Mode, Practice, Verdict, score, steps
from tests.piano.live.small import small_cover

# The right hand: 60 at 0.0 s, 62 and 65 at 0.5, 60 at 1.0, 67 at 2.0.


def waiting(**more: bool) -> Practice:
    return Practice(steps(small_cover(), (RIGHT,)), Mode.WAIT, **more)


def following() -> Practice:
    return Practice(steps(small_cover(), (RIGHT,)), Mode.FOLLOW)


def test_chords_of_the_chosen_hands() -> None:
    assert [(step.second, set(step.pitches)) for step in steps(small_cover(), (LEFT,))] == [(0.0, {48}), (1.0, {48, 55})]
    assert [len(step.pitches) for step in steps(small_cover())] == [2, 2, 3, 1]
    rolled = small_cover(((0.0, 1.0, 60, 80, RIGHT), (0.05, 1.0, 64, 80, RIGHT), (0.1, 1.0, 67, 80, RIGHT)))
    assert [set(step.pitches) for step in steps(rolled)] == [{60, 64}, {67}], "25 ms are together, 50 are not"
    assert steps(small_cover(()), (RIGHT,)) == ()


def test_the_playhead_waits_until_all_keys_were_pressed() -> None:
    practice = waiting()
    assert practice.advance(0.0) == pytest.approx(0.0 - LEAD)
    assert practice.press(60, 0.0).verdict is Verdict.RIGHT
    assert not practice.holding
    assert practice.advance(0.3) is None
    assert practice.advance(0.49) == pytest.approx(0.5 - LEAD)
    assert practice.expected == {62, 65}
    assert practice.press(65, 0.48).verdict is Verdict.RIGHT
    assert practice.press(61, 0.48).verdict is Verdict.WRONG, "a wrong key is counted"
    assert practice.holding, "and stops nothing, nor does it help"
    practice.press(62, 0.48)
    assert not practice.holding
    assert practice.advance(0.9) is None
    assert practice.score.accuracy == pytest.approx(3 / 4)


def test_keys_pressed_in_time_make_it_not_wait_at_all() -> None:
    practice = waiting()
    practice.press(60, -0.1)
    assert practice.advance(0.3) is None
    mark = practice.press(62, 0.3)
    assert (mark.verdict, mark.offset_ms) == (Verdict.EARLY, pytest.approx(-200))
    practice.press(65, 0.46)
    assert practice.advance(0.52) is None
    assert practice.press(60, 0.6).verdict is Verdict.WRONG, "too early to be meant for the chord at 1.0"
    assert practice.advance(1.0) is not None


def test_slow_playing_widens_the_song_not_the_tolerance() -> None:
    practice = waiting()
    practice.press(60, 0.0, 0.5)
    assert practice.press(62, 0.3, 0.5).verdict is Verdict.WRONG, "0.2 s of the song are 0.4 s at half the speed"
    mark = practice.press(62, 0.4, 0.5)
    assert (mark.verdict, mark.offset_ms) == (Verdict.EARLY, pytest.approx(-200))


def test_keys_in_any_octave() -> None:
    assert waiting().press(72, 0.0).verdict is Verdict.WRONG
    practice = waiting(octaves=True)
    practice.advance(0.0)
    practice.press(72, 0.0)
    assert not practice.holding
    practice.advance(0.5)
    practice.press(50, 0.5)
    practice.press(50, 0.5)
    assert practice.holding, "one key of the chord is still to come"
    practice.press(77, 0.5)
    assert not practice.holding


def test_following_marks_early_late_missed_and_wrong() -> None:
    practice = following()
    practice.press(60, 0.02)
    practice.advance(0.4)
    practice.press(62, 0.41)
    practice.press(65, 0.62)
    practice.press(64, 0.7)
    assert practice.advance(1.26) is None
    practice.finish(4.0)
    assert [(mark.pitch, mark.verdict) for mark in practice.marks] == [
        (60, Verdict.RIGHT),
        (62, Verdict.EARLY),
        (65, Verdict.LATE),
        (64, Verdict.WRONG),
        (60, Verdict.MISSED),
        (67, Verdict.MISSED),
    ]
    done = practice.score
    assert practice.finished
    assert (done.right, done.early, done.late, done.missed, done.wrong) == (1, 1, 1, 2, 1)
    assert done.offset_ms == pytest.approx((20 - 90 + 120) / 3)
    assert done.spread_ms == pytest.approx((20 + 90 + 120) / 3)
    assert done.accuracy == pytest.approx(3 / 6)
    assert score([]).accuracy is None


def test_a_loop_gives_a_score_for_each_pass() -> None:
    practice = following()
    for wrong in (0, 1):
        practice.jump(0.5)
        practice.press(62 + wrong, 0.5)
        practice.press(65, 0.5)
        practice.finish(1.0)
        assert practice.score.hit == 2 - wrong
    practice.jump(0.5)
    assert [one.accuracy for one in practice.passes] == [1.0, pytest.approx(1 / 3)]
    assert practice.score.accuracy == pytest.approx(1 / 3), "the last pass stays in sight until something happens"
    assert practice.expected == {62, 65}


def test_going_back_while_it_waits_expects_the_chords_there() -> None:
    practice = waiting()
    practice.press(60, 0.0)
    practice.advance(0.5)
    assert practice.holding
    practice.jump(0.0)
    assert not practice.holding
    assert practice.expected == {60}
    practice.jump(3.0)
    assert practice.finished
    assert practice.advance(3.5) is None
    assert practice.press(60, 3.5).verdict is Verdict.WRONG
