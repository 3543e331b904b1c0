"""The face restorer: a residual U-Net for aligned 256 x 256 faces, with fidelity as an input.

The picture enters as 2 x 2 blocks (128 x 128 x 12) and most of the work is done at 64 x 64 and 32 x 32: what is lost in old
video is mid frequencies, and plain 3 x 3 convolutions at these sizes run near the peak of a CPU.  An aligned face has its
parts at known places, so learned position maps and one attention block at 16 x 16 tell the network where it is.

Two residuals come out.  The *repair* R is trained for the smallest error (noise, blocks, combing and blur go; nothing is
invented).  The *texture* T is trained afterwards, on frozen repair features, with a patch discriminator; on it lies a fine,
fixed grain, because skin without any looks like wax.  Fidelity mixes them

    result = image + a(w) * R + b(w) * T,     b = 1 - 2w up to w = 0.5, then 0;  a = 1 up to w = 0.5, then falls to 0.5

which costs nothing, moves the result monotonically away from the input as w falls, and at w = 1 halves whatever the repair
does to a face that was clean already.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn

from .settings import NetworkSettings

FIDELITY_ONE_REPAIR = 0.5  # share of the repair that is left at fidelity 1
LEAK = 0.1  # slope of the activation below zero
GRAIN = 3.0 / 255.0  # RMS of the grain at most; the finest detail of the pictures that were learnt from has a median of 3 levels
GRAIN_BLUR = 0.4  # px, of the Gaussian that the grain is made with: coarser grain looks like dirt, finer like noise
GRAIN_BLOCK = 16  # px over which the strength of the repair is taken


def mixing_weights(fidelity: Tensor) -> tuple[Tensor, Tensor]:
    """Return the weights (a, b) of repair and texture for fidelity [N] in 0..1, each [N, 1, 1, 1]."""
    w = fidelity.clamp(0.0, 1.0).reshape(-1, 1, 1, 1)
    repair = 1.0 - (1.0 - FIDELITY_ONE_REPAIR) * (2.0 * w - 1.0).clamp(min=0.0)
    texture = (1.0 - 2.0 * w).clamp(min=0.0)
    return repair, texture


class ResidualBlock(nn.Module):
    """Convolve, weight each channel by what the whole map holds, convolve back and add to the input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.a = nn.Conv2d(width, width, 3, padding=1)
        self.g = nn.Conv2d(width, width, 1)
        self.b = nn.Conv2d(width, width, 3, padding=1)
        self.act = nn.LeakyReLU(LEAK, inplace=True)
        # The block starts as the identity: depth costs nothing at the beginning, and a trained net can be deepened.
        nn.init.zeros_(self.b.weight)
        nn.init.zeros_(self.b.bias)
        nn.init.zeros_(self.g.weight)
        nn.init.ones_(self.g.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, C, H, W] to the same shape."""
        h = self.act(self.a(x))
        return x + self.b(h * self.g(h.mean(dim=(2, 3), keepdim=True)))


class Attention(nn.Module):
    """Self-attention over all places of a small map; places are told by a learned map added to queries and keys."""

    def __init__(self, width: int, side: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.place = nn.Parameter(0.5 * torch.randn(1, width, side, side))
        self.query_key = nn.Conv2d(width, 2 * width, 1)
        self.value = nn.Conv2d(width, width, 1)
        self.out = nn.Conv2d(width, width, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, C, side, side] to the same shape."""
        _, c, height, width = x.shape
        depth = c // self.heads
        plain = self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        q, k = self.query_key(plain + self.place).chunk(2, dim=1)
        q, k, v = (t.reshape(-1, self.heads, depth, height * width) for t in (q, k, self.value(plain)))
        shares = (q.transpose(-2, -1) @ k * depth**-0.5).softmax(dim=-1)
        mixed = (v @ shares.transpose(-2, -1)).reshape(-1, c, height, width)
        return x + self.out(mixed)


