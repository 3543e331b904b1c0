"""What a recipe will take on these rows, before it starts: memory by parts, steps, time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.jobs.tuning_jobs import EstimateJob, Recipe
from desktop.models.library import Library
from desktop.tuning import footprint, speed
from desktop.tuning.bases import Base, find_base
from desktop.tuning.prompts import Encoded, Prompter, make_card
from desktop.tuning.recipes import planned_steps, settle
from desktop.tuning.records import import_records
from desktop.tuning.records.facts import Facts, why_untrainable
from desktop.tuning.shapes import Shape, shape_of

if TYPE_CHECKING:
    from desktop.tuning.records import Imported

_SAMPLE = 512
_MANY_CUT = 0.05
_LONGEST = 0.99
# A head's own training: passes over all embeddings, each six operations for every weight.
_HEAD_OPERATIONS = 6.0
# How evaluations go (desktop.tuning.training.judge): rows judged, and tokens of an answer that is looked at. A token written
# alone takes as long as reading so many at once, because all weights are fetched for it.
_JUDGED_LEAST, _JUDGED_MOST = 64, 2_000
_SAMPLE_TOKENS, _ALONE = 64, 12.0


class _Lengths(NamedTuple):
    """Of a sample's rows: mean tokens of prompt and answer, and long ones; which share is cut."""

    prompt: float
    answer: float
    long_prompt: int
    long_answer: int
    cut: float
    answers_cut: float


def estimate(job: EstimateJob, progress: Progress) -> dict[str, Any]:
    """Memory and time of a training.

    Returns:
        "memory": bytes by part and "total"; "available": bytes; "device"; "fits"; "steps"; "seconds" (an estimate, by the speed
        that this computer's arithmetic was measured at); "tokens": read in all; "trainable", "parameters"; "recipe": settled;
        "warnings": sentences.

    Raises:
        UserError: as reading the records, finding the base and settling the recipe do; or nothing can be trained on these rows.
    """
    imported = import_records(job.records, progress.part(0.0, 0.5))
    facts = imported.facts
    if why := why_untrainable(facts):
        raise UserError(why, path=job.records.source)
    base = find_base(job.recipe.base, Library(), progress.part(0.5, 0.8))
    device, available = speed.device(), speed.available()
    recipe = settle(job.recipe, base, facts, device=device, memory=available)
    prompter = Prompter(base.folder, make_card(base, job.records, facts, recipe))
    progress.at(0.8, "Counting tokens")
    lengths = _lengths(_sample(imported, prompter))
    shape = shape_of(base)
    needed = _memory(recipe, base, shape, lengths, facts, device)
    rows = facts.splits.get("train", 0)
    steps = planned_steps(recipe, rows)
    progress.at(0.9, "Measuring this computer")
    seconds = _operations(recipe, base, shape, lengths, facts, steps) / speed.operations_per_second(shape, recipe, device)
    seen = steps * recipe.batch * recipe.accumulation * recipe.gpus
    if recipe.method == "head":
        seen = rows
    memory = {**needed._asdict(), "total": needed.total}
    fits = available is None or needed.total <= available
    progress.at(1.0)
    return {
        "memory": memory,
        "available": available or 0,
        "device": device,
        "fits": fits,
        "steps": steps,
        "seconds": seconds,
        "tokens": int(seen * (lengths.prompt + lengths.answer)),
        "trainable": footprint.trainable(recipe, base) or facts.classes_total * (base.hidden + 1),
        "parameters": base.parameters,
        "recipe": msgspec.to_builtins(recipe),
        "warnings": _warnings(recipe, base, facts, lengths, fits),
    }


def _sample(imported: Imported, prompter: Prompter) -> list[Encoded]:
    """Some training rows, evenly spread, as the model will get them."""
    rows = imported.split("train")
    step = max(1, len(rows) // _SAMPLE)
    chosen = rows[: len(rows) : step] if step == 1 else rows[list(range(0, len(rows), step))[:_SAMPLE]]
    names = list(chosen)
    return prompter.encode_many([dict(zip(names, values, strict=True)) for values in zip(*chosen.values(), strict=True)])


def _lengths(rows: list[Encoded]) -> _Lengths:
    prompts, answers = sorted(len(row.prompt) for row in rows), sorted(len(row.answer) for row in rows)
    last = min(len(rows) - 1, int(_LONGEST * len(rows)))
    return _Lengths(
        prompt=sum(prompts) / len(rows),
        answer=sum(answers) / len(rows),
        long_prompt=prompts[last],
        long_answer=answers[last],
        cut=sum(row.prompt_cut > 0 for row in rows) / len(rows),
        answers_cut=sum(row.answer_cut > 0 for row in rows) / len(rows),
    )


def _memory(recipe: Recipe, base: Base, shape: Shape, lengths: _Lengths, facts: Facts, device: str) -> footprint.Footprint:
    whole = lengths.long_prompt + (lengths.long_answer if base.family == "decoder" else 0)
    return footprint.memory(
        recipe, base, shape, device=device, tokens=whole, answer=lengths.long_answer, classes=facts.classes_total
    )


def _operations(recipe: Recipe, base: Base, shape: Shape, lengths: _Lengths, facts: Facts, steps: int) -> float:
    """Of the whole training, with its evaluations."""
    whole = lengths.prompt + (lengths.answer if base.family == "decoder" else 0.0)
    held_out = facts.splits.get("validation", 0)
    once = footprint.forward(base, shape, whole, lengths.answer)
    if recipe.method == "head":
        rows = facts.splits.get("train", 0)
        passes = _HEAD_OPERATIONS * rows * recipe.epochs * base.hidden * max(2, facts.classes_total)
        return (rows + held_out + facts.splits.get("test", 0)) * once + passes
    step_rows = recipe.batch * recipe.accumulation * recipe.gpus
    judged = min(held_out, max(_JUDGED_LEAST, min(_JUDGED_MOST, recipe.eval_every * step_rows // 3)))
    evaluations = (1 + max(1, steps // recipe.eval_every)) if held_out else 0
    written = min(recipe.max_answer, _SAMPLE_TOKENS) if recipe.samples and base.family != "encoder" else 0
    samples = written * _ALONE * footprint.forward(base, shape, 1.0, 1.0)
    return steps * step_rows * footprint.operations(recipe, base, shape, whole, lengths.answer) + evaluations * (
        judged * once + samples
    )


def _warnings(recipe: Recipe, base: Base, facts: Facts, lengths: _Lengths, fits: bool) -> list[str]:
    said = []
    if not fits:
        said.append("This does not fit into the memory that is free now: choose a smaller base, a smaller batch or LoRA.")
    if lengths.cut > _MANY_CUT:
        said.append(f"{lengths.cut:.0%} of the prompts are longer than {recipe.max_tokens} tokens and lose their ends.")
    if lengths.answers_cut > 0:
        said.append(f"{lengths.answers_cut:.1%} of the answers are longer than {recipe.max_answer} tokens and are cut.")
    if base.context is not None and recipe.max_tokens >= base.context and lengths.cut > 0:
        said.append(f"{base.title} reads at most {base.context} tokens.")
    if not facts.splits.get("validation"):
        said.append("No rows are held out: nothing will tell when the training should end.")
    return said
