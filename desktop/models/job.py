"""The job that installs a model."""

from __future__ import annotations

from pathlib import Path

from desktop.jobs.job import InstallJob, Result
from desktop.jobs.progress import Progress
from desktop.models.library import Library


def run_install(job: InstallJob, progress: Progress) -> Result:
    """Install ``job.model`` from the catalog's sources, or from the user's files when ``job.folder`` is set.

    The result holds ``model``, ``folder``, ``revision``, ``size`` (bytes) and ``status``. Raises UserError as the library does.
    """
    library = Library()
    entry = library.entry(job.model)
    if job.folder:
        folder = library.import_folder(job.model, Path(job.folder), progress)
    else:
        folder = library.install(job.model, progress)
    return {
        "model": entry.id,
        "folder": str(folder),
        "revision": entry.revision,
        "size": entry.size,
        "status": library.status(entry.id).value,
    }
