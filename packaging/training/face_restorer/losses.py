"""Losses and picture measures.  All pictures are [N, 3, H, W], RGB 0..1; per-picture results are [N]."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)


def face_weight(side: int, device: torch.device) -> Tensor:
    """Return [1, 1, side, side] with mean 1: more on the face, most on eyes and mouth of the FFHQ template."""
    line = (torch.arange(side, device=device, dtype=torch.float32) + 0.5) * 512.0 / side
    y, x = torch.meshgrid(line, line, indexing="ij")

    def spot(cx: float, cy: float, sx: float, sy: float) -> Tensor:
        return torch.exp(-0.5 * (((x - cx) / sx) ** 2 + ((y - cy) / sy) ** 2))

    weight = 0.6 + 0.8 * spot(256, 300, 110, 140)
    weight = weight + 0.8 * (spot(193, 240, 35, 22) + spot(319, 240, 35, 22)) + 0.6 * spot(257, 371, 48, 26)
    return (weight / weight.mean())[None, None]


def squared_error(a: Tensor, b: Tensor, weight: Tensor | None = None) -> Tensor:
    """Return the mean squared error of each picture, weighted by place if asked."""
    d = (a - b).square()
    return (d if weight is None else d * weight).mean(dim=(1, 2, 3))


def decibel_loss(a: Tensor, b: Tensor, weight: Tensor, floor: float) -> Tensor:
    """Return the mean of 10 log10(error + floor).

    The logarithm gives hopeless and nearly clean faces the same say as the others, as PSNR does, and the floor stops a face
    that is good enough from drawing all attention.
    """
    return 10.0 * torch.log10(squared_error(a, b, weight) + floor).mean()


def luma(picture: Tensor) -> Tensor:
    """Return [N, 1, H, W], 0..1."""
    return (picture * picture.new_tensor(LUMA).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)


def box_ssim(a: Tensor, b: Tensor, window: int = 8, stride: int = 4) -> Tensor:
    """Return the structural similarity of the lumas over square windows: cheap, for training."""
    a, b = luma(a), luma(b)

    def pool(t: Tensor) -> Tensor:
        return F.avg_pool2d(t, window, stride)

    ma, mb = pool(a), pool(b)
    va, vb, cov = pool(a * a) - ma * ma, pool(b * b) - mb * mb, pool(a * b) - ma * mb
    c1, c2 = 0.01**2, 0.03**2
    return ((2 * ma * mb + c1) * (2 * cov + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2))).mean(dim=(1, 2, 3))


def edge_loss(a: Tensor, b: Tensor) -> Tensor:
    """Return the mean absolute difference of horizontal and vertical steps between pixels."""
    d = a - b
    return (d[..., :, 1:] - d[..., :, :-1]).abs().mean() + (d[..., 1:, :] - d[..., :-1, :]).abs().mean()


def psnr(a: Tensor, b: Tensor) -> Tensor:
    """Return the peak signal-to-noise ratio of each picture in dB, over all pixels and channels."""
    return -10.0 * torch.log10(squared_error(a.float(), b.float()).clamp(min=1e-10))


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """Return the structural similarity of each picture's luma: Gaussian window 11 x 11, sigma 1.5, valid part only.

    Wang et al., Image quality assessment: from error visibility to structural similarity, 2004.
    """
    line = torch.exp(-0.5 * ((torch.arange(11, dtype=torch.float32, device=a.device) - 5.0) / 1.5) ** 2)
    line = line / line.sum()

    def blur(t: Tensor) -> Tensor:
        return F.conv2d(F.conv2d(t, line.view(1, 1, 1, 11)), line.view(1, 1, 11, 1))

    a, b = luma(a.float()), luma(b.float())
    ma, mb = blur(a), blur(b)
    va, vb, cov = blur(a * a) - ma * ma, blur(b * b) - mb * mb, blur(a * b) - ma * mb
    c1, c2 = 0.01**2, 0.03**2
    return ((2 * ma * mb + c1) * (2 * cov + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2))).mean(dim=(1, 2, 3))
