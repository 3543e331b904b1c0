"""What a training needs to know, and how it ends: the meeting point of the jobs and the ways of training."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from desktop.jobs.progress import Progress
from desktop.jobs.tuning_jobs import Recipe
from desktop.tuning.runs import FINISH, Runs

if TYPE_CHECKING:
    from desktop.tuning.bases import Base
    from desktop.tuning.prompts import Prompter
    from desktop.tuning.records import Imported


class Stopped(StrEnum):
    """Why a training ended without an error."""

    FINISHED = "finished"
    EARLY = "early"
    ASKED = "asked"


@dataclass(frozen=True)
class Outcome:
    """How a training ended.

    Attributes:
        steps: the last step done, counted from the run's beginning.
        seconds: spent training since the run's beginning, without pauses.
        best_step, best_name, best_value: the weights in ``best/``; None and "" when no evaluation was made.
    """

    steps: int
    seconds: float
    stopped: Stopped
    best_step: int | None = None
    best_name: str = ""
    best_value: float | None = None


@dataclass(frozen=True)
class Context:
    """A training, settled: nothing in it is "auto" or zero any more.

    Attributes:
        run: its id.
        folder: the run's folder: records/, checkpoints/, best/, last/.
        device: "cpu" or "cuda".
        start_weights: folder with the tuned weights to start from (adapter, full weights or head); None for the base's.
        warnings: sentences that the job's result repeats; a training may add to them.
    """

    run: str
    runs: Runs
    folder: Path
    base: Base
    recipe: Recipe
    imported: Imported
    prompter: Prompter
    progress: Progress
    device: str
    start_weights: Path | None = None
    warnings: list[str] = field(default_factory=list)

    @property
    def checkpoints(self) -> Path:
        """Folder of what a training needs to go on."""
        return self.folder / "checkpoints"

    @property
    def best(self) -> Path:
        """Folder of the best weights, in the hub's layout."""
        return self.folder / "best"

    @property
    def last(self) -> Path:
        """Folder of the weights of the last step, in the hub's layout."""
        return self.folder / "last"

    def warn(self, sentence: str) -> None:
        """Say something in the job's log and in its result, once."""
        if sentence not in self.warnings:
            self.warnings.append(sentence)
            self.progress.log(sentence, "warning")

    def wants_finish(self) -> bool:
        """Whether the user asked to end now and keep the best so far; takes the request away."""
        return self.runs.take_request(self.run) == FINISH
