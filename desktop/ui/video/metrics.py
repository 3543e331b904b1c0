"""The line of numbers about the frame that is shown. What was not computed is not there."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QWidget

from desktop.ui import theme
from desktop.ui.video.shown import After, Shown
from desktop.ui.widgets.elided import ElidedLabel
from desktop.ui.widgets.face_marks import KINDS, RESTORED, FaceMark
from desktop.ui.widgets.parts import label, restyle

HEIGHT = 28
MEASURES = (
    ("sharpness", "Sharpness", True, "How much fine detail the faces hold; larger is sharper (noise counts as detail too)"),
    ("niqe", "NIQE", False, "How unnatural the picture looks, by statistics of natural pictures; smaller is better"),
)


class MetricsStrip(QWidget):
    """Sharpness and NIQE before and after, faces restored and left, how long the frame took."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("surface", "window")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(HEIGHT)
        self.setAccessibleName("Numbers of this frame")
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.S3, 0, theme.S3, 0)
        row.setSpacing(theme.S4)
        self.values = {}
        for key, *_rest in MEASURES:
            self.values[key] = label(size=theme.CAPTION, tabular=True)
            row.addWidget(self.values[key])
        self.faces = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self.faces.setFont(theme.font(self.faces, theme.CAPTION, tabular=True))
        row.addWidget(self.faces, 1)
        self.took = label(size=theme.CAPTION, tone="secondary", tabular=True)
        row.addWidget(self.took)

    def refresh(self, shown: Shown, result: str = "") -> None:
        """Show the numbers of a frame; ``result``: what is known of the finished file beside it."""
        preview = shown.preview if shown.kind is After.PREVIEW else None
        metrics = preview.metrics if preview is not None else {}
        for key, name, more_is_better, tip in MEASURES:
            text, tone = change(name, metrics.get(key), more_is_better)
            self.values[key].setText(text)
            self.values[key].setToolTip(tip)
            restyle(self.values[key], tone=tone)
            self.values[key].setVisible(bool(text))
        self.faces.setText(faces_text(preview.marks) if preview is not None else self._hint(shown, result))
        restyle(self.faces, tone="" if preview is not None else "secondary")
        took = sum(float(v) for v in preview.seconds.values()) if preview is not None else 0.0
        self.took.setText(f"{took:.1f} s" if took else "")
        self.took.setToolTip("How long restoring this frame took")

    def _hint(self, shown: Shown, result: str) -> str:
        if shown.kind is After.RESULT:
            return result
        if shown.kind is After.RUNNING:
            return "Being restored now"
        if shown.problem is not None:
            return shown.problem.message
        if shown.rendering:
            return "Restoring this frame…"
        return shown.blocked if shown.kind is After.NONE else ""


def change(name: str, values: Any, more_is_better: bool) -> tuple[str, str]:
    """ "Sharpness 12.1 → 38.4" and its tone; nothing when it was not computed."""
    if not isinstance(values, list | tuple) or len(values) != 2 or any(v is None for v in values):
        return "", ""
    before, after = float(values[0]), float(values[1])
    better = after > before if more_is_better else after < before
    same = abs(after - before) <= 0.02 * max(abs(before), abs(after), 1e-9)
    return f"{name} {_short(before)} → {_short(after)}", "" if same else "good" if better else "warning"


def faces_text(marks: list[FaceMark]) -> str:
    """How many faces were restored, and how many were left for which reason."""
    if not marks:
        return "No face found in this frame"
    restored = sum(mark.restored for mark in marks)
    parts = [f"{restored} {'face' if restored == 1 else 'faces'} restored"] if restored else []
    for kind in KINDS:
        count = sum(mark.kind == kind for mark in marks)
        if kind != RESTORED and count:
            parts.append(f"{count} left ({KINDS[kind].removeprefix('Left as it is: ')})")
    others = sum(mark.kind not in KINDS for mark in marks)
    return "  ·  ".join([*parts, *([f"{others} left"] if others else [])])


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
