"""AdamW, its learning rate at each step, and its state as plain tensors."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from desktop.jobs.tuning_jobs import Recipe

_MOMENTS = ("exp_avg", "exp_avg_sq")


class Optimiser:
    """AdamW (Loshchilov & Hutter 2019) over named parameters; norms and biases do not decay.

    The whole state is made at once, so that a step that begins has all the memory it needs.
    """

    def __init__(self, parameters: Mapping[str, nn.Parameter], weight_decay: float) -> None:
        self._parameters = dict(parameters)
        decaying = [parameter for parameter in self._parameters.values() if parameter.ndim >= 2]
        others = [parameter for parameter in self._parameters.values() if parameter.ndim < 2]
        groups = [{"params": decaying, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
        self._adam = torch.optim.AdamW([group for group in groups if group["params"]], lr=0.0, fused=True)
        self.steps = 0
        for parameter in self._parameters.values():
            self._adam.state[parameter] = {
                "step": torch.zeros((), device=parameter.device),
                **{name: torch.zeros_like(parameter) for name in _MOMENTS},
            }

    def step(self, rate: float) -> None:
        """Move the parameters along their gradients, and forget those."""
        for group in self._adam.param_groups:
            group["lr"] = rate
        self._adam.step()
        self._adam.zero_grad(set_to_none=True)
        self.steps += 1

    def forget(self) -> None:
        """Drop gradients that are not wanted."""
        self._adam.zero_grad(set_to_none=True)

    def gradients(self) -> list[Tensor]:
        """Of all parameters that have one."""
        return [parameter.grad for parameter in self._parameters.values() if parameter.grad is not None]

    def all_gradients(self) -> list[Tensor]:
        """Of all parameters, zero where there was none."""
        for parameter in self._parameters.values():
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        return self.gradients()

    def clip(self, most: float) -> float:
        """The gradient's norm; when it is more than ``most`` (and that is not 0), the gradient is made as short as that."""
        gradients = self.gradients()
        norm = float(torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients))))
        if most and math.isfinite(norm) and norm > most:
            torch._foreach_mul_(gradients, most / norm)
        return norm

    def state(self) -> dict[str, Tensor]:
        """Its moments by the parameters' names."""
        return {
            f"{moment}.{name}": self._adam.state[parameter][moment]
            for name, parameter in self._parameters.items()
            for moment in _MOMENTS
        }

    def load(self, state: Mapping[str, Tensor], steps: int) -> None:
        """Take over a state after ``steps`` steps; raises KeyError when it is of other parameters."""
        for name, parameter in self._parameters.items():
            own = self._adam.state[parameter]
            own["step"].fill_(steps)
            for moment in _MOMENTS:
                own[moment].copy_(state[f"{moment}.{name}"])
        self.steps = steps


def rate_at(step: int, total: int, recipe: Recipe) -> float:
    """Learning rate of a step, from 1: rises over the warm-up, then falls to nearly 0 (or stays, for "constant")."""
    warm = round(total * recipe.warmup)
    if step <= warm:
        return recipe.learning_rate * step / warm
    if recipe.schedule == "constant":
        return recipe.learning_rate
    done = (step - 1 - warm) / max(1, total - warm)
    share = 1.0 - done if recipe.schedule == "linear" else 0.5 * (1.0 + math.cos(math.pi * done))
    return recipe.learning_rate * share
