"""What stops a bootstrap, and how things are said."""

from __future__ import annotations

import sys


class Trouble(Exception):
    """Something that the user can act on: ``message`` says what happened, ``remedy`` what to do."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


def say(text: str) -> None:
    """Print a line at once, whatever the terminal's encoding can show."""
    encoding = sys.stdout.encoding or "ascii"
    print(text.encode(encoding, "replace").decode(encoding), flush=True)
