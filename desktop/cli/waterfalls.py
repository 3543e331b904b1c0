"""``reprise waterfall``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from desktop.cli.options import Json, SoundFont
from desktop.cli.running import exit_code, run_jobs, settings
from desktop.cli.show import display
from desktop.jobs.piano_outputs import FRAME_RATES, VIDEO_FORMATS, VIDEO_KEYS, VIDEO_STYLES, WaterfallJob


def waterfall(
    saved: Annotated[str, typer.Argument(metavar="COVER", help="A .reprise or MIDI file.")],
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help=f"Video to write: {', '.join(VIDEO_FORMATS)}, by its ending.")
    ],
    size: Annotated[str, typer.Option(metavar="WxH", help="Pixels; 1080x1920 is upright, for phones.")] = "1920x1080",
    fps: Annotated[int, typer.Option(metavar="N", help=f"Frames a second: {', '.join(map(str, FRAME_RATES))}.")] = 60,
    style: Annotated[str, typer.Option(metavar="STYLE", help=f"How it looks: {', '.join(VIDEO_STYLES)}.")] = "night",
    caption: Annotated[str, typer.Option(metavar="TEXT", help="Words that show at the start.", show_default="none")] = "",
    background: Annotated[str, typer.Option(metavar="FILE", help="Picture behind the notes, dimmed.", show_default="none")] = "",
    transparent: Annotated[
        bool,
        typer.Option("--transparent", help="Nothing behind notes and keys, for video editors: .mov (ProRes 4444), .webm (VP9)."),
    ] = False,
    lead: Annotated[float, typer.Option(metavar="SECONDS", help="How long a note falls, about.")] = 3.0,
    keys: Annotated[
        str,
        typer.Option(metavar="KEYS", help=f"Which keys are shown: {', '.join(VIDEO_KEYS)} (all where it is wider than high)."),
    ] = "auto",
    chords: Annotated[bool, typer.Option("--chords", help="Chord names fall along.")] = False,
    no_sound: Annotated[bool, typer.Option("--no-sound", help="A silent video.")] = False,
    soundfont: SoundFont = "",
    first: Annotated[float, typer.Option(metavar="SECOND", help="Where the video begins in the cover.")] = 0.0,
    last: Annotated[float, typer.Option(metavar="SECOND", help="Where it ends.", show_default="the cover's end")] = 0.0,
    json: Json = False,
) -> None:
    """Make a falling-notes video of a cover, with its sound."""
    chosen = settings()
    job = WaterfallJob(
        cover=_absolute(saved),
        output=_absolute(output),
        size=size,
        fps=fps,
        style=style,
        caption=caption,
        background=_absolute(background),
        transparent=transparent,
        lead=lead,
        keys=keys,
        chords=chords,
        sound=not no_sound,
        soundfont=_absolute(soundfont or chosen.soundfont),
        first=first,
        last=last,
        device=chosen.device,
    )
    raise typer.Exit(exit_code(run_jobs([job], display(json=json), chosen=chosen)))


def _absolute(path: str) -> str:
    """A path that means the same in the worker; "" stays."""
    return str(Path(path).absolute()) if path else ""
