"""Basic Pitch through our windows: against values of its authors' own code, on the clock, within bounds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from desktop.errors import UserError
from desktop.jobs.events import AnyEvent, Progressed
from desktop.jobs.progress import Cancelled, Progress
from desktop.models.library import Library
from desktop.models.session import Session, open_session
from desktop.piano.transcription import FRAME_RATE, HOP, LOWEST, RATE, posteriors

Floats = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def session(machine_models: Path) -> Session:
    return open_session(Library(machine_models).ensure("basic-pitch", Progress()) / "nmp.onnx", device="cpu")


def tone(t: npt.NDArray[np.float64], pitch: int, start: float, end: float) -> npt.NDArray[np.float64]:
    hz = 440 * 2 ** ((pitch - 69) / 12)
    envelope = np.clip((t - start) / 0.01, 0, 1) * np.clip((end - t) / 0.05, 0, 1) * (t >= start) * (t < end)
    return envelope * sum(np.sin(2 * np.pi * hz * k * t) / k for k in (1, 2, 3, 4))


def chord() -> Floats:
    t = np.arange(4 * RATE) / RATE
    parts = [(60, 0.3, 1.2), (67, 0.8, 1.6), (45, 0.3, 3.5), (72, 2.0, 3.0)]
    return (0.2 * np.sum([tone(t, *part) for part in parts], axis=0)).astype(np.float32)


# basic-pitch 0.4.0, run_inference() on chord(): its first window begins where ours does.
GOLDEN = [
    ("note", 60, 39, 0.70413),
    ("note", 60, 24, 0.80676),
    ("note", 130, 24, 0.84577),
    ("note", 110, 46, 0.76855),
    ("onset", 26, 39, 0.91921),
    ("onset", 69, 46, 0.91986),
    ("contour", 60, 118, 0.77196),
    ("contour", 100, 73, 0.78408),
]
GOLDEN_MEANS = {"note": 0.118833946, "onset": 0.097638651, "contour": 0.106056923}


def test_the_values_are_those_of_the_authors_code(session: Session) -> None:
    found = posteriors(chord(), session)
    for name, frame, column, value in GOLDEN:
        assert getattr(found, name)[frame, column] == pytest.approx(value, abs=2e-4), (name, frame, column)
    for name, mean in GOLDEN_MEANS.items():
        assert getattr(found, name)[:141].mean(dtype=np.float64) == pytest.approx(mean, abs=2e-5), name


def test_shapes_types_and_range(session: Session) -> None:
    samples = chord()
    found = posteriors(samples, session)
    frames = 1 + (len(samples) - 1) // HOP
    assert found.note.shape == found.onset.shape == (frames, 88)
    assert found.contour.shape == (frames, 264)
    assert len(found) == frames
    assert found.frame_rate == FRAME_RATE
    for values in (found.note, found.onset, found.contour):
        assert values.dtype == np.float32
        assert values.min() >= 0 and values.max() <= 1


def test_onsets_stay_on_the_clock_for_a_minute(session: Session) -> None:
    starts = np.arange(0.5, 59, 1.37)
    t = np.arange(60 * RATE) / RATE
    samples = np.zeros(len(t), np.float32)
    for start in starts:
        part = slice(int((start - 0.1) * RATE), int((start + 0.7) * RATE))
        samples[part] += (0.3 * tone(t[part], 69, start, start + 0.5)).astype(np.float32)
    onset = posteriors(samples, session).onset[:, 69 - LOWEST]
    lags = []
    for start in starts:
        around = np.arange(round((start - 0.15) * FRAME_RATE), round((start + 0.15) * FRAME_RATE))
        lags.append(around[onset[around].argmax()] / FRAME_RATE - start)
    assert np.abs(np.median(lags)) < 0.02
    assert np.ptp(lags) < 0.03
    drift = np.polyfit(starts, lags, 1)[0]
    assert abs(drift) < 2e-4


@pytest.mark.parametrize("size", [1, 255, 256, 257, 141 * 256, 141 * 256 + 1])
def test_every_length_gives_a_frame_for_every_hop(session: Session, size: int) -> None:
    found = posteriors(np.full(size, 0.01, np.float32), session)
    assert len(found) == 1 + (size - 1) // HOP
    assert np.isfinite(found.contour).all()


def test_a_recording_is_the_same_twice(session: Session) -> None:
    first, second = posteriors(chord(), session), posteriors(chord(), session)
    assert np.array_equal(first.contour, second.contour)


def test_nothing_and_nonsense_are_refused(session: Session) -> None:
    with pytest.raises(UserError, match="no sound"):
        posteriors(np.zeros(0, np.float32), session)
    with pytest.raises(UserError, match="not numbers"):
        posteriors(np.array([0, np.nan, 0], np.float32), session)
    with pytest.raises(ValueError, match="one channel"):
        posteriors(np.zeros((10, 2), np.float32), session)


def test_it_reports_and_can_be_cancelled(session: Session) -> None:
    class Watcher(Progress):
        def __init__(self) -> None:
            self.seen: list[float] = []

        def emit(self, event: AnyEvent) -> None:
            if isinstance(event, Progressed):
                self.seen.append(event.fraction)

        def checkpoint(self) -> None:
            if self.seen:
                raise Cancelled

    watcher = Watcher()
    with pytest.raises(Cancelled):
        posteriors(np.zeros(40 * RATE, np.float32), session, watcher)
    assert len(watcher.seen) == 1 and 0 < watcher.seen[0] < 1


class Small:
    """The network on a device whose memory holds ``room`` windows."""

    def __init__(self, session: Session, room: int) -> None:
        self._session, self._room, self.tried = session, room, []

    def run(self, feeds, outputs=None):
        count = len(next(iter(feeds.values())))
        self.tried.append(count)
        if count > self._room:
            raise MemoryError("the device is full")
        return self._session.run(feeds, outputs)


def test_a_small_device_gets_smaller_batches_and_gives_the_same(session: Session) -> None:
    sound = np.random.default_rng(3).normal(0, 0.1, 22050 * 20).astype(np.float32)
    small, whole = Small(session, 2), posteriors(sound, session)
    found = posteriors(sound, small)
    assert small.tried[0] > 2 and max(small.tried[small.tried.index(2) :]) == 2
    assert np.allclose(found.note, whole.note, atol=1e-5) and np.allclose(found.contour, whole.contour, atol=1e-5)


def test_a_full_device_hands_over_to_the_cpu(session: Session) -> None:
    sound = np.random.default_rng(4).normal(0, 0.1, 22050 * 5).astype(np.float32)
    found = posteriors(sound, Small(session, 0), fallback=lambda: session)
    assert np.allclose(found.note, posteriors(sound, session).note, atol=1e-5)
    with pytest.raises(MemoryError):
        posteriors(sound, Small(session, 0))
