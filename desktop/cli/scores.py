"""``reprise score``, and the hidden command that paints its pages."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from desktop.cli.options import Json
from desktop.cli.running import exit_code, run_jobs, settings
from desktop.cli.show import display
from desktop.jobs.piano_outputs import PAPERS, SCORE_FORMATS, ScoreJob


def score(
    saved: Annotated[str, typer.Argument(metavar="COVER", help="A .reprise or MIDI file.")],
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help=f"File to write: {', '.join(SCORE_FORMATS)}, by its ending.")
    ],
    paper: Annotated[str, typer.Option(metavar="SIZE", help=f"Paper of PDF and SVG: {', '.join(PAPERS)}.")] = "a4",
    chords: Annotated[bool, typer.Option("--chords/--no-chords", help="Chord symbols above the staves.")] = True,
    json: Json = False,
) -> None:
    """Write a cover as a piano score.

    MusicXML opens in MuseScore, Dorico and Sibelius; PDF and SVG are engraved, several SVG pages are numbered.
    """
    job = ScoreJob(cover=str(Path(saved).absolute()), output=str(Path(output).absolute()), paper=paper, chords=chords)
    raise typer.Exit(exit_code(run_jobs([job], display(json=json), chosen=settings())))


def engrave(folder: str, target: str, title: Annotated[str, typer.Option()] = "") -> None:
    """Paint the SVG pages in a folder into a PDF file."""
    if sys.platform not in ("win32", "darwin"):
        # Elsewhere there may be no display; nothing is shown in any case.
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from desktop.ui.engraving import paint_pdf

    paint_pdf(Path(folder), Path(target), title)
