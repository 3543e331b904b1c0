"""Answers on disk while an evaluation runs: one JSON object a line, so that a stopped one goes on where it was."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from desktop.errors import UserError
from desktop.malformed import MALFORMED


class Answers:
    """A growing file of answers; opening it again finds the whole lines of the last time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("ab+")
        self.found = self._read()

    def add(self, answers: Sequence[Mapping[str, Any]]) -> None:
        """Append answers; raises UserError when the disk is full."""
        try:
            self._file.write(b"".join(msgspec.json.encode(answer) + b"\n" for answer in answers))
            self._file.flush()
        except OSError as error:
            raise UserError(f"The answers could not be written: {error.strerror}", path=self._path) from error

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(OSError):
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _read(self) -> list[dict[str, Any]]:
        self._file.seek(0)
        found: list[dict[str, Any]] = []
        end = 0
        for line in self._file:
            # A line that was being written when the process died is cut off.
            try:
                found.append(msgspec.json.decode(line))
            except MALFORMED:
                break
            if not line.endswith(b"\n"):
                found.pop()
                break
            end += len(line)
        self._file.seek(end, os.SEEK_SET)
        self._file.truncate()
        return found
