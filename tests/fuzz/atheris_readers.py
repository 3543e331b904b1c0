"""Guided fuzzing of the readers that are Python all the way: ``python tests/fuzz/atheris_readers.py midi -max_total_time=300``.

Needs ``pip install atheris``. The reader is one of those below; libFuzzer's options follow. A finding ends the run and is left
as ``crash-*``: mend the reader and keep the bytes as a known case in the tests beside this file.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import atheris

with atheris.instrument_imports(include=["desktop", "mido"]):
    from desktop.batch.sources import gather
    from desktop.errors import UserError
    from desktop.jobs.cluster import keys, wire
    from desktop.jobs.messages import ProtocolError
    from desktop.models import onnxfile, safetensors_head
    from desktop.models.export.ncnn import layers
    from desktop.models.export.weights import Weights
    from desktop.piano import midi_reader, project
    from desktop.piano.batch import songs
    from desktop.piano.beats import read_beats
    from desktop.piano.editing import clipboard
    from desktop.tuning.records import csv_rows, json_lines, json_whole  # noqa: F401 - imported late by those who use them
    from desktop.tuning.records.reading import read_rows

REFUSED = (UserError, ProtocolError)


def _file(name: str, read: Callable[[Path], object]) -> Callable[[bytes], object]:
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    place = folder / name

    def use(data: bytes) -> object:
        place.write_bytes(data)
        return read(place)

    return use


def _values(path: Path) -> None:
    weights = Weights(path.parent)
    for name in weights:
        weights.read(name)


READERS: dict[str, Callable[[bytes], object]] = {
    "midi": _file("a.mid", lambda path: midi_reader.read_midi(path).note_seconds()),
    "project": _file("a.reprise", lambda path: project.load_project(path).note_seconds()),
    "beats": _file("a.txt", read_beats),
    "ncnn": _file("a.param", layers.read),
    "onnx": _file("a.onnx", lambda path: onnxfile.external_files(path, onnxfile.read(path))),
    "safetensors": _file("model.safetensors", lambda path: (safetensors_head.read(path), _values(path))),
    "clips": _file("a.txt", lambda path: gather([path], "restore")),
    "songs": _file("a.csv", lambda path: songs.gather([path], songs.Entry())),
    "csv": _file("rows.csv", lambda path: list(read_rows(path))),
    "json": _file("rows.json", lambda path: list(read_rows(path))),
    "jsonl": _file("rows.jsonl", lambda path: list(read_rows(path))),
    "key": _file("a.key", keys.read_keys),
    "clipboard": clipboard.unpack,
    "note": lambda data: wire.reply(note.reply) if isinstance(note := wire.note(data), wire.Heard) else note,
    "parcel": wire.parcel,
}


def main() -> None:
    """Fuzz the reader that the command line names."""
    if len(sys.argv) < 2 or sys.argv[1] not in READERS:
        sys.exit(f"{__doc__}\nReaders: {', '.join(READERS)}")
    read = READERS[sys.argv[1]]

    def check(data: bytes) -> Any:
        try:
            read(data)
        except REFUSED as error:
            assert str(error).strip() and len(str(error)) < 3_000

    home = tempfile.mkdtemp(prefix="fuzz-home-")
    os.environ["REPRISE_HOME"] = home
    atheris.Setup([sys.argv[0], "-rss_limit_mb=2048", "-timeout=10", *sys.argv[2:]], check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
