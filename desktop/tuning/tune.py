"""A run from the job to its weights: taken up or begun, settled, trained by whichever way suits it, its state kept true."""

from __future__ import annotations

import contextlib
import gc
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from desktop.errors import UsageError, UserError
from desktop.jobs.failures import failure
from desktop.jobs.progress import Cancelled, Progress
from desktop.jobs.tuning_jobs import Recipe, TuneJob
from desktop.models.files import locked
from desktop.models.headroom import free_bytes
from desktop.models.library import Library
from desktop.tuning import speed
from desktop.tuning.bases import Base, find_base
from desktop.tuning.context import Context, Outcome
from desktop.tuning.devices import places
from desktop.tuning.prompts import Prompter, make_card
from desktop.tuning.recipes import settle
from desktop.tuning.records import Imported, import_records, open_imported
from desktop.tuning.records.facts import Facts, why_untrainable
from desktop.tuning.runs import Run, Runs, RunState, runs_dir

RECORDS = "records"
_FREE = "Free some space, then resume the run."


def tune(job: TuneJob, progress: Progress) -> dict[str, Any]:
    """Fine-tune a model, or go on with a run from its last checkpoint.

    Returns:
        "run": id; "files": {"weights": folder of the best}; "best": {"name", "value", "step"}; "steps"; "seconds"; "stopped":
        "finished", "early" or "asked"; "device"; "warnings": sentences.

    Raises:
        UserError: the rows, the base or the settings do not allow it, it diverged, memory or disk do not suffice, or the run is
            over or being trained elsewhere.
        Cancelled: the user ended it; it can go on later.
    """
    runs = Runs()
    try:
        run = _taken_up(runs, job)
        with _true_state(runs, run.id):
            device = _device(job.device)
            with _to_itself(device, job.recipe.gpus, progress):
                context = _context(runs, run, job, device, progress)
                outcome = _train(context)
        return _result(context, outcome)
    finally:
        runs.close()


def _taken_up(runs: Runs, job: TuneJob) -> Run:
    """The job's run, which this process owns from now on."""
    known = next((run for run in runs.all() if run.id == job.run), None)
    if known is None:
        base, method = job.recipe.base, job.recipe.method
        return runs.create(
            job.run,
            name=job.name,
            records=job.records,
            recipe=job.recipe,
            base=base,
            method=method,
            resumed_from=job.resumed_from,
        )
    if not known.is_over:
        raise UserError(f"The run {known.name or known.id} is being trained already", remedy="Wait for it, or stop it.")
    if not known.can_resume:
        raise UserError(f"The run {known.name or known.id} is {known.state}", remedy="Start a new run.")
    if known.records != job.records or known.resumed_from != job.resumed_from or not _agrees(job.recipe, known.recipe):
        raise UsageError(
            f"The run {known.name or known.id} was begun with other records or settings",
            remedy="Resume it as it was begun, or start a new run.",
        )
    runs.update(job.run, state=RunState.RUNNING)
    return runs.get(job.run)


def _agrees(asked: Recipe, settled: Recipe) -> bool:
    """Whether ``settled`` is what ``asked`` may have become."""
    given, had = msgspec.to_builtins(asked), msgspec.to_builtins(settled)
    return all(had[name] == value or value in (0, 0.0, "auto", [], ()) for name, value in given.items())


@contextlib.contextmanager
def _true_state(runs: Runs, run: str) -> Iterator[None]:
    """The run's state says what became of it, whatever that is."""
    try:
        yield
    except Cancelled:
        runs.update(run, state=RunState.STOPPED)
        raise
    except BaseException as error:
        full = isinstance(error, sqlite3.OperationalError) and "full" in str(error)
        if full:
            error = UserError("The history of runs could not be written: the disk is full", path=runs.path, remedy=_FREE)
        # A disk that is full has no room for this either; the run then counts as stopped when this process has ended.
        with contextlib.suppress(sqlite3.Error):
            said = str(error) if isinstance(error, UserError) else failure(error).message
            runs.update(run, state=RunState.FAILED, error=said)
        if full:
            raise error from None
        raise
    runs.update(run, state=RunState.DONE)


@contextlib.contextmanager
def _to_itself(device: str, processes: int, progress: Progress) -> Iterator[None]:
    """The device, once no other run uses it, whichever program that run belongs to."""
    with contextlib.ExitStack() as stack:
        for place in places(device, processes):
            lock = runs_dir() / f".{place}.lock"
            stack.enter_context(locked(lock, progress, "Waiting for another run on this device to end"))
        yield


