"""``reprise models``: what there is, what it may be used for, and getting it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from desktop.cli import FAILED
from desktop.cli.options import Json, Table
from desktop.cli.running import exit_code, run_jobs, settings
from desktop.cli.show import display
from desktop.cli.tables import print_json, print_table
from desktop.cli.words import size
from desktop.jobs.job import InstallJob

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
    model: Annotated[str, typer.Argument(metavar="ID", help="The model that the files are.")],
    source: Annotated[str, typer.Argument(metavar="PATH", help="Folder with the files, or the one file.")],
    json: Json = False,
) -> None:
    """Install a model from files that you have; they are copied and checked."""
    _library().entry(model)
    rows = run_jobs([InstallJob(model=model, folder=str(Path(source).absolute()))], display(json=json))
    if not json:
        _say_installed(rows)
    raise typer.Exit(exit_code(rows))


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
