"""The front end against the formulas of torch and transformers, and the windows against the port's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers.audio_utils import mel_filter_bank
from transformers.models.pop2piano.feature_extraction_pop2piano import Pop2PianoFeatureExtractor

from desktop.piano.cover import Grid
from desktop.piano.pop2piano.mel import BANDS, HOP, RATE, WINDOW, filters, frames, log_mel
from desktop.piano.pop2piano.windows import song_windows


def sounds(count: int) -> dict[str, np.ndarray]:
    time = np.arange(count) / RATE
    random = np.random.default_rng(2)
    return {
        "noise": random.normal(0, 0.2, count).astype(np.float32),
        "chord": (0.3 * sum(np.sin(2 * np.pi * hertz * time) for hertz in (110.0, 277.2, 659.3))).astype(np.float32),
        "quiet": (1e-5 * random.normal(0, 1, count)).astype(np.float32),
        "silence": np.zeros(count, np.float32),
    }


@pytest.mark.parametrize("name", sounds(1))
@pytest.mark.parametrize("count", [44100, 30011])
def test_the_spectrogram_is_torchs(name: str, count: int) -> None:
    sound = sounds(count)[name]
    spectrum = torch.stft(
        torch.from_numpy(sound).double(), WINDOW, HOP, window=torch.hann_window(WINDOW, dtype=torch.float64), pad_mode="reflect",
        return_complex=True,
    )  # fmt: skip
    bank = mel_filter_bank(WINDOW // 2 + 1, BANDS, 10.0, RATE / 2, RATE, norm=None, mel_scale="htk")
    wanted = np.log(np.maximum(bank.T @ (spectrum.abs() ** 2).numpy(), 1e-6)).T
    found = log_mel(sound)
    assert found.shape == (frames(count), BANDS) and found.dtype == np.float32
    assert np.abs(filters() - bank).max() < 1e-6
    assert np.abs(found - wanted).max() < 1e-4
    assert np.array_equal(log_mel(np.stack([sound, sound[::-1]]))[0], found)


@pytest.mark.parametrize("beats", [3, 4, 8, 9, 13])
def test_windows_are_those_of_the_port(beats: int) -> None:
    random = np.random.default_rng(beats)
    times = 0.313 + np.cumsum(random.uniform(0.4, 0.7, beats))
    sound = random.normal(0, 0.1, int((times[-1] + 3) * RATE)).astype(np.float32)
    port = Pop2PianoFeatureExtractor()
    steps = port.interpolate_beat_times(beat_times=times, steps_per_beat=2, n_extend=1)
    heard = sound[int(steps[0] * RATE) : int(steps[-1] * RATE)]
    wanted, extended = port.preprocess_mel(heard, steps - steps[0])
    windows = song_windows(Grid(times))
    found = windows.cut(sound, np.arange(len(windows.spans)))
    # The port's last window holds no sound when the beats come to whole windows.
    assert len(wanted) - len(found) == (beats % 4 == 0)
    assert found.shape[1] == wanted.shape[1] and np.array_equal(found, wanted[: len(found)])
    assert np.allclose(Grid(times).seconds(np.arange(len(extended)) / 2) - times[0], extended)


def test_windows_of_a_stretch_and_beats_outside_of_the_recording() -> None:
    windows = song_windows(Grid(np.arange(40) * 0.5 - 0.25))
    assert windows.between(8, 12).tolist() == [2] and windows.between(7.5, 12.5).tolist() == [1, 2, 3]
    assert windows.between(-8, 0).tolist() == [] and windows.between(36, 99).tolist() == [9]
    sound = np.ones(int(3.0 * RATE), np.float32)
    cut = windows.cut(sound, np.arange(10))
    assert cut[0, 0] == 0 and cut[0, int(0.3 * RATE)] == 1, "before the recording is silence"
    assert cut[1].any() and not cut[3:].any()
