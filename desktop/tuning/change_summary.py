"""What a commit changed, short enough for a small model: the sums, the files, and the lines that tell most."""

from __future__ import annotations

import re

FILES, LINES = 8, 12
"""Files named, and changed lines shown."""

_WIDTH = 100
_OF_A_FILE = 4
_CANDIDATES = 60
_NUMSTAT = re.compile(r"(\d+|-)\t(\d+|-)\t(.+)")
_DEFINES = re.compile(
    r"^(export |public |private |protected |static |async |pub |abstract |final )*"
    r"(def|class|function|func|fn|struct|interface|enum|trait|type|module|package|CREATE|ALTER|#{1,3}) ?\S"
)
_DULL = re.compile(
    r"^(import |from \S+ import|#include|using |require|return;?$|pass$|else:?$|try:?$|end;?$|//|/?\*|#!|<!--|@)|^\W*$"
)


class ChangeSummary:
    """Takes the lines of a commit's numstat and patch, one by one, in constant memory.

    Attributes:
        files: how many were changed.
    """

    def __init__(self) -> None:
        self.files = 0
        self._added = self._removed = 0
        self._named: list[str] = []
        self._in_hunk = False
        self._of_file = 0
        self._lines: list[tuple[int, int, str]] = []
        self._seen = 0

    def take(self, line: str) -> None:
        """Take the next line."""
        if line.startswith("diff --git "):
            self._in_hunk, self._of_file = False, 0
        elif line.startswith("@@ "):
            self._in_hunk = True
        elif self._in_hunk:
            self._take_changed(line)
        elif match := _NUMSTAT.fullmatch(line):
            self._take_file(*match.groups())

    def _take_file(self, added: str, removed: str, name: str) -> None:
        self.files += 1
        if added != "-":
            self._added += int(added)
            self._removed += int(removed)
        if len(self._named) < FILES:
            self._named.append(f"{name} (binary)" if added == "-" else f"{name} +{added} -{removed}")

    def _take_changed(self, line: str) -> None:
        """Keep a line that tells something: those that define most, the first of each file before its others."""
        text = line[1:].strip()
        if line[:1] not in "+-" or len(text) < 4 or _DULL.search(text):
            return
        score = 2 * bool(_DEFINES.match(text)) + (line[0] == "+")
        if self._of_file < _OF_A_FILE or score >= 2:
            self._of_file += 1
            self._seen += 1
            self._lines.append((-score - (self._of_file <= _OF_A_FILE // 2), self._seen, f"{line[0]}{text}"[:_WIDTH]))
        if len(self._lines) > _CANDIDATES:
            self._lines = sorted(self._lines)[:LINES]

    def text(self) -> str:
        """The summary; "" when nothing was changed."""
        if not self.files:
            return ""
        more = self.files - len(self._named)
        told = sorted(sorted(self._lines)[:LINES], key=lambda line: line[1])
        return "\n".join(
            [
                f"{self.files} file{'s' if self.files != 1 else ''}, +{self._added} -{self._removed}",
                *self._named,
                *([f"and {more} more"] if more > 0 else []),
                *(line for _, _, line in told),
            ]
        )
