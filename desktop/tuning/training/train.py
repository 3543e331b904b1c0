"""From settled settings to a running training: tokens, refusals, the model, other processes, the checkpoint to go on from."""

from __future__ import annotations

import contextlib
import secrets
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import torch

from desktop.errors import UserError
from desktop.jobs.executors import gpu_count
from desktop.jobs.tuning_jobs import Recipe
from desktop.models import cpu
from desktop.tuning.context import Context, Outcome
from desktop.tuning.recipes import planned_steps
from desktop.tuning.training import checkpoints, weights
from desktop.tuning.training.folders import settle
from desktop.tuning.training.group import Alone, Together
from desktop.tuning.training.helpers import Helpers, helpers
from desktop.tuning.training.judge import Judge
from desktop.tuning.training.loop import Loop
from desktop.tuning.training.setup import Setup, make_stepper, take_up
from desktop.tuning.training.tokens import Tokens, tokens_of


def train(context: Context) -> Outcome:
    """Tune a decoder or an encoder-decoder, or go on with a run that has checkpoints.

    Raises:
        UserError: the rows cannot be trained on, it diverged, memory or disk do not suffice.
        Cancelled: the user ended it; a checkpoint was saved first.
    """
    progress = context.progress
    tokens = tokens_of(context.imported, "train", context.prompter, context.folder / "tokens", progress.part(0.0, 0.01))
    _refuse(context, tokens)
    recipe = _for_this_computer(context)
    setup = Setup(
        base=str(context.base.folder),
        base_id=context.base.id,
        recipe=recipe,
        card=context.prompter.card,
        tokens=str(context.folder / "tokens" / "train"),
        fingerprint=tokens.facts.fingerprint,
        steps=planned_steps(recipe, len(tokens)),
        device=context.device,
        start_weights=str(context.start_weights or ""),
    )
    for place in (context.best, context.last):
        settle(place)
    progress.at(0.0, "Looking for a checkpoint")
    loaded = checkpoints.load(context.checkpoints, setup.identity, context.warn)
    progress.at(0.0, f"Loading {context.base.title}")
    with _processes(context, setup, loaded.folder if loaded else None) as (group, crew):
        stepper = make_stepper(setup, tokens, group)
        if loaded is not None:
            take_up(stepper, loaded)
        judge = _judge(context, setup)
        _begin(context, setup, tokens, judge, sum(part.numel() for part in stepper.network.trainable.values()))
        _forget_later(context, loaded.state.step if loaded else -1)
        return Loop(context, setup, stepper, judge, crew, loaded).run()


def _refuse(context: Context, tokens: Tokens) -> None:
    facts, recipe, base = tokens.facts, context.recipe, context.base
    if not len(tokens):
        raise UserError("No row is left to train on", remedy="Look at the list of rows with problems.")
    if facts.prompts_cut == len(tokens):
        window = f" (the window of {base.title} is {base.context})" if base.context else ""
        raise UserError(
            f"Every prompt is longer than max_tokens allows: {recipe.max_tokens}{window}; the longest has {facts.longest} tokens",
            remedy="Allow more tokens, choose fewer input columns or a shorter template, or a base with a longer window.",
        )
    if not bool((tokens.lengths > tokens.answers).all()):
        raise UserError("There are rows whose prompt has no tokens", remedy="Choose a template with some text of its own.")
    for count, what in ((facts.prompts_cut, "prompts"), (facts.answers_cut, "answers")):
        if count:
            context.warn(f"{count:,} of {len(tokens):,} {what} are too long and were cut, as the preview shows.")


