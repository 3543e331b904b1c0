"""Where the result goes and how it is written."""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QSpinBox, QVBoxLayout, QWidget

from desktop.jobs.executors import gpu_count
from desktop.ui import theme
from desktop.ui.icons import Button
from desktop.ui.video.choices import Choices
from desktop.ui.video.files import CONTAINERS
from desktop.ui.widgets.elided import ElidedLabel
from desktop.ui.widgets.parts import label

ENCODERS = {
    "auto": ("Automatic", "What suits the container; hardware when there is some that works"),
    "x264": ("H.264 (x264)", "Plays everywhere"),
    "x265": ("H.265 (x265)", "Smaller files, slower to write"),
    "av1": ("AV1 (SVT-AV1)", "Smallest files, for new players"),
    "vp9": ("VP9", "For WebM"),
    "ffv1": ("FFV1, lossless", "Nothing is lost; very large files, for MKV"),
    "prores": ("ProRes", "For editing; large files, for MOV"),
    "nvenc": ("H.264 (NVENC)", "Written by the NVIDIA GPU"),
    "nvenc-hevc": ("H.265 (NVENC)", "Written by the NVIDIA GPU"),
    "nvenc-av1": ("AV1 (NVENC)", "Written by newer NVIDIA GPUs"),
    "qsv": ("H.264 (Quick Sync)", "Written by the Intel GPU"),
    "amf": ("H.264 (AMF)", "Written by the AMD GPU"),
    "videotoolbox": ("H.264 (VideoToolbox)", "Written by the Mac's media engine"),
}
HARDWARE = ("nvenc", "nvenc-hevc", "nvenc-av1", "qsv", "amf", "videotoolbox")


def offered() -> list[str]:
    """Encoders worth offering on this computer; whether hardware really can is seen when it is used."""
    kinds = [name for name in ENCODERS if name not in HARDWARE]
    if gpu_count():
        kinds += ["nvenc", "nvenc-hevc", "nvenc-av1"]
    if sys.platform == "win32":
        kinds += ["qsv", "amf"]
    return [*kinds, "videotoolbox"] if sys.platform == "darwin" else kinds


class OutputBox(QWidget):
    """File, container, encoder, quality.

    Signals:
        changed: container, encoder and quality were chosen: "" or extension, id, rate factor or -1.
        place_asked: the user wants to choose the file.
    """

    changed = Signal(str, str, int)
    place_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(theme.S2)
        grid.setVerticalSpacing(theme.S2)
        grid.setColumnStretch(1, 1)
        self.name = ElidedLabel(mode=Qt.TextElideMode.ElideMiddle)
        place = QHBoxLayout()
        place.setSpacing(theme.S1)
        self.folder = ElidedLabel(mode=Qt.TextElideMode.ElideMiddle)
        self.folder.setProperty("tone", "secondary")
        self.folder.setFont(theme.font(self.folder, theme.CAPTION))
        place.addWidget(self.folder, 1)
        self.change = Button("Change…", kind="link")
        self.change.setToolTip("Choose where the result goes (Ctrl+E)")
        self.change.clicked.connect(lambda: self.place_asked.emit())
        place.addWidget(self.change)
        where = QVBoxLayout()
        where.setSpacing(0)
        where.addWidget(self.name)
        where.addLayout(place)
        grid.addLayout(where, 0, 0, 1, 2)
        self.container, self.encoder, self.quality = QComboBox(), QComboBox(), QSpinBox()
        self.container.setToolTip("The kind of file; what it cannot hold of the source is said")
        for name in offered():
            text, tip = ENCODERS[name]
            self.encoder.addItem(text, name)
            self.encoder.setItemData(self.encoder.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.quality.setRange(-1, 63)
        self.quality.lineEdit().setTextMargins(theme.S2, 0, theme.S1, 0)
        self.quality.setSpecialValueText("Encoder's default")
        self.quality.setToolTip("Rate factor: lower is better and larger, 0 is lossless where the encoder can")
        for row, (text, widget) in enumerate(
            (("Container", self.container), ("Encoder", self.encoder), ("Quality", self.quality)), 1
        ):
            widget.setAccessibleName(text)
            if isinstance(widget, QComboBox):
                widget.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            caption = label(text, tone="secondary")
            caption.setBuddy(widget)
            grid.addWidget(caption, row, 0)
            grid.addWidget(widget, row, 1)
        self.container.activated.connect(self._changed)
        self.encoder.activated.connect(self._changed)
        self.quality.valueChanged.connect(self._changed)
        self._timed = [self.container, self.encoder, self.quality]

    def show_choices(self, choices: Choices, target: Path, suggested: str, *, beside: bool, timed: bool) -> None:
        """Show where it would go now: ``beside`` the source or elsewhere.

        ``suggested``: extension that suits the source; ``timed`` is false for images.
        """
        self.name.setText(target.name)
        self.folder.setText("beside the clip" if beside else f"in {target.parent}")
        self.change.setToolTip(f"Choose where the result goes (Ctrl+E); now {target.parent}")
        with QSignalBlocker(self.container), QSignalBlocker(self.encoder), QSignalBlocker(self.quality):
            self.container.clear()
            usual = CONTAINERS.get(suggested, suggested.lstrip(".").upper())
            self.container.addItem(f"Automatic ({usual})" if usual else "Automatic", "")
            for suffix, title in CONTAINERS.items():
                self.container.addItem(title, suffix)
            fixed = Path(choices.output).suffix.lower() if choices.output else ""
            self.container.setCurrentIndex(max(0, self.container.findData(fixed or choices.container)))
            self.container.setEnabled(timed and not fixed)
            self.container.setToolTip("The file's name decides" if fixed else "The kind of file")
            if self.encoder.findData(choices.encoder) < 0:
                self.encoder.addItem(ENCODERS[choices.encoder][0], choices.encoder)
            self.encoder.setCurrentIndex(self.encoder.findData(choices.encoder))
            self.encoder.setToolTip(ENCODERS[choices.encoder][1])
            self.quality.setValue(-1 if choices.quality is None else choices.quality)
        for widget in (self.encoder, self.quality):
            widget.setEnabled(timed)

    def _changed(self) -> None:
        self.changed.emit(str(self.container.currentData() or ""), str(self.encoder.currentData()), self.quality.value())
