"""Job kinds: a job says what is to be done and holds nothing alive.

Each kind names its runner as ``"module:function"``; the worker imports it, so this package knows no feature.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import msgspec

from desktop.errors import UsageError, UserError
from desktop.jobs.base import Job, Result, choose, require
from desktop.jobs.piano_jobs import (
    AUDIO_FORMATS,
    BEAT_CHANGES,
    COMPOSERS,
    DIFFICULTIES,
    ENGINES,
    STYLES,
    CoverJob,
    ListenJob,
    RenderJob,
)
from desktop.jobs.piano_outputs import PagesJob, ScoreJob, WaterfallJob
from desktop.jobs.piano_takes import AuditionJob, TakeJob
from desktop.jobs.tuning_jobs import (
    AskJob,
    CommitsJob,
    EstimateJob,
    EvaluateJob,
    ExportJob,
    LabelJob,
    Recipe,
    Records,
    RecordsJob,
    TuneJob,
)
from desktop.jobs.video_jobs import FilmstripJob, FramesJob, InspectJob, MeasureJob, PreviewJob, RestoreJob, RestoreOptions
from desktop.malformed import MALFORMED

__all__ = [
    "AUDIO_FORMATS",
    "BEAT_CHANGES",
    "COMPOSERS",
    "DIFFICULTIES",
    "ENGINES",
    "STYLES",
    "AdoptJob",
    "AnyJob",
    "AskJob",
    "AuditionJob",
    "CommitsJob",
    "CoverJob",
    "DoctorJob",
    "EstimateJob",
    "EvaluateJob",
    "ExportJob",
    "FilmstripJob",
    "FramesJob",
    "InspectJob",
    "InstallJob",
    "Job",
    "LabelJob",
    "ListenJob",
    "MeasureJob",
    "PagesJob",
    "PreviewJob",
    "Recipe",
    "Records",
    "RecordsJob",
    "RenderJob",
    "RestoreJob",
    "RestoreOptions",
    "Result",
    "ScoreJob",
    "TakeJob",
    "TuneJob",
    "WaterfallJob",
    "choose",
    "decode",
    "encode",
    "require",
]


class InstallJob(Job, frozen=True, kw_only=True, tag="install"):
    """Install a model of the catalog, from its sources or from files the user has (``folder``)."""

    runner: ClassVar[str] = "desktop.models.job:run_install"
    model: str
    folder: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        require("model", self.model)

    @property
    def title(self) -> str:
        return f"Install {self.model}"


class AdoptJob(Job, frozen=True, kw_only=True, tag="adopt"):
    """Install a face restorer or a language model of the user's, which no catalog knows.

    Attributes:
        place: the file, or the folder that holds it; of a language model its folder.
        model: the id it is to have; made of the file's name when empty.
        size, template, range: what the file does not say of itself; None where it, or custom, decides.
    """

    runner: ClassVar[str] = "desktop.models.job:run_adopt"
    place: str
    model: str = ""
    size: int | None = None
    template: str | None = None
    range: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        require("place", self.place)

    @property
    def title(self) -> str:
        return f"Import {Path(self.place).name}"


class DoctorJob(Job, frozen=True, kw_only=True, tag="doctor"):
    """Look at devices, sessions, codecs, folders and libraries from inside a worker."""

    runner: ClassVar[str] = "desktop.models.doctor:run"

    @property
    def title(self) -> str:
        return "Check this computer"


AnyJob = (
    CoverJob
    | ListenJob
    | RenderJob
    | TakeJob
    | AuditionJob
    | ScoreJob
    | PagesJob
    | WaterfallJob
    | RestoreJob
    | PreviewJob
    | FramesJob
    | FilmstripJob
    | InspectJob
    | MeasureJob
    | RecordsJob
    | CommitsJob
    | EstimateJob
    | TuneJob
    | EvaluateJob
    | ExportJob
    | AskJob
    | LabelJob
    | InstallJob
    | AdoptJob
    | DoctorJob
)

_decoder: msgspec.json.Decoder[AnyJob] = msgspec.json.Decoder(AnyJob)


def encode(job: AnyJob) -> bytes:
    """Job as JSON; raises UserError when the name of a file in it is no text."""
    try:
        return msgspec.json.encode(job)
    except UnicodeEncodeError as error:
        raise UserError(f"{job.title}: the name of a file is no text (UTF-8)", remedy="Rename the file.") from error


def decode(data: bytes | str) -> AnyJob:
    """Job from JSON; raises UsageError with the field's name when it is not one."""
    try:
        return _decoder.decode(data)
    except MALFORMED as error:
        raise UsageError(f"not a job: {error}") from error
