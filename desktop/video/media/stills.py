"""Still pictures: reading and writing them whole."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from desktop.errors import UsageError, UserError
from desktop.paths import atomic_write
from desktop.plain_files import check_plain
from desktop.video.media import pixels
from desktop.video.media.formats import make_format
from desktop.video.media.picture import Picture

SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".jpe", ".tif", ".tiff", ".webp", ".bmp"))
"""Endings of the files that are read and written as stills."""

MOST_PIXELS = 1 << 28
"""Pixels of a still: those of the largest cameras and a third more."""

_DEEP = frozenset((".png", ".tif", ".tiff"))
_OPTIONS = {
    ".jpg": [cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444],
    ".webp": [cv2.IMWRITE_WEBP_QUALITY, 95],
    ".tif": [cv2.IMWRITE_TIFF_COMPRESSION, cv2.IMWRITE_TIFF_COMPRESSION_LZW],
}
_MAY_HOLD_SEVERAL = frozenset((".tif", ".tiff", ".webp", ".png"))
_SAME = {".jpeg": ".jpg", ".jpe": ".jpg", ".tiff": ".tif"}


def is_still(path: Path | str) -> bool:
    """Whether a file's name is that of a still picture."""
    return Path(path).suffix.lower() in SUFFIXES


def stills_in(folder: Path) -> list[Path]:
    """The stills in a folder, by name, without hidden files."""
    found = (path for path in folder.iterdir() if is_still(path) and not path.name.startswith(".") and path.is_file())
    return sorted(found, key=lambda path: (path.name.casefold(), path.name))


def read_still(path: Path | str) -> Picture:
    """A still, turned as its EXIF data say: planes G, B, R or gray, of 8 bits, or 16 where the file has more.

    Alpha is dropped, CMYK becomes RGB; of several pictures in a file the first is taken. ``Picture.notes`` says so.

    Raises:
        UserError: the file is no picture that can be read.
    """
    path = Path(path)
    try:
        check_plain(path)
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise UserError(f"The picture cannot be read: {error.strerror or error}", path=path, remedy="Check the path.") from error
    if not data.size:
        raise UserError("This file is empty (0 bytes)", path=path, remedy="Copy it again from where it came from.")
    _check_size(path)
    samples = _decoded(data, cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH)
    if samples is None:
        remedy = f"Choose one of {', '.join(sorted(SUFFIXES))}; if it was cut off while it was copied, copy it again."
        raise UserError("This file is not a picture that can be read", path=path, remedy=remedy)
    samples = _integers(samples)
    bits = samples.dtype.itemsize * 8
    gray = samples.ndim == 2
    form = make_format("gray" if gray else "gbr", bits, full_range=True, matrix="bt601", siting="center")
    # Of B, G, R as OpenCV has them, the planes are G, B, R.
    planes = (samples,) if gray else tuple(np.ascontiguousarray(samples[..., channel]) for channel in (1, 0, 2))
    height, width = samples.shape[:2]
    return Picture(planes, form, width, height, notes=_notes(path, data))


def write_still(picture: Picture, path: Path | str) -> None:
    """Write a picture; PNG and TIFF keep 16 bits, the others hold 8. The file is complete or not there.

    Raises:
        UsageError: the ending is none of ``SUFFIXES``.
        UserError: the disk is full, the picture is too large for the format, ...
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        remedy = f"Choose one of {', '.join(sorted(SUFFIXES))}."
        raise UsageError(f"There is no picture format {path.suffix or 'without an ending'}", path=path, remedy=remedy)
    suffix = _SAME.get(suffix, suffix)
    try:
        done, data = cv2.imencode(suffix, _samples(picture, deep=suffix in _DEEP), _OPTIONS.get(suffix, []))
    except cv2.error:
        done = False
    if not done:
        remedy = "Choose another format, such as PNG."
        raise UserError(
            f"A picture of {picture.width}x{picture.height} cannot be stored as {suffix[1:]}", path=path, remedy=remedy
        )
    with atomic_write(path) as file:
        file.write(data)


def _check_size(path: Path) -> None:
    """Raise UserError when the picture's head states more pixels than memory may be spent on: a file of 3 MB can hold gigabytes.

    A head that Pillow does not understand is left to the decoder.
    """
    usual = Image.MAX_IMAGE_PIXELS
    # Pillow refuses from twice this number on.
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS // 2
    try:
        with warnings.catch_warnings(action="ignore", category=Image.DecompressionBombWarning), Image.open(path):
            pass
    except Image.DecompressionBombError as error:
        most = f"It may have {MOST_PIXELS / 1e6:.0f} million pixels; make it smaller first."
        raise UserError("This picture is too large", path=path, remedy=most) from error
    except (OSError, ValueError, SyntaxError):
        pass
    finally:
        Image.MAX_IMAGE_PIXELS = usual


def _decoded(data: npt.NDArray[np.uint8], flags: int) -> npt.NDArray[Any] | None:
    try:
        samples = cv2.imdecode(data, flags)
    except cv2.error:
        return None
    return None if samples is None else np.asarray(samples)


def _integers(samples: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Samples of 8 or 16 bits; floating point ones of 0..1 become 16."""
    if samples.dtype in (np.uint8, np.uint16):
        return samples
    if np.issubdtype(samples.dtype, np.floating):
        return np.asarray(np.rint(np.clip(np.nan_to_num(samples), 0, 1) * 65535), np.uint16)
    return np.asarray(np.clip(samples, 0, 65535), np.uint16)


def _samples(picture: Picture, *, deep: bool) -> npt.NDArray[Any]:
    """What OpenCV encodes: gray, or B, G, R, of 8 bits or 16."""
    form = picture.format
    if form.kind == "yuv":
        return np.asarray(cv2.cvtColor(picture.rgb(), cv2.COLOR_RGB2BGR))
    if form.kind == "gray":
        samples = picture.planes[0] if form.full_range else picture.rgb()[..., 0]
    else:
        green, blue, red = picture.planes
        samples = np.asarray(cv2.merge([blue, green, red]))
    if samples.dtype == np.uint8:
        return samples
    if not deep:
        return pixels.to_bytes(samples, form.bits)
    # Bits are repeated below, so that white stays white.
    return samples if form.bits == 16 else (samples << (16 - form.bits)) | (samples >> (2 * form.bits - 16))


def _notes(path: Path, data: npt.NDArray[np.uint8]) -> tuple[str, ...]:
    """What of the file is not in the picture."""
    notes = []
    if _has_alpha(data):
        notes.append("Its transparency is dropped.")
    count = _count(path) if path.suffix.lower() in _MAY_HOLD_SEVERAL else 1
    if count > 1:
        notes.append(f"It holds {count} pictures; the first is taken.")
    return tuple(notes)


def _count(path: Path) -> int:
    try:
        return int(cv2.imcount(str(path)))
    except cv2.error:
        return 1


def _has_alpha(data: npt.NDArray[np.uint8]) -> bool:
    """Whether anything in the file is transparent."""
    head = data[:64].tobytes()
    # Only these can be, and decoding twice is dear.
    if not head.startswith((b"\x89PNG", b"RIFF", b"II", b"MM", b"BM")):
        return False
    whole = _decoded(data, cv2.IMREAD_UNCHANGED)
    return whole is not None and whole.ndim == 3 and whole.shape[2] == 4 and bool((whole[..., 3] != whole[..., 3].max()).any())
