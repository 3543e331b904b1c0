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
class GridSettings:
    """A window, in beats and steps. The context is heard on either side, nothing is written there."""

    beats: int = 4
    steps_per_beat: int = 4
    context: int = 1  # beats
    beyond: int = 8  # steps after the window at which a note that was not lifted ends

    @property
    def steps(self) -> int:
        """Steps that are written."""
        return self.beats * self.steps_per_beat

    @property
    def beats_heard(self) -> int:
        """Beats that are heard."""
        return self.beats + 2 * self.context

    @property
    def heard(self) -> int:
        """Steps that are heard, each a frame."""
        return self.beats_heard * self.steps_per_beat


@dataclass(frozen=True)
class EarSettings:
    """A frame: notes and their onsets for 88 keys, the tune and its onsets for its range, and the place in window and bar."""

    groups: tuple[int, ...] = (88, 88, 61, 61)
    in_bar: int = 4  # beats of a bar that are told apart
    spare: int = 7  # values that are zero, for a width that is quick to compute with

    @property
    def bands(self) -> int:
        """Values of a frame as it is stored."""
        return sum(self.groups)

    def width(self, grid: GridSettings) -> int:
        """Values of a frame as the network hears it."""
        return self.bands + grid.beats_heard + grid.steps_per_beat + self.in_bar + 1 + self.spare


@dataclass(frozen=True)
class NetworkSettings:
    """Sizes of the network; its width is that of a frame."""

    inner: int = 512
    layers: int = 2
    decoder_layers: int = 3
    heads: int = 4
    head: int = 64
    buckets: int = 32
    distance: int = 128
    vocabulary: int = 160
    longest: int = 160  # tokens of an answer; windows with longer ones are not trained on
    dropout: float = 0.1


LARGE = NetworkSettings(inner=1024, layers=6, decoder_layers=6, heads=8)
"""For a GPU."""


@dataclass(frozen=True)
class TrainSettings:
    """Optimiser, schedule, and what happens to the frames before the network hears them."""

    batch: int = 24
    rate: float = 3e-3
    momentum: float = 0.95  # of the matrices
    warm: int = 200  # steps until the rate is reached
    steady: int = 2000  # steps until it falls, with the root of the steps
    weight_decay: float = 0.01
    average: float = 0.999
    clip: float = 1.0
    keys: float = 10.0  # weight of the keys' loss beside that of the tokens
    shift: int = 6  # semitones of transposition at most
    gain: float = 0.2  # how much surer or less sure each group of a frame may be
    noise: float = 0.04
    unknown: float = 0.3  # share of the windows whose density is not told
    densities: tuple[float, float] = (1.9, 2.9)  # notes a beat of a song: borders between sparse, middling and dense
    keep_minutes: float = 4.0  # between two checkpoints
    told: int = 50  # steps between two lines of the log
    check_windows: int = 96
