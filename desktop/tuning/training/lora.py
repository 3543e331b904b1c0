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
    """peft's linear layer with an adapter (Hu et al. 2021): adds the adapter's part in place of the frozen layer's result.

    The frozen weight may be of 16 bits where the input has 32; the large products are then computed in 16 bits, all else in 32.
    """

    def forward(self, x: Tensor) -> Tensor:
        """As the layer it replaces."""
        base = self.base_layer
        weights = (base.weight, base.bias, self.lora_A[ADAPTER].weight, self.lora_B[ADAPTER].weight)
        if torch.is_autocast_enabled(x.device.type):
            dtype = torch.get_autocast_dtype(x.device.type)
            x, *weights = (None if tensor is None else tensor.to(dtype) for tensor in (x, *weights))  # type: ignore[assignment]
        if self.disable_adapters or self.merged:
            return _product(x, weights[0].t(), weights[1])
        dropout = self.lora_dropout[ADAPTER]
        seen = dropout(x) if self.training and not isinstance(dropout, nn.Identity) else None
        result: Tensor = _Adapted.apply(x, seen, *weights, self.scaling[ADAPTER])  # type: ignore[no-untyped-call]
        return result


class _Adapted(torch.autograd.Function):
    """x W^T + b + s (x' A^T) B^T with W and b frozen; x' is x, or x with some of it dropped.

    Products with the few columns of an adapter are written so that the long side is contiguous: several times faster on a CPU.
    """

    @staticmethod
    def forward(
        context: Any,
        x: Tensor,
        seen: Tensor | None,
        weight: Tensor,
        bias: Tensor | None,
        down: Tensor,
        up: Tensor,
        scale: float,
    ) -> Tensor:
        flat = x.reshape(-1, x.shape[-1])
        out = _product(flat, weight.t(), bias)
        read = flat if seen is None else seen.reshape(-1, x.shape[-1])
        inner = torch.mm(down, read.t()).t()
        out.addmm_(inner, up.t(), alpha=scale)
        context.save_for_backward(read, inner, weight, down, up)
        context.scale, context.drops = scale, seen is not None
        return out.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(context: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        read, inner, weight, down, up = context.saved_tensors
        shape = (*grads[0].shape[:-1], -1)
        grad = grads[0].reshape(-1, grads[0].shape[-1])
        grad_inner = torch.mm(up.t(), grad.t()).mul_(context.scale).t()
        grad_up = torch.mm(inner.t(), grad).mul_(context.scale).t()
        grad_down = torch.mm(grad_inner.t(), read)
        grad_x = grad_seen = None
        if context.needs_input_grad[0]:
            grad_x = _product(grad, weight)
            if not context.drops:
                grad_x.addmm_(grad_inner, down)
            grad_x = grad_x.view(shape)
        if context.needs_input_grad[1]:
            grad_seen = torch.mm(grad_inner, down).view(shape)
        return grad_x, grad_seen, None, None, grad_down, grad_up, None


def _product(x: Tensor, table: Tensor, bias: Tensor | None = None) -> Tensor:
    """x times a table, in the table's type, as x's type."""
    found = torch.matmul(x.to(table.dtype), table).to(x.dtype)
    return found if bias is None else found.add_(bias)


def narrow(model: nn.Module, dtype: torch.dtype) -> None:
    """Keep the frozen weights under adapters in a type of fewer bits, but those whose type T5 gives its activations."""
    for name, module in model.named_modules():
        if isinstance(module, FastLinear) and not name.endswith(".wo"):
            module.base_layer.weight.data = module.base_layer.weight.data.to(dtype)


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
