"""The export block, and the writing of what it offers."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QComboBox, QFileDialog, QGridLayout, QLineEdit, QWidget

from desktop.jobs.job import AUDIO_FORMATS
from desktop.jobs.piano_outputs import VIDEO_STYLES
from desktop.ui import theme
from desktop.ui.icons import Button
from desktop.ui.piano.exporting import VIDEOS, VideoChoices
from desktop.ui.piano.song import Song
from desktop.ui.prefs import Prefs
from desktop.ui.state import State
from desktop.ui.widgets.parts import label

FORMATS = {
    "midi": ("MIDI", "mid"),
    "pdf": ("Score, PDF", "pdf"),
    "musicxml": ("Score, MusicXML", "musicxml"),
    "mxl": ("Score, compressed MusicXML", "mxl"),
    "svg": ("Score, SVG pages", "svg"),
    "mp4": ("Falling notes, MP4", "mp4"),
    "mov": ("Falling notes, transparent MOV", "mov"),
    "webm": ("Falling notes, transparent WebM", "webm"),
    "wav": ("WAV, lossless", "wav"),
    "flac": ("FLAC, lossless", "flac"),
    "ogg": ("Ogg Vorbis", "ogg"),
    "mp3": ("MP3", "mp3"),
}
SIZES = {
    "1920x1080": "1080p",
    "1280x720": "720p",
    "3840x2160": "4K",
    "1080x1920": "Upright, for phones",
    "1080x1080": "Square",
}
PICTURES = "Pictures (*.png *.jpg *.jpeg *.webp *.bmp *.tif *.tiff)"
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
        self.format.setToolTip("MIDI for sequencers, a score for reading, falling notes for video, or the sound alone")
        self.format.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        for value, (text, _) in FORMATS.items():
            self.format.addItem(text, value)
        self.format.setCurrentIndex(max(0, self.format.findData(state.text("export/format", "midi"))))
        self.format.currentIndexChanged.connect(self._format_chosen)
        self.sound = QComboBox()
        self.sound.setAccessibleName("Piano sound")
        self.sound.setToolTip("The SoundFont that plays the cover, here and in exported audio")
        self.sound.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.show_sounds()
        self.sound.activated.connect(self._choose_sound)
        self.button = Button("Export…", icon_name="export")
        self.button.clicked.connect(lambda: self.asked.emit(self.format.currentData()))
        self._rows: dict[str, tuple[QWidget, QWidget]] = {}
        self._make_choices()
        parts = {
            "Format": self.format, "Paper": self.paper_box, "Size": self.size_box, "Frames": self.fps_box, "Look": self.look_box,
            "Caption": self.caption, "Picture": self.picture, "Sound": self.sound, "Player": self.player,
        }  # fmt: skip
        for row, (text, widget) in enumerate(parts.items()):
            caption = label(text, tone="secondary")
            caption.setBuddy(widget)
            self._rows[text] = (caption, widget)
            grid.addWidget(caption, row, 0)
            grid.addWidget(widget, row, 1)
        grid.addWidget(self.button, len(parts), 0, 1, 2)
        self._show_choices()
        self.refresh()

    @property
    def video(self) -> VideoChoices:
        """How a falling-notes video is to look."""
        return VideoChoices(
            self.size_box.currentData(), self.fps_box.currentData(), self.look_box.currentData(), self.caption.text().strip(),
            self._picture if self._picture and Path(self._picture).is_file() else "",
        )  # fmt: skip

    @property
    def instrument(self) -> str:
        """The VST3 instrument that plays exported sound; "" for the SoundFont."""
        return str(self.player.currentData() or "")

    @property
    def paper(self) -> str:
        """Size of the score's pages."""
        return str(self.paper_box.currentData())

    def _make_choices(self) -> None:
        state = self._state
        self.paper_box = self._box("Paper", "paper", {"a4": "A4", "letter": "Letter"}, "a4")
        self.size_box = self._box("Size of the video", "size", SIZES, "1920x1080")
        self.fps_box = self._box("Frames a second", "fps", {24: "24 a second", 30: "30 a second", 60: "60 a second"}, 60)
        self.look_box = self._box("Look of the video", "look", {look: look.capitalize() for look in VIDEO_STYLES}, "night")
        self.caption = QLineEdit(state.text("export/caption"))
        self.caption.setPlaceholderText("None")
        self.caption.setAccessibleName("Caption of the video")
        self.caption.setToolTip("Words that show at the start of the video")
        self.caption.textChanged.connect(lambda text: state.keep("export/caption", text))
        self.player = QComboBox()
        self.player.setAccessibleName("What plays exported sound")
        self.player.setToolTip("The SoundFont above, or a VST3 instrument (needs the extra vst, whose licence is GPL-3.0)")
        self.player.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._show_players(state.text("export/instrument"))
        self.player.activated.connect(self._choose_player)
        self._picture = state.text("export/picture")
        self.picture = Button("")
        self.picture.setAccessibleName("Picture behind the notes")
        self.picture.clicked.connect(lambda _on=False: self._choose_picture())
        self._show_picture()

    def _box(self, name: str, key: str, choices: Mapping[Any, str], default: str | int) -> QComboBox:
        box = QComboBox()
        box.setAccessibleName(name)
        box.setToolTip(name)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        for value, text in choices.items():
            box.addItem(text, value)
        kept = self._state.text(f"export/{key}")
        values = [str(value) for value in choices]
        box.setCurrentIndex(values.index(kept) if kept in values else box.findData(default))
        box.currentIndexChanged.connect(lambda _n: self._state.keep(f"export/{key}", str(box.currentData())))
        return box

    def _format_chosen(self, _index: int) -> None:
        self._state.keep("export/format", self.format.currentData())
        self._show_choices()

    def _show_choices(self) -> None:
        """Show what the chosen format can be told."""
        form = self.format.currentData()
        shown = {"Format"}
        if form in AUDIO_FORMATS or form in VIDEOS:
            shown.add("Sound")
        if form in AUDIO_FORMATS:
            shown.add("Player")
        if form in ("pdf", "svg"):
            shown.add("Paper")
        if form in VIDEOS:
            shown |= {"Size", "Frames", "Look", "Caption"}
        if form == "mp4":
            shown.add("Picture")
        for name, parts in self._rows.items():
            for part in parts:
                part.setVisible(name in shown)

    def _show_players(self, chosen: str) -> None:
        """Offer the SoundFont and the instrument that was used last."""
        self._instrument = chosen if chosen and Path(chosen).exists() else ""
        with QSignalBlocker(self.player):
            self.player.clear()
            self.player.addItem("SoundFont", "")
            if self._instrument:
                self.player.addItem(Path(self._instrument).stem, self._instrument)
            self.player.addItem("Choose a VST3 instrument…", None)
            self.player.setCurrentIndex(1 if self._instrument else 0)

    def _choose_player(self, _index: int) -> None:
        chosen = self.player.currentData()
        if chosen is None:
            start = self._state.text("export/instruments_at") or str(Path.home())
            # A bundle is a folder; older ones of Windows are files.
            if sys.platform == "win32":
                chosen, _ = QFileDialog.getOpenFileName(self, "Choose a VST3 instrument", start, "VST3 instruments (*.vst3)")
            else:
                chosen = QFileDialog.getExistingDirectory(self, "Choose a VST3 instrument (a folder NAME.vst3)", start)
            if not chosen:
                self._show_players(self._instrument)
                return
            self._state.keep("export/instruments_at", str(Path(chosen).parent))
        self.use_instrument(chosen)

    def use_instrument(self, path: str) -> None:
        """Play exported sound with a VST3 instrument, "" for the SoundFont; remembered."""
        self._state.keep("export/instrument", path)
        self._show_players(path)

    def _choose_picture(self) -> None:
        if self._picture:
            self._picture = ""
        else:
            start = self._state.text("export/pictures_at")
            chosen, _ = QFileDialog.getOpenFileName(self, "Choose a picture", start, PICTURES)
            if not chosen:
                return
            self._state.keep("export/pictures_at", str(Path(chosen).parent))
            self._picture = chosen
        self._state.keep("export/picture", self._picture)
        self._show_picture()

    def _show_picture(self) -> None:
        name = Path(self._picture).name if self._picture else ""
        text = self.picture.fontMetrics().elidedText(name, Qt.TextElideMode.ElideMiddle, 130)
        self.picture.setText(f"{text}  ×" if name else "Choose…")
        self.picture.setToolTip(f"{self._picture}\nClick to do without it" if name else "A picture behind the notes, dimmed")

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
