"""Names of results: what every system takes, templates, and no two alike."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Formatter

from desktop.errors import UsageError

_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]')
"""Characters that some file system refuses in names, or that make a terminal or a list show another name."""

_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3])\s*(\.|$)", re.IGNORECASE)
"""Devices of Windows, with any ending."""

_WIDTH = re.compile(r"0?[1-9]?[0-9]?d?")


def file_stem(name: str, empty: str = "cover") -> str:
    """``name`` as a file name that every system takes; ``empty`` where nothing is left of it."""
    clean = _FORBIDDEN.sub("_", name).strip(" .")
    clean = f"_{clean}" if _RESERVED.match(clean) else clean
    return clean.encode("utf-8", "ignore")[:200].decode("utf-8", "ignore").rstrip(" .") or empty


def fill(template: str, values: Mapping[str, str | int], option: str = "template") -> str:
    """A file name without ending: words in braces are replaced, "{number:03}" with leading zeros.

    Raises UsageError, which calls the template ``option``, when it cannot be filled.
    """
    try:
        for _, field, width, changed in Formatter().parse(template):
            if field is not None and field not in values:
                known = ", ".join(f"{{{each}}}" for each in values)
                raise UsageError(f"{option}: there is no {{{field}}}", remedy=f"Known are {known}.")
            if changed or not _WIDTH.fullmatch(width or ""):
                raise ValueError("only a width may follow a name, as in {number:03}")
        return file_stem(template.format(**values), "result")
    except ValueError as error:
        raise UsageError(f"{option}: '{template}' is not a template: {error}") from error


def distinct(places: Sequence[tuple[Path, str]], endings: Sequence[str]) -> list[str]:
    """The names of results, by folder and wanted name, changed so that no two are equal in any file system.

    Where several have one name, each gets the ending of its source behind it, and a number if that does not do.
    """
    keys = [(folder, name.casefold()) for folder, name in places]
    counts: dict[tuple[Path, str], int] = {}
    for key in keys:
        counts[key] = counts.get(key, 0) + 1
    used: set[tuple[Path, str]] = set()
    names = []
    for (folder, plain), key, ending in zip(places, keys, endings, strict=True):
        wanted = f"{plain} ({ending.lstrip('.').lower()})" if counts[key] > 1 and ending else plain
        name, number = wanted, 1
        while (folder, name.casefold()) in used:
            number += 1
            name = f"{wanted} {number}"
        used.add((folder, name.casefold()))
        names.append(name)
    return names
