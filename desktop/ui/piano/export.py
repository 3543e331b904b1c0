"""The export block, and the writing of what it offers."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QComboBox, QFileDialog, QGridLayout, QWidget

from desktop.jobs.job import AUDIO_FORMATS
from desktop.ui import theme
from desktop.ui.icons import Button
from desktop.ui.piano.song import Song
from desktop.ui.prefs import Prefs
from desktop.ui.state import State
from desktop.ui.widgets.parts import label

FORMATS = {
    "midi": ("MIDI", "mid"),
    "wav": ("WAV, lossless", "wav"),
    "flac": ("FLAC, lossless", "flac"),
    "ogg": ("Ogg Vorbis", "ogg"),
    "mp3": ("MP3", "mp3"),
}
SOUNDFONTS = "SoundFonts (*.sf2 *.sf3 *.SF2 *.SF3)"


class ExportBox(QWidget):
    """Format, piano sound, and the button; the choices are remembered.

    Signals:
        asked: export in this format.
    """

    asked = Signal(str)

    def __init__(self, song: Song, state: State, prefs: Prefs, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._song, self._state, self._prefs = song, state, prefs
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(theme.S2)
        grid.setVerticalSpacing(theme.S2)
        grid.setColumnStretch(1, 1)
        self.format = QComboBox()
        self.format.setAccessibleName("Export format")
        self.format.setToolTip("MIDI holds the notes for a score or sequencer; the others hold the sound")
        for value in ("midi", *AUDIO_FORMATS):
            self.format.addItem(FORMATS[value][0], value)
        self.format.setCurrentIndex(max(0, self.format.findData(state.text("export/format", "midi"))))
        self.format.currentIndexChanged.connect(lambda _n: state.keep("export/format", self.format.currentData()))
        self.sound = QComboBox()
        self.sound.setAccessibleName("Piano sound")
        self.sound.setToolTip("The SoundFont that plays the cover, here and in exported audio")
        self.sound.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.show_sounds()
        self.sound.activated.connect(self._choose_sound)
        self.button = Button("Export…", icon_name="export")
        self.button.clicked.connect(lambda: self.asked.emit(self.format.currentData()))
        for row, (text, widget) in enumerate((("Format", self.format), ("Sound", self.sound))):
            caption = label(text, tone="secondary")
            caption.setBuddy(widget)
            grid.addWidget(caption, row, 0)
            grid.addWidget(widget, row, 1)
        grid.addWidget(self.button, 2, 0, 1, 2)
        self.refresh()

    def refresh(self) -> None:
        """Allow export when there is something finished to be exported."""
        reason = blocked(self._song)
        self.button.setEnabled(not reason)
        self.button.setToolTip(reason or "Save the cover as a file (Ctrl+E)")

    def show_sounds(self) -> None:
        """Offer the SoundFonts that were used before."""
        with QSignalBlocker(self.sound):
            self.sound.clear()
            self.sound.addItem("Default piano", "")
            kept = [path for path in self._state.text("export/soundfonts").split("\n") if path and Path(path).is_file()]
            if self._song.soundfont and self._song.soundfont not in kept:
                kept.append(self._song.soundfont)
            for path in kept:
                self.sound.addItem(Path(path).name, path)
            self.sound.addItem("Choose a SoundFont…", None)
            self.sound.setCurrentIndex(max(0, self.sound.findData(self._song.soundfont)))

    def _choose_sound(self) -> None:
        chosen = self.sound.currentData()
        if chosen is None:
            chosen, _ = QFileDialog.getOpenFileName(self, "Choose a SoundFont", self._state.text("export/fonts_at"), SOUNDFONTS)
            if chosen:
                self._state.keep("export/fonts_at", str(Path(chosen).parent))
        if chosen or self.sound.currentIndex() == 0:
            self.use_sound(chosen)
        else:
            self.show_sounds()

    def use_sound(self, path: str) -> None:
        """Play with a SoundFont and remember it."""
        kept = [p for p in self._state.text("export/soundfonts").split("\n") if p]
        if path and path not in kept:
            self._state.keep("export/soundfonts", "\n".join([*kept, path][-6:]))
        self._prefs.change(soundfont=path)
        self._song.use_soundfont(path)
        self.show_sounds()


def blocked(song: Song) -> str:
    """Why nothing can be exported now, "" when it can."""
    if not song.is_open:
        return "Open a song first"
    if song.covering is not None:
        return "The cover is being made"
    return "" if song.cover is not None and song.project is not None else "There is no cover yet"


def ask_target(parent: QWidget, song: Song, state: State, prefs: Prefs, form: str) -> Path | None:
    """Ask where to; the folder is remembered."""
    title, suffix = FORMATS[form]
    stem = (song.source or song.path or Path("cover")).stem
    folder = state.text("export/folder") or prefs.now.output or str((song.path or Path.home()).parent)
    suggested = str(Path(folder) / f"{stem} (piano).{suffix}")
    chosen, _ = QFileDialog.getSaveFileName(parent, "Export the cover", suggested, f"{title} (*.{suffix})")
    if not chosen:
        return None
    path = Path(chosen)
    state.keep("export/folder", str(path.parent))
    return path if path.suffix.lower() == f".{suffix}" else path.with_name(f"{path.name}.{suffix}")
