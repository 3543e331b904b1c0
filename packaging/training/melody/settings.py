"""Every number of the recipe in one place; the command lines override only paths, device and time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DataSettings:
    """Songs, bands and what happens to their sound before the transcription network hears it."""

    rate: int = 22050
    seconds: float = 60.0
    train: tuple[int, int] = (1, 679)  # song numbers, both ends included
    validation: tuple[int, int] = (680, 719)
    report: tuple[int, int] = (720, 780)
    voice_share: float = 0.4  # of the songs have a synthetic singer instead of the SoundFont's lead
    # General MIDI programs that lead besides the renderer's own: pianos, organ, guitars, strings, brass, reeds, pipes, synths.
    # fmt: off
    other_leads: tuple[int, ...] = (
        0, 4, 16, 22, 24, 25, 26, 27, 29, 30, 40, 41, 42, 56, 57, 59, 60, 64, 66, 68, 69, 72, 74, 75, 79
    )
    # fmt: on
    other_leads_share: float = 0.35
    lead_gain: tuple[float, float] = (-4.0, 3.0)  # dB on top of the renderer's level
    part_gain: float = 2.0  # dB, standard deviation for every other part
    drop_part: float = 0.08  # chance that a part other than lead and bridge is silent
    double_lead: float = 0.12  # chance of a second voice a third or octave away, quieter
    detune: float = 0.35  # semitones at most
    bridge_gap: float = 2.0  # seconds without voice from which the bridge is the melody


@dataclass(frozen=True)
class NetworkSettings:
    """Shape of the network."""

    lowest: int = 36  # MIDI pitch
    pitches: int = 61  # up to 96
    width: int = 16  # channels
    inner: int = 32
    note_views: tuple[int, ...] = (-12, 12, 19)  # semitones
    spectrum_views: tuple[int, ...] = (-12, 0, 12, 19, 24, 28, 31, 34)
    neighbours: tuple[tuple[int, int], ...] = ((2, 8), (9, 30))  # ranges whose loudest note is seen, above and below
    # Time, pitch and time dilation of the kernels at half the frame rate.
    blocks: tuple[tuple[int, int, int], ...] = (
        (3, 3, 1),
        (3, 3, 2),
        (3, 3, 4),
        (3, 5, 1),
        (3, 3, 8),
        (3, 3, 1),
        (3, 3, 4),
        (3, 3, 1),
    )
    follow: tuple[int, ...] = (1, 2, 4, 8, 16, 32)


@dataclass(frozen=True)
class TrainSettings:
    """Optimiser, windows, augmentation of the maps."""

    frames: int = 512  # a window, at the network's frame rate
    batch: int = 8
    rate: float = 4e-3
    weight_decay: float = 1e-3
    average: float = 0.997
    bridge_weight: float = 0.4
    silence_weight: float = 0.8
    shift: int = 7  # semitones of transposition at most
    octave_down: float = 0.12  # share transposed an octave further down: low voices
