"""Encoder and head trained together: the head first, on the frozen encoder, then both by gradients.

A head that fits already leaves the encoder's values where they mean something (Kumar et al. 2022, "Fine-tuning can distort
pretrained features"). Steps, checkpoints, pauses and lack of memory are those of ``desktop.tuning.training``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch

from desktop.errors import UserError
from desktop.models import cpu
from desktop.models.classifier_head import Head, HeadFacts, has_head, read_head
from desktop.models.export.encoder_nets import plan_of
from desktop.tuning.context import Context, Outcome
from desktop.tuning.head.classes import OUTSIDE, UNKNOWN, Codes, classes_of
from desktop.tuning.head.data import Data, embedded
from desktop.tuning.head.embedding import Embedder
from desktop.tuning.head.finish import Read, certain, place_head, plain
from desktop.tuning.head.lbfgs import Lbfgs
from desktop.tuning.head.network import HEAD, Classifying, LabelledTokens, open_classifying
from desktop.tuning.head.scores import prototypes, scores_of, temperature_of
from desktop.tuning.head.softmax import Floats, Linear, Objective
from desktop.tuning.recipes import planned_steps
from desktop.tuning.runs import Sample
from desktop.tuning.training import chance, checkpoints, weights
from desktop.tuning.training.batches import Plan
from desktop.tuning.training.folders import settle, whole_folder
from desktop.tuning.training.group import Alone
from desktop.tuning.training.judge import Judge
from desktop.tuning.training.loop import Loop
from desktop.tuning.training.network import Network
from desktop.tuning.training.optimiser import Optimiser
from desktop.tuning.training.setup import Setup, take_up
from desktop.tuning.training.steps import Stepper
from desktop.tuning.training.tensors import read_tensors, write_tensors
from desktop.tuning.training.tokens import Tokens, tokens_of

_START = "start"
_PENALTY, _START_STEPS = 30.0, 30
_TYPICAL = 20
"""Training rows of a label that its mean embedding is made of, at the end."""


def train_all(context: Context) -> Outcome:
    """Train encoder and head, or go on; see ``desktop.tuning.head.train``."""
    if context.recipe.gpus > 1:
        context.warn("Classifiers are trained by one process: one GPU is used.")
        context = dataclasses.replace(context, recipe=msgspec.structs.replace(context.recipe, gpus=1))
    for place in (context.best, context.last):
        settle(place)
    rows = _Rows(context)
    first = _first_head(context)
    setup = _setup(context, rows.train)
    stepper = _stepper(context, setup, rows.train, first)
    loaded = checkpoints.load(context.checkpoints, setup.identity, context.warn)
    if loaded is not None:
        take_up(stepper, loaded)
    judge = _Judge(context, rows) if len(rows.validation) else None
    if judge is None:
        context.warn("There are no validation rows: the weights of the last step count as the best.")
    _begin(context, setup, rows, stepper.network, loaded.state.step if loaded else -1)
    outcome = Loop(context, setup, stepper, judge, loaded=loaded).run()
    for place in (context.last, context.best):
        _finish(context, rows, stepper.network, first.facts, place)
    return outcome


class _Rows:
    """Tokens and codes of the run's rows."""

    def __init__(self, context: Context) -> None:
        imported, output = context.imported, context.imported.facts.output
        values = {name: imported.split(name)[output] for name in ("train", "validation")}
        self.classes = classes_of(values["train"], values["validation"])
        codes = {name: self.classes.codes(found) for name, found in values.items()}
        folder = context.folder / "tokens"
        tokens = {name: tokens_of(imported, name, context.prompter, folder, context.progress.part(0.0, 0.0)) for name in codes}
        self.train = LabelledTokens(tokens["train"], codes["train"], np.flatnonzero(codes["train"] > UNKNOWN))
        self.codes: Codes = codes["train"][codes["train"] > UNKNOWN]
        self.places = np.flatnonzero(codes["validation"] != OUTSIDE)
        self.validation = _texts(tokens["validation"], self.places)
        self.validation_codes: Codes = codes["validation"][self.places]
        held_out = np.flatnonzero(codes["validation"] == OUTSIDE)
        self.outside = (
            _texts(tokens["validation"], held_out)
            if len(held_out)
            else _texts(tokens["train"], np.flatnonzero(codes["train"] == OUTSIDE))
        )


