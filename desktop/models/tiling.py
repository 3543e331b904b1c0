"""Networks that turn pictures into pictures, run over pictures of any size in tiles.

Each tile is computed with a margin around it that is thrown away. A margin as wide as the network sees makes the result the same
as without tiles. Where that would be too much (ESRGAN sees 349 pixels to each side, and hardly uses the far ones), neighbours are
faded into one another over the seam.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from desktop.jobs.failures import is_out_of_memory
from desktop.jobs.progress import Progress
from desktop.models import headroom

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]
Run = Callable[[Floats], Floats]

# Smallest side of a tile without its margin, and the largest window: more makes nothing faster and wastes memory.
LEAST, LARGEST = 16, 1024
# Part of the free memory that one network may take, and the most of the computer's: its memory stays taken until it is closed.
_SHARE, _MOST = 0.5, 4 << 30
_FADE = 16


class Box(NamedTuple):
    """Part of a picture: first and last-plus-one row and column."""

    top: int
    left: int
    bottom: int
    right: int


class Tiler:
    """Runs a network over pictures, tile by tile, in constant memory beside source and result. For one thread at once.

    Args:
        run: [1, 3, height, width] of 0 to 1 to [1, 3, scale·height, scale·width].
        scale: pixels of the result for each of the source's, in one direction.
        reach: pixels to each side that decide about one.
        margin: pixels around a tile that are computed and thrown away, at least 1; with fewer than ``reach`` tiles are faded.
        bytes_per_pixel: memory that the network takes for each pixel of a tile.
        device: whose free memory bounds the tiles: "CPU" or "CUDA".

    Attributes:
        window: largest side of a tile with its margins, once a picture has come; shrinks when memory runs out.
    """

    def __init__(
        self, run: Run, *, scale: int, reach: int, margin: int, bytes_per_pixel: float, device: str = "CPU", window: int = 0
    ) -> None:
        self.window = window
        self._run, self._scale, self._device = run, scale, device
        self._margin = max(1, min(reach, margin))
        self._fade = min(_FADE, self._margin // 2) if margin < reach else 0
        self._need = bytes_per_pixel
        self._longest = 1 << 30

    def __call__(self, image: Bytes, progress: Progress | None = None) -> Bytes:
        """The whole picture, [height, width, 3] to [scale·height, scale·width, 3].

        Raises:
            MemoryError: not even the smallest tile fits.
            Cancelled: by ``progress``, between tiles.
        """
        progress = progress or Progress()
        height, width = image.shape[:2]
        result = np.empty((height * self._scale, width * self._scale, 3), np.uint8)
        self.window = self.window or self._choose_window()
        tiles = [
            Box(top, left, bottom, right)
            for top, bottom in _spans(height, self.window, self._margin)
            for left, right in _spans(width, self.window, self._margin)
        ]
        for number, tile in enumerate(tiles):
            progress.at(number / len(tiles), f"Tile {number + 1} of {len(tiles)}" if len(tiles) > 1 else "")
            self._paint(image, tile, result, progress)
        return result

    def _choose_window(self) -> int:
        free = headroom.free_bytes(self._device)
        bounds = [] if free is None else [free * _SHARE]
        if self._device == "CPU" or free is None:
            bounds.append(_MOST)
        side = math.isqrt(int(min(bounds) / self._need))
        return min(LARGEST, max(LEAST + 2 * self._margin, side))

    def _paint(self, image: Bytes, tile: Box, result: Bytes, progress: Progress) -> None:
        """Compute one tile; in halves when memory runs out, and at once where it ran out before."""
        height, width = tile.bottom - tile.top, tile.right - tile.left
        if max(height, width) <= self._longest and self._fits(image, tile, result):
            return
        progress.checkpoint()
        if max(height, width) <= self._longest:
            self._longest = max(LEAST, math.ceil(max(height, width) / 2))
            self.window = min(self.window, self._longest + 2 * self._margin)
            progress.log(f"The memory ran out with tiles of {width} by {height}; going on with smaller ones.", "warning")
        if height >= width:
            middle = (tile.top + tile.bottom) // 2
            halves = tile._replace(bottom=middle), tile._replace(top=middle)
        else:
            middle = (tile.left + tile.right) // 2
            halves = tile._replace(right=middle), tile._replace(left=middle)
        for half in halves:
            self._paint(image, half, result, progress)

    def _fits(self, image: Bytes, tile: Box, result: Bytes) -> bool:
        """Compute one tile; False when memory ran out, and with this the failed call's own memory is free again."""
        try:
            self._compute(image, tile, result)
        except Exception as error:
            if not is_out_of_memory(error) or max(tile.bottom - tile.top, tile.right - tile.left) <= LEAST:
                raise
            return False
        return True

    def _compute(self, image: Bytes, tile: Box, result: Bytes) -> None:
        height, width = image.shape[:2]
        seen, kept = _grown(tile, self._margin, height, width), _grown(tile, self._fade, height, width)
        source = image[seen.top : seen.bottom, seen.left : seen.right].transpose(2, 0, 1)[None]
        made = self._run(np.divide(source, np.float32(255.0), dtype=np.float32))[0]
        scale = self._scale
        top, left = (kept.top - seen.top) * scale, (kept.left - seen.left) * scale
        rows, columns = (kept.bottom - kept.top) * scale, (kept.right - kept.left) * scale
        made = made[:, top : top + rows, left : left + columns]
        target = result[kept.top * scale : kept.bottom * scale, kept.left * scale : kept.right * scale]
        if self._fade:
            weight = _ramp(rows, (tile.top - kept.top) * scale)[:, None] * _ramp(columns, (tile.left - kept.left) * scale)
            for channel in range(3):
                _round(target[..., channel] * (1 - weight) + made[channel] * (255 * weight), target[..., channel])
        else:
            for channel in range(3):
                _round(made[channel] * np.float32(255), target[..., channel])


def _spans(size: int, window: int, margin: int) -> list[tuple[int, int]]:
    """Where tiles begin and end along one side: as few as fit into ``window`` with their margins, of nearly equal size."""
    if size <= window:
        return [(0, size)]
    # The outer tiles need a margin to one side only.
    count = math.ceil((size - 2 * margin) / max(LEAST, window - 2 * margin))
    edges = [round(size * number / count) for number in range(count + 1)]
    return list(pairwise(edges))


def _grown(box: Box, by: int, height: int, width: int) -> Box:
    return Box(max(0, box.top - by), max(0, box.left - by), min(height, box.bottom + by), min(width, box.right + by))


def _ramp(length: int, half: int) -> Floats:
    """Weights of a tile along one side: rising over twice ``half`` pixels where a neighbour lies before it, 1 after that."""
    weights = np.ones(length, np.float32)
    if half:
        rise = min(length, 2 * half)
        weights[:rise] = (np.arange(rise, dtype=np.float32) + 0.5) / (2 * half)
    return weights


def _round(values: Floats, target: Bytes) -> None:
    """Nearest whole numbers, 0 to 255."""
    np.copyto(target, np.clip(np.rint(values), 0, 255), casting="unsafe")
