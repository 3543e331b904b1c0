"""All that makes the steps of a training, from plain settings: the same in the worker and in its helper processes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import torch

from desktop.jobs.tuning_jobs import Recipe
from desktop.models import cpu
from desktop.tuning.prompt_card import PromptCard
from desktop.tuning.training import chance
from desktop.tuning.training.batches import Plan
from desktop.tuning.training.checkpoints import Loaded
from desktop.tuning.training.group import Alone
from desktop.tuning.training.network import open_network
from desktop.tuning.training.optimiser import Optimiser
from desktop.tuning.training.steps import Stepper
from desktop.tuning.training.tensors import read_tensors
from desktop.tuning.training.tokens import Tokens


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """What a training is made of.

    Attributes:
        base: folder of the base; ``base_id`` its name.
        recipe: settled. card: how prompts are made.
        tokens: folder with the training rows' tokens, which are named by ``fingerprint``.
        steps: of the whole training.
        device: "cpu" or "cuda".
        start_weights: folder of weights to start from; "" for the base's.
    """

    base: str
    base_id: str
    recipe: Recipe
    card: PromptCard
    tokens: str
    fingerprint: str
    steps: int
    device: str
    start_weights: str = ""

    @property
    def step_rows(self) -> int:
        """Rows of a step."""
        return self.recipe.batch * self.recipe.accumulation * self.recipe.gpus

    @property
    def identity(self) -> str:
        """Hash of all that decides the losses, however they are computed."""
        free = {"batch", "accumulation", "gpus", "samples", "precision", "gradient_checkpointing", "checkpoint_every", "base"}
        recipe = {name: value for name, value in msgspec.to_builtins(self.recipe).items() if name not in free}
        origin = Path(self.start_weights).parent.name if self.start_weights else ""
        whole = [self.base_id, recipe, self.fingerprint, self.steps, self.step_rows, origin]
        return hashlib.sha256(msgspec.json.encode(whole)).hexdigest()[:16]


def make_stepper(setup: Setup, tokens: Tokens, group: Alone) -> Stepper:
    """Load the model and make what steps need.

    Raises:
        UserError: weights to start from do not fit.
    """
    torch.set_num_threads(max(1, cpu.granted() // group.processes))
    chance.seed_all(setup.recipe.seed)
    network = open_network(
        Path(setup.base),
        setup.recipe,
        setup.card,
        device=setup.device,
        base=setup.base_id,
        start_weights=Path(setup.start_weights) if setup.start_weights else None,
    )
    optimiser = Optimiser(network.trainable, setup.recipe.weight_decay)
    plan = Plan(tokens.lengths, setup.step_rows, setup.recipe.seed)
    return Stepper(network, optimiser, tokens, plan, setup.recipe, group)


def take_up(stepper: Stepper, loaded: Loaded) -> None:
    """Go on from a checkpoint."""
    from desktop.tuning.training import lora, weights

    name = lora.WEIGHTS if stepper.network.is_adapted else weights.WHOLE
    stepper.network.load(read_tensors(loaded.weights / name), loaded.weights)
    stepper.optimiser.load(loaded.optimiser, loaded.state.step)
