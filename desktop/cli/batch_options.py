"""Options that the commands about batches share."""

from __future__ import annotations

from typing import Annotated

import typer

from desktop.jobs.batches import OnError

ORDERS = ("given", "name", "size", "newest", "oldest", "shortest", "random")

Sources = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FILE|FOLDER|LIST", help="Files, folders (searched to the bottom), or .txt and .m3u with a file a line."
    ),
]
Output = Annotated[
    str, typer.Option("--output", "-o", metavar="DIR", help="Folder for the results.", show_default="each file's own")
]
Template = Annotated[
    str,
    typer.Option(
        "--template", "--name", metavar="NAME", help="Names of the results: {title}, {number}, {folder} and others are filled in."
    ),
]
Workers = Annotated[
    int, typer.Option("--workers", "--jobs", metavar="N", min=0, max=64, help="Files at a time; 0 for the preferences'.")
]
Ordered = Annotated[str, typer.Option("--order", metavar="ORDER", help=f"What comes first: {', '.join(ORDERS)}.")]
Failing = Annotated[OnError, typer.Option("--on-error", help="Whether a file that fails ends the batch.")]
Resume = Annotated[
    bool, typer.Option("--resume/--anew", help="Go on with the batch of the same folder that was cut short, or begin another.")
]
Watch = Annotated[
    str, typer.Option(metavar="FOLDER", help="Also take what comes into this folder, once it is complete, until Ctrl-C.")
]
Again = Annotated[bool, typer.Option("--again", help="Also make what is there already.")]
Report = Annotated[
    str,
    typer.Option(
        "--report", "--summary", metavar="FILE", help="Table and report, without ending.", show_default="in the results' folder"
    ),
]
Cluster = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="ADDRESS",
        help="Also let the computers of a cluster work: HOST or HOST:PORT.",
        show_default="the preferences'",
    ),
]
ClusterKey = Annotated[
    str | None,
    typer.Option("--cluster-key", metavar="FILE", help="The cluster's key file.", show_default="this computer's own"),
]
Number = Annotated[int, typer.Argument(metavar="BATCH", help="Number of a batch; `reprise batch list` shows them.")]
