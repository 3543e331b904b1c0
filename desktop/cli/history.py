"""``reprise queue``: the jobs of the window and of all commands."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from textwrap import shorten
from typing import Annotated, Any

import msgspec
import typer

from desktop.cli import FAILED
from desktop.cli.options import Json, Table
from desktop.cli.quantities import duration
from desktop.cli.running import exit_code, open_store, retry_jobs, settings
from desktop.cli.show import display
from desktop.cli.tables import print_json, print_table
from desktop.errors import UsageError, UserError
from desktop.jobs.joblogs import read_log
from desktop.jobs.rows import Row
from desktop.jobs.scratch import remove_scratch
from desktop.jobs.states import State
from desktop.jobs.store import Store

app = typer.Typer(no_args_is_help=True, help="See and steer the jobs of the window and of other commands.")

CANCEL_WAIT_S = 4.0
_WIDTH = 90

Numbers = Annotated[list[int], typer.Argument(metavar="JOB", help="Numbers of jobs; `reprise queue list` shows them.")]


@app.command("list")
def list_jobs(
    search: Annotated[
        str, typer.Option(metavar="TEXT", help="Only jobs with these words in their files, their options or why they failed.")
    ] = "",
    state: Annotated[
        list[State] | None, typer.Option(help="Only jobs in this state; may be given several times.", show_default=False)
    ] = None,
    json: Table = False,
) -> None:
    """Show all jobs, or those that are searched for, the newest last."""
    with _store() as store:
        rows = store.page(states=state or (), search=search, newest_first=False, limit=-1)
    if json:
        print_json([_facts(row) for row in rows])
        return
    if not rows:
        typer.echo("No such jobs." if search or state else "No jobs.")
        return
    # Which computer it was is only of interest where there is more than one.
    where = 1 if any(row.node for row in rows) else 0
    heads = ["JOB", "STATE", "DONE", "TITLE", *["COMPUTER"] * where, "WHAT"]
    cells = [[str(row.id), str(row.state), _done(row), row.job.title, *[row.node] * where, _what(row)] for row in rows]
    print_table(heads, cells)


@app.command()
def log(number: Annotated[int, typer.Argument(metavar="JOB", help="Number of the job.")]) -> None:
    """Print what a job said, and why it failed."""
    with _store() as store:
        row, lines = store.row(number), store.logs(number)
    if kept := read_log(row):
        typer.echo("\n".join(kept))
        return
    for at, line in lines:
        typer.echo(f"{time.strftime('%H:%M:%S', time.localtime(at))} {line.level}: {line.text}")
    if row.error is not None:
        typer.echo("\n".join(filter(None, [row.error.message, row.error.path, row.error.remedy, row.error.details])))


@app.command()
def cancel(
    numbers: Annotated[list[int] | None, typer.Argument(metavar="JOB", help="Numbers of jobs.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All jobs that wait or run.")] = False,
) -> None:
    """End jobs, also those of the window and of other commands."""
    with _store() as store:
        open_states = (State.QUEUED, State.RUNNING, State.PAUSED)
        wanted = [row.id for row in store.rows(*open_states)] if everything else numbers or []
        if not wanted and not everything:
            raise UsageError("Which job? Give its number, or --all")
        for number in wanted:
            _ask_to_cancel(store, store.row(number))
        left = [number for number in wanted if not _is_over_soon(store, number)]
    for number in wanted:
        typer.echo(f"Job {number} {'does not end' if number in left else 'is cancelled'}")
    raise typer.Exit(FAILED if left else 0)


@app.command()
def pause(numbers: Numbers) -> None:
    """Let running jobs stand still."""
    _ask(numbers, "pause", State.RUNNING)


@app.command()
def resume(numbers: Numbers) -> None:
    """Let paused jobs go on."""
    _ask(numbers, "resume", State.PAUSED)


@app.command()
def retry(numbers: Numbers, json: Json = False) -> None:
    """Run failed, cancelled or interrupted jobs again, and those that a dead process left in the queue, here and now."""
    raise typer.Exit(exit_code(retry_jobs(list(dict.fromkeys(numbers)), display(json=json))))


@app.command()
def clear(
    everything: Annotated[bool, typer.Option("--all", help="Also failed and interrupted jobs, which could be retried.")] = False,
) -> None:
    """Remove ended jobs from the list. Their files stay."""
    states = [State.DONE, State.CANCELLED, *((State.FAILED, State.INTERRUPTED) if everything else ())]
    with _store() as store:
        rows = store.rows(*states)
        for row in rows:
            store.delete(row.id)
            remove_scratch(row.id)
    typer.echo(f"{len(rows)} jobs were removed from the list" if len(rows) != 1 else "1 job was removed from the list")


def _store() -> AbstractContextManager[Store]:
    return open_store(settings())


def _ask(numbers: list[int], request: str, state: State) -> None:
    """Leave a request for the processes that have the jobs."""
    with _store() as store:
        for number in numbers:
            row = store.row(number)
            if row.state is not state:
                raise UserError(f"Job {number} is {row.state}, not {state}")
            store.ask(number, request)


def _ask_to_cancel(store: Store, row: Row) -> None:
    if row.state.is_over:
        raise UserError(f"Job {row.id} is {row.state} already")
    if row.state is State.QUEUED:
        store.move(row.id, State.CANCELLED)
    else:
        store.ask(row.id, "cancel")


def _is_over_soon(store: Store, number: int) -> bool:
    """Wait for the process that has the job."""
    deadline = time.monotonic() + CANCEL_WAIT_S
    while not store.row(number).state.is_over:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _done(row: Row) -> str:
    return f"{row.fraction:.0%}" if row.state.is_active or row.state.can_retry else ""


def _what(row: Row) -> str:
    if row.error is not None:
        return shorten(row.error.message, _WIDTH, placeholder=" …")
    if row.state.is_active:
        left = f" ({duration(row.remaining_s)} left)" if row.remaining_s is not None else ""
        return f"{row.message}{left}"
    if row.state is State.DONE and row.started and row.ended:
        return f"took {duration(row.ended - row.started)}"
    return ""


def _facts(row: Row) -> dict[str, Any]:
    return {
        "job": row.id,
        "state": row.state,
        "title": row.job.title,
        "fraction": row.fraction,
        "message": row.message,
        "remaining_s": row.remaining_s,
        "created": row.created,
        "started": row.started,
        "ended": row.ended,
        "device": row.device,
        "computer": row.node,
        "error": msgspec.to_builtins(row.error),
        "result": row.result,
        "request": msgspec.to_builtins(row.job),
    }
