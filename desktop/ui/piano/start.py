"""What the Piano panel shows while no song is open."""

from __future__ import annotations

from desktop.ui.piano import files
from desktop.ui.widgets.start_page import StartWords

WORDS = StartWords(
    "Turn any song into a piano cover you can play.",
    "wave",
    "Drop a song here",
    "mp3, m4a, flac, ogg, opus, wav, video, MIDI or a saved cover",
    {files.PROJECT: "piano"},
)
