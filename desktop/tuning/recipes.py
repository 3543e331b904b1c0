"""Recipes that work: what "auto" and zero mean for a base model, the rows and the machine; and starting points. Nothing heavy."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec

from desktop.errors import UsageError, UserError
from desktop.jobs.tuning_jobs import Recipe, Records
from desktop.tuning import footprint
from desktop.tuning.bases import Base
from desktop.tuning.lengths import settled_lengths
from desktop.tuning.shapes import shape_of, targets_of

if TYPE_CHECKING:
    from desktop.tuning.records.facts import Facts

_METHODS = {"encoder": ("head", "full"), "decoder": ("lora", "full"), "seq2seq": ("lora", "full")}
_SHARE = 0.9
# A head is fitted to all rows at once: at most so many passes over their embeddings (see desktop.tuning.head.frozen).
_HEAD_STEPS = 280


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """A starting point.

    Attributes:
        sentence: what the tuned model does.
        demo: file in ``resources/demo`` to try it with.
        options: fields of ``Records`` besides its source.
        from_commits: the rows can be made of a git repository of the user's.
    """

    id: str
    title: str
    sentence: str
    demo: str
    options: dict[str, Any]
    recipe: Recipe
    from_commits: bool = False

    def records(self, source: str) -> Records:
        """The rows of a file, as this starting point reads them."""
        return msgspec.convert({**self.options, "source": source}, Records)


STARTS = (
    Start(
        id="route",
        title="Route queries to departments",
        sentence="Reads what customers write and says which department should answer. Trained in a minute or two on a processor.",
        demo="departments.csv",
        options={"inputs": ("text",), "output": "department"},
        recipe=Recipe(base="minilm"),
    ),
    Start(
        id="enrich",
        title="Enrich CRM records",
        sentence="Turns an untidy line about a contact into a complete record in one form.",
        demo="crm.jsonl",
        options={
            "inputs": ("record",),
            "output": "enriched",
            "system": "You turn lines about business contacts into complete records. Answer with the record only.",
        },
        recipe=Recipe(base="smollm2"),
    ),
    Start(
        id="commits",
        title="Describe commits",
        sentence="Says in one line of plain English what a change to a program does; learns from your own repository.",
        demo="commits.jsonl",
        options={
            "inputs": ("change",),
            "output": "message",
            "system": "You describe changes to programs. Answer with one line that says what the change does.",
        },
        recipe=Recipe(base="smollm2"),
        from_commits=True,
    ),
)
"""What most people want to begin with."""


def settle(recipe: Recipe, base: Base, facts: Facts, *, device: str, memory: int | None = None) -> Recipe:
    """The recipe with every "auto" and zero replaced.

    Args:
        device: "cpu" or "cuda".
        memory: bytes that the training may take there. When the batch that the recipe leaves open does not fit, it is made
            smaller and accumulated over more passes; at the end activations are computed twice instead of kept.

    Raises:
        UsageError: the method does not go with the base.
        UserError: a classifier is wanted, and the answers are no labels.
    """
    method = _method(recipe, base, facts)
    rows = max(1, facts.splits.get("train", 0))
    max_tokens, max_answer = settled_lengths(base, facts, recipe)
    settled = msgspec.structs.replace(
        recipe,
        method=method,
        max_tokens=max_tokens,
        max_answer=max_answer,
        batch=recipe.batch or _batch(method, base, rows, device),
        learning_rate=recipe.learning_rate or _rate(method, base),
        precision=recipe.precision if recipe.precision != "auto" else _precision(method, device),
        lora_targets=recipe.lora_targets or (targets_of(base) if method == "lora" else ()),
    )
    if memory is not None and method != "head":
        settled = _fitted(settled, recipe, base, device, memory)
    settled = msgspec.structs.replace(settled, epochs=recipe.epochs or _epochs(settled, rows))
    steps = planned_steps(settled, rows)
    every = recipe.eval_every or _every(steps, 10, 500)
    return msgspec.structs.replace(
        settled, eval_every=every, checkpoint_every=recipe.checkpoint_every or min(every, _every(steps, 20, 200))
    )


def planned_steps(recipe: Recipe, rows: int) -> int:
    """Steps of the optimiser that a settled recipe makes over so many training rows; at least 1."""
    per_epoch = max(1, math.ceil(rows / (recipe.batch * recipe.accumulation * recipe.gpus)))
    steps = max(1, math.ceil(recipe.epochs * per_epoch))
    return min(steps, recipe.max_steps) if recipe.max_steps else steps


def _method(recipe: Recipe, base: Base, facts: Facts) -> str:
    possible = _METHODS[base.family]
    method = possible[0] if recipe.method == "auto" else recipe.method
    if method not in possible:
        other = "a language model such as smollm2" if method == "lora" else "a sentence encoder such as minilm"
        raise UsageError(
            f"method: '{method}' does not go with {base.title}, which takes {' or '.join(possible)}",
            remedy=f"Choose another method, or {other} as the base.",
        )
    if base.family == "encoder" and not facts.classes:
        raise UserError(
            f"{base.title} sorts texts under labels, and the answers in column '{facts.output}' are no labels",
            remedy="Choose a base that writes, such as smollm2, or another column.",
        )
    return method


def _batch(method: str, base: Base, rows: int, device: str) -> int:
    if method == "head":
        return rows
    if base.family == "encoder":
        return 32
    wanted = 8 if device == "cpu" or base.parameters > 1_500_000_000 else 16
    # A few rows make few steps; smaller batches make more of them.
    return wanted if rows >= 20 * wanted else max(1, min(wanted, rows // 20 or 1))


def _rate(method: str, base: Base) -> float:
    """Usual peaks; larger models take smaller ones.

    In short trials of adapters on SmolLM2 (10 to 20 steps, 2e-4 to 2e-3) larger rates learnt faster and none diverged;
    the one taken leaves room for longer runs.
    """
    large = base.parameters > 1_000_000_000
    if method == "head":
        # Newton's steps, in effect: their own length is the right one.
        return 1.0
    if base.family == "encoder":
        return 1e-4
    if base.family == "seq2seq":
        return 1e-3 if method == "lora" else 1e-4 if large else 3e-4
    if method == "lora":
        return 2e-4 if large else 5e-4 if base.parameters > 300_000_000 else 1e-3
    return 2e-5 if large else 5e-5 if base.parameters > 300_000_000 else 1e-4


def _precision(method: str, device: str) -> str:
    # 16-bit floats without the range of 32-bit ones overflow in T5, so they are never an option.
    return "bf16" if device == "cuda" and method != "head" else "fp32"


def _epochs(recipe: Recipe, rows: int) -> float:
    if recipe.method == "head":
        return float(_HEAD_STEPS)
    return 3.0 if rows < 5_000 else 2.0 if rows < 20_000 else 1.0


def _every(steps: int, times: int, most: int) -> int:
    """So many times in a run, but no more rarely than every ``most`` steps; a round number where there is room for one."""
    every = max(1, min(most, steps // times))
    return every if every < 10 else every // 5 * 5


def _fitted(settled: Recipe, asked: Recipe, base: Base, device: str, memory: int) -> Recipe:
    """With the largest batch that fits, if the recipe left the batch open."""
    shape, allowed = shape_of(base), int(memory * _SHARE)

    def fits(recipe: Recipe) -> bool:
        return footprint.memory(recipe, base, shape, device=device).total <= allowed

    tried = settled
    while not fits(tried) and tried.batch > 1 and not asked.batch:
        half = tried.batch // 2
        tried = msgspec.structs.replace(tried, batch=half, accumulation=math.ceil(tried.batch * tried.accumulation / half))
    if fits(tried):
        return tried
    # Nothing is left but to compute activations twice; with them the larger batch may fit after all.
    lean = msgspec.structs.replace(settled, gradient_checkpointing=True)
    while not fits(lean) and lean.batch > 1 and not asked.batch:
        half = lean.batch // 2
        lean = msgspec.structs.replace(lean, batch=half, accumulation=math.ceil(lean.batch * lean.accumulation / half))
    return lean if base.family != "encoder" else tried
