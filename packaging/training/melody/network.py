"""The melody network: transcription maps and spectrum of a song in, salience of every pitch as the melody out.

Input channels are the same maps seen from the pitch's harmonics and subharmonics, so that all convolutions are small and
mean the same at every pitch. A trunk at half the frame rate looks around in time; twice it gathers what the pitches that look
like the lead have in common, follows that over seconds, and hands it back to every pitch ("this is how the lead sounds here").
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .settings import NetworkSettings

MAPS, LOWEST = 5, 21


class HarmonicView(nn.Module):
    """[B, 5, T, 88] maps and [B, T, 107] spectrum to [B, C, T, P]: what lies at each pitch and at intervals from it."""

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        self.settings = settings
        self.low = settings.lowest - LOWEST
        self.count = settings.pitches
        self.channels = MAPS + len(settings.note_views) + len(settings.spectrum_views) + 2 * len(settings.neighbours) + 2
        place = torch.linspace(-1, 1, self.count)
        self.place: Tensor
        self.register_buffer("place", torch.stack([place, place**2])[None, :, None, :], persistent=False)

    def forward(self, maps: Tensor, spectrum: Tensor) -> Tensor:
        """Stack the views."""
        margin = 36
        notes = F.pad(maps, (margin, margin))
        bands = F.pad(spectrum[:, None], (margin, margin))
        at = self.low + margin
        views = [notes[..., at : at + self.count]]
        views += [notes[:, :1, :, at + step : at + step + self.count] for step in self.settings.note_views]
        views += [bands[..., at + step : at + step + self.count] for step in self.settings.spectrum_views]
        for near, far in self.settings.neighbours:
            reach = far - near + 1
            strongest = F.max_pool2d(notes[:, :1], (1, reach), stride=1)
            views.append(strongest[..., at + near : at + near + self.count])
            views.append(strongest[..., at - far : at - far + self.count])
        views.append(self.place.expand(maps.shape[0], -1, maps.shape[2], -1))
        return torch.cat(views, 1)


class Block(nn.Module):
    """Residual block that looks around in time and pitch; starts as the identity, so that no normalisation is needed."""

    def __init__(self, width: int, time: int, pitch: int, dilation: int) -> None:
        super().__init__()
        padding = ((time // 2) * dilation, pitch // 2)
        self.look = nn.Conv2d(width, width, (time, pitch), padding=padding, dilation=(dilation, 1))
        self.mix = nn.Conv2d(width, width, 1)
        nn.init.normal_(self.mix.weight, std=0.2 / width**0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        step: Tensor = self.mix(F.relu(self.look(x)))
        return x + step


class Lead(nn.Module):
    """Follows the lead: pools features where they look like it, smooths over time, modulates every pitch."""

    def __init__(self, width: int, inner: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.score = nn.Conv2d(width, 2, 1)
        self.enter = nn.Conv1d(3 * width, inner, 1)
        self.steps = nn.ModuleList(nn.Conv1d(inner, inner, 3, padding=d, dilation=d) for d in dilations)
        self.leave = nn.Conv1d(inner, 2 * width, 1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        weights = torch.softmax(self.score(x).float(), 3).to(x.dtype)
        pooled = torch.cat([_gather(x, weights[:, 0]), _gather(x, weights[:, 1]), x.mean(3)], 1)
        inner = F.relu(self.enter(pooled))
        for step in self.steps:
            inner = inner + 0.3 * F.relu(step(inner))
        change: Tensor = self.leave(inner)[..., None]
        scale, offset = change.chunk(2, 1)
        return x * (1 + scale) + offset


class MelodyNetwork(nn.Module):
    """Logits [B, T, 1 + pitches] of silence and of each pitch; onset logits [B, T, pitches]."""

    def __init__(self, settings: NetworkSettings | None = None) -> None:
        super().__init__()
        settings = settings or NetworkSettings()
        self.settings = settings
        width = settings.width
        self.view = HarmonicView(settings)
        self.fold = nn.Conv2d(self.view.channels, width, (2, 3), stride=(2, 1), padding=(0, 1))
        half = len(settings.blocks) // 2
        self.first = nn.ModuleList(Block(width, *shape) for shape in settings.blocks[:half])
        self.lead = Lead(width, settings.inner, settings.follow)
        self.second = nn.ModuleList(Block(width, *shape) for shape in settings.blocks[half:])
        self.again = Lead(width, settings.inner, settings.follow)
        self.join = nn.Conv2d(2 * width, 2 * width, (3, 1), padding=(1, 0))
        self.out = nn.Conv2d(2 * width, 4, 1)
        self.rest = nn.Conv1d(3 * width, settings.inner, 3, padding=1)
        self.silence = nn.Conv1d(settings.inner, 2, 3, padding=1)

    def forward(self, maps: Tensor, spectrum: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of pitches and of onsets; the number of frames must be even."""
        start = F.relu(self.fold(self.view(maps, spectrum)))
        x = start
        for block in self.first:
            x = block(x)
        x = self.lead(x)
        for block in self.second:
            x = block(x)
        x = self.again(x)
        out = self.out(F.relu(self.join(torch.cat([x, start], 1))))
        weights = torch.softmax(out[:, :2].float().mean(1), 2).to(x.dtype)
        seen = torch.cat([_gather(x, weights), x.mean(3), x.amax(3)], 1)
        silence = self.silence(F.relu(self.rest(seen)))[..., None]
        return _unfold(torch.cat([silence, out[:, :2]], 3)), _unfold(out[:, 2:])


def _gather(x: Tensor, weights: Tensor) -> Tensor:
    """[B, C, T]: [B, C, T, P] averaged over pitch with weights [B, T, P]."""
    return torch.matmul(x.permute(0, 2, 1, 3), weights[..., None])[..., 0].transpose(1, 2)


def _unfold(x: Tensor) -> Tensor:
    """[B, 2, T, P] to [B, 2 T, P]: two frames from the channels of one."""
    batch, _, frames, pitches = x.shape
    return x.transpose(1, 2).reshape(batch, 2 * frames, pitches)
