"""The tune of a song as one voice: what the voice sings, and what the lead instrument plays while the voice is silent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from desktop.jobs.progress import Progress
from desktop.piano.cover import Notes
from desktop.piano.line import LINE
from desktop.piano.melody_features import FEATURE_RATE, Features, features
from desktop.piano.melody_line import Habits, follow, segment
from desktop.piano.transcription import Posteriors, Runner

Floats = npt.NDArray[np.float32]

LOWEST_TUNE = 36
"""MIDI pitch of the first pitch column of ``Salience``."""

_CHUNK = 2048  # frames: 48 s
_MARGIN = 320  # the network looks up to seven seconds to either side; even, as it folds frames in pairs


@dataclass(frozen=True)
class Salience:
    """What the melody network says of every frame; frame ``i`` is centred at ``(i + 0.25) / frame_rate`` seconds.

    Attributes:
        silence: [T] probability that no melody sounds.
        pitch: [T, 61] probability of each pitch, MIDI 36..96; with ``silence`` it sums to one.
        onset: [T, 61] probability that a melody note begins.
        frame_rate: frames a second.
    """

    silence: Floats
    pitch: Floats
    onset: Floats
    frame_rate: float = FEATURE_RATE


def melody_salience(found: Features, session: Runner, progress: Progress | None = None) -> Salience:
    """Run the melody network over a whole song, in overlapping pieces: memory does not grow with the length."""
    progress = progress or Progress()
    frames = found.maps.shape[1]
    pieces: list[tuple[Floats, Floats]] = []
    for start in range(0, frames, _CHUNK):
        begin, end = max(0, start - _MARGIN), min(frames, start + _CHUNK + _MARGIN)
        feeds = {"maps": found.maps[None, :, begin:end], "spectrum": found.spectrum[None, begin:end]}
        if (end - begin) % 2:  # the network folds frames in pairs
            feeds = {
                "maps": np.pad(feeds["maps"], ((0, 0), (0, 0), (0, 1), (0, 0)), mode="edge"),
                "spectrum": np.pad(feeds["spectrum"], ((0, 0), (0, 1), (0, 0)), mode="edge"),
            }
        logits, onset = session.run(feeds, ["logits", "onset"])
        kept = slice(start - begin, min(frames, start + _CHUNK) - begin)
        pieces.append((logits[0, kept], onset[0, kept]))
        progress.at(min(1.0, (start + _CHUNK) / frames))
    logits = np.concatenate([piece[0] for piece in pieces]).astype(np.float32)
    onset = np.concatenate([piece[1] for piece in pieces]).astype(np.float32)
    logits -= logits.max(1, keepdims=True)
    chances = np.exp(logits)
    chances /= chances.sum(1, keepdims=True)
    return Salience(chances[:, 0], chances[:, 1:], 1 / (1 + np.exp(-onset)))


def line_of(salience: Salience, habits: Habits | None = None) -> Notes:
    """The likeliest line through a salience, as ``LINE``."""
    habits = habits or Habits()
    path = follow(salience.silence, salience.pitch, salience.onset, habits)
    runs = segment(path, salience.pitch, salience.onset, habits)
    line = np.zeros(len(runs), LINE)
    for row, (start, end, column, confidence) in zip(line, runs, strict=True):
        # The network sees a note coming: on average its first frame is the one before the onset.
        row["start"] = (start + 0.25) / salience.frame_rate
        row["end"] = (end - 0.25) / salience.frame_rate
        row["pitch"] = LOWEST_TUNE + column
        row["confidence"] = confidence
    return line


def extract_melody(posteriors: Posteriors, samples: Floats, session: Runner, progress: Progress | None = None) -> Notes:
    """Find the melody.

    Args:
        posteriors: of the recording, from ``transcription.posteriors``.
        samples: [n] the recording, mono, 22050 Hz.
        session: the open melody network.
        progress: 0..1 over the recording.

    Returns:
        Array of ``LINE`` (start and end in seconds, MIDI pitch 36..96, confidence 0..1), sorted, without overlaps; empty when
        nothing in the recording is like a melody. The same input gives the same line.
    """
    return line_of(melody_salience(features(posteriors, samples), session, progress))