def _texts(tokens: Tokens, rows: Any) -> list[list[int]]:
    return [tokens[int(row)].prompt.tolist() for row in rows]


def _setup(context: Context, train: LabelledTokens) -> Setup:
    return Setup(
        base=str(context.base.folder),
        base_id=context.base.id,
        recipe=context.recipe,
        card=context.prompter.card,
        tokens="",
        fingerprint=train.facts.fingerprint,
        steps=planned_steps(context.recipe, len(train)),
        device=context.device,
        start_weights=str(context.start_weights or ""),
    )


def _first_head(context: Context) -> Head:
    """The head to begin with: that of the run it starts from, or one trained on the frozen encoder; kept for going on."""
    place = context.checkpoints / _START
    settle(place)
    if has_head(place):
        return read_head(place)
    output = context.imported.facts.output
    labels = classes_of(*(context.imported.split(name)[output] for name in ("train", "validation"))).labels
    found: Head | None = None
    if context.start_weights is not None and has_head(context.start_weights):
        found = read_head(context.start_weights)
        if found.labels != labels:
            raise UserError(
                "The run to start from has other labels", path=context.start_weights, remedy="Start from the base instead."
            )
    if found is None:
        embedder = Embedder(context, context.progress.part(0.0, 0.05))
        data = embedded(context, embedder)
        found = plain(data, _fitted(data))
        embedder.remove()
    place_head(place, found, 0)
    return found


def _fitted(data: Data) -> Linear:
    objective = Objective(data.train, len(data.classes.labels), data.train.scales(), _PENALTY / len(data.train))
    solver = Lbfgs(objective.start(), objective)
    for _ in range(_START_STEPS):
        solver.step(objective)
    return objective.head(solver.point)


def _stepper(context: Context, setup: Setup, train: LabelledTokens, first: Head) -> Stepper:
    recipe = setup.recipe
    torch.set_num_threads(cpu.granted())
    chance.seed_all(recipe.seed)
    plan = plan_of(context.base.folder)
    start = context.start_weights
    network = open_classifying(
        start if start is not None and (start / weights.CONFIG).is_file() else context.base.folder,
        Linear(first.weight, first.bias),
        first.facts.features,
        plan.pooling,
        device=context.device,
        half=recipe.precision == "bf16",
        pad=plan.pad,
        checkpointing=recipe.gradient_checkpointing,
    )
    optimiser = Optimiser(network.trainable, recipe.weight_decay)
    return Stepper(network, optimiser, train, Plan(train.lengths, setup.step_rows, recipe.seed), recipe, Alone())


class _Judge(Judge):
    """Judges by the validation rows; accuracy and F1 are reported besides the loss."""

    def __init__(self, context: Context, rows: _Rows) -> None:
        self._context, self._of = context, rows
        self._logits: Floats | None = None

    def loss(self, network: Network, batch: int, watch: Callable[[], None]) -> float:
        del batch
        assert isinstance(network, Classifying)
        codes = self._of.validation_codes
        self._logits, _ = network.read(self._of.validation, watch)
        # As it will be used: networks of this size get too sure of themselves long before they get worse.
        return scores_of(self._logits / np.float32(temperature_of(self._logits, codes)), codes).loss

    def samples(self, network: Network, step: int, watch: Callable[[], None]) -> list[Sample]:
        del network, watch
        assert self._logits is not None
        context, rows = self._context, self._of
        found = scores_of(self._logits, rows.validation_codes)
        named = {"accuracy": found.accuracy, "macro_f1": found.macro_f1}
        context.runs.add_scores(context.run, step, named)
        for name, value in named.items():
            context.progress.metric(name, value, step)
        held, output = context.imported.split("validation"), context.imported.facts.output
        shown = []
        for number, place in enumerate(rows.places[: context.recipe.samples].tolist()):
            answer = rows.classes.labels[int(self._logits[number].argmax())]
            shown.append(Sample(step, number, context.prompter.prompt(held[place]), held[place][output], answer))
        return shown


