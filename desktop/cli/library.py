"""``reprise models``: what there is, what it may be used for, and getting it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from desktop.cli import FAILED
from desktop.cli.options import Json, Table
from desktop.cli.quantities import size
from desktop.cli.running import exit_code, run_jobs, settings
from desktop.cli.show import display
from desktop.cli.tables import print_json, print_table
from desktop.errors import UsageError
from desktop.jobs.job import AdoptJob, AnyJob, InstallJob

if TYPE_CHECKING:
    from desktop.models.library import Library

app = typer.Typer(no_args_is_help=True, help="List, install, verify, remove and import models.")

Ids = Annotated[list[str] | None, typer.Argument(metavar="ID", help="Models; `reprise models list` shows them.")]


@app.command("list")
def list_models(json: Table = False) -> None:
    """Show all models with licence, size and whether they are installed."""
    library = _library()
    rows = [_facts(library, entry.id) for entry in library.entries()]
    if json:
        print_json(rows)
        return
    heads = ("ID", "TITLE", "FOR", "LICENCE", "COMMERCIAL", "SIZE", "STATUS")
    print_table(
        heads,
        [
            (row["id"], row["title"], row["pack"], row["licence"], row["commercial"], size(row["size"]), row["status"])
            for row in rows
        ],
    )


@app.command()
def install(ids: Ids = None, json: Json = False) -> None:
    """Install models; without an ID all that Reprise needs by default."""
    library = _library()
    wanted = ids or [entry.id for entry in library.entries() if entry.default]
    for model in wanted:
        library.entry(model)
    jobs = [InstallJob(model=model) for model in dict.fromkeys(wanted)]
    rows = run_jobs(jobs, display(json=json))
    if not json:
        _say_installed(rows)
    raise typer.Exit(exit_code(rows))


@app.command()
def verify(ids: Ids = None, json: Table = False) -> None:
    """Read models and compare them with their checksums; without an ID all that are installed."""
    from desktop.models.library import Status

    library = _library()
    wanted = ids or [entry.id for entry in library.entries() if library.status(entry.id) is not Status.MISSING]
    found = [{"id": model, "status": str(library.verify(model)), "problem": library.problem(model)} for model in wanted]
    if json:
        print_json(found)
    else:
        print_table(("ID", "STATUS", "PROBLEM"), [(row["id"], row["status"], row["problem"]) for row in found])
    broken = any(row["status"] in (Status.CORRUPT, Status.MISSING) for row in found)
    raise typer.Exit(FAILED if broken else 0)


@app.command()
def remove(ids: Annotated[list[str], typer.Argument(metavar="ID", help="Models to remove.")]) -> None:
    """Remove installed models from the disk."""
    library = _library()
    for model in ids:
        library.remove(model)
        typer.echo(f"{model} was removed")


@app.command("import")
def import_files(
    places: Annotated[list[str], typer.Argument(metavar="[ID] PATH", help="Folder with the files, or the one file.")],
    model: Annotated[str, typer.Option("--as", metavar="ID", help="The model that it is, or the name for one of your own.")] = "",
    size: Annotated[int | None, typer.Option(metavar="PIXELS", help="Your own: how large its faces are.")] = None,
    template: Annotated[str | None, typer.Option(metavar="NAME", help="Your own: how they are aligned: ffhq.")] = None,
    span: Annotated[str | None, typer.Option("--range", metavar="LOW,HIGH", help="Your own: values of black and white.")] = None,
    json: Json = False,
) -> None:
    """Install a model from files that you have; they are copied and checked.

    They are those of a model of the catalog, known by their names or by the ID; or a face restorer of your own: an ONNX file that
    takes and gives aligned faces, or a checkpoint with CodeFormer's keys; or a language model of your own to tune: its folder, in
    the hub's layout.
    """
    library = _library()
    if len(places) > 2:
        raise UsageError("One model at a time: say its PATH, or its ID and its PATH")
    if len(places) == 2:
        model = places[0]
        library.entry(model)
    path = Path(places[-1]).absolute()
    model = model or library.recognise(path)
    if model in {entry.id for entry in library.entries() if not entry.is_own}:
        job: AnyJob = InstallJob(model=model, folder=str(path))
    else:
        job = AdoptJob(place=str(path), model=model, size=size, template=template, range=_span(span))
    rows = run_jobs([job], display(json=json))
    if not json:
        _say_installed(rows)
    raise typer.Exit(exit_code(rows))


def _span(text: str | None) -> tuple[float, float] | None:
    """ "-1,1" as numbers."""
    if text is None:
        return None
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--range: '{text}' is not LOW,HIGH, as in --range=-1,1") from None
    return low, high


def _library() -> Library:
    settings()
    from desktop.models.library import Library

    return Library()


def _facts(library: Library, model: str) -> dict[str, Any]:
    entry = library.entry(model)
    return {
        "id": entry.id,
        "title": entry.title,
        "task": entry.task,
        "pack": entry.pack,
        "licence": entry.licence.spdx,
        "commercial": entry.licence.commercial,
        "licence_text": entry.licence.text,
        "size": entry.size,
        "revision": entry.revision,
        "status": str(library.status(entry.id)),
        "problem": library.problem(entry.id),
        "description": entry.description,
    }


def _say_installed(rows: list[Any]) -> None:
    for row in rows:
        if row.result is not None:
            typer.echo(f"{row.result['model']} is in {row.result['folder']}")
            if card := row.result.get("card"):
                fidelity = "with fidelity" if card["fidelity"] else "without fidelity"
                low, high = card["range"]
                typer.echo(f"Faces of {card['size']} pixels, aligned as {card['template']}, {low:g} to {high:g}, {fidelity}.")
                typer.echo("Its licence is not known to Reprise: what it may be used for is yours to check.")
