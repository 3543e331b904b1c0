"""Outlines of the faces over a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from desktop.ui import theme

RESTORED = "restored"
KINDS = {
    RESTORED: "Restored",
    "small": "Left as it is: too small",
    "sharp": "Left as it is: already sharp",
    "outside": "Left as it is: at the edge of the picture",
    "unsure": "Left as it is: perhaps not a face",
}


@dataclass(frozen=True)
class FaceMark:
    """A face: ``box`` (left, top, right, bottom) in pixels of the source; ``kind`` and ``reason`` say what was done with it."""

    box: tuple[float, float, float, float]
    track: int | None = None
    size: float = 0.0
    kind: str = RESTORED
    reason: str = ""

    @property
    def restored(self) -> bool:
        """Whether it was restored (else a gate left it)."""
        return self.kind == RESTORED

    @property
    def title(self) -> str:
        """Its number and size."""
        name = "Face" if self.track is None else f"Face {self.track}"
        return f"{name}  ·  {self.size:.0f} px"

    @property
    def tip(self) -> str:
        """All that is known."""
        what = KINDS.get(self.kind, self.kind)
        return "\n".join(part for part in (self.title, what, self.reason) if part)


def marks_of(faces: Sequence[dict[str, Any]]) -> list[FaceMark]:
    """From the ``faces`` of a preview's result; what is no face is left out."""
    made = []
    for face in faces:
        box = [float(v) for v in face.get("box") or ()]
        if len(box) == 4:
            track = face.get("track")
            made.append(
                FaceMark(
                    (box[0], box[1], box[2], box[3]),
                    None if track is None else int(track),
                    float(face.get("size") or 0.0),
                    str(face.get("kind") or RESTORED),
                    str(face.get("reason") or ""),
                )
            )
    return made


def placed(mark: FaceMark, origin: tuple[float, float], scale: float) -> QRectF:
    """Where a face is in a view that shows the source's pixel (0, 0) at ``origin``."""
    left, top, right, bottom = mark.box
    return QRectF(origin[0] + left * scale, origin[1] + top * scale, (right - left) * scale, (bottom - top) * scale)


def hit(marks: Sequence[FaceMark], at: QPointF, origin: tuple[float, float], scale: float) -> FaceMark | None:
    """The smallest face under a point."""
    under = [mark for mark in marks if placed(mark, origin, scale).contains(at)]
    return min(under, key=lambda mark: mark.size, default=None)


def draw(
    painter: QPainter, marks: Sequence[FaceMark], origin: tuple[float, float], scale: float, hovered: FaceMark | None, font: Any
) -> None:
    """Draw all outlines, and the title of the one under the mouse.

    White over a dark line can be seen on any picture; dashes tell those that were left.
    """
    painter.save()
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for mark in marks:
        rect = placed(mark, origin, scale)
        dark, light = QColor(0, 0, 0, 150), QColor(255, 255, 255, 235)
        if mark == hovered:
            light = QColor(theme.DARK.accent)
        if not mark.restored:
            dark.setAlpha(70)
            light.setAlpha(130)
        painter.setPen(QPen(dark, 3))
        painter.drawRect(rect)
        painter.setPen(QPen(light, 1, Qt.PenStyle.SolidLine if mark.restored else Qt.PenStyle.DashLine))
        painter.drawRect(rect)
    if hovered is not None and hovered in marks:
        painter.setFont(font)
        rect = placed(hovered, origin, scale)
        draw_pill(painter, QPointF(rect.left(), rect.top() - 4), hovered.title)
    painter.restore()


def draw_pill(painter: QPainter, bottom_left: QPointF, text: str, *, right: bool = False) -> QRectF:
    """A few words on a dark ground, readable on any picture; ``bottom_left`` is the lower right corner when ``right``."""
    metrics = painter.fontMetrics()
    width, height = metrics.horizontalAdvance(text) + 16, metrics.height() + 6
    left = bottom_left.x() - width if right else bottom_left.x()
    rect = QRectF(left, max(4.0, bottom_left.y() - height), width, height)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(16, 17, 19, 200))
    painter.drawRoundedRect(rect, theme.RADIUS, theme.RADIUS)
    painter.setPen(QColor(255, 255, 255))
    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)
    painter.restore()
    return rect
