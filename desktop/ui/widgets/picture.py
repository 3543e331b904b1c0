"""Pictures ready for painting, and the difference of two."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage

Rgb = npt.NDArray[np.uint8]
FULL_DIFFERENCE = 32
"""Difference of two values (of 255) that is shown as the end of the scale."""
_STOPS = ((0.0, (0, 0, 0)), (0.25, (60, 20, 110)), (0.5, (180, 40, 90)), (0.75, (245, 130, 40)), (1.0, (255, 245, 190)))


class Picture:
    """An image in the format that paints fastest, and smaller copies of it for zooming out.

    Drawing a picture much larger than the screen with bilinear filtering skips pixels (and is slow); the copies, each half
    as large as the one before, are made when they are first needed.
    """

    def __init__(self, image: QImage) -> None:
        self._levels = [image.convertToFormat(QImage.Format.Format_RGB32)]

    @classmethod
    def of(cls, rgb: Rgb) -> Picture:
        """From an array [h, w, 3] uint8, which is copied."""
        rgb = np.ascontiguousarray(rgb, np.uint8)
        height, width = rgb.shape[:2]
        return cls(QImage(rgb.data, width, height, 3 * width, QImage.Format.Format_RGB888))

    @classmethod
    def decode(cls, data: bytes) -> Picture | None:
        """From the bytes of a JPEG or PNG file; None when they are no picture."""
        image = QImage.fromData(data)
        return None if image.isNull() else cls(image)

    @property
    def image(self) -> QImage:
        """In full size."""
        return self._levels[0]

    @property
    def width(self) -> int:
        return self.image.width()

    @property
    def height(self) -> int:
        return self.image.height()

    def level(self, zoom: float) -> QImage:
        """The copy to draw when a pixel of the picture becomes ``zoom`` device pixels: at most twice as large as needed."""
        wanted = 0
        while zoom * 2 ** (wanted + 1) <= 1.0 and min(self.width, self.height) >> (wanted + 1) >= 2:
            wanted += 1
        while len(self._levels) <= wanted:
            last = self._levels[-1]
            self._levels.append(
                last.scaled(
                    (last.width() + 1) // 2,
                    (last.height() + 1) // 2,
                    Qt.AspectRatioMode.IgnoreAspectRatio,
                    Qt.TransformationMode.SmoothTransformation,
                )
            )
        return self._levels[wanted]

    def array(self) -> Rgb:
        """The pixels as [h, w, 3]; a view that is valid as long as the picture lives."""
        image = self.image
        whole = np.frombuffer(image.constBits(), np.uint8).reshape(self.height, image.bytesPerLine())
        pixels = whole[:, : 4 * self.width].reshape(self.height, self.width, 4)
        # Stored as 0xffRRGGBB in the machine's order: blue comes first on little-endian machines, which all of ours are.
        return pixels[..., 2::-1]


def difference(before: Picture, after: Picture) -> Picture:
    """How far apart two pictures are, as a heat map: the largest of the three channels' differences, amplified.

    A picture of another size is brought to that of the larger one.
    """
    width, height = max(before.width, after.width), max(before.height, after.height)
    # The arrays do not keep their pictures alive.
    pictures = [_sized(picture, width, height) for picture in (before, after)]
    one, other = (picture.array() for picture in pictures)
    away = np.maximum(one, other) - np.minimum(one, other)
    return Picture.of(heat()[away.max(axis=2)])


@lru_cache(maxsize=1)
def heat() -> Rgb:
    """Colour [256, 3] of each difference; the same from ``FULL_DIFFERENCE`` on."""
    share = np.minimum(np.arange(256) / FULL_DIFFERENCE, 1.0)
    places = [place for place, _ in _STOPS]
    return np.stack(
        [np.interp(share, places, [colour[k] for _, colour in _STOPS]).round().astype(np.uint8) for k in range(3)], axis=1
    )


def _sized(picture: Picture, width: int, height: int) -> Picture:
    if (picture.width, picture.height) == (width, height):
        return picture
    ignore, smooth = Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
    return Picture(picture.image.scaled(width, height, ignore, smooth))
