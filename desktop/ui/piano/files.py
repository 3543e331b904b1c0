"""Where the window keeps the covers it makes, and small file work of the panel (all of it runs off the window's thread)."""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
from itertools import islice
from pathlib import Path

from desktop.errors import UserError
from desktop.folders import files_below
from desktop.paths import atomic_write, cache_dir, data_dir, make_folder
from desktop.piano.cover import Cover, Grid
from desktop.piano.names import AUDIO, MIDI, SOUNDS

PROJECT = ".reprise"
OPENABLE = (*SOUNDS, PROJECT, *MIDI)
KEPT_RENDERS = 24


def is_batch(path: Path) -> bool:
    """Whether a path stands for several songs: a folder with recordings, a play list, or a table with a column of songs."""
    suffix = path.suffix.lower()
    try:
        if path.is_dir():
            return any(other.suffix.lower() in AUDIO for other in islice(files_below(path), 5000))
        if suffix in (".csv", ".tsv"):
            with path.open("rb") as file:
                head = file.readline(1 << 14).decode("utf-8-sig", "replace").casefold()
            return "song" in {cell.strip(' "\r\n') for cell in re.split(r"[,;\t]", head)}
    except OSError:
        return False
    return suffix in (".m3u", ".m3u8")


def folder_of(source: Path) -> Path:
    """The folder for the covers of a song: the same one as long as the file stays the same."""
    try:
        stat = source.stat()
    except OSError as error:
        raise UserError(
            f"The file cannot be read: {error.strerror}", path=source, remedy="Choose a file that exists and that you may read."
        ) from error
    mark = hashlib.sha256(f"{source.resolve()}|{stat.st_size}|{stat.st_mtime_ns}".encode()).hexdigest()[:8]
    return make_folder(data_dir() / "covers" / f"{source.stem[:60]}-{mark}")


def write_beats(grid: Grid, folder: Path) -> Path:
    """Write a grid as a file of beats: seconds, tab, number in the bar. Its name tells its content."""
    lines = [f"{second:.6f}\t{(n - grid.downbeat) % grid.meter + 1}\n" for n, second in enumerate(grid.times.tolist())]
    text = "".join(lines)
    path = make_folder(folder) / f"beats-{hashlib.sha256(text.encode()).hexdigest()[:8]}.txt"
    with atomic_write(path, "w") as file:
        file.write(text)
    return path


def render_path(project: Path, soundfont: str) -> Path:
    """Where the sound of a saved cover is kept: by its content and its SoundFont."""
    mark = hashlib.sha256(project.read_bytes())
    if soundfont:
        font = Path(soundfont)
        mark.update(f"{font.resolve()}|{font.stat().st_mtime_ns if font.exists() else 0}".encode())
    return make_folder(cache_dir() / "renders") / f"{mark.hexdigest()[:20]}.wav"


def prune_renders() -> None:
    """Keep the newest sounds of covers; the others can be made again."""
    found = []
    for path in (cache_dir() / "renders").glob("*.wav"):
        with contextlib.suppress(OSError):
            found.append((path.stat().st_mtime, path))
    for _, path in sorted(found, reverse=True)[KEPT_RENDERS:]:
        with contextlib.suppress(OSError):
            path.unlink()


def read_cover(path: Path) -> Cover:
    """A cover from a ``.reprise`` or MIDI file; raises UserError when it is neither."""
    if path.suffix.lower() in MIDI:
        from desktop.piano.midi_reader import read_midi

        return read_midi(path)
    from desktop.piano.project import load_project

    return load_project(path)


def import_midi(path: Path) -> tuple[Cover, Path]:
    """A MIDI file as a cover, and the project it was saved as."""
    from desktop.piano.project import save_project

    cover = read_cover(path)
    project = folder_of(path) / f"{path.stem}{PROJECT}"
    save_project(cover, project)
    return cover, project


def copy(source: Path, target: Path) -> None:
    """Copy a file so that the target is complete or not there."""
    with source.open("rb") as original, atomic_write(target) as file:
        shutil.copyfileobj(original, file, 1 << 20)


def write_midi(cover: Cover, target: Path) -> None:
    """Write a cover as MIDI."""
    from desktop.piano.midi import write_midi as write

    write(cover, target)