class Upward(nn.Module):
    """Double height and width: 1 x 1 convolution, then pixels from channels."""

    def __init__(self, source: int, target: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(source, 4 * target, 1)
        self.shuffle = nn.PixelShuffle(2)

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, source, H, W] to [N, target, 2H, 2W]."""
        return self.shuffle(self.conv(x))


def grain_pattern(side: int) -> Tensor:
    """Return a fixed pattern [1, 1, side, side] with mean 0 and RMS 1: the same on every computer."""
    white = np.random.Generator(np.random.PCG64(256)).standard_normal((side, side))
    pattern = gaussian_filter(white, GRAIN_BLUR, mode="wrap")
    pattern = (pattern - pattern.mean()) / pattern.std()
    return torch.from_numpy(pattern.astype(np.float32))[None, None]


class Grain(nn.Module):
    """What a repair took from the finest detail, given back as an even grain that rests on the face."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.register_buffer("pattern", grain_pattern(side), persistent=False)

    def forward(self, repair: Tensor) -> Tensor:
        """Return grain [N, 1, H, W] for a repair [N, 3, H, W]: nowhere stronger than the repair, so a clean face gets little."""
        taken = F.avg_pool2d(repair.square().mean(dim=1, keepdim=True), GRAIN_BLOCK)
        level = taken.clamp(1e-8, GRAIN**2).sqrt()
        return F.interpolate(level, scale_factor=float(GRAIN_BLOCK), mode="bilinear", align_corners=False) * self.pattern


def blocks(width: int, count: int) -> nn.Sequential:
    """Return `count` residual blocks of one width."""
    return nn.Sequential(*(ResidualBlock(width) for _ in range(count)))


