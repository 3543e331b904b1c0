"""The choices beside the canvas: style, difficulty, beats, what was found, export."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QScrollArea, QVBoxLayout, QWidget

from desktop.ui import theme
from desktop.ui.piano.beats_box import BeatsBox
from desktop.ui.piano.beats_desk import BeatsDesk
from desktop.ui.piano.canvas import Canvas
from desktop.ui.piano.edit_box import EditBox
from desktop.ui.piano.engine_box import EngineBox
from desktop.ui.piano.export import ExportBox
from desktop.ui.piano.live_box import TITLE as LIVE
from desktop.ui.piano.live_box import LiveBox
from desktop.ui.piano.song import Song
from desktop.ui.player import Player
from desktop.ui.prefs import Prefs
from desktop.ui.state import State
from desktop.ui.widgets.parts import Fact, Section, Segments, line

WIDTH = 300
DIFFICULTIES = (
    ("easy", "Easy", "Few notes, small hands, no leaps"),
    ("medium", "Medium", "For players of some years"),
    ("full", "Full", "Octaves and full chords, as a concert pianist would"),
)


class Inspector(QWidget):
    """Shows and changes what the open song is covered with.

    Signals:
        export_asked: a format ("midi", "wav", ...).
        style_chosen, difficulty_chosen, engine_chosen, composer_chosen: a value of the job.
        auditions_asked: hear what other styles or composers make of some bars.
    """

    export_asked = Signal(str)
    style_chosen = Signal(str)
    difficulty_chosen = Signal(str)
    engine_chosen = Signal(str)
    composer_chosen = Signal(int)
    auditions_asked = Signal()

    def __init__(
        self, song: Song, canvas: Canvas, player: Player, state: State, prefs: Prefs, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._song, self._state = song, state
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
        whole.addWidget(scroll)
        self._column = QVBoxLayout(inner)
        # Less at the right, where the scroll bar stands.
        self._column.setContentsMargins(theme.S4, theme.S4, theme.S2, theme.S4)
        self._column.setSpacing(theme.S4)
        self._add_style()
        self._add_beats(canvas.beats)
        self.edit, self.live = EditBox(canvas.editor), LiveBox(song, player, state)
        self._add_folded("Notes", "piano/notes_folded", self.edit)
        self._add_folded(LIVE, "piano/live_folded", self.live)
        self._column.addWidget(line())
        self.export = ExportBox(song, state, prefs)
        self.export.asked.connect(self.export_asked)
        section = Section("Export")
        section.body.addWidget(self.export)
        self._column.addWidget(section)
        self._add_more()
        self._column.addStretch(1)
        for signal in (song.replaced, song.notes_changed, song.status_changed):
            signal.connect(self.refresh)
        self.refresh()

    def _add_style(self) -> None:
        style = Section("Style")
        self.engine = EngineBox(self._song)
        self.styles = self.engine.styles
        self.engine.style_chosen.connect(self.style_chosen)
        self.engine.composer_chosen.connect(self.composer_chosen)
        self.engine.engine_chosen.connect(self.engine_chosen)
        self.engine.auditions_asked.connect(self.auditions_asked)
        style.body.addWidget(self.engine)
        self._column.addWidget(style)
        difficulty = Section("Difficulty")
        self.difficulty = Segments("Difficulty", DIFFICULTIES)
        self.difficulty.chosen.connect(self.difficulty_chosen)
        difficulty.body.addWidget(self.difficulty)
        self._column.addWidget(difficulty)

    def _add_beats(self, desk: BeatsDesk) -> None:
        section = Section("Beats")
        self.beats_box = BeatsBox(self._song, desk)
        self.beats, self.facts = self.beats_box.buttons, self.beats_box.facts
        section.body.addWidget(self.beats_box)
        self._column.addWidget(section)

    def _add_folded(self, title: str, kept: str, box: QWidget) -> None:
        section = Section(title, folds=True, folded=self._state.flag(kept, True))
        section.folded.connect(lambda folded: self._state.keep(kept, folded))
        section.body.addWidget(box)
        self._column.addWidget(section)

    def _add_more(self) -> None:
        more = Section("More", folds=True, folded=self._state.flag("piano/more_folded", True))
        more.folded.connect(lambda folded: self._state.keep("piano/more_folded", folded))
        grid = QGridLayout()
        grid.setContentsMargins(0, theme.S1, 0, 0)
        grid.setVerticalSpacing(theme.S2)
        self.details = {name: Fact(name) for name in ("Notes", "Notes a second", "Bars", "Made on")}
        for number, fact in enumerate(self.details.values()):
            grid.addWidget(fact, number // 2, number % 2)
        more.body.addLayout(grid)
        self._column.addWidget(more)

    def refresh(self) -> None:
        """Show the song as it is."""
        song = self._song
        self.difficulty.set_value(song.options.difficulty)
        fixed = (
            ""
            if song.source is not None or not song.is_open
            else "The original of this cover is not there, so it cannot be made anew"
        )
        self.engine.refresh(fixed)
        self.difficulty.setEnabled(not fixed)
        self.difficulty.setToolTip(fixed)
        self.beats_box.refresh()
        self._refresh_facts()
        self.export.refresh()

    def _refresh_facts(self) -> None:
        song, grid = self._song, self._song.grid
        for fact in self.details.values():
            fact.say("–")
        if len(song.roll.notes):
            self.details["Notes"].say(f"{len(song.roll.notes)}")
            if song.duration > 0:
                self.details["Notes a second"].say(f"{len(song.roll.notes) / song.duration:.1f}")
            if grid is not None:
                self.details["Bars"].say(str(grid.bars))
        if device := str(song.result.get("device", "")):
            self.details["Made on"].say(device)
