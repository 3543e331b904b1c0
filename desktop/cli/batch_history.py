"""``reprise batch list|show|cancel|retry|report``: what became of batches."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from desktop.cli.batch_options import Cluster, ClusterKey, Number, Workers
from desktop.cli.batch_start import at_once, display_of, with_cluster
from desktop.cli.options import Json, Table
from desktop.cli.quantities import duration
from desktop.cli.running import exit_code, open_store, settings
from desktop.cli.tables import print_json, print_table
from desktop.jobs.batches import Batch
from desktop.jobs.states import State

_HERE = "this computer"


def list_all(json: Table = False) -> None:
    """Show all batches, the newest first."""
    with open_store(settings()) as store:
        found = store.batches()
    if json:
        print_json([_facts(batch) for batch in found])
    elif not found:
        typer.echo("No batches.")
    else:
        rows = [
            (str(one.id), str(one.state), f"{one.fraction:.0%}", str(one.total), one.spec.title, _counts(one)) for one in found
        ]
        print_table(("BATCH", "STATE", "DONE", "FILES", "TITLE", "WHAT"), rows)


def show(number: Number, json: Table = False) -> None:
    """Show how far a batch is, and what went wrong, by reason."""
    with open_store(settings()) as store:
        batch, groups = store.batch(number), store.failure_groups(number)
        done = Counter(row.node or _HERE for row in store.page(batch=number, states=[State.DONE], limit=-1))
    if json:
        failures = [{"reason": one.reason, "count": one.count, "jobs": one.jobs, "remedy": one.remedy} for one in groups]
        print_json({**_facts(batch), "computers": dict(done), "failures": failures})
        return
    rate = f", {batch.rate_per_h:.0f} an hour" if batch.rate_per_h else ""
    left = f", {duration(batch.remaining_s)} left" if batch.remaining_s is not None else ""
    typer.echo(f"{batch.spec.title}: {batch.state}, {batch.fraction:.0%} of {batch.total} ({_counts(batch)}){rate}{left}")
    if done.keys() - {_HERE}:
        typer.echo("Done by " + ", ".join(f"{name} ({count})" for name, count in done.most_common()))
    for one in groups:
        typer.echo(f"{one.count:>6} x {one.reason}" + (f" {one.remedy}" if one.remedy else ""))


def cancel(number: Number) -> None:
    """End a batch, also one of the window or of another command."""
    with open_store(settings()) as store:
        store.batch(number)
        waiting = store.cancel_queued(number, "Cancelled")
        running = store.page(batch=number, states=[State.RUNNING, State.PAUSED])
        for row in running:
            store.ask(row.id, "cancel")
    typer.echo(f"Batch {number}: {waiting} that waited are cancelled, {len(running)} that ran are asked to end")


def retry(
    number: Number, workers: Workers = 0, cluster: Cluster = None, cluster_key: ClusterKey = None, json: Json = False
) -> None:
    """Run again what failed, was cancelled or was cut short, here and now."""
    from desktop.batch.keeping import Kept
    from desktop.cli.batch_running import retry_batch

    chosen = with_cluster(settings(), cluster, cluster_key)
    with open_store(chosen) as store:
        spec = store.batch(number).spec
    kept = Kept(Path(spec.report or f"batch-{number}").absolute(), spec.title)
    rows = retry_batch(number, kept, display_of(kept, json=json), at_once(chosen, workers), must_reach=bool(cluster))
    kept.close()
    if not json:
        typer.echo("\n".join(kept.words()))
    raise typer.Exit(exit_code(rows))


def report(
    number: Number,
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="Where to, without ending.")] = "",
) -> None:
    """Write table and report of a batch (HTML, CSV and JSON)."""
    from desktop.batch.keeping import Kept

    with open_store(settings()) as store:
        spec = store.batch(number).spec
        kept = Kept(Path(output or f"batch-{number}").absolute(), spec.title)
        kept.load(store.page(batch=number, newest_first=False, limit=10_000_000))
    kept.close()
    typer.echo("\n".join(kept.words()))


def _counts(batch: Batch) -> str:
    parts = [f"{count} {state}" for state, count in batch.counts.items()]
    return ", ".join([*parts, *([f"{batch.skipped} done before"] if batch.skipped else [])])


def _facts(batch: Batch) -> dict[str, Any]:
    return {
        "batch": batch.id,
        "title": batch.spec.title,
        "kind": batch.spec.kind,
        "state": batch.state,
        "fraction": batch.fraction,
        "total": batch.total,
        "skipped": batch.skipped,
        "counts": {str(state): count for state, count in batch.counts.items()},
        "rate_per_h": batch.rate_per_h,
        "remaining_s": batch.remaining_s,
        "output": batch.spec.output,
        "report": batch.spec.report,
        "watch": batch.spec.watch,
    }
