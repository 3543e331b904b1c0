"""T5's encoder and decoder as Pop2Piano has them, with weights of the same names: what is trained is what the exporter reads.

Raffel et al. 2020 in version 1.1: norms without mean, no biases, unscaled attention with a bias by relative position, gated
feed-forward layers. The encoder hears frames as they are, behind the embedding of a density where Pop2Piano has a composer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from desktop.models.export.pop2piano_layout import COMPOSERS
from desktop.models.export.t5 import Activation, T5Plan, buckets

from .settings import NetworkSettings
from .tokens import END, PAD

KEYS = 88


def plan_of(settings: NetworkSettings, width: int) -> T5Plan:
    """What the product's exporter has to know."""
    return T5Plan(
        width=width,
        inner=settings.inner,
        layers=settings.layers,
        decoder_layers=settings.decoder_layers,
        heads=settings.heads,
        head=settings.head,
        buckets=settings.buckets,
        distance=settings.distance,
        vocabulary=settings.vocabulary,
        epsilon=1e-6,
        activation=Activation.GELU_TANH,
        gated=True,
        scale=1.0,
        start=PAD,
        end=END,
        pad=PAD,
    )


def _linear(inside: int, outside: int, spread: float) -> nn.Linear:
    layer = nn.Linear(inside, outside, bias=False)
    nn.init.normal_(layer.weight, std=spread)
    return layer


class Norm(nn.Module):
    """Division by the root mean square."""

    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        """[..., width]."""
        return F.rms_norm(x, (x.shape[-1],), self.weight, self.epsilon)


class Attention(nn.Module):
    """From ``x`` [B, N, width] to ``seen`` [B, M, width]; the first of a stack has the table of relative positions."""

    def __init__(self, plan: T5Plan, *, table: bool = False) -> None:
        super().__init__()
        inner = plan.heads * plan.head
        self.heads = plan.heads
        self.q = _linear(plan.width, inner, (plan.width * plan.head) ** -0.5)
        self.k = _linear(plan.width, inner, plan.width**-0.5)
        self.v = _linear(plan.width, inner, plan.width**-0.5)
        self.o = _linear(inner, plan.width, inner**-0.5)
        if table:
            self.relative_attention_bias = nn.Embedding(plan.buckets, plan.heads)
            nn.init.normal_(self.relative_attention_bias.weight, std=plan.width**-0.5)

    def forward(self, x: Tensor, seen: Tensor, bias: Tensor | None) -> Tensor:
        """[B, N, width]."""
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (self.q(x), self.k(seen), self.v(seen))
        )
        mask = None if bias is None else bias.to(query.dtype)
        found = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=1.0)
        answer: Tensor = self.o(found.transpose(1, 2).flatten(2))
        return answer


class FeedForward(nn.Module):
    """Gated by a GELU."""

    def __init__(self, plan: T5Plan) -> None:
        super().__init__()
        self.wi_0 = _linear(plan.width, plan.inner, plan.width**-0.5)
        self.wi_1 = _linear(plan.width, plan.inner, plan.width**-0.5)
        self.wo = _linear(plan.inner, plan.width, plan.inner**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        """[..., width]."""
        found: Tensor = self.wo(F.gelu(self.wi_0(x), approximate="tanh") * self.wi_1(x))
        return found


class Part(nn.Module):
    """A norm and what comes behind it, under the name that checkpoints have for it."""

    def __init__(self, plan: T5Plan, name: str, inside: nn.Module) -> None:
        super().__init__()
        self.layer_norm = Norm(plan.width, plan.epsilon)
        self.add_module(name, inside)
        self._name = name

    @property
    def inside(self) -> nn.Module:
        """What is behind the norm."""
        return self.get_submodule(self._name)


class Block(nn.Module):
    """Attention to itself, for the decoder to the encoder, feed-forward."""

    def __init__(self, plan: T5Plan, number: int, dropout: float, *, decodes: bool) -> None:
        super().__init__()
        parts = [Part(plan, "SelfAttention", Attention(plan, table=number == 0))]
        if decodes:
            parts.append(Part(plan, "EncDecAttention", Attention(plan)))
        self.layer = nn.ModuleList([*parts, Part(plan, "DenseReluDense", FeedForward(plan))])
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, bias: Tensor, seen: Tensor | None) -> Tensor:
        """[B, N, width]."""
        for part in self.layer:
            assert isinstance(part, Part)
            normed = part.layer_norm(x)
            if isinstance(part.inside, FeedForward):
                found = part.inside(normed)
            elif seen is not None and part is self.layer[1]:
                found = part.inside(normed, seen, None)
            else:
                found = part.inside(normed, normed, bias)
            x = x + self.drop(found)
        return x


