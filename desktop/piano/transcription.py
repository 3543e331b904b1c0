"""What sounds when: note, onset and contour posteriors of a recording from the Basic Pitch network.

Bittner et al., "A lightweight instrument-agnostic model for polyphonic note transcription and multipitch estimation",
ICASSP 2022. The network sees windows of about two seconds and normalises each by its own level.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from desktop.errors import UserError
from desktop.jobs.memory import Batches
from desktop.jobs.progress import Progress

Floats = npt.NDArray[np.float32]

RATE = 22050
"""Samples a second that the network was trained on."""
HOP = 256
"""Samples a frame."""
FRAME_RATE = RATE / HOP
LOWEST = 21
"""MIDI pitch of the first of the 88 pitch columns."""
PITCHES = 88
CONTOUR_BINS = 3
"""Contour columns a semitone; the middle one of three is in tune."""

_WINDOW = 43844
_EDGE = 15  # frames at both ends of a window's 172 that lack context
# The published windowing steps by 36164 samples and keeps 142 frames, which drifts against the clock by 8.5 ms a window.
# A step of whole frames keeps every frame at exactly index / FRAME_RATE.
_KEPT = 141
_STEP = _KEPT * HOP
_BATCH = 8

_INPUT = "serving_default_input_2:0"
_NOTE, _ONSET, _CONTOUR = "StatefulPartitionedCall:1", "StatefulPartitionedCall:2", "StatefulPartitionedCall:0"


class Runner(Protocol):
    """The part of ``models.session.Session`` that is needed here."""

    def run(self, feeds: Mapping[str, npt.NDArray[Any]], outputs: Sequence[str] | None = None) -> list[npt.NDArray[Any]]:
        """Outputs of the network for named inputs."""
        ...


@dataclass(frozen=True)
class Posteriors:
    """Probabilities 0..1 on a common time axis; frame ``i`` is centred at ``i / frame_rate`` seconds.

    Attributes:
        note: [T, 88] a pitch sounds; column 0 is MIDI pitch 21.
        onset: [T, 88] a note begins.
        contour: [T, 264] a partial-resolved pitch sounds, three columns a semitone.
        frame_rate: frames a second.
    """

    note: Floats
    onset: Floats
    contour: Floats
    frame_rate: float = FRAME_RATE

    def __len__(self) -> int:
        return len(self.note)


def posteriors(
    samples: Floats, session: Runner, progress: Progress | None = None, *, fallback: Callable[[], Runner] | None = None
) -> Posteriors:
    """Run the transcription network over a whole recording.

    Memory beyond the result (1.8 kB a frame, 91 MB for ten minutes) does not grow with the length.

    Args:
        samples: [n] mono, 22050 Hz, -1..1.
        session: open Basic Pitch network.
        progress: 0..1 over the recording, with a checkpoint after every batch of windows.
        fallback: opens the network on the CPU, for when the device's memory does not hold a single window.

    Raises:
        UserError: there is no sound at all in ``samples``, or it holds values that are not numbers.
    """
    progress = progress or Progress()
    samples = np.ascontiguousarray(samples, dtype=np.float32)
    if samples.ndim != 1:
        raise ValueError(f"one channel is needed, got shape {samples.shape}")
    if not len(samples):
        raise UserError("The recording holds no sound")
    if not np.isfinite(samples).all():
        raise UserError("The recording holds values that are not numbers", remedy="Convert it to WAV or FLAC again.")
    frames = 1 + (len(samples) - 1) // HOP
    note = np.empty((frames, PITCHES), np.float32)
    onset = np.empty_like(note)
    contour = np.empty((frames, PITCHES * CONTOUR_BINS), np.float32)
    windows = -(-frames // _KEPT)
    hear = Batches(
        _hearing(samples, session),
        size=_BATCH,
        fallback=(lambda: _hearing(samples, fallback())) if fallback is not None else None,
        progress=progress,
    )
    for first in range(0, windows, _BATCH):
        last = min(first + _BATCH, windows)
        for window, found in enumerate(hear(range(first, last)), first):
            start = window * _KEPT
            for values, into in zip(found, (note, onset, contour), strict=True):
                part = into[start : start + _KEPT]
                part[:] = values[_EDGE : _EDGE + len(part)]
        progress.at(last / windows)
    return Posteriors(note, onset, contour)


def _hearing(samples: Floats, session: Runner) -> Callable[[Sequence[int]], list[tuple[Floats, ...]]]:
    """What the network makes of windows, by their numbers; outside of the recording is silence."""
    lead = _EDGE * HOP

    def hear(windows: Sequence[int]) -> list[tuple[Floats, ...]]:
        batch = np.zeros((len(windows), _WINDOW, 1), np.float32)
        for row, window in enumerate(windows):
            begin = window * _STEP - lead
            piece = samples[max(0, begin) : begin + _WINDOW]
            offset = max(0, -begin)
            batch[row, offset : offset + len(piece), 0] = piece
        return list(zip(*session.run({_INPUT: batch}, [_NOTE, _ONSET, _CONTOUR]), strict=True))

    return hear