class Repair(nn.Module):
    """Encoder and decoder over 128, 64, 32 and 16 px; gives the repair and the two finest decoder maps."""

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        widths = settings.widths
        bottom = widths[-1]
        side = settings.size // 16
        line = torch.linspace(-1.0, 1.0, settings.size // 2)
        grid = torch.stack(torch.meshgrid(line, line, indexing="ij"))[None]
        self.register_buffer("grid", grid, persistent=False)
        self.inp = nn.Conv2d(14, widths[0], 3, padding=1)
        self.enc = nn.ModuleList(blocks(w, n) for w, n in zip(widths[:-1], settings.encoder_blocks, strict=True))
        self.down = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in pairwise(widths))
        self.pos = nn.Parameter(torch.zeros(1, bottom, side, side))
        self.mid = blocks(bottom, settings.middle_blocks)
        self.attention = Attention(bottom, side, settings.heads)
        self.late = blocks(bottom, settings.late_blocks)
        self.up = nn.ModuleList(Upward(b, a) for a, b in pairwise(widths))
        self.dec = nn.ModuleList(blocks(w, n) for w, n in zip(widths[:-1], settings.decoder_blocks, strict=True))
        self.out = nn.Conv2d(widths[0], 12, 3, padding=1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map blocks [N, 12, 128, 128] in -0.5..0.5 to (repair in blocks, map at 128 px, map at 64 px)."""
        grid = self.grid.to(x.dtype) * torch.ones_like(x[:, :1])  # the batch stays free in the exported graph
        h = self.inp(torch.cat([x, grid], dim=1))
        skips = []
        for stage, down in zip(self.enc, self.down, strict=True):
            h = stage(h)
            skips.append(h)
            h = down(h)
        h = self.late(self.attention(self.mid(h + self.pos)))
        maps = []
        for up, stage, skip in zip(reversed(self.up), reversed(self.dec), reversed(skips), strict=True):
            h = stage(up(h) + skip)
            maps.append(h)
        return self.out(h), maps[-1], maps[-2]


class Texture(nn.Module):
    """A small decoder over the repair's two finest maps; gives what a face needs to look sharp."""

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        w128, w64 = settings.widths[:2]
        t128, t64 = settings.texture_widths
        n128, n64 = settings.texture_blocks
        self.into64 = nn.Conv2d(w64, t64, 1)
        self.blocks64 = blocks(t64, n64)
        self.up128 = Upward(t64, t128)
        self.into128 = nn.Conv2d(w128 + 24, t128, 3, padding=1)
        self.blocks128 = blocks(t128, n128)
        self.head = nn.Conv2d(t128, 12, 3, padding=1)
        line = torch.tensor([0.25, 0.5, 0.25])
        self.register_buffer("smoother", (line[:, None] * line)[None, None].repeat(3, 1, 1, 1), persistent=False)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def band(self, texture: Tensor) -> Tensor:
        """Take what alternates from pixel to pixel out of a texture [N, 3, H, W].

        No face needs it, and losses on local contrast are otherwise met by a chequered pattern.
        """
        return F.conv2d(texture, self.smoother.to(texture.dtype), padding=1, groups=3)

    def forward(self, x: Tensor, repaired: Tensor, d128: Tensor, d64: Tensor) -> Tensor:
        """Map input and repaired blocks [N, 12, 128, 128] and the decoder maps to the texture in blocks."""
        h = self.up128(self.blocks64(self.into64(d64)))
        h = h + self.into128(torch.cat([x, repaired, d128], dim=1))
        return self.head(self.blocks128(h))


class FaceRestorer(nn.Module):
    """Repair, texture and the fidelity mix; see the head of this file."""

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        self.settings = settings
        self.repair = Repair(settings)
        self.texture = Texture(settings)
        self.grain = Grain(settings.size)
        self.to_blocks = nn.PixelUnshuffle(2)
        self.to_pixels = nn.PixelShuffle(2)

    def residuals(self, image: Tensor, with_texture: bool = True) -> tuple[Tensor, Tensor | None]:
        """Return repair and texture with its grain [N, 3, H, W] for an image [N, 3, H, W], RGB 0..1.

        The texture sees the repair's features without a gradient: training it cannot spoil the repair.
        """
        x = self.to_blocks(image) - 0.5
        repair, d128, d64 = self.repair(x)
        if not with_texture:
            return self.to_pixels(repair), None
        repaired = x + repair
        texture = self.texture(x, repaired.detach(), d128.detach(), d64.detach())
        repair = self.to_pixels(repair)
        return repair, self.texture.band(self.to_pixels(texture)) + self.grain(repair.detach())

    def forward(self, image: Tensor, fidelity: Tensor) -> Tensor:
        """Restore faces.

        Args:
            image: [N, 3, 256, 256], RGB 0..1, aligned to the FFHQ five-point template scaled to 256 px.
            fidelity: [N], 0 (most restored) .. 1 (closest to the input).

        Returns:
            [N, 3, 256, 256], RGB 0..1.
        """
        repair, texture = self.residuals(image)
        a, b = mixing_weights(fidelity)
        return (image + a * repair + b * texture).clamp(0.0, 1.0)


class PatchDiscriminator(nn.Module):
    """Judge overlapping patches of (picture, its repaired version); spectral norms keep it tame. Training only."""

    def __init__(self, width: int) -> None:
        super().__init__()
        norm = nn.utils.parametrizations.spectral_norm
        self.layers = nn.Sequential(
            nn.PixelUnshuffle(2),
            nn.Conv2d(24, width, 3, padding=1),
            nn.LeakyReLU(0.2, inplace=True),
            norm(nn.Conv2d(width, 2 * width, 4, stride=2, padding=1)),
            nn.LeakyReLU(0.2, inplace=True),
            norm(nn.Conv2d(2 * width, 4 * width, 4, stride=2, padding=1)),
            nn.LeakyReLU(0.2, inplace=True),
            norm(nn.Conv2d(4 * width, 4 * width, 3, padding=1)),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(4 * width, 1, 3, padding=1),
        )

    def forward(self, picture: Tensor, repaired: Tensor) -> Tensor:
        """Map two [N, 3, H, W], RGB 0..1, to patch scores [N, 1, H/8, W/8], high for a real picture."""
        return self.layers(torch.cat([picture, repaired], dim=1) * 2.0 - 1.0)
