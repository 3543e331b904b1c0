"""One way into everything that takes a cover: a project or a MIDI file."""

from __future__ import annotations

from pathlib import Path

from desktop.errors import UserError
from desktop.piano.cover import Cover
from desktop.piano.project import SUFFIX, load_project

MIDI_SUFFIXES = (".mid", ".midi", ".kar", ".smf")


def open_cover(path: Path | str) -> Cover:
    """The cover in a ``.reprise`` or MIDI file; raises UserError when it is neither, is damaged or cannot be read."""
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == SUFFIX:
        return load_project(path)
    if suffix in MIDI_SUFFIXES:
        # mido takes a while to load, and most covers are projects.
        from desktop.piano.midi_reader import read_midi

        return read_midi(path)
    raise UserError(
        "This is neither a Reprise project nor a MIDI file",
        path=path,
        remedy=f"Choose a file that ends in {SUFFIX} or .mid, or make a cover of a song first: `reprise cover SONG`.",
    )
