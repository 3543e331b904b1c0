"""Where a result may go: never onto its source, and only where it can be written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from desktop.errors import UsageError, UserError
from desktop.results import results_folder


@contextmanager
def output_file(source: Path, output: Path) -> Iterator[Path]:
    """The file to write for ``source``, its folder made; a folder that was made goes again when the work fails.

    Raises:
        UserError: it is the source itself (by whatever name), a folder, has no ending, or its folder cannot be written.
    """
    check(source, output)
    with results_folder(output.parent):
        yield output


def check(source: Path, output: Path) -> None:
    """Raise UserError when ``output`` cannot be a result of ``source``; looks, but makes nothing."""
    if is_same(source, output):
        raise UsageError("The result would overwrite its own clip", path=output, remedy="Choose another file to write.")
    if output.is_dir():
        raise UserError("There is a folder with the name of the result", path=output, remedy="Choose another name.")
    if not output.suffix:
        raise UsageError("The result's name needs an ending", path=output, remedy="Such as .mp4 or .mkv.")


def is_same(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file, also by links."""
    try:
        return one.samefile(other)
    except OSError:
        return os.path.normcase(one.absolute()) == os.path.normcase(other.absolute())
