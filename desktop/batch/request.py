"""What a batch is called, and where its report goes: the same for the window and the commands."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from desktop.jobs.batches import BatchSpec, OnError

REPORTS = {"cover": "covers", "restore": "restored", "label": "labelled"}
"""Name of the report's files, by kind of job."""

_ENDINGS = (".csv", ".json", ".html")


def spec_of(
    kind: str,
    given: Sequence[Path | str],
    output: str = "",
    *,
    on_error: OnError = OnError.CONTINUE,
    report: str = "",
    watch: str = "",
) -> BatchSpec:
    """The batch of the files, folders and lists ``given``, or of a watched folder when there are none.

    Args:
        output: folder of the results; "" for one beside each source.
        report: the report's path, with or without an ending; "" for the results' folder, or that of the first source.
    """
    first = Path(given[0] if given else watch).absolute()
    place = Path(output).absolute() if output else first if first.is_dir() else first.parent
    path = Path(report).absolute() if report else place / REPORTS[kind]
    more = f" and {len(given) - 1:,} more" if len(given) > 1 else ""
    return BatchSpec(
        title=f"{first.name or first}{more}",
        kind=kind,
        output=str(Path(output).absolute()) if output else "",
        on_error=on_error,
        report=str(path.with_suffix("") if path.suffix.lower() in _ENDINGS else path),
        watch=str(Path(watch).absolute()) if watch else "",
    )
