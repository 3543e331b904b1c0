"""The choices beside the picture: restorer, fidelity, background, steadiness, output."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from desktop.jobs.job import RestoreOptions
from desktop.ui import theme
from desktop.ui.icons import Button
from desktop.ui.library.shelf import Shelf
from desktop.ui.state import State
from desktop.ui.video import facts
from desktop.ui.video.choices import Choices
from desktop.ui.video.model_box import ModelBox
from desktop.ui.video.open_clip import OpenClip
from desktop.ui.video.output_box import OutputBox
from desktop.ui.widgets.parts import Fact, Section, Segments, label, line, slider
from desktop.ui.widgets.timecode import timecode

WIDTH = 300
SCALES = (
    ("1", "1×", "The size of the source"),
    ("2", "2×", "Twice as wide and high"),
    ("4", "4×", "Four times as wide and high"),
)
STEADINESS = (
    ("off", "Off", "Each frame stands alone"),
    ("low", "Low", "Restored faces flicker less"),
    ("high", "High", "Restored faces flicker least; fast changes may lag a little"),
)
FACES = (
    ("all", "All", "Every face that is large and blurred enough"),
    ("largest", "Largest", "Only the largest face of each frame"),
)
DEINTERLACE = (
    ("auto", "Automatic"),
    ("on", "On: one picture a frame"),
    ("double", "On: one picture a field"),
    ("off", "Off"),
)
DETAILS = ("Picture", "Frame rate", "Codec", "Scan", "Faces in a sample", "Made on")


class Inspector(QWidget):
    """Shows and changes how the open clip is restored.

    Signals:
        chosen: Choices.
        run_asked, cancel_asked, place_asked, whole_asked.
    """

    chosen = Signal(object)
    run_asked = Signal()
    cancel_asked = Signal()
    place_asked = Signal()
    whole_asked = Signal()

    def __init__(self, clip: OpenClip, shelf: Shelf, state: State, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._clip, self._state = clip, state
        self.setFixedWidth(WIDTH)
        self.setProperty("surface", "window")
        self.setAccessibleName("Inspector")
        scroll = QScrollArea(widgetResizable=True)
        scroll.setAccessibleName("Choices")
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inner = QWidget()
        inner.setProperty("surface", "plain")
        scroll.setWidget(inner)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(scroll, 1)
        self._column = QVBoxLayout(inner)
        self._column.setContentsMargins(theme.S4, theme.S4, theme.S4, theme.S4)
        self._column.setSpacing(theme.S4)
        self._add_faces(shelf)
        self._add_picture(shelf)
        self._column.addWidget(line())
        self._add_output()
        self._add_more()
        self._column.addStretch(1)
        whole.addWidget(line())
        whole.addWidget(self._make_foot())
        clip.replaced.connect(self.refresh)
        clip.status_changed.connect(self.refresh)
        clip.look.changed.connect(self.refresh)
        shelf.changed.connect(self.refresh)

    def _add_faces(self, shelf: Shelf) -> None:
        section = Section("Faces")
        self.restorer = ModelBox("Restorer", shelf, "face-restorer")
        self.restorer.chosen.connect(lambda model: self._choose_option(restorer=model))
        section.body.addWidget(self.restorer)
        head = QHBoxLayout()
        head.addWidget(label("Fidelity", size=theme.CAPTION, tone="secondary"))
        head.addStretch(1)
        self._fidelity_value = label(tabular=True)
        head.addWidget(self._fidelity_value)
        section.body.addLayout(head)
        self.fidelity = slider(50)
        self.fidelity.setAccessibleName("Fidelity")
        self.fidelity.setToolTip("0: most restored · 1: closest to the source. The frame follows while you drag")
        self.fidelity.valueChanged.connect(lambda value: self._choose_option(fidelity=value / 100))
        section.body.addWidget(self.fidelity)
        ends = QHBoxLayout()
        ends.addWidget(label("Most restored", size=theme.CAPTION, tone="secondary"))
        ends.addStretch(1)
        ends.addWidget(label("Closest to the source", size=theme.CAPTION, tone="secondary"))
        section.body.addLayout(ends)
        self._column.addWidget(section)
        steady = Section("Steadiness")
        self.steadiness = Segments("Steadiness", STEADINESS)
        self.steadiness.chosen.connect(lambda value: self._choose_option(steadiness=value))
        steady.body.addWidget(self.steadiness)
        self._column.addWidget(steady)

    def _add_picture(self, shelf: Shelf) -> None:
        section = Section("Background and size")
        self.background = ModelBox("Background", shelf, "upscaler", (("none", "Leave as it is"),))
        self.background.chosen.connect(lambda model: self._choose_option(background=model))
        section.body.addWidget(self.background)
        self.scale = Segments("Scale", SCALES)
        self.scale.chosen.connect(lambda value: self._choose_option(scale=int(value)))
        section.body.addWidget(self.scale)
        self._column.addWidget(section)

    def _add_output(self) -> None:
        section = Section("Output")
        self.output = OutputBox()
        self.output.changed.connect(self._choose_output)
        self.output.place_asked.connect(self.place_asked)
        section.body.addWidget(self.output)
        row = QHBoxLayout()
        row.setSpacing(theme.S2)
        self._part = label(tone="secondary", tabular=True)
        self.whole_clip = Button("Whole clip", kind="link")
        self.whole_clip.setToolTip("Restore all of it (Shift+I)")
        self.whole_clip.clicked.connect(lambda: self.whole_asked.emit())
        row.addWidget(self._part, 1)
        row.addWidget(self.whole_clip)
        section.body.addLayout(row)
        self._column.addWidget(section)

    def _add_more(self) -> None:
        more = Section("More", folds=True, folded=self._state.flag("video/more_folded", True))
        more.folded.connect(lambda folded: self._state.keep("video/more_folded", folded))
        more.body.addWidget(label("Deinterlace", size=theme.CAPTION, tone="secondary"))
        self.deinterlace = QComboBox()
        self.deinterlace.setAccessibleName("Deinterlace")
        self.deinterlace.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        for value, text in DEINTERLACE:
            self.deinterlace.addItem(text, value)
        self.deinterlace.activated.connect(lambda _n: self._choose_option(deinterlace=self.deinterlace.currentData()))
        more.body.addWidget(self.deinterlace)
        more.body.addWidget(label("Which faces", size=theme.CAPTION, tone="secondary"))
        self.faces = Segments("Which faces", FACES)
        self.faces.chosen.connect(lambda value: self._choose_option(faces=value))
        more.body.addWidget(self.faces)
        grid = QGridLayout()
        grid.setContentsMargins(0, theme.S1, 0, 0)
        grid.setHorizontalSpacing(theme.S3)
        grid.setVerticalSpacing(theme.S2)
        self.details = {name: Fact(name) for name in DETAILS}
        for number, fact in enumerate(self.details.values()):
            grid.addWidget(fact, number // 2, number % 2)
        more.body.addLayout(grid)
        self._problems = label(size=theme.CAPTION, tone="warning", wrap=True)
        more.body.addWidget(self._problems)
        self._column.addWidget(more)

    def _make_foot(self) -> QWidget:
        foot = QWidget()
        column = QVBoxLayout(foot)
        column.setContentsMargins(theme.S4, theme.S3, theme.S4, theme.S3)
        column.setSpacing(theme.S2)
        self.estimate = label(size=theme.CAPTION, tone="secondary", wrap=True, tabular=True)
        column.addWidget(self.estimate)
        self.run = Button("Restore", kind="primary", icon_name="play")
        self.run.clicked.connect(lambda: self.run_asked.emit())
        self.stop = Button("Stop", icon_name="stop")
        self.stop.setToolTip("Stop; what is finished is kept (Ctrl+.)")
        self.stop.clicked.connect(lambda: self.cancel_asked.emit())
        column.addWidget(self.run)
        column.addWidget(self.stop)
        return foot

    # What is chosen

    @property
    def blocked(self) -> str:
        """Why nothing can be restored with these choices."""
        return self.restorer.missing or self.background.missing

    def _choose_option(self, **changes: Any) -> None:
        choices = self._clip.choices
        self.chosen.emit(replace(choices, options=_changed(choices, changes)))

    def _choose_output(self, container: str, encoder: str, quality: int) -> None:
        self.chosen.emit(
            replace(self._clip.choices, container=container, encoder=encoder, quality=None if quality < 0 else quality)
        )

    # What is shown

    def refresh(self) -> None:
        """Show the clip's choices and what is known of it."""
        clip = self._clip
        options = clip.choices.options
        self.restorer.set_value(options.restorer)
        self.background.set_value(options.background)
        with QSignalBlocker(self.fidelity):
            self.fidelity.setValue(round(options.fidelity * 100))
        self._fidelity_value.setText(f"{options.fidelity:.2f}")
        self.steadiness.set_value(options.steadiness)
        self.scale.set_value(str(options.scale))
        self.faces.set_value(options.faces)
        self._refresh_deinterlace(options.deinterlace)
        self._refresh_part()
        self._refresh_details()
        self._refresh_foot()

    def show_target(self, target: Path) -> None:
        """Show where the result would go."""
        suggested = str(self._clip.look.info.get("output") or target.suffix)
        clip = self._clip
        beside = clip.path is not None and clip.path.parent == target.parent
        self.output.show_choices(clip.choices, target, suggested, beside=beside, timed=clip.is_timed)

    def _refresh_deinterlace(self, value: str) -> None:
        found = facts.interlacing(self._clip.look.info)
        self.deinterlace.setItemText(0, f"Automatic: {found}" if found else "Automatic")
        self.deinterlace.setCurrentIndex(self.deinterlace.findData(value))
        self.deinterlace.setToolTip("Interlaced clips show two moments in each frame; comb-like edges come from that")
        self.deinterlace.setEnabled(self._clip.is_timed)

    def _refresh_part(self) -> None:
        clip = self._clip
        limited = clip.choices.start is not None or clip.choices.end is not None
        start, end = clip.part
        rate = clip.look.rate
        self._part.setText(f"{timecode(start, rate)} – {timecode(end, rate)}" if limited else "All of the clip")
        self._part.setVisible(clip.is_timed)
        self.whole_clip.setVisible(limited and clip.is_timed)

    def _refresh_details(self) -> None:
        info = self._clip.look.info
        known = facts.details(info)
        for name, fact in self.details.items():
            fact.say(known.get(name, "–"))
        if self._clip.shown.preview is not None and self._clip.shown.preview.device:
            self.details["Made on"].say(self._clip.shown.preview.device)
        problems = [str(text) for text in info.get("problems") or ()]
        self._problems.setText("\n".join(problems))
        self._problems.setVisible(bool(problems))

    def _refresh_foot(self) -> None:
        clip = self._clip
        running = clip.running
        reason = self.blocked
        self.run.setVisible(running is None)
        self.stop.setVisible(running is not None)
        self.run.setText("Go on" if _can_go_on(clip) else "Restore")
        self.run.setEnabled(not reason)
        self.run.setToolTip(reason or "Restore the clip (Ctrl+R)")
        self.estimate.setText((reason if running is None else "") or facts.estimate(clip))
        self.estimate.setVisible(bool(self.estimate.text()))


def _changed(choices: Choices, changes: dict[str, Any]) -> RestoreOptions:
    return msgspec.structs.replace(choices.options, **changes)


def _can_go_on(clip: OpenClip) -> bool:
    return clip.item is not None and clip.item.can_go_on
