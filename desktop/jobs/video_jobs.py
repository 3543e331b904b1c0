"""The video panel's job kinds."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import msgspec

from desktop.errors import UsageError
from desktop.jobs.base import Job, choose, require

DEINTERLACE = ("auto", "on", "off", "double")
FACES = ("all", "largest")
STEADINESS = ("off", "low", "high")
SCALES = (1, 2, 4)
SOFTWARE_ENCODERS = ("x264", "x265", "av1", "vp9", "ffv1", "prores")
HARDWARE_ENCODERS = ("nvenc", "nvenc-hevc", "nvenc-av1", "qsv", "amf", "videotoolbox")
ENCODERS = ("auto", *SOFTWARE_ENCODERS, *HARDWARE_ENCODERS)
DEFAULT_RESTORER = "face-restorer"


class RestoreOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How pictures are restored; the same for a preview and for the whole clip.

    Attributes:
        restorer: id of an installed model whose task is "face-restorer".
        fidelity: 0 (most restored) to 1 (closest to the source).
        background: id of an installed model whose task is "upscaler", for everything around the faces; "none" leaves it.
        scale: size of the result over that of the source.
        deinterlace: "auto" does it when the clip is interlaced; "double" makes a picture of each field.
        faces: "all", or the "largest" one of each picture.
        steadiness: how strongly flicker of the restored faces is reduced.
    """

    restorer: str = DEFAULT_RESTORER
    fidelity: float = 0.5
    background: str = "none"
    scale: int = 1
    deinterlace: str = "auto"
    faces: str = "all"
    steadiness: str = "low"

    def __post_init__(self) -> None:
        require("restorer", self.restorer)
        require("background", self.background)
        if not 0.0 <= self.fidelity <= 1.0:
            raise UsageError(f"fidelity: {self.fidelity} is not between 0 and 1")
        if self.scale not in SCALES:
            raise UsageError(f"scale: {self.scale} is not one of {', '.join(map(str, SCALES))}")
        choose("deinterlace", self.deinterlace, DEINTERLACE)
        choose("faces", self.faces, FACES)
        choose("steadiness", self.steadiness, STEADINESS)


class RestoreJob(Job, frozen=True, kw_only=True, tag="restore"):
    """Restore a clip, an image or a folder of images.

    Attributes:
        source: the clip, image or folder; never written to.
        output: the file to write (a folder for a folder of images); its extension chooses the container,
            and becomes the one that suits the clip where it is ".auto".
        start, end: part of the clip, in seconds of its own time; the whole clip when None.
        encoder: one of ``ENCODERS``; "auto" chooses what suits the container.
        quality: constant rate factor of the encoder, lower is better, 0 is lossless; the encoder's own default when None.
    """

    runner: ClassVar[str] = "desktop.video.job:run_restore"
    is_remembered: ClassVar[bool] = True
    source_noun: ClassVar[str] = "clip"
    resumable: ClassVar[bool] = True
    source: str
    output: str
    options: RestoreOptions = RestoreOptions()
    start: float | None = None
    end: float | None = None
    encoder: str = "auto"
    quality: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        require("source", self.source)
        require("output", self.output)
        choose("encoder", self.encoder, ENCODERS)
        if self.quality is not None and not 0 <= self.quality <= 63:
            raise UsageError(f"quality: {self.quality} is not between 0 (lossless) and 63")
        if self.start is not None and self.start < 0:
            raise UsageError(f"start: {self.start} is before the clip")
        if self.end is not None and self.end <= (self.start or 0.0):
            raise UsageError(f"end: {self.end} is not after the start")

    @property
    def title(self) -> str:
        return Path(self.source).name

    @property
    def sources(self) -> tuple[Path, ...]:
        return (Path(self.source),)

    @property
    def folders(self) -> tuple[Path, ...]:
        output = Path(self.output)
        return (output.parent, output)


class PreviewJob(Job, frozen=True, kw_only=True, tag="preview"):
    """Restore the one picture of a clip that is shown at ``time`` (seconds)."""

    runner: ClassVar[str] = "desktop.video.job:run_preview"
    source: str
    time: float = 0.0
    options: RestoreOptions = RestoreOptions()

    def __post_init__(self) -> None:
        super().__post_init__()
        require("source", self.source)

    @property
    def title(self) -> str:
        return f"Preview of {Path(self.source).name}"


class FramesJob(Job, frozen=True, kw_only=True, tag="frames"):
    """Decode ``count`` pictures in a row for showing, from the one at ``start`` (seconds) on.

    Attributes:
        side: bound of the longer side, in pixels; 0 for full size.
        deinterlace: as in ``RestoreOptions``.
    """

    runner: ClassVar[str] = "desktop.video.job:run_frames"
    source: str
    start: float = 0.0
    count: int = 1
    side: int = 0
    deinterlace: str = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        require("source", self.source)
        choose("deinterlace", self.deinterlace, DEINTERLACE)
        if not 1 <= self.count <= 250:
            raise UsageError(f"count: {self.count} is not between 1 and 250")

    @property
    def title(self) -> str:
        return f"Pictures of {Path(self.source).name}"


class FilmstripJob(Job, frozen=True, kw_only=True, tag="filmstrip"):
    """Thumbnails evenly spread over a clip, and where its shots begin."""

    runner: ClassVar[str] = "desktop.video.job:run_filmstrip"
    source: str
    count: int = 40
    side: int = 160

    def __post_init__(self) -> None:
        super().__post_init__()
        require("source", self.source)
        if not 1 <= self.count <= 400:
            raise UsageError(f"count: {self.count} is not between 1 and 400")

    @property
    def title(self) -> str:
        return f"Look through {Path(self.source).name}"


class InspectJob(Job, frozen=True, kw_only=True, tag="inspect"):
    """Say what a clip holds: streams, timing, interlacing, faces in a sample, and how long restoring would take."""

    runner: ClassVar[str] = "desktop.video.job:run_inspect"
    source: str
    options: RestoreOptions = RestoreOptions()

    def __post_init__(self) -> None:
        super().__post_init__()
        require("source", self.source)

    @property
    def title(self) -> str:
        return f"Inspect {Path(self.source).name}"


class MeasureJob(Job, frozen=True, kw_only=True, tag="measure"):
    """Compare a clip (or image) before and after, and with the truth where that is known.

    Attributes:
        plot: SVG file with the measures over time; none when empty.
        table: CSV file with a line for each picture; none when empty.
    """

    runner: ClassVar[str] = "desktop.video.job:run_measure"
    before: str
    after: str
    truth: str = ""
    plot: str = ""
    table: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        require("before", self.before)
        require("after", self.after)

    @property
    def title(self) -> str:
        return f"Measure {Path(self.after).name}"

    @property
    def folders(self) -> tuple[Path, ...]:
        return tuple(Path(file).parent for file in (self.plot, self.table) if file)
