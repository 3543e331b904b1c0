"""CodeFormer's network: its plan, block by block, and the network in torch.

Zhou, Chan, Li, Loy, "Towards robust blind face restoration with codebook lookup transformer", NeurIPS 2022. Written from the
paper and from the published checkpoint's keys; the numbers of the blocks and the names inside them are the checkpoint's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.2
NORM_EPS, ADAIN_EPS, LAYER_EPS = 1e-6, 1e-5, 1e-5


class Kind(Enum):
    """What a numbered block of the encoder or generator does."""

    CONV = "conv"
    NORM = "norm"
    RES = "res"
    ATTENTION = "attention"
    DOWN = "down"
    UP = "up"


class Block(NamedTuple):
    """A block, the channels it takes and gives."""

    kind: Kind
    wide_in: int
    wide_out: int


@dataclass(frozen=True)
class Plan:
    """The sizes of the network; as it stands those of the published checkpoint.

    Attributes:
        size: pixels of a face's side; 32 times the side of the grid of codes.
        base: channels at full size.
        widths: channels of each level as multiples of ``base``; the size halves from level to level.
        code: channels of the codebook and of the encoder's result.
        codes: entries of the codebook.
        dim, heads, layers, hidden: of the transformer.
        groups: of each group normalisation.
    """

    size: int = 512
    base: int = 64
    widths: tuple[int, ...] = (1, 2, 2, 4, 4, 8)
    code: int = 256
    codes: int = 1024
    dim: int = 512
    heads: int = 8
    layers: int = 9
    hidden: int = 1024
    groups: int = 32

    @property
    def grid(self) -> int:
        """Codes along a face's side."""
        return self.size >> (len(self.widths) - 1)

    @cached_property
    def encoder(self) -> list[Block]:
        """Blocks of the encoder: two residual ones a level, attention at the smallest."""
        wide = [self.base * width for width in self.widths]
        blocks = [Block(Kind.CONV, 3, wide[0])]
        for level, width in enumerate(wide):
            last = level == len(wide) - 1
            for before in (wide[max(0, level - 1)], width):
                blocks.append(Block(Kind.RES, before, width))
                blocks += [Block(Kind.ATTENTION, width, width)] * last
            blocks += [Block(Kind.DOWN, width, width)] * (not last)
        return [*blocks, *_middle(wide[-1]), Block(Kind.NORM, wide[-1], wide[-1]), Block(Kind.CONV, wide[-1], self.code)]

    @cached_property
    def generator(self) -> list[Block]:
        """Blocks of the generator, the encoder's in the other direction."""
        wide = [self.base * width for width in reversed(self.widths)]
        blocks = [Block(Kind.CONV, self.code, wide[0]), *_middle(wide[0])]
        for level, width in enumerate(wide):
            for before in (wide[max(0, level - 1)], width):
                blocks.append(Block(Kind.RES, before, width))
                blocks += [Block(Kind.ATTENTION, width, width)] * (level == 0)
            blocks += [Block(Kind.UP, width, width)] * (level < len(wide) - 1)
        return [*blocks, Block(Kind.NORM, wide[-1], wide[-1]), Block(Kind.CONV, wide[-1], 3)]

    @cached_property
    def fusions(self) -> dict[int, tuple[str, int, int]]:
        """After which block of the generator the encoder's features come in: name, the encoder's block, channels.

        After the first residual block of the four sizes between the smallest and the largest, from the encoder's last one of that
        size; the names are the sizes that the published network has there.
        """
        downs, ups = (
            [number for number, block in enumerate(blocks) if block.kind is border]
            for blocks, border in ((self.encoder, Kind.DOWN), (self.generator, Kind.UP))
        )
        names = [str(512 >> level) for level in range(1, len(downs))]
        widths = [self.base * width for width in self.widths[1:-1]]
        return {
            up + 1: (name, down - 1, width)
            for name, down, up, width in zip(names, downs[1:], reversed(ups[:-1]), widths, strict=True)
        }


def _middle(width: int) -> list[Block]:
    return [Block(kind, width, width) for kind in (Kind.RES, Kind.ATTENTION, Kind.RES)]


