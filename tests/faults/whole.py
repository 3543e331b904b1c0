"""Whether a result is complete, read by other means than the product's where there are any."""

from __future__ import annotations

import csv
import wave
import zlib
from pathlib import Path
from xml.etree import ElementTree

import av
import cv2
import mido
import numpy as np


def what_is_wrong(path: Path) -> str:
    """Why the file is not whole; "" when it is."""
    try:
        return _CHECKS[path.suffix](path)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def _midi(path: Path) -> str:
    notes = [message for track in mido.MidiFile(path).tracks for message in track if message.type == "note_on"]
    return "" if notes else "no note"


def _project(path: Path) -> str:
    from desktop.piano.project import load_project

    return "" if len(load_project(path).notes) else "no note"


def _score(path: Path) -> str:
    return "" if ElementTree.parse(path).getroot().iter("note") else "no note"


def _audio(path: Path) -> str:
    with wave.open(str(path)) as file:
        frames = file.readframes(file.getnframes())
        whole = len(frames) == file.getnframes() * file.getnchannels() * file.getsampwidth()
        return "" if whole and file.getnframes() > file.getframerate() and zlib.crc32(frames) else "cut short"


def _image(path: Path) -> str:
    data = path.read_bytes()
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return "" if picture is not None and b"IEND" in data[-12:] else "cut short"


def _clip(path: Path) -> str:
    with av.open(str(path)) as file:
        count = sum(1 for _ in file.decode(video=0))
    number = int(path.stem)
    return "" if count == 6 + number % 5 else f"{count} pictures"


def _table(path: Path) -> str:
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return "" if len(rows) == 30 and all(row["label"] for row in rows) else f"{len(rows)} rows"


_CHECKS = {
    ".mid": _midi,
    ".reprise": _project,
    ".musicxml": _score,
    ".wav": _audio,
    ".png": _image,
    ".mp4": _clip,
    ".csv": _table,
}
