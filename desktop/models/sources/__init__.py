"""Where models come from. ``fetch`` tries one source; each module knows one kind.

Nothing that is fetched is imported or executed, and nothing is kept that does not have the catalog's hash.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models.catalog import AnySource, HubSource, ModelFile, OwnSource, UrlSource, WheelSource
from desktop.models.files import matches
from desktop.models.sources import hub, inplace, url, wheel


def fetch(source: AnySource, files: Sequence[ModelFile], folder: Path, progress: Progress, *, offline: bool) -> None:
    """Put ``files`` into ``folder``, verified; what is there and right already is kept.

    Raises:
        UserError: the source cannot give them; what it could give stays in ``folder`` for the next source.
        NoSpaceError: the disk is full.
    """
    wanted = [file for file in files if not matches(folder / file.name, file)]
    if not wanted:
        return
    if isinstance(source, OwnSource):
        raise UserError("only you have it; import it again")
    if isinstance(source, HubSource):
        hub.fetch(source, wanted, folder, progress, offline=offline)
    elif isinstance(source, WheelSource | UrlSource):
        if offline:
            raise UserError("not tried, because Reprise is set to work offline")
        if isinstance(source, WheelSource):
            wheel.fetch(source, wanted, folder, progress)
        else:
            url.fetch(source, wanted, folder, progress)
    else:
        inplace.fetch(source, wanted, folder, progress)
