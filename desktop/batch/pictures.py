"""Pictures of results for the report: a pair of frames, a piano roll, the first answers."""

from __future__ import annotations

import csv
import io
import itertools
import json
import subprocess
from collections.abc import Iterable
from html import escape
from pathlib import Path

from desktop.batch.table import Line
from desktop.errors import UserError
from desktop.jobs.executors import program_command, program_environment

_WIDTH, _HEIGHT = 220, 72
_ANSWERS = 3
_HEAD_BYTES = 65536
_MOST_NOTES = 3000


class Pictures:
    """Makes and keeps the pictures, as HTML. Clips are decoded in a process of their own, started for the first of them.

    Attributes:
        room: pictures that may be made in this call; lines beyond get theirs in a later one.
    """

    def __init__(self) -> None:
        self.room = 0
        self._kept: dict[str, str] = {}
        self._child: subprocess.Popen[str] | None = None

    def __call__(self, line: Line) -> str:
        if line.result not in self._kept:
            if self.room <= 0:
                return ""
            self.room -= 1
            self._kept[line.result] = self._make(line)
        return self._kept[line.result]

    def close(self) -> None:
        """End the process."""
        if self._child is not None:
            self._child.communicate()
            self._child = None

    def _make(self, line: Line) -> str:
        try:
            if line.result.endswith(".reprise"):
                return _roll(Path(line.result))
            if "rows" in line.files:
                return _answers(Path(line.files["rows"]), [str(name) for name in line.found.get("columns", ())])
            return self._pair(line.source, line.result)
        except (OSError, UserError, ValueError):
            # The report says what came of the file in words too.
            return ""

    def _pair(self, before: str, after: str) -> str:
        if self._child is None or self._child.poll() is not None:
            self._child = _decoder()
        assert self._child.stdin is not None and self._child.stdout is not None
        self._child.stdin.write(json.dumps([before, after]) + "\n")
        self._child.stdin.flush()
        found = json.loads(self._child.stdout.readline() or "[]")
        return "".join(
            f'<img alt="{name}" src="data:image/jpeg;base64,{data}">'
            for name, data in zip(("before", "after"), found, strict=False)
        )


def lengths(sources: Iterable[str]) -> dict[str, float]:
    """Seconds of the files that say how long they play."""
    asked = list(sources)
    with _decoder() as child:
        answers, _ = child.communicate("".join(json.dumps(source) + "\n" for source in asked))
    found = zip(asked, (json.loads(line) for line in answers.splitlines()), strict=False)
    return {source: seconds for source, seconds in found if seconds is not None}


def _decoder() -> subprocess.Popen[str]:
    """The process that may load what decodes media."""
    return subprocess.Popen(
        [*program_command(), "batch", "frames"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        env=program_environment(),
    )


def _roll(project: Path) -> str:
    from desktop.piano.project import load_project

    cover = load_project(project)
    notes = cover.notes[:_MOST_NOTES]
    end = max((float(note["end"]) for note in notes), default=1.0)
    marks: dict[int, list[str]] = {}
    for note in notes:
        x, y = float(note["start"]) / end * _WIDTH, (108 - int(note["pitch"])) / 88 * _HEIGHT
        width = max(0.6, (float(note["end"]) - float(note["start"])) / end * _WIDTH)
        marks.setdefault(int(note["hand"]), []).append(f"M{x:.1f} {y:.1f}h{width:.1f}")
    colours = itertools.cycle(("#4f8fd0", "#d08a3c"))
    paths = "".join(f'<path d="{"".join(lines)}" stroke="{next(colours)}" stroke-width="1"/>' for lines in marks.values())
    return f'<svg width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">{paths}</svg>'


def _answers(rows: Path, columns: list[str]) -> str:
    """The first rows with what was added to them."""
    if rows.suffix.lower() == ".parquet":
        return ""
    with rows.open("rb") as file:
        text = file.read(_HEAD_BYTES).decode("utf-8-sig", "replace")
    if rows.suffix.lower() in (".jsonl", ".ndjson"):
        found = [json.loads(line) for line in text.splitlines()[:_ANSWERS]]
    else:
        reader = csv.DictReader(io.StringIO(text), delimiter=max("\t;,", key=text.split("\n", 1)[0].count))
        found = list(itertools.islice(reader, _ANSWERS))
    said = []
    for row in found:
        given = " ".join(str(value) for name, value in row.items() if name not in columns)
        answer = str(row.get(columns[0], "")) if columns else ""
        said.append(f"{escape(given[:80])} <b>{escape(answer[:60])}</b>")
    return f"<blockquote>{'<br>'.join(said)}</blockquote>"
