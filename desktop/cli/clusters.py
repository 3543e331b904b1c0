"""``reprise cluster``: several computers for one queue."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from desktop.cli.options import Table
from desktop.cli.running import settings
from desktop.cli.tables import print_json, print_table
from desktop.errors import UsageError, UserError
from desktop.jobs.cluster import client, keys
from desktop.jobs.executors import Slot, local_slots
from desktop.paths import atomic_write

app = typer.Typer(no_args_is_help=True, help="Let several computers work on one queue, over encrypted connections.")

Address = Annotated[str | None, typer.Argument(help="HOST or HOST:PORT of the cluster; the one started here if left out.")]
KeyFile = Annotated[Path | None, typer.Option("--key", metavar="FILE", help="Its key file; this computer's own if left out.")]
Workers = Annotated[int | None, typer.Option("--workers", "-w", min=0, help="Jobs at the same time on this computer.")]
Name = Annotated[str, typer.Option("--name", help="What this computer is called in lists.")]


@app.command()
def start(
    address: Annotated[
        str, typer.Option("--address", help="Where other computers find this one: HOST or HOST:PORT.")
    ] = f"0.0.0.0:{client.PORT}",
    workers: Workers = None,
    name: Name = "",
) -> None:
    """Start a cluster here, in which this computer takes part (not with --workers 0); Ctrl-C ends it.

    The first start makes the key file. Carry it to every computer that is to join: who has it can run programs on all of them.
    """
    from desktop.jobs.cluster.serve import serve

    own = keys.own_keys()

    def ready(found: str) -> None:
        plain = found.removeprefix("tls://")
        with atomic_write(_address_path(), "w") as file:
            file.write(plain)
        typer.echo(f"The cluster listens at {plain}")
        typer.echo(f"Key file: {keys.key_path()}")
        typer.echo(f"On another computer: reprise cluster join {plain} --key cluster.key")

    try:
        serve(address, own, [] if workers == 0 else _slots(workers), typer.echo, name=name, ready=ready)
    finally:
        _address_path().unlink(missing_ok=True)


@app.command()
def join(
    address: Annotated[str, typer.Argument(help="HOST or HOST:PORT of the cluster.")],
    key: Annotated[Path, typer.Option("--key", metavar="FILE", help="The cluster's key file.")],
    workers: Workers = None,
    name: Name = "",
    send_files: Annotated[
        bool, typer.Option("--send-files", help="Have all files sent, also those that both computers see at the same place.")
    ] = False,
) -> None:
    """Let this computer work for a cluster; Ctrl-C ends that, and its jobs go to the others."""
    from desktop.jobs.cluster.serve import join as take_part

    if workers == 0:
        raise UsageError("--workers: a computer that joins needs at least one")
    take_part(address, keys.read_keys(key), _slots(workers), typer.echo, name=name, shares_folders=not send_files)


@app.command()
def status(address: Address = None, key: KeyFile = None, json: Table = False) -> None:
    """Show the computers of a cluster, their slots and what runs there."""
    found = client.nodes(address or _own_address(), _keys(key))
    if json:
        print_json(found)
        return
    rows = [(node["node"], slot["name"], slot["device"], slot["job"] or "free") for node in found for slot in node["slots"]]
    if not rows:
        typer.echo("No computer takes part.")
        return
    print_table(("COMPUTER", "SLOT", "DEVICE", "JOB"), rows)


@app.command()
def stop(address: Address = None, key: KeyFile = None) -> None:
    """End a cluster, on all of its computers."""
    where = address or _own_address()
    client.stop(where, _keys(key))
    typer.echo(f"The cluster at {where} ends")


def _slots(workers: int | None) -> list[Slot]:
    chosen = settings()
    return [slot for slot in local_slots(workers or chosen.workers, threads=chosen.threads) if not slot.express]


def _keys(path: Path | None) -> keys.Keys:
    return keys.read_keys(path or keys.key_path())


def _address_path() -> Path:
    return keys.key_path().with_name("address")


def _own_address() -> str:
    try:
        found = _address_path().read_text().strip()
    except OSError as error:
        raise UserError("No cluster was started on this computer", remedy="Give the address of one.") from error
    host, _, port = found.rpartition(":")
    return f"127.0.0.1:{port}" if host == "0.0.0.0" else found
