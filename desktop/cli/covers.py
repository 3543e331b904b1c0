"""``reprise cover``, ``render`` and ``demo``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from desktop.cli.options import Device, Json, SoundFont
from desktop.cli.running import exit_code, run_jobs, settings
from desktop.cli.show import display
from desktop.errors import UsageError, UserError
from desktop.jobs.job import BEAT_CHANGES, COMPOSERS, DIFFICULTIES, STYLES, CoverJob, RenderJob
from desktop.jobs.piano_jobs import EXTRAS
from desktop.jobs.rows import Row
from desktop.paths import resources
from desktop.settings import Settings

Songs = Annotated[
    list[str], typer.Argument(metavar="SONG", help="Audio or video files: mp3, m4a, flac, ogg, opus, wav, mp4, ...")
]
Output = Annotated[str, typer.Option("--output", "-o", metavar="DIR", help="Folder for the results.", show_default="the song's")]
Style = Annotated[
    str,
    typer.Option(metavar="STYLE", help=f"How Sketch's left hand plays: {', '.join(STYLES)}.", show_default="the preferences'"),
]
Difficulty = Annotated[
    str,
    typer.Option(
        metavar="LEVEL", help=f"How much the hands have to do: {', '.join(DIFFICULTIES)}.", show_default="the preferences'"
    ),
]
Beats = Annotated[
    str,
    typer.Option(
        metavar="CHANGE|FILE",
        help="Correct the beats. x2 and half change the tempo, shift moves them by half a beat, a file names them "
        "(a line a beat: seconds, tab, number in the bar).",
    ),
]
Audio = Annotated[bool, typer.Option("--audio", help="Also play the cover into NAME.wav.")]
Picture = Annotated[bool, typer.Option("--picture", help="Also draw the piano roll into NAME.png.")]
Name = Annotated[
    str, typer.Option(metavar="NAME", help="File name of the results, without ending; for one song.", show_default="the song's")
]
Engine = Annotated[
    str,
    typer.Option(
        metavar="ENGINE",
        help="What writes the cover: sketch arranges by rules, songbook is a network that comes along and has learnt from "
        "arrangements by people, pop2piano is one to be installed.",
    ),
]
Composer = Annotated[
    int,
    typer.Option(metavar="N", min=COMPOSERS[0], max=COMPOSERS[-1], help="Whose manner Pop2Piano takes."),
]
Also = Annotated[
    list[str] | None,
    typer.Option(metavar="ENDING", help=f"Also write NAME.ENDING: {', '.join(EXTRAS)}. May be given several times."),
]


def cover(
    songs: Songs,
    output: Output = "",
    style: Style = "",
    difficulty: Difficulty = "",
    beats: Beats = "auto",
    audio: Audio = False,
    picture: Picture = False,
    soundfont: SoundFont = "",
    name: Name = "",
    engine: Engine = "sketch",
    composer: Composer = 1,
    also: Also = None,
    device: Device = "",
    json: Json = False,
) -> None:
    """Turn songs into piano covers.

    Writes NAME.mid (two hands, pedal, tempo map) and NAME.reprise (opens in the window) for each SONG.
    """
    chosen = settings()
    jobs = [
        CoverJob(
            source=absolute(song),
            output=str(Path(output or chosen.output or Path(song).parent).absolute()),
            name=name,
            engine=engine,
            style=style or chosen.style,
            difficulty=difficulty or chosen.difficulty,
            beats=beats_choice(beats),
            audio=audio,
            soundfont=absolute(soundfont or chosen.soundfont),
            composer=composer,
            also=tuple(dict.fromkeys(word.lower().lstrip(".") for word in also or ())),
            device=device or chosen.device,
        )
        for song in songs
    ]
    _refuse_clashes(jobs)
    raise typer.Exit(exit_code(_make(jobs, chosen, json=json, picture=picture)))


def render(
    saved: Annotated[str, typer.Argument(metavar="COVER", help="A .reprise or MIDI file.")],
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="wav, flac, ogg or mp3 file to write.")],
    soundfont: SoundFont = "",
    instrument: Annotated[
        str,
        typer.Option(
            metavar="VST3", help="VST3 instrument that plays instead of a SoundFont; needs reprise-studio[vst] (GPL-3.0)."
        ),
    ] = "",
    json: Json = False,
) -> None:
    """Play a saved cover into an audio file."""
    chosen = settings()
    job = RenderJob(
        cover=absolute(saved),
        output=absolute(output),
        soundfont=absolute(soundfont or chosen.soundfont),
        instrument=absolute(instrument),
        device=chosen.device,
    )
    raise typer.Exit(exit_code(run_jobs([job], display(json=json), chosen=chosen)))


def demo(
    output: Annotated[str, typer.Option("--output", "-o", metavar="DIR", help="Folder for the results.")] = "reprise-demo",
    style: Style = "",
    difficulty: Difficulty = "",
    open_window: Annotated[bool, typer.Option("--open", help="Then open the window on the cover.")] = False,
    json: Json = False,
) -> None:
    """Cover the song that comes along, with audio and a picture, and say where everything is and what was measured."""
    chosen = settings()
    job = CoverJob(
        source=str(demo_song()),
        output=absolute(output),
        style=style or chosen.style,
        difficulty=difficulty or chosen.difficulty,
        audio=True,
        soundfont=absolute(chosen.soundfont),
        device=chosen.device,
    )
    (row,) = _make([job], chosen, json=json, picture=True)
    if row.result is not None and open_window:
        from desktop.cli.window import open_window as show

        raise typer.Exit(show([row.result["files"]["project"]]))
    raise typer.Exit(exit_code([row]))


def demo_song() -> Path:
    """The song that comes along; raises UserError when the installation lacks it."""
    folder = resources() / "demo"
    found = [path for path in sorted(folder.glob("*")) if path.suffix in (".opus", ".ogg")]
    if not found:
        raise UserError("The demo song is missing", path=folder, remedy="Install Reprise again.")
    return found[0]


def _make(jobs: Sequence[CoverJob], chosen: Settings, *, json: bool, picture: bool) -> list[Row]:
    return run_jobs(jobs, display(json=json), chosen=chosen, finish=_draw if picture else None)


def _draw(result: dict[str, Any]) -> str:
    """Draw the roll of a finished cover and add it to ``result``; returns why that could not be, or ""."""
    from desktop.cli.pictures import draw_apart

    project = Path(result["files"]["project"])
    picture = project.with_suffix(".png")
    problem = draw_apart(project, picture)
    if problem:
        return f"No picture of {project.name}: {problem}"
    result["files"]["picture"] = str(picture)
    return ""


def absolute(path: str) -> str:
    """A path that means the same in the worker; "" stays."""
    return str(Path(path).absolute()) if path else ""


def beats_choice(value: str) -> str:
    if value in BEAT_CHANGES:
        return value
    if not Path(value).is_file():
        raise UsageError(f"beats: '{value}' is neither a file nor one of {', '.join(BEAT_CHANGES)}")
    return absolute(value)


def _refuse_clashes(jobs: Sequence[CoverJob]) -> None:
    """Two songs must not write to one file."""
    seen: dict[tuple[str, str], str] = {}
    for job in jobs:
        place = (job.output, job.stem.casefold())
        if place in seen:
            raise UsageError(
                f"{seen[place]} and {job.source} would both become {job.stem}.mid in {job.output}",
                remedy="Cover them one at a time, with --name or another --output.",
            )
        seen[place] = job.source
