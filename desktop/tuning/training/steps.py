"""One step: the gradients of its rows in as many batches as memory wants, their sum, the move. Nothing is reported here."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable
from enum import Enum, auto
from typing import NamedTuple

import torch

from desktop.errors import UserError
from desktop.jobs.failures import is_out_of_memory
from desktop.jobs.tuning_jobs import Recipe
from desktop.tuning.training import chance
from desktop.tuning.training.batches import Array, Plan, parts
from desktop.tuning.training.group import Alone
from desktop.tuning.training.network import Network
from desktop.tuning.training.optimiser import Optimiser
from desktop.tuning.training.tokens import Tokens


class Interrupted(Exception):
    """The computation was left because the user wants something; nothing has changed."""


class TooLarge(Exception):
    """Memory did not suffice for a batch; nothing has changed."""


class Diverged(UserError):
    """A loss or gradient is no finite number any more."""

    def __init__(self, what: str, step: int, recipe: Recipe) -> None:
        tries = [f"a smaller learning rate (it is {recipe.learning_rate:g})", "a longer warm-up"]
        tries += [] if recipe.clip else ["clipping of gradients"]
        tries += ["fp32 instead of bf16"] if recipe.precision == "bf16" else []
        super().__init__(
            f"{what} at step {step:,} is no finite number: the training has diverged",
            remedy=f"Try {', or '.join(tries)}. The best weights and the last good checkpoint are kept.",
        )


class Made(NamedTuple):
    """What a step gave: mean loss over its answer tokens, the gradient's norm before clipping, tokens seen."""

    loss: float
    norm: float
    tokens: int


class _Verdict(Enum):
    FINE = auto()
    INTERRUPTED = auto()
    TOO_LARGE = auto()


class Stepper:
    """Makes steps; each process of a training has one, and all make the same steps.

    Attributes:
        watch: called between layers; may raise Interrupted.
    """

    def __init__(self, network: Network, optimiser: Optimiser, tokens: Tokens, plan: Plan, recipe: Recipe, group: Alone) -> None:
        self.network, self.optimiser, self.plan, self.group = network, optimiser, plan, group
        self.watch: Callable[[], None] = lambda: None
        self._tokens, self._recipe = tokens, recipe

    def step(self, number: int, batch: int, rate: float) -> Made:
        """Make step ``number`` with ``batch`` rows at once.

        Raises:
            Interrupted, TooLarge: it was not made; it can be made again.
            Diverged: a number is not finite; it was not made.
        """
        chance.seed_all(self._recipe.seed, number, self.group.process)
        rows = self.plan.rows(number)
        scale = 1.0 / float(self._tokens.answers[rows].sum())
        verdict, loss, seen = self._gradients(parts(rows, batch, self.group.processes, self.group.process), scale)
        loss, tokens, interrupted, too_large = self.group.total(
            [loss, seen, verdict is _Verdict.INTERRUPTED, verdict is _Verdict.TOO_LARGE]
        )
        if interrupted or too_large:
            self.optimiser.forget()
            raise TooLarge if too_large else Interrupted
        if not math.isfinite(loss):
            self.optimiser.forget()
            raise Diverged("The loss", number, self._recipe)
        if self.group.processes > 1:
            self.group.add_up(self.optimiser.all_gradients())
        norm = self.optimiser.clip(self._recipe.clip)
        if not math.isfinite(norm):
            self.optimiser.forget()
            raise Diverged("The gradient", number, self._recipe)
        self.optimiser.step(rate)
        return Made(loss, norm, int(tokens))

    def _gradients(self, batches: list[Array], scale: float) -> tuple[_Verdict, float, int]:
        loss, seen = torch.zeros((), device=self.network.device), 0
        self.network.model.train()
        try:
            with self.network.watched(self.watch):
                for rows in batches:
                    batch = self.network.batch(self._tokens.pairs(rows))
                    part = self.network.loss(batch, scale)
                    torch.autograd.backward(part)
                    loss += part.detach()
                    seen += batch.tokens
            return _Verdict.FINE, float(loss), seen
        except Interrupted:
            return _Verdict.INTERRUPTED, 0.0, 0
        except Exception as error:
            if not is_out_of_memory(error):
                raise
        self.make_room()
        return _Verdict.TOO_LARGE, 0.0, 0

    def make_room(self) -> None:
        """Give back the memory of a computation that failed."""
        self.optimiser.forget()
        gc.collect()
        if self.network.device.type == "cuda":
            torch.cuda.empty_cache()
