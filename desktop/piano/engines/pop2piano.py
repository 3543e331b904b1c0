"""Pop2Piano as an engine: the network writes the notes, and what it does not know is added here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from desktop.errors import UsageError, UserError
from desktop.jobs.progress import Progress
from desktop.models.decoding.pop2piano import LONGEST, Pop2Piano
from desktop.models.library import Library
from desktop.models.pop2piano_card import read_card
from desktop.piano.analysis_data import Analysis
from desktop.piano.audio import load_audio
from desktop.piano.cover import Cover, Notes
from desktop.piano.engines import EngineOptions
from desktop.piano.engines.finish import check_difficulty, finished
from desktop.piano.perform import perform
from desktop.piano.pop2piano import mel
from desktop.piano.pop2piano.generate import write
from desktop.piano.pop2piano.tidy import tidied
from desktop.piano.pop2piano.tokens import decode
from desktop.piano.pop2piano.windows import BEATS, STEPS_PER_BEAT, song_windows

NAME = "pop2piano"
MODEL = "pop2piano"


@dataclass(frozen=True)
class Played:
    """What a composer made of some windows.

    Attributes:
        notes, pedals: arrays of ``NOTE`` and ``PEDAL``.
        unfinished: windows whose answer did not come to an end.
    """

    notes: Notes
    pedals: Notes
    unfinished: int


@dataclass(frozen=True)
class Player:
    """The network, open.

    Attributes:
        activation: of its gated layers, see ``desktop.models.export.pop2piano_layout.with_activation``.
    """

    model: Pop2Piano
    activation: str
    composers: int

    @staticmethod
    def open(library: Library, device: str = "auto") -> Player:
        """Raises UserError when the model is not installed, damaged, or made for another input."""
        folder = library.folder(MODEL)
        card = read_card(folder)
        if card.width != mel.BANDS:
            raise UserError(
                f"This Pop2Piano hears {card.width} bands where {mel.BANDS} are made",
                path=folder,
                remedy=f"Run `reprise models install {MODEL}`.",
            )
        model = Pop2Piano(folder, card.activations[0], device=device)
        return Player(model, card.activations[0], card.composers)

    def play(
        self,
        source: Path,
        analysis: Analysis,
        composers: Sequence[int],
        difficulty: str,
        progress: Progress,
        *,
        beats: tuple[float, float] | None = None,
    ) -> list[Played]:
        """What each composer plays to a song, or to the windows that overlap a stretch of its beats.

        Raises:
            UsageError: no such composer, or a stretch that no window overlaps.
            UserError: the song cannot be read.
        """
        self._check(composers, difficulty)
        windows = song_windows(analysis.grid)
        numbers = np.arange(len(windows.spans)) if beats is None else windows.between(*beats)
        if not len(numbers):
            raise UsageError(
                "Pop2Piano hears the song from its first beat to its last, and this stretch lies outside of them",
                remedy="Choose bars within the beats of the song.",
            )
        sound = load_audio(source, mel.RATE, progress=progress.part(0.0, 0.1)).samples
        tokens = write(self.model, sound, windows, numbers.tolist(), composers, progress.part(0.1, 0.95))
        progress.at(0.95, "Sharing the notes out between two hands")
        return [self._played(rows, numbers, analysis, difficulty) for rows in tokens]

    def _check(self, composers: Sequence[int], difficulty: str) -> None:
        for composer in composers:
            if not 1 <= composer <= self.composers:
                raise UsageError(f"composer: {composer} is not between 1 and {self.composers}")
        check_difficulty(difficulty)

    def _played(
        self, rows: Sequence[Sequence[int]], numbers: npt.NDArray[np.int64], analysis: Analysis, difficulty: str
    ) -> Played:
        notes, pedals = perform(tidied(decode(rows, numbers.tolist())), STEPS_PER_BEAT, analysis, difficulty)
        return Played(notes, pedals, sum(len(row) == LONGEST for row in rows))


def make_cover(
    analysis: Analysis,
    *,
    style: str = "",
    difficulty: str = "medium",
    title: str = "",
    options: EngineOptions | None = None,
    progress: Progress | None = None,
) -> Cover:
    """Let the network write a cover of an analysed song, four beats at a time; the same input always gives the same notes.

    Args:
        style: of no use to it; ``options.composer`` says in whose manner it plays.

    Raises:
        UsageError: no such composer or difficulty, or no options.
        UserError: the model is not installed, the song cannot be read, or the network wrote no notes.
    """
    del style
    if options is None:
        raise UsageError("Pop2Piano needs the song's file")
    progress = progress or Progress()
    player = Player.open(options.library or Library(), options.device)
    [played] = player.play(options.source, analysis, [options.composer], difficulty, progress)
    if not len(played.notes):
        raise UserError(
            f"Pop2Piano wrote no notes for this song in the manner of composer {options.composer}",
            path=options.source,
            remedy="Choose another composer, or the engine sketch.",
        )
    if played.unfinished:
        progress.log(f"{played.unfinished} passages of {BEATS} beats came to no end and were cut", "warning")
    facts = {"composer": options.composer, "activation": player.activation, "device": player.model.device}
    return finished(analysis, played.notes, played.pedals, engine=NAME, difficulty=difficulty, title=title, facts=facts)
