"""The columns of a file that is to be labelled, and of the rows that a run was tuned on. Plain reading of a file's beginning."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from desktop.errors import UserError
from desktop.tuning.records.facts import Facts
from desktop.tuning.runs import Run

BEGINNING = 1 << 18
"""Bytes of the file that are looked at."""
_ROWS = 20


def columns_of(path: Path) -> list[str] | None:
    """Names of a file's columns as its beginning shows them; None when only reading it properly can tell (Parquet, for one).

    Raises:
        UserError: the file cannot be read, or is empty.
    """
    try:
        with path.open("rb") as file:
            start = file.read(BEGINNING)
    except OSError as error:
        raise UserError(f"The file cannot be read: {error.strerror}", path=path, remedy="Choose another file.") from error
    if not start.strip():
        raise UserError("The file is empty", path=path, remedy="Choose a file with rows.")
    text = _text(start)
    if start[:4] == b"PAR1" or "\0" in text[:1000] or text.lstrip()[:1] == "[":
        return None
    return _of_json(text) if text.lstrip()[:1] == "{" else _of_csv(text)


def matched(wanted: Sequence[str], columns: Sequence[str]) -> list[str]:
    """For each wanted column the one of the file that is called so (upper and lower case do not count); "" where there is none.

    One wanted column and one in the file belong together whatever they are called.
    """
    by_name = {name.casefold().strip(): name for name in columns}
    found = [by_name.get(name.casefold().strip(), "") for name in wanted]
    if not any(found) and len(wanted) == 1 and len(columns) == 1:
        return [columns[0]]
    return found


def inputs_of(run: Run, folder: Path) -> tuple[str, ...]:
    """Columns that make a run's prompts: those that the import settled on, or that were asked for."""
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        facts = msgspec.json.decode((folder / "records" / "facts.json").read_bytes(), type=Facts)
        if facts.inputs:
            return facts.inputs
    return run.records.inputs or ("text",)


def _text(start: bytes) -> str:
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return start[: len(start) // 2 * 2].decode("utf-16", "replace")
    # The last letter may be cut in half.
    for missing in range(4):
        with contextlib.suppress(UnicodeDecodeError):
            return start[: len(start) - missing].decode("utf-8-sig")
    return start.decode("latin-1")


def _of_json(text: str) -> list[str] | None:
    names: dict[str, None] = {}
    for line in text.splitlines()[:_ROWS]:
        row: Any = None
        with contextlib.suppress(msgspec.DecodeError):
            row = msgspec.json.decode(line)
        if isinstance(row, dict):
            names |= dict.fromkeys(str(name) for name in row)
    return list(names) or None


def _of_csv(text: str) -> list[str]:
    head = text.splitlines()[0]
    mark = max((",", "\t", ";", "|"), key=head.count)
    row = next(csv.reader(io.StringIO(text), delimiter=mark), [])
    return [name.strip() or f"column{number}" for number, name in enumerate(row, 1)]