def _begin(context: Context, setup: Setup, rows: _Rows, network: Network, step: int) -> None:
    """Note what was settled, and forget what was reported beyond the checkpoint."""
    recipe = setup.recipe
    facts = {
        "labels": len(rows.classes.labels),
        "batch": recipe.batch,
        "accumulation": recipe.accumulation,
        "trainable": sum(part.numel() for part in network.trainable.values()),
        "parameters": context.base.parameters,
        "tokens_per_epoch": int(rows.train.lengths.sum()),
        "prompts_cut": rows.train.facts.prompts_cut,
        "validation_rows": len(rows.validation),
        "outside_rows": len(rows.outside),
        "precision": recipe.precision,
    }
    mark = weights.mark_of(context.best) if step >= 0 else None
    known = mark if mark is not None and mark.name else None
    context.runs.drop_after(context.run, step)
    context.runs.update(
        context.run,
        facts={**context.runs.get(context.run).facts, **facts},
        total_steps=setup.steps,
        train_rows=len(rows.train),
        step=max(0, step),
        best_step=known.step if known else None,
        best_name=known.name if known else "",
        best_value=known.value if known else None,
    )


def _finish(context: Context, rows: _Rows, network: Network, first: HeadFacts, place: Path) -> None:
    """Take the head out of a folder's weights, and add what makes it one that can be used."""
    assert isinstance(network, Classifying)
    found = read_tensors(place / weights.WHOLE)
    if HEAD[0] not in found:
        return
    network.load(found, place)

    head = _certain_head(context, rows, network, first, context.progress.checkpoint)
    with whole_folder(place, "The weights") as hidden:
        for file in place.iterdir():
            if file.name != weights.WHOLE:
                (hidden / file.name).write_bytes(file.read_bytes())
        write_tensors(hidden / weights.WHOLE, {name: value for name, value in found.items() if name not in HEAD})
        head.save(hidden)
        _pass_pooling(context.base.folder, hidden)
    if place == context.best:
        facts = {"temperature": round(head.facts.temperature, 4), "threshold": head.facts.threshold}
        known = context.runs.get(context.run).facts
        context.runs.update(context.run, facts={**known, **facts, "threshold_chosen": head.facts.chosen})


def _certain_head(context: Context, rows: _Rows, network: Classifying, first: HeadFacts, watch: Callable[[], None]) -> Head:
    linear = Linear(*(network.weights()[name].detach().cpu().numpy() for name in HEAD))
    chosen = _some_of_each(rows.codes, context.recipe.seed)
    context.progress.at(1.0, "Learning how sure an answer is")
    _, units = network.read([rows.train[int(row)].prompt.tolist() for row in chosen], watch)
    typical = prototypes(units, rows.codes[chosen], len(rows.classes.labels))
    head = Head(HeadFacts(labels=rows.classes.labels, features=first.features), linear.weight, linear.bias, typical)
    if not rows.validation:
        return head
    outside = Read(*network.read(rows.outside, watch)) if rows.outside else None
    return certain(head, Read(*network.read(rows.validation, watch)), rows.validation_codes, outside, None, np.empty((0, 3)))


def _some_of_each(codes: Codes, seed: int) -> Codes:
    """Numbers of at most ``_TYPICAL`` rows of each label."""
    order = np.random.Generator(np.random.PCG64([seed, 17])).permutation(len(codes))
    seen = np.zeros(int(codes.max()) + 1, np.int64)
    chosen = []
    for row in order:
        if seen[codes[row]] < _TYPICAL:
            seen[codes[row]] += 1
            chosen.append(row)
    return np.sort(np.array(chosen, np.int64))


def _pass_pooling(base: Path, folder: Path) -> None:
    """An encoder is used with the pooling that it was made for."""
    for file in base.glob("*_Pooling/config.json"):
        (folder / file.parent.name).mkdir(exist_ok=True)
        (folder / file.parent.name / file.name).write_bytes(file.read_bytes())
