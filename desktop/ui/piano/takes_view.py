"""The view with auditions: the same bars by every choice of an engine, seen and heard; one of them is used."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QProgressBar, QScrollArea, QVBoxLayout, QWidget

from desktop.errors import UserError
from desktop.jobs.piano_choices import choices_of, name_of
from desktop.ui import theme
from desktop.ui.icons import Button
from desktop.ui.mixer import open_pcm
from desktop.ui.panels import Services
from desktop.ui.piano.engine_box import ENGINES
from desktop.ui.piano.song import Song
from desktop.ui.piano.takes import Take, Takes
from desktop.ui.piano.takes_card import TakeCard
from desktop.ui.player import Player
from desktop.ui.widgets import grid_lines
from desktop.ui.widgets.parts import Segments, clear, label

CARD = 168


class TakesView(QWidget):
    """Shows ``Takes``; a ``View`` of the canvas.

    Signals:
        seek: second of the song that was clicked (never: the view has no time axis).
    """

    seek = Signal(float)

    def __init__(self, song: Song, services: Services, takes: Takes, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._song, self.takes = song, takes
        self._player: Player | None = None
        self._playing = self._used = ""
        self.cards: dict[str, TakeCard] = {}
        self.setProperty("surface", "canvas")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(theme.S4, theme.S3, theme.S4, theme.S3)
        whole.setSpacing(theme.S3)
        whole.addLayout(self._make_head())
        self._scroll = QScrollArea(widgetResizable=True)
        self._scroll.setAccessibleName("Auditions")
        inner = QWidget()
        inner.setProperty("surface", "plain")
        self._grid = QGridLayout(inner)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(theme.S2)
        self._scroll.setWidget(inner)
        whole.addWidget(self._scroll, 1)
        self._columns = 0
        self._fill()
        takes.changed.connect(self.refresh)
        takes.used.connect(self._take_used)
        song.selection_changed.connect(self.refresh)
        song.status_changed.connect(self.refresh)

    def _make_head(self) -> QVBoxLayout:
        head = QVBoxLayout()
        head.setSpacing(theme.S2)
        row = QHBoxLayout()
        row.setSpacing(theme.S3)
        self._bars = label("", bold=True, tabular=True)
        row.addWidget(self._bars)
        self.engine = Segments("Engine of the auditions", ENGINES)
        self.engine.set_value("sketch")
        self.engine.chosen.connect(self._choose_engine)
        self.engine.setFixedWidth(266)
        row.addWidget(self.engine)
        self.button = Button("Audition these bars", kind="primary", icon_name="play")
        self.button.clicked.connect(lambda _on=False: self.takes.audition(self.engine.value, self._song.options.difficulty))
        row.addWidget(self.button)
        self.bar = QProgressBar(maximum=1000, textVisible=False)
        self.bar.setFixedWidth(140)
        self.bar.setAccessibleName("Progress of the auditions")
        self._message = label("", tone="secondary", wrap=True)
        self.stop = Button("Stop", icon_name="stop")
        self.stop.clicked.connect(lambda _on=False: self.takes.cancel())
        row.addWidget(self.bar)
        row.addWidget(self.stop)
        row.addStretch(1)
        # In a small window three engines leave no room beside them.
        head.addLayout(row)
        head.addWidget(self._message)
        return head

    # The view's contract

    def show_song(self) -> None:
        """Notes or beats of the song have changed."""
        self.refresh()

    def set_playhead(self, second: float | None) -> None:
        """The playhead chooses the bars while nothing else does."""
        if self.isVisible():
            self._show_bars()

    def set_active(self, on: bool) -> None:
        """Fall silent when another view comes to the front."""
        if on:
            self.refresh()
        else:
            self._hush()

    # What is shown

    def refresh(self) -> None:
        """Show the auditions as they are."""
        takes = self.takes
        blocked = takes.blocked
        self.button.setEnabled(not blocked)
        self.button.setToolTip(blocked or "Let every choice play the chosen bars; nothing changes until you use one")
        row = takes.row
        running = row is not None and not row.state.is_over
        # There is room for the button, or for what it started.
        self.button.setVisible(not running)
        for part in (self.bar, self.stop):
            part.setVisible(running)
        self.bar.setValue(round(1000 * row.fraction) if row is not None else 0)
        self._message.setText((row.message if running and row is not None else "") or ("" if running else self._said()))
        for choice, card in self.cards.items():
            take = takes.found.get(choice) if takes.engine == self.engine.value else None
            if take is not card.take or running != card.waiting:
                card.show_take(take, waiting=running)
            card.set_marks(playing=choice == self._playing, used=choice == self._used)
        self._show_bars()

    def _said(self) -> str:
        takes = self.takes
        if not takes.found or takes.stretch is None:
            return "Choose bars on the roll, by a loop or with the playhead"
        bars = self._named(takes.stretch)
        return f"Auditions of the {bars}" if bars.startswith("pickup") else f"Auditions of {bars}"

    def _show_bars(self) -> None:
        stretch = self._song.chosen_beats()
        self._bars.setText(self._named(stretch).capitalize() if stretch is not None else "")

    def _named(self, stretch: tuple[float, float]) -> str:
        grid = self._song.grid
        return grid_lines.bars_text(grid, *stretch) if grid is not None else ""

    def _choose_engine(self, engine: str) -> None:
        self._hush()
        self._used = ""
        self._fill()
        self.refresh()

    def _fill(self) -> None:
        clear(self._grid)
        self.cards = {}
        engine = self.engine.value
        for choice in choices_of(engine):
            card = TakeCard(name_of(engine, choice))
            card.play_asked.connect(partial(self._play, choice))
            card.use_asked.connect(partial(self._use, choice))
            self.cards[choice] = card
        self._columns = 0
        self._arrange()

    def _arrange(self) -> None:
        columns = max(2, min(7, (self._scroll.viewport().width() or self.width()) // CARD))
        if len(self.cards) <= 6:
            columns = min(columns, 3)
        if columns == self._columns:
            return
        self._columns = columns
        for number, card in enumerate(self.cards.values()):
            self._grid.addWidget(card, number // columns, number % columns)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    # What the user does

    def _play(self, choice: str) -> None:
        take = self.takes.found.get(choice)
        if take is None or take.audio is None or choice == self._playing:
            self._hush()
            return
        try:
            sound = open_pcm(take.audio)
        except UserError as error:
            self._hush()
            self._message.setText(error.message)
            return
        if self._player is None:
            self._player = Player(self)
            self._player.playing_changed.connect(self._stopped)
        self._player.stop()
        self._player.set_sounds(None, sound)
        if self._player.obstacle is not None:
            self._message.setText(f"{self._player.obstacle.reason}. {self._player.obstacle.remedy}")
            return
        self._player.play()
        self._playing = choice
        self.refresh()

    def _stopped(self, playing: bool) -> None:
        if not playing and self._playing:
            self._playing = ""
            self.refresh()

    def _hush(self) -> None:
        self._playing = ""
        if self._player is not None:
            self._player.stop()
        self.refresh()

    def close_player(self) -> None:
        """Give the sound device back."""
        if self._player is not None:
            self._player.close()

    def _use(self, choice: str) -> None:
        if (take := self.takes.found.get(choice)) is not None:
            self.takes.use(take)

    def _take_used(self, take: Take) -> None:
        self._used = take.choice if take.engine == self.engine.value else ""
        self.refresh()
