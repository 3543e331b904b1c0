"""``reprise restore`` and ``inspect``."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from desktop.cli.options import Device, Json
from desktop.cli.running import exit_code, run_jobs, settings
from desktop.cli.show import display
from desktop.cli.times import seconds
from desktop.errors import UsageError, UserError
from desktop.jobs.job import InspectJob, RestoreJob, RestoreOptions
from desktop.jobs.video_jobs import DEINTERLACE, ENCODERS, FACES, STEADINESS
from desktop.settings import Settings
from desktop.video.names import AUTO, KEPT, clips_in, images_in, is_image, restored_name

Clips = Annotated[
    list[str], typer.Argument(metavar="CLIP", help="Video files or images; a folder means the clips and images in it.")
]
Output = Annotated[
    str,
    typer.Option(
        "--output",
        "-o",
        metavar="OUT",
        help="File to write; a folder for several clips. Its ending chooses the container.",
        show_default="NAME-restored beside the clip",
    ),
]
Restorer = Annotated[
    str,
    typer.Option(
        metavar="NAME", help="Model that restores the faces; `reprise models list` shows them.", show_default="the preferences'"
    ),
]
Fidelity = Annotated[
    float | None,
    typer.Option(metavar="0..1", help="0 restores most, 1 stays closest to the clip.", show_default="the preferences'"),
]
Background = Annotated[str, typer.Option(metavar="NAME", help="Model for all around the faces, or none.")]
Scale = Annotated[int, typer.Option(metavar="1|2|4", help="Size of the result over that of the clip.")]
From = Annotated[
    str, typer.Option("--from", metavar="TIME", help="Begin here: 12.5, 1:02 or 1:02:03.5.", show_default="the start")
]
To = Annotated[str, typer.Option("--to", metavar="TIME", help="End here.", show_default="the end")]
Deinterlace = Annotated[
    str, typer.Option(metavar="HOW", help=f"{', '.join(DEINTERLACE)}; double makes a picture of every field.")
]
Faces = Annotated[str, typer.Option(metavar="WHICH", help=f"{' or '.join(FACES)} of each picture.")]
Steadiness = Annotated[
    str,
    typer.Option(
        metavar="LEVEL", help=f"Against flicker of restored faces: {', '.join(STEADINESS)}.", show_default="the preferences'"
    ),
]
Encoder = Annotated[str, typer.Option(metavar="NAME", help=f"{', '.join(ENCODERS)}.", show_default="the preferences'")]
Quality = Annotated[
    int | None,
    typer.Option(metavar="N", help="Lower is better and larger, 0 is lossless.", show_default="the encoder's"),
]


def restore(
    clips: Clips,
    output: Output = "",
    restorer: Restorer = "",
    fidelity: Fidelity = None,
    background: Background = "none",
    scale: Scale = 1,
    start: From = "",
    end: To = "",
    deinterlace: Deinterlace = "auto",
    faces: Faces = "all",
    steadiness: Steadiness = "",
    encoder: Encoder = "",
    quality: Quality = None,
    device: Device = "",
    json: Json = False,
) -> None:
    """Give faces in old video their detail back.

    Sound, subtitles, chapters, length and time stamps stay as they are. A clip without faces is copied. The same command
    given again takes up unfinished work.
    """
    chosen = settings()
    options = restoring(
        chosen, restorer, fidelity, steadiness, background=background, scale=scale, deinterlace=deinterlace, faces=faces
    )
    jobs = [
        RestoreJob(
            source=str(source),
            output=str(place),
            options=options,
            start=seconds(start, "--from"),
            end=seconds(end, "--to"),
            encoder=encoder or chosen.encoder,
            quality=quality,
            device=device or chosen.device,
        )
        for source, place in _places(clips, output)
    ]
    raise typer.Exit(exit_code(run_jobs(jobs, display(json=json), chosen=chosen, go_on=True)))


def inspect(
    clip: Annotated[str, typer.Argument(metavar="CLIP", help="Video file or image.")],
    device: Device = "",
    json: Json = False,
) -> None:
    """Say what a clip holds: streams, timing, interlacing, faces, and how long restoring it would take."""
    chosen = settings()
    job = InspectJob(source=str(Path(clip).absolute()), options=restoring(chosen), device=device or chosen.device)
    raise typer.Exit(exit_code(run_jobs([job], display(json=json), chosen=chosen)))


def restoring(
    chosen: Settings, restorer: str = "", fidelity: float | None = None, steadiness: str = "", **more: Any
) -> RestoreOptions:
    """How pictures are restored: as was asked, else as the preferences say."""
    return RestoreOptions(
        restorer=restorer or chosen.restorer,
        fidelity=chosen.fidelity / 100 if fidelity is None else fidelity,
        steadiness=steadiness or chosen.steadiness,
        **more,
    )


def _places(clips: Sequence[str], output: str) -> list[tuple[Path, Path]]:
    """What to restore and where each result goes, absolute."""
    named = [Path(clip).absolute() for clip in clips]
    goal = Path(output).absolute() if output else None
    if goal is not None and len(named) == 1 and not named[0].is_dir() and not _means_folder(goal, output):
        places = [(named[0], goal)]
    else:
        sources = [source for path in named for source in _sources(path)]
        twice = _twice(sources)
        places = [(source, _place(source, goal, whole=source in twice)) for source in sources]
    _refuse_clashes(places)
    return places


def _place(source: Path, folder: Path | None, *, whole: bool = False) -> Path:
    """Where the result of ``source`` goes: into ``folder``, or beside it; a folder's images go into the folder itself."""
    if source.is_dir():
        return folder or source
    return (folder or source.parent) / restored_name(source, whole=whole)


def _twice(sources: Sequence[Path]) -> set[Path]:
    """Clips in containers that we do not write, beside others of the same name: theirs must stay apart from those."""
    stems = Counter(source.with_suffix("").as_posix().casefold() for source in set(sources) if not is_image(source))
    foreign = (source for source in sources if source.suffix.lower() not in KEPT and not is_image(source))
    return {source for source in foreign if stems[source.with_suffix("").as_posix().casefold()] > 1}


def _sources(path: Path) -> list[Path]:
    """The clips that a path of the command line means; a folder of images counts as one."""
    if not path.is_dir():
        return [path]
    found = clips_in(path)
    if images_in(path):
        found.append(path)
    if not found:
        raise UserError("There are no clips or images in this folder", path=path)
    return found


def _means_folder(goal: Path, output: str) -> bool:
    return goal.is_dir() or output.endswith((os.sep, "/"))


def _refuse_clashes(places: Sequence[tuple[Path, Path]]) -> None:
    """Two clips must not write to one file, nor one to another's source."""
    seen: dict[str, Path] = {}
    sources = {os.path.normcase(source) for source, _ in places if not source.is_dir()}
    for source, place in places:
        # What ".auto" becomes for those that we write is as good as always their own ending.
        settled = place.with_suffix(source.suffix) if place.suffix == AUTO and source.suffix.lower() in KEPT else place
        name = os.path.normcase(settled).casefold()
        if name in seen:
            raise UsageError(
                f"{seen[name]} and {source} would both become {place}",
                remedy="Restore them one at a time, with another --output.",
            )
        if os.path.normcase(place) in sources:
            raise UsageError(f"{place} is both a clip and a result", remedy="Choose another --output.")
        seen[name] = source
