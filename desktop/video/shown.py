"""Pictures for the window, kept as files in the cache, the oldest removed."""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from desktop.paths import atomic_write, cache_dir, make_folder
from desktop.video.media.picture import Picture

_MOST_FILES = 24
_MOST_BYTES = 400 << 20


def square(picture: Picture, scale: int = 1, size: tuple[int, int] | None = None) -> npt.NDArray[np.uint8]:
    """The whole picture as uint8 RGB [h, w, 3] in square pixels.

    Args:
        size: width and height of the picture before, of which this one is ``scale`` times the size; its own when None.
    """
    width, height = size or picture.square_size
    rgb = picture.rgb()
    if rgb.shape[:2] == (height * scale, width * scale):
        return rgb
    return np.asarray(cv2.resize(rgb, (width * scale, height * scale), interpolation=cv2.INTER_CUBIC), np.uint8)


def keep(rgb: npt.NDArray[np.uint8]) -> str:
    """Write pixels into the cache; returns the .npy file, which stays for some previews."""
    folder = make_folder(cache_dir() / "previews")
    path = folder / f"{secrets.token_hex(8)}.npy"
    with atomic_write(path) as file:
        np.save(file, rgb, allow_pickle=False)
    _tidy(folder)
    return str(path)


def _tidy(folder: Path) -> None:
    """Remove the oldest files beyond the bounds; the newest two always stay."""
    found = []
    for path in folder.glob("*.npy"):
        with contextlib.suppress(OSError):
            stat = path.stat()
            found.append((stat.st_mtime_ns, stat.st_size, path))
    room = _MOST_BYTES
    for number, (_, size, path) in enumerate(sorted(found, reverse=True)):
        room -= size
        if number >= 2 and (number >= _MOST_FILES or room < 0):
            with contextlib.suppress(OSError):
                path.unlink()
