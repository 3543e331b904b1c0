"""Every number of the recipe in one place; the command lines override only paths, device and time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SongSettings:
    """Song numbers of POP909, both ends included. Nothing that a report is made of was ever trained or chosen on."""

    train: tuple[int, int] = (1, 700)
    check: tuple[int, int] = (701, 720)
    report: tuple[int, int] = (721, 780)


@dataclass(frozen=True)
class RenderSettings:
    """The band, the room and the way to the listener. Ranges are drawn from evenly; levels are decibels."""

    rate: int = 22050
    beats: int = 128  # of an excerpt at most
    lead_level: tuple[float, float] = (-5.0, 4.0)  # against the band without drums
    drum_level: tuple[float, float] = (-10.0, 1.0)
    drums: float = 0.85  # chances of the parts
    pad: float = 0.6
    bridge: float = 0.7
    player: float = 0.45  # the pianist's notes, played by the band
    strum: float = 0.75  # chords on a guitar or keys
    tuning: float = 35.0  # cents at most
    timing: float = 0.008  # seconds, standard deviation
    reverb: tuple[float, float] = (0.2, 1.6)  # seconds
    wet: tuple[float, float] = (0.02, 0.25)
    shelves: float = 5.0  # of bass and treble at most
    noise: tuple[float, float] = (-75.0, -42.0)
    codec: float = 0.5  # chance of a lossy pass


@dataclass(frozen=True)
class DataSettings:
    """Windows, and what happens to them before the network sees them. A step is a sixteenth."""

    steps: int = 128  # of a window: eight bars of four
    shift: int = 6  # semitones of transposition at most
    gain: float = 0.2  # how much surer or less sure each sheet may be
    noise: float = 0.03
    no_tune: float = 0.1  # chances that nothing of the tune, or of the chords, was heard
    no_chords: float = 0.1
    begun: float = 0.6  # share of the windows whose cover has begun already
    missed: float = 0.2  # share of its notes that are left out, and of wrong ones beside them
    wrong: float = 0.2
    unknown: float = 0.4  # share of the windows whose density is not told
    densities: tuple[float, float] = (1.9, 2.9)  # notes a beat of a song: borders between sparse, middling and dense


@dataclass(frozen=True)
class NetworkSettings:
    """Sizes of the network."""

    near: int = 20  # channels of what is near
    width: int = 320
    layers: int = 4
    heads: int = 5
    inner: int = 640
    far: int = 16  # channels that the transformer gives each key
    drawn: int = 32
    longest: float = 400.0  # steps of the slowest turn of a position
    dropout: float = 0.1


@dataclass(frozen=True)
class TrainSettings:
    """Optimiser, schedule and losses."""

    batch: int = 12
    rate: float = 2e-3
    momentum: float = 0.95  # of the matrices
    warm: int = 100  # steps until the rate is reached
    falling: float = 0.6  # last share of the time in which the rate falls to nothing
    weight_decay: float = 0.01
    average: float = 0.998
    clip: float = 5.0
    struck: float = 30.0  # weights of the two losses
    down: float = 10.0
    keep_minutes: float = 3.0  # between two checkpoints
    told: int = 50  # steps between two lines of the log
