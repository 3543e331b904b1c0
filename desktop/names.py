"""Names of results: what every system takes, templates, and no two alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Formatter

from desktop.errors import UsageError

_FORBIDDEN = '<>:"/\\|?*'
"""Characters that some file system refuses in names."""


def file_stem(name: str, empty: str = "cover") -> str:
    """``name`` as a file name that every system takes; ``empty`` where nothing is left of it."""
    clean = "".join("_" if c in _FORBIDDEN or ord(c) < 32 else c for c in name).strip(" .")
    return clean.encode("utf-8", "surrogateescape")[:200].decode("utf-8", "ignore") or empty


def fill(template: str, values: Mapping[str, str | int], option: str = "template") -> str:
    """A file name without ending: words in braces are replaced, "{number:03}" with leading zeros.

    Raises UsageError, which calls the template ``option``, when it cannot be filled.
    """
    try:
        fields = [field for _, field, _, _ in Formatter().parse(template) if field is not None]
        unknown = [field for field in fields if field not in values]
        if unknown:
            known = ", ".join(f"{{{field}}}" for field in values)
            raise UsageError(f"{option}: there is no {{{unknown[0]}}}", remedy=f"Known are {known}.")
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
