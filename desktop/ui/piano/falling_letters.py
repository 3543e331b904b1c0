"""Words of the falling notes as the window draws them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter

from desktop.ui import theme


def letters(text: str, size: int) -> npt.NDArray[np.float32]:
    """Draw ``text`` in letters ``size`` pixels high: float32 [h, w], 0 background .. 1 letter."""
    font = theme.body_font()
    font.setPixelSize(size)
    metrics = QFontMetricsF(font)
    width, height = int(metrics.horizontalAdvance(text)) + 3, int(metrics.height()) + 1
    image = QImage(width, height, QImage.Format.Format_Grayscale8)
    image.fill(Qt.GlobalColor.black)
    painter = QPainter(image)
    painter.setFont(font)
    painter.setPen(QColor("white"))
    painter.drawText(QPointF(1, metrics.ascent()), text)
    painter.end()
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(height, image.bytesPerLine())
    return rows[:, :width].astype(np.float32) / np.float32(255)
