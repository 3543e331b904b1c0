"""Output to a terminal: names of files and texts of strangers must not steer it."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator
from typing import Any, TextIO, cast

_STEERING = re.compile(r"\x1b(?!\[[0-9;]*m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What moves the cursor, sets titles, turns the direction of writing, ...; line ends, tabs and colours alone are left."""


def shown(text: str) -> str:
    """``text`` with what would steer a terminal as people write it: ``\\x1b``."""
    return _STEERING.sub(lambda found: ascii(found[0])[1:-1], text)


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Let nothing that is printed meanwhile steer the terminal; files and pipes get every byte as it is."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (_Guard.around(stream) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def steered(stream: TextIO) -> TextIO:
    """The stream below the guard, for what is meant to steer: bars and clocks, whose texts must be ``shown``."""
    return stream.below if isinstance(stream, _Guard) else stream


class _Guard:
    """A stream whose texts are ``shown``; all else is the stream's own."""

    def __init__(self, below: TextIO) -> None:
        self.below = below

    @staticmethod
    def around(stream: TextIO) -> TextIO:
        return cast(TextIO, _Guard(stream)) if stream is not None and stream.isatty() else stream

    def write(self, text: str) -> int:
        return self.below.write(shown(text))

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.below, name)
