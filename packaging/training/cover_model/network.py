"""Which keys a pianist strikes and holds at every sixteenth: a picture of the song in, a picture of the cover out.

Three parts. A small convolution over steps and keys sees what is near; a transformer over the steps, each of which is one
token, sees eight bars at once: harmony, rhythm, what kind of place in the song this is; a convolution over both draws the
answer. All keys of some bars are told at once, so there is no order of tokens to learn. What was written before is shown
beside what was heard, so that a cover goes on as it has begun.

The transformer is the usual one before its norms were moved behind (pre-norm): root-mean-square norms (Zhang and Sennrich
2019), rotary positions (Su et al. 2021), gated feed-forward layers (Shazeer 2020).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from desktop.piano.songbook.view import BEATS_TOLD, CURVES, KEYS, PLAYED, SHEETS

from .settings import NetworkSettings

RARE = -3.0  # logit that a key starts from: one in twenty


def _linear(inside: int, outside: int, spread: float | None = None) -> nn.Linear:
    layer = nn.Linear(inside, outside, bias=False)
    nn.init.normal_(layer.weight, std=inside**-0.5 if spread is None else spread)
    return layer


class Norm(nn.Module):
    """Division by the root mean square."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """[..., width]."""
        return x * (x.float().square().mean(-1, keepdim=True) + 1e-6).rsqrt() * self.weight


class Layer(nn.Module):
    """Attention between steps, then a gated feed-forward layer; begins as the identity."""

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        width = settings.width
        self.heads = settings.heads
        self.before, self.between = Norm(width), Norm(width)
        self.query_key_value = _linear(width, 3 * width)
        self.back = _linear(width, width, 0.0)
        self.wide, self.narrow = _linear(width, 2 * settings.inner), _linear(settings.inner, width, 0.0)
        self.drop = nn.Dropout(settings.dropout)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """[B, T, width], cosines and sines [T, half a head] -> [B, T, width]."""
        parts = self.query_key_value(self.before(x)).chunk(3, -1)
        query, key, value = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        query, key = _turned(query, cos, sin), _turned(key, cos, sin)
        found = F.scaled_dot_product_attention(query, key, value.to(query.dtype))
        x = x + self.drop(self.back(found.transpose(1, 2).flatten(2)))
        gate, plain = self.wide(self.between(x)).chunk(2, -1)
        gated: Tensor = x + self.drop(self.narrow(F.gelu(gate, approximate="tanh") * plain))
        return gated


def _turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary positions of [B, heads, T, depth]."""
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)


class CoverNetwork(nn.Module):
    """See the head of this file."""

    def __init__(self, settings: NetworkSettings | None = None) -> None:
        super().__init__()
        s = settings or NetworkSettings()
        self.near = nn.Sequential(
            nn.Conv2d(SHEETS + PLAYED, s.near, 3, padding=1),
            nn.GELU(approximate="tanh"),
            nn.Conv2d(s.near, s.near, (3, 5), padding=(1, 2)),
            nn.GELU(approximate="tanh"),
        )
        self.fold = _linear(s.near * KEYS, s.width)
        self.curves = nn.Linear(CURVES, s.width)
        self.step, self.beat = nn.Embedding(4, s.width), nn.Embedding(BEATS_TOLD, s.width)
        self.density = nn.Embedding(4, s.width)
        for table in (self.step, self.beat, self.density):
            nn.init.normal_(table.weight, std=0.5)
        self.layers = nn.ModuleList(Layer(s) for _ in range(s.layers))
        self.norm = Norm(s.width)
        self.unfold = _linear(s.width, s.far * KEYS)
        self.draw = nn.Sequential(nn.Conv2d(s.near + s.far, s.drawn, 3, padding=1), nn.GELU(approximate="tanh"))
        self.out = nn.Conv2d(s.drawn, 2, 1)
        nn.init.constant_(self.out.bias, RARE)
        half = s.width // s.heads // 2
        self.register_buffer("turns", s.longest ** -(torch.arange(half) / half), persistent=False)

    def forward(self, sheets: Tensor, played: Tensor, curves: Tensor, places: Tensor, density: Tensor) -> Tensor:
        """Logits.

        Args:
            sheets: [B, SHEETS, T, KEYS], 0..1; curves: [B, CURVES, T], 0..1; places: [B, 2, T] (see ``view.View``).
            played: [B, PLAYED, T, KEYS], 0 or 1, of the cover's beginning, as far as it is written.
            density: [B] 0 not told, 1 sparse, 2 middling, 3 dense.

        Returns:
            [B, 2, T, KEYS]: a key is struck, a key is down.
        """
        near = self.near(torch.cat([2.0 * sheets, played], 1))
        x = self.fold(near.permute(0, 2, 1, 3).flatten(2)) + self.curves(curves.transpose(1, 2))
        x = x + self.step(places[:, 0]) + self.beat(places[:, 1]) + self.density(density)[:, None]
        angles = torch.arange(x.shape[1], device=x.device)[:, None] * self.turns
        cos, sin = angles.cos(), angles.sin()
        for layer in self.layers:
            x = layer(x, cos, sin)
        far = self.unfold(self.norm(x)).unflatten(-1, (-1, KEYS)).permute(0, 2, 1, 3)
        drawn: Tensor = self.out(self.draw(torch.cat([near, far], 1)))
        return drawn