def _for_this_computer(context: Context) -> Recipe:
    """The recipe with what cannot be had here replaced, to the same effect."""
    recipe, device = context.recipe, context.device
    replace = msgspec.structs.replace
    if recipe.precision == "bf16" and device == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        context.warn("This GPU has no 16-bit floats with the range of 32-bit ones: training in fp32.")
        recipe = replace(recipe, precision="fp32")
    most, why = possible_processes(recipe.gpus, device, sys.platform, _gpus())
    if most < recipe.gpus:
        passes = -(-recipe.accumulation * recipe.gpus // most)
        context.warn(f"Training with {most} instead of {recipe.gpus} processes, and more passes a step: {why}.")
        recipe = replace(recipe, gpus=most, accumulation=passes)
    return recipe


def possible_processes(wanted: int, device: str, platform: str, gpus: int) -> tuple[int, str]:
    """How many processes can train together, and why not as many as wanted."""
    if wanted > 1 and platform == "win32":
        return 1, "Windows has no library for several GPUs (NCCL)"
    if device == "cuda" and wanted > gpus:
        return gpus, f"this computer has {gpus}"
    return wanted, ""


def _gpus() -> int:
    """GPUs of this computer, also those that the worker's environment hides from it."""
    try:
        return len(list(Path("/proc/driver/nvidia/gpus").iterdir()))
    except OSError:
        return max(1, gpu_count())


@contextlib.contextmanager
def _processes(context: Context, setup: Setup, checkpoint: Path | None) -> Iterator[tuple[Alone, Helpers | None]]:
    processes = setup.recipe.gpus
    if processes == 1:
        yield Alone(), None
        return
    with tempfile.TemporaryDirectory(prefix="reprise-") as folder:
        meeting = Path(folder) / secrets.token_hex(8)
        with helpers(setup, processes, meeting, checkpoint) as crew:
            context.progress.at(0.0, f"Starting {processes} training processes")
            group = _joined(context, crew, meeting, processes, torch.device(setup.device))
            try:
                yield group, crew
            finally:
                group.leave()


def _joined(context: Context, crew: Helpers, meeting: Path, processes: int, device: torch.device) -> Together:
    """The group, when all have come; joining waits for the others, so it is done aside."""
    found: list[Together | BaseException] = []

    def join() -> None:
        try:
            found.append(Together(meeting, processes, 0, device))
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=join, name="meeting", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.1)
        context.progress.checkpoint()
        if crew.any_lost():
            raise crew.lost()
    if isinstance(found[0], BaseException):
        raise found[0]
    return found[0]


def _judge(context: Context, setup: Setup) -> Judge | None:
    imported, recipe = context.imported, setup.recipe
    if not imported.facts.splits.get("validation"):
        context.warn("There are no validation rows: the weights of the last step count as the best.")
        return None
    tokens = tokens_of(imported, "validation", context.prompter, context.folder / "tokens", context.progress.part(0.0, 0.0))
    return Judge(
        imported.split("validation"),
        tokens,
        context.prompter,
        trained=recipe.eval_every * setup.step_rows,
        samples=recipe.samples,
        seed=recipe.seed,
    )


def _begin(context: Context, setup: Setup, tokens: Tokens, judge: Judge | None, trainable: int) -> None:
    """Note what was settled."""
    recipe, run = setup.recipe, context.runs.get(context.run)
    facts = {
        "batch": recipe.batch,
        "accumulation": recipe.accumulation,
        "trainable": trainable,
        "parameters": context.base.parameters,
        "tokens_per_epoch": int(tokens.lengths.sum()),
        "answer_tokens_per_epoch": int(tokens.answers.sum()),
        "prompts_cut": tokens.facts.prompts_cut,
        "answers_cut": tokens.facts.answers_cut,
        "validation_rows": len(judge.rows) if judge else 0,
        "precision": recipe.precision,
        "threads": max(1, cpu.granted() // recipe.gpus),
        "processes": recipe.gpus,
    }
    context.runs.update(context.run, facts={**run.facts, **facts}, total_steps=setup.steps, train_rows=len(tokens))


def _forget_later(context: Context, step: int) -> None:
    """Forget what was reported beyond the checkpoint; what is best is what lies in its folder."""
    context.runs.drop_after(context.run, step)
    mark = weights.mark_of(context.best)
    known = mark if mark is not None and mark.name else None
    context.runs.update(
        context.run,
        step=max(0, step),
        best_step=known.step if known else None,
        best_name=known.name if known else "",
        best_value=known.value if known else None,
    )
