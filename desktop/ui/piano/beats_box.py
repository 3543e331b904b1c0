"""The inspector's part about beats: corrections, meter, what is known of the tempo."""

from __future__ import annotations

import numpy as np
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from desktop.piano.cover import Grid
from desktop.ui import theme
from desktop.ui.icons import Button
from desktop.ui.piano.beats_desk import BeatsDesk
from desktop.ui.piano.song import Song
from desktop.ui.widgets.parts import Fact, label

CORRECTIONS = (
    ("x2", "×2", "Twice as many beats: the tempo was found too slow (Ctrl+Up)"),
    ("half", "÷2", "Half as many beats: the tempo was found too fast (Ctrl+Down)"),
    ("shift", "+½", "All beats half a beat later: they were found between the real ones (Ctrl+Right)"),
    ("tap", "Tap", "Press T with the beat while the song plays: for a few bars, or for a passage that is looped"),
)
MORE = (
    ("steady", "One tempo", "All beats equally far apart, as close to the present ones as possible"),
    ("auto", "Reset", "Back to the beats that were found (Ctrl+0)"),
)
METERS = range(2, 13)


class BeatsBox(QWidget):
    """Shows and corrects the beats of the open song.

    Attributes:
        buttons: "x2", "half", "shift", "tap", "steady", "auto".
        facts: "Tempo", "Certainty", "Key".
    """

    def __init__(self, song: Song, desk: BeatsDesk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._song, self._desk = song, desk
        self.buttons: dict[str, QToolButton] = {}
        self._tips = {name: tip for name, _, tip in (*CORRECTIONS, *MORE)}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.S2)
        column.addLayout(self._row(CORRECTIONS))
        second = QHBoxLayout()
        second.setSpacing(theme.S2)
        self.meter = QComboBox()
        self.meter.setAccessibleName("Meter")
        for meter in METERS:
            self.meter.addItem(f"{meter}/4", meter)
        self.meter.setToolTip("Beats in a bar. Alt-click a beat to say where bars start.")
        self.meter.activated.connect(lambda _index: desk.set_meter(int(self.meter.currentData())))
        self.meter.setFixedSize(84, 30)
        second.addWidget(self.meter)
        second.addLayout(self._row(MORE), 1)
        column.addLayout(second)
        self._make_taps(column)
        self._make_hint(column)
        facts = QGridLayout()
        facts.setContentsMargins(0, theme.S1, 0, 0)
        facts.setHorizontalSpacing(theme.S3)
        facts.setVerticalSpacing(theme.S2)
        self.facts = {name: Fact(name) for name in ("Tempo", "Certainty", "Key")}
        for number, fact in enumerate(self.facts.values()):
            facts.addWidget(fact, 0, number)
        column.addLayout(facts)
        self.buttons["tap"].clicked.connect(desk.tap)
        self.buttons["steady"].clicked.connect(desk.make_steady)
        for name in ("x2", "half", "shift", "auto"):
            self.buttons[name].clicked.connect(lambda _on=False, change=name: song.correct(change))
        desk.changed.connect(self.refresh)
        for signal in (song.replaced, song.notes_changed, song.status_changed):
            signal.connect(self.refresh)
        self.refresh()

    def _row(self, choices: tuple[tuple[str, str, str], ...]) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(theme.S2)
        for name, text, tip in choices:
            button = QToolButton()
            button.setText(text)
            button.setProperty("kind", "segment")
            button.setProperty("place", "alone")
            button.setAccessibleName(f"Beats: {text}")
            button.setAccessibleDescription(tip)
            button.setFixedHeight(30)
            button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            self.buttons[name] = button
            row.addWidget(button, len(text) + 2)
        return row

    def _make_taps(self, column: QVBoxLayout) -> None:
        """What is shown while taps come."""
        self.taps = QWidget()
        row = QHBoxLayout(self.taps)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.S2)
        self.tapped = label("", tone="accent", tabular=True)
        row.addWidget(self.tapped, 1)
        self.take, self.drop = Button("Apply", kind="primary"), Button("Drop")
        self.take.setToolTip("Make beats of the taps (Enter, or just stop tapping)")
        self.drop.setToolTip("Forget the taps (Esc)")
        self.take.clicked.connect(self._desk.taps.finish)
        self.drop.clicked.connect(self._desk.taps.drop)
        row.addWidget(self.take)
        row.addWidget(self.drop)
        column.addWidget(self.taps)

    def _make_hint(self, column: QVBoxLayout) -> None:
        """What follows from a correction."""
        self.note = label("", size=theme.CAPTION, tone="secondary", wrap=True)
        column.addWidget(self.note)
        self.hint = QWidget()
        rows = QVBoxLayout(self.hint)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(theme.S1)
        rows.addWidget(
            label(
                "The notes sound as before. They were arranged on other beats than these.",
                size=theme.CAPTION,
                tone="secondary",
                wrap=True,
            )
        )
        self.again = Button("Make the cover again")
        self.again.clicked.connect(self._song.run)
        rows.addWidget(self.again)
        column.addWidget(self.hint)

    def refresh(self) -> None:
        """Show the beats as they are."""
        song, desk, grid = self._song, self._desk, self._song.grid
        running = "The cover is being made" if song.covering is not None else ""
        blocked = running or desk.blocked
        for name, button in self.buttons.items():
            why = blocked
            if name == "tap":
                why = running or desk.tap_blocked
            elif name == "auto":
                why = blocked or self._as_found()
            button.setEnabled(not why)
            button.setToolTip(why or self._tips[name])
        self.meter.setEnabled(not blocked)
        if grid is not None:
            self.meter.setCurrentIndex(self.meter.findData(grid.meter))
        taps = desk.taps.seconds
        self.taps.setVisible(bool(taps))
        tempo = desk.taps.tempo if taps else None
        count = "1 tap" if len(taps) == 1 else f"{len(taps)} taps"
        self.tapped.setText(f"{tempo:.0f} BPM · {count}" if tempo else count)
        self.take.setEnabled(tempo is not None)
        self.note.setText(desk.note)
        self.note.setVisible(bool(desk.note))
        self.hint.setVisible(desk.arranged_elsewhere and not running)
        self.again.setEnabled(song.source is not None)
        self.again.setToolTip("" if song.source is not None else "The original is not there")
        self._refresh_facts(grid)

    def _as_found(self) -> str:
        cover = self._song.cover
        if cover is None or cover.found is None:
            return "Nobody knows what beats were found"
        found, now = cover.found, cover.grid
        same = (found.meter, found.downbeat) == (now.meter, now.downbeat) and np.array_equal(found.times, now.times)
        return "The beats are as they were found" if same else ""

    def _refresh_facts(self, grid: Grid | None) -> None:
        for fact in self.facts.values():
            fact.say("–")
        if grid is not None:
            self.facts["Tempo"].say(*_tempo(grid))
            sure = grid.confidence
            word, tone = ("high", "good") if sure >= 0.7 else ("fair", "") if sure >= 0.4 else ("low", "warning")
            tip = "How sure the beats are. When it is low, look at the ticks and correct them above."
            self.facts["Certainty"].say(f"{word}, {sure:.0%}", tone, tip)
        if self._song.cover is not None and self._song.is_grown:
            self.facts["Key"].say(self._song.cover.key.name)


def _tempo(grid: Grid) -> tuple[str, str, str]:
    """The tempo in words, a tone, and how far it wanders as a tip."""
    tempi = 60.0 / np.diff(grid.times)
    low, high = np.percentile(tempi, [5, 95])
    tip = "The same throughout" if high - low < 1 else f"From {low:.0f} to {high:.0f} BPM in the course of the song"
    return f"{grid.tempo:.0f} BPM", "", tip
