"""The commands, gathered."""

from __future__ import annotations

from typing import Annotated

import typer

from desktop import __version__
from desktop.cli import (
    asking,
    batches,
    clusters,
    covers,
    doctor,
    history,
    library,
    measuring,
    pictures,
    playing,
    scores,
    tuning,
    videos,
    waterfalls,
)

app = typer.Typer(
    name="reprise",
    help="Turn songs into playable piano covers, restore faces in old video and fine-tune small language models, on your own "
    "machine.\n\n"
    "Without a command the window opens. Commands end with 0 when all was done, 1 when something failed, "
    "2 when they were not understood, 130 when they were cancelled.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"reprise {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None: ...


app.command("cover")(covers.cover)
app.add_typer(batches.app, name="batch")
app.command("render")(covers.render)
app.command("score")(scores.score)
app.command("waterfall")(waterfalls.waterfall)
app.command("play")(playing.play)
app.command("demo")(covers.demo)
app.command("restore")(videos.restore)
app.command("inspect")(videos.inspect)
app.command("measure")(measuring.measure)
app.add_typer(tuning.app, name="tune")
app.command("evaluate")(asking.evaluate)
app.command("export")(asking.export)
app.command("ask")(asking.ask)
app.command("label")(asking.label)
app.add_typer(library.app, name="models")
app.add_typer(history.app, name="queue")
app.add_typer(clusters.app, name="cluster")
app.command("doctor")(doctor.doctor)
app.command("window")(pictures.window)
app.command("screenshots")(pictures.screenshots)
app.command("snapshot", hidden=True)(pictures.snapshot)
app.command("engrave", hidden=True)(scores.engrave)