class Stack(nn.Module):
    """Encoder or decoder."""

    def __init__(self, plan: T5Plan, dropout: float, *, decodes: bool) -> None:
        super().__init__()
        count = plan.decoder_layers if decodes else plan.layers
        if decodes:
            self.embed_tokens = nn.Embedding(plan.vocabulary, plan.width)
        self.block = nn.ModuleList(Block(plan, number, dropout, decodes=decodes) for number in range(count))
        self.final_layer_norm = Norm(plan.width, plan.epsilon)
        self.drop = nn.Dropout(dropout)
        self._plan, self._decodes = plan, decodes

    def forward(self, x: Tensor, seen: Tensor | None = None) -> Tensor:
        """[B, N, width] -> the same."""
        bias = self._bias(x.shape[1], x.device)
        x = self.drop(x)
        for block in self.block:
            x = block(x, bias, seen)
        found: Tensor = self.drop(self.final_layer_norm(x))
        return found

    def _bias(self, length: int, device: torch.device) -> Tensor:
        """[1, heads, length, length]; what a decoder must not see yet is minus infinity."""
        places = np.arange(length)
        numbers = torch.from_numpy(buckets(places[None] - places[:, None], self._plan, both=not self._decodes)).to(device)
        table = self.get_submodule("block.0.layer.0.SelfAttention.relative_attention_bias")
        bias: Tensor = table(numbers).permute(2, 0, 1)[None]
        if self._decodes:
            bias = bias.masked_fill(torch.ones(length, length, dtype=torch.bool, device=device).triu(1), -math.inf)
        return bias


class Conditioner(nn.Module):
    """The row before the first frame."""

    def __init__(self, plan: T5Plan) -> None:
        super().__init__()
        self.embedding = nn.Embedding(COMPOSERS, plan.width)


@dataclass(frozen=True)
class Scores:
    """Of the next of each token [B, N, vocabulary]; of each key struck and held down [B, steps, 2, 88]."""

    tokens: Tensor
    keys: Tensor


class CoverNetwork(nn.Module):
    """Frames [B, T, width], density [B] and tokens [B, N] so far -> ``Scores``.

    The keys are read straight from the encoder: a lesson that says at every step what to listen for, long before the decoder
    knows where to look. They are not exported.
    """

    def __init__(self, plan: T5Plan, dropout: float = 0.0) -> None:
        super().__init__()
        self.keys = nn.Linear(plan.width, 2 * KEYS)
        self.mel_conditioner = Conditioner(plan)
        self.encoder = Stack(plan, dropout, decodes=False)
        self.decoder = Stack(plan, dropout, decodes=True)
        self.lm_head = _linear(plan.width, plan.vocabulary, plan.width**-0.5)

    def forward(self, heard: Tensor, density: Tensor, before: Tensor) -> Scores:
        """See the class; ``before`` begins with ``PAD``."""
        row = self.mel_conditioner.embedding(density)[:, None]
        seen = self.encoder(torch.cat([row, heard], dim=1))
        tokens = self.lm_head(self.decoder(self.decoder.embed_tokens(before), seen))
        return Scores(tokens, self.keys(seen[:, 1:]).unflatten(-1, (2, KEYS)))