class CodeFormer(nn.Module):
    """The network of a plan, for inference.

    Call it with faces [n, 3, size, size], RGB, -1..1, and fidelity [n], 0..1; it gives restored faces of the same shape. With
    ``codes`` [n, grid · grid] it takes those instead of the ones it would choose.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan
        self.encoder, self.generator = _Blocks(plan.encoder, plan.groups), _Blocks(plan.generator, plan.groups)
        self.quantize = nn.Module()
        self.quantize.embedding = nn.Embedding(plan.codes, plan.code)
        self.position_emb = nn.Parameter(torch.zeros(plan.grid**2, plan.dim))
        self.feat_emb = nn.Linear(plan.code, plan.dim)
        self.ft_layers = nn.ModuleList([_Layer(plan) for _ in range(plan.layers)])
        self.idx_pred_layer = nn.Sequential(nn.LayerNorm(plan.dim), nn.Linear(plan.dim, plan.codes, bias=False))
        self.fuse_convs_dict = nn.ModuleDict({name: _Fusion(width, plan.groups) for name, _, width in plan.fusions.values()})
        self.eval().requires_grad_(False)

    def forward(self, faces: Tensor, fidelity: Tensor, codes: Tensor | None = None) -> Tensor:
        fidelity = fidelity.reshape(-1, 1, 1, 1)
        kept: dict[str, Tensor] = {}
        wanted = {block: name for name, block, _ in self.plan.fusions.values()}
        features = faces
        for number, block in enumerate(self.encoder.blocks):
            features = block(features)
            if number in wanted:
                kept[wanted[number]] = features
        tokens = self.feat_emb(features.flatten(2).transpose(1, 2))
        for layer in self.ft_layers:
            tokens = layer(tokens, self.position_emb)
        scores = self.idx_pred_layer(tokens)
        codes = scores.argmax(dim=2) if codes is None else codes
        table = cast(nn.Embedding, self.quantize.embedding)
        looked_up = table(codes).transpose(1, 2).reshape(features.shape)
        return self._generate(_adapt(looked_up, features), kept, fidelity)

    def _generate(self, restored: Tensor, kept: dict[str, Tensor], fidelity: Tensor) -> Tensor:
        for number, block in enumerate(self.generator.blocks):
            restored = block(restored)
            if number in self.plan.fusions:
                name = self.plan.fusions[number][0]
                restored = self.fuse_convs_dict[name](kept[name], restored, fidelity)
        return restored


def _adapt(content: Tensor, style: Tensor) -> Tensor:
    """``content`` with the mean and deviation of each channel of ``style``."""
    spread, mean = torch.var_mean(style, dim=(2, 3), keepdim=True)
    own_spread, own_mean = torch.var_mean(content, dim=(2, 3), keepdim=True)
    return (content - own_mean) * ((spread + ADAIN_EPS) / (own_spread + ADAIN_EPS)).sqrt() + mean


class _Blocks(nn.Module):
    def __init__(self, blocks: list[Block], groups: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([_make(block, groups) for block in blocks])


def _make(block: Block, groups: int) -> nn.Module:
    kind, before, after = block
    if kind is Kind.CONV:
        return nn.Conv2d(before, after, 3, padding=1)
    if kind is Kind.NORM:
        return nn.GroupNorm(groups, after, NORM_EPS)
    if kind is Kind.RES:
        return _Residual(before, after, groups)
    if kind is Kind.ATTENTION:
        return _Attention(after, groups)
    return _Down(after) if kind is Kind.DOWN else _Up(after)


class _Residual(nn.Module):
    def __init__(self, before: int, after: int, groups: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(groups, before, NORM_EPS), nn.Conv2d(before, after, 3, padding=1)
        self.norm2, self.conv2 = nn.GroupNorm(groups, after, NORM_EPS), nn.Conv2d(after, after, 3, padding=1)
        self.conv_out = nn.Conv2d(before, after, 1) if before != after else None

    def forward(self, x: Tensor) -> Tensor:
        inner = self.conv1(functional.silu(self.norm1(x)))
        inner = self.conv2(functional.silu(self.norm2(inner)))
        return cast(Tensor, inner + (x if self.conv_out is None else self.conv_out(x)))


class _Attention(nn.Module):
    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups, width, NORM_EPS)
        self.q, self.k, self.v, self.proj_out = (nn.Conv2d(width, width, 1) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        normed = self.norm(x)
        q, k, v = (part(normed).flatten(2) for part in (self.q, self.k, self.v))
        weights = (q.transpose(1, 2) @ k * q.shape[1] ** -0.5).softmax(dim=2)
        return x + cast(Tensor, self.proj_out((v @ weights.transpose(1, 2)).reshape(x.shape)))


class _Down(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.conv(functional.pad(x, (0, 1, 0, 1))))


class _Up(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.conv(functional.interpolate(x, scale_factor=2.0, mode="nearest")))


class _Layer(nn.Module):
    """A transformer layer; the position goes to queries and keys only."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.self_attn = nn.MultiheadAttention(plan.dim, plan.heads, batch_first=True)
        self.linear1, self.linear2 = nn.Linear(plan.dim, plan.hidden), nn.Linear(plan.hidden, plan.dim)
        self.norm1, self.norm2 = nn.LayerNorm(plan.dim, LAYER_EPS), nn.LayerNorm(plan.dim, LAYER_EPS)

    def forward(self, x: Tensor, position: Tensor) -> Tensor:
        normed = self.norm1(x)
        placed = normed + position
        x = x + self.self_attn(placed, placed, normed, need_weights=False)[0]
        return x + cast(Tensor, self.linear2(functional.gelu(self.linear1(self.norm2(x)))))


class _Fusion(nn.Module):
    """The encoder's features bend the generator's by as much as the fidelity says."""

    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.encode_enc = _Residual(2 * width, width, groups)
        self.scale, self.shift = _bend(width), _bend(width)

    def forward(self, encoder: Tensor, generator: Tensor, fidelity: Tensor) -> Tensor:
        both = self.encode_enc(torch.cat([encoder, generator], dim=1))
        return generator + fidelity * cast(Tensor, generator * self.scale(both) + self.shift(both))


def _bend(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.LeakyReLU(SLOPE), nn.Conv2d(width, width, 3, padding=1))
