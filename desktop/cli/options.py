"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object a line: every event, the result last.")]
Table = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
SoundFont = Annotated[
    str, typer.Option(metavar="FILE", help="SF2 or SF3 file that plays the piano.", show_default="the one that comes along")
]
Device = Annotated[
    str, typer.Option(metavar="DEVICE", help="Where models run: auto, cpu or cuda.", show_default="the preferences'")
]
