"""The jobs that install a model."""

from __future__ import annotations

from pathlib import Path

import msgspec

from desktop.jobs.job import AdoptJob, InstallJob, Result
from desktop.jobs.progress import Progress
from desktop.models.catalog import Entry
from desktop.models.library import Library


def run_install(job: InstallJob, progress: Progress) -> Result:
    """Install ``job.model`` from the catalog's sources, or from the user's files when ``job.folder`` is set.

    The result holds ``model``, ``folder``, ``revision``, ``size`` (bytes) and ``status``. Raises UserError as the library does.
    """
    library = Library()
    entry = library.entry(job.model)
    if job.folder and entry.is_own:
        return run_adopt(AdoptJob(place=job.folder, model=job.model), progress)
    if job.folder:
        folder = library.import_folder(job.model, Path(job.folder), progress)
    else:
        folder = library.install(job.model, progress)
    return _result(library, entry, folder)


def run_adopt(job: AdoptJob, progress: Progress) -> Result:
    """Install a face restorer of the user's; the result as that of ``run_install``, and ``card``, what is known about it.

    Raises UserError as ``desktop.models.adopt`` does.
    """
    from desktop.models import sidecar
    from desktop.models.adopt import adopt
    from desktop.models.face_ports import Hints

    library = Library()
    entry = adopt(library, Path(job.place), job.model, Hints(job.size, job.template, job.range), progress)
    folder = library.folder(entry.id)
    return {**_result(library, entry, folder), "card": msgspec.to_builtins(sidecar.read(folder))}


def _result(library: Library, entry: Entry, folder: Path) -> Result:
    return {
        "model": entry.id,
        "folder": str(folder),
        "revision": entry.revision,
        "size": entry.size,
        "status": library.status(entry.id).value,
    }
