"""What the Video panel shows while no clip is open."""

from __future__ import annotations

from desktop.ui.widgets.start_page import StartWords

WORDS = StartWords(
    "Give faces in old video their detail back.",
    "film",
    "Drop clips or a folder here",
    "mp4, mkv, mov, avi, mpg, ts, vob, dv, wmv, flv, webm, 3gp, or images",
)
