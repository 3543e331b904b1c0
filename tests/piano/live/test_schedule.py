"""A cover as messages in time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from desktop.piano.cover import LEFT, RIGHT
from desktop.piano.live.schedule import CONTROL, NOTE_OFF, NOTE_ON, SUSTAIN, schedule
from tests.piano.live.small import small_cover

EVERYTHING = (float("-inf"), float("inf"))


def test_hands_have_channels_and_moments_have_an_order() -> None:
    plan = schedule(small_cover(pedals=((0.0, 2.0), (2.0, 4.0))))
    at_one_second = [data for second, data in plan.between(0.99, 1.01)]
    assert at_one_second == [
        (CONTROL | RIGHT, SUSTAIN, 0),
        (CONTROL | LEFT, SUSTAIN, 0),
        *((NOTE_OFF | RIGHT, pitch, 64) for pitch in (62, 65)),
        (NOTE_OFF | LEFT, 48, 64),
        (CONTROL | RIGHT, SUSTAIN, 127),
        (CONTROL | LEFT, SUSTAIN, 127),
        (NOTE_ON | RIGHT, 60, 90),
        (NOTE_ON | LEFT, 48, 60),
        (NOTE_ON | LEFT, 55, 60),
    ]
    assert {data[0] & 0x0F for _, data in schedule(small_cover(), (LEFT,)).between(*EVERYTHING)} == {LEFT}
    assert {data[0] & 0x0F for _, data in schedule(small_cover(), one_channel=True).between(*EVERYTHING)} == {0}
    assert schedule(small_cover(), ()).between(*EVERYTHING) == []


def test_pedal_is_taken_up_in_the_midst_of_a_span() -> None:
    plan = schedule(small_cover(pedals=((0.0, 2.0), (4.0, 6.0))))
    assert plan.pedal_at(0.5) == [(CONTROL | RIGHT, SUSTAIN, 127), (CONTROL | LEFT, SUSTAIN, 127)]
    assert plan.pedal_at(1.5) == []
    assert plan.pedal_at(2.0) == [], "the message at 2.0 itself puts it down"


note = st.tuples(
    st.sampled_from([0.0, 0.5, 1.0, 1.25, 3.0]), st.sampled_from([0.0, 0.01, 0.5, 2.0]), st.integers(60, 62), st.integers(0, 1)
)


@given(notes=st.lists(note, max_size=12), first=st.sampled_from([0.0, 0.3, 0.5, 1.5]), one=st.booleans())
def test_every_key_that_goes_down_comes_up_before_it_goes_down_again(
    notes: list[tuple[float, float, int, int]], first: float, one: bool
) -> None:
    plan = schedule(small_cover(tuple((at, at + length, pitch, 64, hand) for at, length, pitch, hand in notes)), one_channel=one)
    down: set[tuple[int, int]] = set()
    parts = plan.between(0.0, first) + plan.between(first, float("inf"))
    assert [at for at, _ in parts] == sorted(at for at, _ in parts)
    for _, (status, pitch, _velocity) in parts:
        key = status & 0x0F, pitch
        assert (key in down) == (status & 0xF0 == NOTE_OFF)
        down ^= {key}
    assert not down
