"""Slow playback: pitch, length, attacks in their place, no clicks, and how much of a core it takes."""

from __future__ import annotations

import time

import numpy as np
import pytest

from desktop.ui.mixer import FADE, Mixer

RATE = 44100
Samples = np.ndarray


def play(mixer: Mixer, seconds: float, block: int = 1024) -> Samples:
    """Samples of the left channel, -1..1, read in blocks as a device does."""
    parts = [np.frombuffer(mixer.read(block), "<i2") for _ in range(round(seconds * RATE / block))]
    return np.concatenate(parts).reshape(-1, 2)[:, 0] / 32768


def slow(sound: Samples, speed: float, start: float = 0.0) -> Mixer:
    """A mixer that plays ``sound`` (-1..1) from a second on."""
    mixer = Mixer(RATE)
    mixer.cover = np.round(np.stack([sound, sound], 1) * 32767).astype(np.int16)
    mixer.speed = speed
    mixer.seek(round(start * RATE))
    mixer.restart()
    return mixer


def tone(hertz: float, seconds: float) -> Samples:
    """A sine of half volume."""
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)


def plucks(times: Samples, seconds: float) -> Samples:
    """Piano-like notes: a sharp start, partials that die away."""
    sound = np.zeros(round(seconds * RATE) + RATE)
    rng = np.random.default_rng(3)
    for at in times:
        base = 110 * 2 ** (rng.integers(0, 30) / 12)
        t = np.arange(round(0.6 * RATE)) / RATE
        note = sum(np.sin(2 * np.pi * base * k * t + rng.uniform(0, 6)) / k * np.exp(-t * (3 + k)) for k in range(1, 9))
        first = round(at * RATE)
        sound[first : first + len(note)] += 0.12 * note * np.minimum(1, t / 0.002)
    return sound[: round(seconds * RATE)]


def attacks(sound: Samples) -> Samples:
    """Seconds of sudden rises."""
    energy = (np.diff(sound[: len(sound) // 64 * 64], prepend=0).reshape(-1, 64) ** 2).sum(axis=1)
    before = np.convolve(energy, np.ones(16) / 16)[: len(energy)]
    rising = np.flatnonzero(energy[1:] > 6 * before[:-1] + 2e-4) + 1
    return rising[np.diff(rising, prepend=-1000) > 0.03 * RATE / 64] * 64 / RATE


@pytest.mark.parametrize("speed", [0.25, 0.5, 0.8])
@pytest.mark.parametrize("hertz", [55.0, 440.0, 3000.0])
def test_the_pitch_stays(hertz: float, speed: float) -> None:
    heard = play(slow(tone(hertz, 4), speed), 2.0)[FADE:]
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard)), 8 * len(heard)))
    assert np.argmax(spectrum) * RATE / (8 * len(heard)) == pytest.approx(hertz, rel=0.01)
    level = np.sqrt(np.mean(heard**2))
    assert level == pytest.approx(0.5 / np.sqrt(2), rel=0.05)


@pytest.mark.parametrize("speed", [0.25, 0.4, 0.5, 0.75])
def test_attacks_are_heard_once_and_in_their_place(speed: float) -> None:
    times = np.cumsum(np.r_[0.3, np.random.default_rng(1).uniform(0.09, 0.5, 12)])
    sound = plucks(times, times[-1] + 0.7)
    heard = play(slow(sound, speed), (times[-1] + 0.3) / speed)
    due = attacks(sound[: round((times[-1] + 0.3) * RATE)]) / speed
    found = attacks(heard)
    assert len(due) > 8 and len(found) == len(due), (found, due)
    assert found == pytest.approx(due, abs=0.02)


def test_full_speed_is_the_sound_itself_also_after_slow_parts() -> None:
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, 4 * RATE)
    mixer = slow(sound, 0.6)
    play(mixer, 0.7)
    mixer.speed = 1.0
    play(mixer, 0.3)
    at = mixer.position
    heard = play(mixer, 0.5)
    assert heard == pytest.approx(sound[at : at + len(heard)], abs=1e-3)


def test_changes_of_speed_seeks_loops_and_other_sounds_do_not_click() -> None:
    sound = tone(220, 8)
    steepest = np.abs(np.diff(sound)).max()
    mixer = slow(sound, 1.0)
    parts = [play(mixer, 0.2)]
    for speed in (0.5, 0.25, 1.0, 0.7):
        mixer.speed = speed
        parts.append(play(mixer, 0.21))
    mixer.seek(round(5.1234 * RATE))
    parts.append(play(mixer, 0.2))
    mixer.loop = (round(2.003 * RATE), round(2.1 * RATE))
    parts.append(play(mixer, 0.5))
    mixer.set_sounds(None, np.round(np.stack([tone(330, 8)] * 2, 1) * 32767).astype(np.int16))
    parts.append(play(mixer, 0.3))
    heard = np.concatenate(parts)[FADE:]
    assert np.abs(np.diff(heard)).max() < 3 * steepest


@pytest.mark.parametrize("speed", [0.3, 0.5, 1.0])
def test_the_clock_runs_at_the_speed_through_loops(speed: float) -> None:
    mixer = slow(tone(220, 8), speed)
    mixer.loop = (RATE, 2 * RATE)
    seconds = 3.0
    made = round(seconds * RATE / 1024) * 1024
    play(mixer, seconds)
    passed = made * speed / RATE
    assert mixer.heard(made) / RATE == pytest.approx(passed if passed < 2 else 1 + (passed - 2) % 1, abs=1e-3)


def test_half_speed_takes_a_small_part_of_a_core() -> None:
    rng = np.random.default_rng(2)
    sound = plucks(np.arange(0, 9.5, 0.12), 10) + 0.05 * rng.standard_normal(10 * RATE)
    mixer = slow(np.clip(sound, -1, 1), 0.5)
    mixer.original, mixer.balance = mixer.cover, 0.5
    play(mixer, 0.5)
    start = time.process_time()
    play(mixer, 4.0)
    share = (time.process_time() - start) / 4.0
    assert share < 0.15, f"{share:.1%} of a core"