def _device(wanted: str) -> str:
    import torch

    there = torch.cuda.is_available()
    if wanted == "cuda" and not there:
        raise UserError(
            "There is no GPU that torch can use", remedy="Choose the device auto or cpu; `reprise doctor` says what is missing."
        )
    return "cuda" if there and wanted != "cpu" else "cpu"


def _context(runs: Runs, run: Run, job: TuneJob, device: str, progress: Progress) -> Context:
    folder = runs.folder(run.id)
    progress.at(0.0, "Reading the records")
    imported = _records(folder, job, progress.part(0.0, 0.02))
    if why := why_untrainable(imported.facts):
        raise UserError(why, path=job.records.source)
    base = find_base(run.recipe.base, Library(), progress.part(0.0, 0.02))
    # What was settled when the run began holds, whatever memory there is now.
    recipe = run.recipe if run.started else _settled(job.recipe, base, imported.facts, device)
    card = make_card(base, job.records, imported.facts, recipe)
    context = Context(
        run=run.id,
        runs=runs,
        folder=folder,
        base=base,
        recipe=recipe,
        imported=imported,
        prompter=Prompter(base.folder, card),
        progress=progress,
        device=device,
        start_weights=_start(runs, job, base, recipe),
    )
    runs.update(
        run.id,
        base=base.title,
        method=recipe.method,
        recipe=msgspec.json.encode(recipe).decode(),
        train_rows=imported.facts.splits["train"],
        device=device,
        started=run.started or time.time(),
        facts={**run.facts, "settled": msgspec.to_builtins(recipe)},
    )
    return context


def _settled(asked: Recipe, base: Base, facts: Facts, device: str) -> Recipe:
    recipe = settle(asked, base, facts, device=device, memory=_memory(device))
    if asked.precision == "auto" and device == "cpu" and recipe.method == "lora" and _multiplies_halves():
        # Only products with the frozen weights are computed in 16 bits there.
        return msgspec.structs.replace(recipe, precision="bf16")
    return recipe


def _multiplies_halves() -> bool:
    """Whether this processor has instructions for products of 16-bit floats: with them, large ones take half the time."""
    import torch

    known = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(getattr(torch.cpu, name, bool)() for name in known)


def _memory(device: str) -> int | None:
    """Bytes that the training may take."""
    return speed.available() if device == speed.device() else free_bytes("CPU")


def _records(folder: Path, job: TuneJob, progress: Progress) -> Imported:
    """The run's own copy of its rows: made once, so that the user's file may change or go."""
    place = folder / RECORDS
    if place.is_dir():
        with contextlib.suppress(UserError):
            return open_imported(place)
    return import_records(job.records, progress, into=place)


def _start(runs: Runs, job: TuneJob, base: Base, recipe: Recipe) -> Path | None:
    """Folder of the weights to start from."""
    if not job.resumed_from:
        return None
    origin = runs.get(job.resumed_from)
    what = f"The run {origin.name or origin.id}"
    if (origin.base, origin.method) != (base.title, recipe.method):
        raise UsageError(
            f"{what} tuned {origin.base} by {origin.method}, not {base.title} by {recipe.method}",
            remedy="Choose its base and method, or start from the base.",
        )
    same = ("lora_rank", "lora_alpha", "lora_targets") if recipe.method == "lora" else ()
    for name in same:
        if getattr(origin.recipe, name) != getattr(recipe, name):
            raise UsageError(
                f"{name}: {what[0].lower()}{what[1:]} has {getattr(origin.recipe, name)}, not {getattr(recipe, name)}",
                remedy="Its adapters can only be trained on as they are.",
            )
    folder = runs.folder(origin.id)
    found = next((folder / name for name in ("best", "last") if (folder / name).is_dir()), None)
    if found is None:
        raise UserError(f"{what} has no weights yet", remedy="Let it train further, or start from the base.")
    return found


def _train(context: Context) -> Outcome:
    try:
        if context.base.family == "encoder":
            from desktop.tuning.head import train as train_head

            return train_head(context)
        from desktop.tuning.training.train import train

        return train(context)
    finally:
        _let_go()


def _let_go() -> None:
    """Give back the device's memory: the worker stays for other jobs."""
    gc.collect()
    if torch := sys.modules.get("torch"):
        torch.cuda.empty_cache()


def _result(context: Context, outcome: Outcome) -> dict[str, Any]:
    return {
        "run": context.run,
        "files": {"weights": str(context.best)},
        "best": {"name": outcome.best_name, "value": outcome.best_value, "step": outcome.best_step},
        "steps": outcome.steps,
        "seconds": round(outcome.seconds, 3),
        "stopped": str(outcome.stopped),
        "device": context.device,
        "warnings": list(context.warnings),
    }
