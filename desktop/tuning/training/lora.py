"""Adapters: which module of peft they are, and a linear layer with one that makes no needless copies."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.lora.layer import Linear
from torch import Tensor, nn

from desktop.jobs.tuning_jobs import Recipe

ADAPTER = "default"
CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"

_TASKS = {"decoder": "CAUSAL_LM", "seq2seq": "SEQ_2_SEQ_LM"}


class FastLinear(Linear):  # type: ignore[misc]
    """peft's linear layer with an adapter (Hu et al. 2021): adds the adapter's part in place of the frozen layer's result."""

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """As the layer it replaces."""
        if self.disable_adapters or self.merged or args or kwargs or self.active_adapters != [ADAPTER] or self._drops:
            found: Tensor = super().forward(x, *args, **kwargs)
            return found
        base = self.base_layer
        weights = (base.weight, base.bias, self.lora_A[ADAPTER].weight, self.lora_B[ADAPTER].weight)
        if torch.is_autocast_enabled(x.device.type):
            dtype = torch.get_autocast_dtype(x.device.type)
            x, *weights = (None if tensor is None else tensor.to(dtype) for tensor in (x, *weights))  # type: ignore[assignment]
        result: Tensor = _Adapted.apply(x, *weights, self.scaling[ADAPTER])  # type: ignore[no-untyped-call]
        return result

    @property
    def _drops(self) -> bool:
        return self.training and not isinstance(self.lora_dropout[ADAPTER], nn.Identity)


class _Adapted(torch.autograd.Function):
    """x W^T + b + s (x A^T) B^T with W and b frozen."""

    @staticmethod
    def forward(context: Any, x: Tensor, weight: Tensor, bias: Tensor | None, down: Tensor, up: Tensor, scale: float) -> Tensor:
        flat = x.reshape(-1, x.shape[-1])
        out = torch.nn.functional.linear(flat, weight, bias)
        inner = torch.mm(flat, down.t())
        out.addmm_(inner, up.t(), alpha=scale)
        context.save_for_backward(flat, inner, weight, down, up)
        context.scale = scale
        return out.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(context: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        flat, inner, weight, down, up = context.saved_tensors
        grad = grads[0].reshape(-1, grads[0].shape[-1])
        grad_inner = torch.mm(grad, up).mul_(context.scale)
        grad_up = torch.mm(grad.t(), inner).mul_(context.scale)
        grad_down = torch.mm(grad_inner.t(), flat)
        grad_x = None
        if context.needs_input_grad[0]:
            grad_x = torch.mm(grad, weight).addmm_(grad_inner, down).view(*grads[0].shape[:-1], -1)
        return grad_x, None, None, grad_down, grad_up, None


def with_adapters(model: nn.Module, recipe: Recipe, family: str, base: str) -> PeftModel:
    """The model, frozen, with fresh adapters, which change nothing yet.

    Args:
        recipe: settled. base: what the adapters' configuration calls the base.

    Raises:
        ValueError: the model has no layer named like the targets.
    """
    config = LoraConfig(
        task_type=_TASKS[family],
        r=recipe.lora_rank,
        lora_alpha=recipe.lora_alpha,
        lora_dropout=recipe.lora_dropout,
        target_modules=list(recipe.lora_targets),
        base_model_name_or_path=base,
    )
    config._register_custom_module({nn.Linear: FastLinear})
    # peft writes this name into the configuration, and it would be where the base lies on this computer.
    model.name_or_path = base  # type: ignore[assignment]
    with warnings.catch_warnings():
        # Of transformers about a name that peft still uses.
        warnings.simplefilter("ignore", FutureWarning)
        return get_peft_model(model, config, adapter_name=ADAPTER)
