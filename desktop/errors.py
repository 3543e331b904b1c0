"""The one exception that is meant for the user's eyes."""

from __future__ import annotations

from pathlib import Path

_LONGEST = 1_000
"""Letters of a sentence: what a damaged file holds may be quoted in it, at any length."""


class UserError(Exception):
    """Something the user can understand and act on.

    Attributes:
        message: what happened, one sentence, no trailing stop needed.
        path: the file or folder it happened to, if any.
        remedy: what to do next, one sentence, may name a command.
    """

    def __init__(self, message: str, *, path: Path | str | None = None, remedy: str = "") -> None:
        super().__init__(message)
        self.message = _text(
            message if len(message) <= _LONGEST else f"{message[: _LONGEST // 2]} ... {message[-_LONGEST // 2 :]}"
        )
        self.path = _text(str(path)) if path is not None else ""
        self.remedy = remedy

    def __str__(self) -> str:
        where = f" ({self.path})" if self.path and self.path not in self.message else ""
        then = f" {self.remedy}" if self.remedy else ""
        return f"{self.message}{where}{'.' if then and not self.message.endswith('.') else ''}{then}"


class UsageError(UserError):
    """A request that can never work as it was written: a wrong option, an unknown style (exit code 2)."""


def _text(name: str) -> str:
    """``name`` as text that can be sent and kept: the name of a file may be no UTF-8."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
