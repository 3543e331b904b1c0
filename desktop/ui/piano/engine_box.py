"""Which engine writes the cover, and what it may be told beside the difficulty: Sketch a style, Pop2Piano a composer."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QGridLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from desktop.jobs.job import COMPOSERS
from desktop.jobs.piano_choices import field_of
from desktop.ui import theme
from desktop.ui.icons import Button
from desktop.ui.piano.song import Song
from desktop.ui.piano.style_cards import StyleCards
from desktop.ui.widgets.parts import Segments, label

ENGINES = (
    ("sketch", "Sketch", "Listens with small networks and arranges by rules; always there"),
    ("songbook", "Songbook", "A network that has learnt from 700 arrangements by people; always there"),
    ("pop2piano", "Pop2Piano", "A network that has learnt from 21 arrangers; needs its weights in the library"),
)
COLUMNS = 7


class ComposerGrid(QWidget):
    """21 numbered buttons of which one is chosen.

    Signals:
        chosen: number of a composer.
    """

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Composer")
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(theme.S1)
        self._group = QButtonGroup(self)
        for place, number in enumerate(COMPOSERS):
            button = QToolButton()
            button.setText(str(number))
            button.setCheckable(True)
            button.setProperty("kind", "segment")
            button.setProperty("place", "alone")
            button.setAccessibleName(f"Composer {number}")
            button.setToolTip(f"Arranger {number} of 21; the Takes view lets all of them play the same bars")
            button.setFixedHeight(30)
            # Not as wide as their text would have them: seven stand in the inspector's width.
            button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            button.clicked.connect(partial(self._choose, number))
            self._group.addButton(button, number)
            grid.addWidget(button, place // COLUMNS, place % COLUMNS)

    def set_value(self, composer: int) -> None:
        """Mark a composer."""
        if (button := self._group.button(composer)) is not None:
            button.setChecked(True)

    def _choose(self, number: int, _on: bool = False) -> None:
        self.chosen.emit(number)


class EngineBox(QWidget):
    """Engine, and style or composer where it has use for one.

    Signals:
        style_chosen: a style. composer_chosen: a number. engine_chosen: an engine. auditions_asked: see what others would play.
    """

    style_chosen = Signal(str)
    composer_chosen = Signal(int)
    engine_chosen = Signal(str)
    auditions_asked = Signal()

    def __init__(self, song: Song, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._song = song
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.S2)
        self.engine = Segments("Engine", ENGINES)
        self.engine.chosen.connect(self.engine_chosen)
        column.addWidget(self.engine)
        self.styles, self.composers = StyleCards(), ComposerGrid()
        self.styles.chosen.connect(self.style_chosen)
        self.composers.chosen.connect(self.composer_chosen)
        composer_page = QWidget()
        inner = QVBoxLayout(composer_page)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(theme.S2)
        inner.addWidget(label("Composer", size=theme.CAPTION, tone="secondary"))
        inner.addWidget(self.composers)
        said = "Plays as people arrange songs for the piano. The difficulty says how densely."
        self.plain = label(said, size=theme.CAPTION, tone="secondary", wrap=True)
        self._pages: dict[str, QWidget] = {"style": self.styles, "difficulty": self.plain, "composer": composer_page}
        for page in self._pages.values():
            column.addWidget(page)
        self.auditions = Button("Hear the choices…", icon_name="compare")
        self.auditions.setToolTip("Let every style, composer or difficulty play the same bars (4)")
        self.auditions.clicked.connect(lambda _on=False: self.auditions_asked.emit())
        column.addWidget(self.auditions)

    def refresh(self, fixed: str) -> None:
        """Show the choices made; ``fixed``: why they cannot be changed, "" when they can."""
        options = self._song.options
        self.engine.set_value(options.engine)
        self.styles.set_value(options.style)
        self.composers.set_value(options.composer)
        page = self._pages[field_of(options.engine)]
        # No stack: it would be as tall as its tallest page, and knows nothing of a text that is taller where it is narrower.
        for widget in self._pages.values():
            widget.setVisible(widget is page)
        for part in (self.engine, self.styles, self.composers):
            part.setEnabled(not fixed)
            part.setToolTip(fixed)
