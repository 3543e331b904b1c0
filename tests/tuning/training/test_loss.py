"""The loss over a vocabulary in pieces, and the adapters' layer, against torch's and peft's own."""

from __future__ import annotations

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn

from desktop.tuning.training import loss as losses
from desktop.tuning.training.lora import ADAPTER, FastLinear


@pytest.mark.parametrize("piece", [1 << 24, 70])
def test_loss_and_gradients_are_those_of_cross_entropy(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losses, "_LOGITS", piece)
    torch.manual_seed(1)
    hidden, weight = torch.randn(11, 6, requires_grad=True), torch.randn(23, 6, requires_grad=True)
    labels = torch.randint(0, 23, (11,))
    found = losses.answer_loss(hidden, weight, labels, 0.25)
    found.backward()
    given = [hidden.grad, weight.grad]
    hidden.grad = weight.grad = None
    wanted = 0.25 * nn.functional.cross_entropy(hidden @ weight.t(), labels, reduction="sum")
    wanted.backward()
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(given, [hidden.grad, weight.grad])
    each = losses.answer_losses(hidden, weight, labels)
    torch.testing.assert_close(each, nn.functional.cross_entropy(hidden @ weight.t(), labels, reduction="none"))


def test_loss_in_bf16_is_close_and_keeps_gradients_in_32_bits() -> None:
    torch.manual_seed(1)
    hidden, weight = torch.randn(50, 16, requires_grad=True), torch.randn(99, 16)
    labels = torch.randint(0, 99, (50,))
    with torch.autocast("cpu", torch.bfloat16):
        found = losses.answer_loss(hidden, weight, labels, 0.02)
    found.backward()
    assert hidden.grad is not None and hidden.grad.dtype == torch.float32
    wanted = nn.functional.cross_entropy(hidden @ weight.t(), labels)
    assert float(found.detach()) == pytest.approx(float(wanted.detach()), rel=0.01)


class _Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(6, 9), nn.Linear(9, 4, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(torch.tanh(self.first(x)))


def _adapted(fast: bool, dropout: float = 0.0) -> nn.Module:
    torch.manual_seed(3)
    targets = ["first", "second"]
    config = LoraConfig(r=3, lora_alpha=5, target_modules=targets, init_lora_weights=False, lora_dropout=dropout)
    if fast:
        config._register_custom_module({nn.Linear: FastLinear})
    return get_peft_model(_Net(), config, adapter_name=ADAPTER)


@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_fast_adapters_compute_what_those_of_peft_do(dropout: float) -> None:
    ours, theirs = _adapted(True, dropout), _adapted(False, dropout)
    assert isinstance(ours.base_model.model.first, FastLinear)
    x = torch.randn(5, 7, 6)
    results = []
    for model in (ours, theirs):
        torch.manual_seed(4)
        results.append(model(x))
        results[-1].square().sum().backward()
    torch.testing.assert_close(*results)
    for (name, one), (_, other) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        if one.requires_grad:
            torch.testing.assert_close(one.grad, other.grad, msg=lambda text, name=name: f"{name}: {text}")
    with ours.disable_adapter(), theirs.disable_adapter():
        torch.testing.assert_close(ours(x), theirs(x))
