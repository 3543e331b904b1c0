"""The jobs that install a model."""

from __future__ import annotations

from pathlib import Path

import msgspec

from desktop.jobs.job import AdoptJob, InstallJob, Result
from desktop.jobs.progress import Progress
from desktop.models import hub_folder
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
        library.import_folder(job.model, Path(job.folder), progress)
    else:
        library.install(job.model, progress)
    return _result(library, entry)


def run_adopt(job: AdoptJob, progress: Progress) -> Result:
    """Install a face restorer or a language model of the user's; results as ``run_install``'s, and of a restorer its ``card``.

    Raises UserError as ``desktop.models.adopt`` and ``desktop.models.adopt_language`` do.
    """
    if hub_folder.is_hub_folder(Path(job.place)):
        from desktop.models import adopt_language

        library = Library()
        return _result(library, adopt_language.adopt(library, Path(job.place), job.model, progress))
    from desktop.models import sidecar
    from desktop.models.adopt import adopt
    from desktop.models.face_ports import Hints

    library = Library()
    entry = adopt(library, Path(job.place), job.model, Hints(job.size, job.template, job.range), progress)
    folder = library.folder(entry.id)
    return {**_result(library, entry), "card": msgspec.to_builtins(sidecar.read(folder))}


def _result(library: Library, entry: Entry) -> Result:
    return {
        "model": entry.id,
        "folder": str(library.folder(entry.id)),
        "revision": entry.revision,
        "size": entry.size,
        "status": library.status(entry.id).value,
    }
