"""Labelling files: a model's answer and its confidence added to every row, in constant memory, resumable.

source → window of rows → tokens → answers → part file; at the end the parts are joined into the result. Reading, tokenising,
computing and writing run side by side. A finished part is never computed again, and a part's content depends on its rows
alone, so that a labelling that was killed and went on gives the same bytes as one that was not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from desktop.jobs.progress import Progress
    from desktop.jobs.tuning_jobs import LabelJob


def label(job: LabelJob, progress: Progress) -> dict[str, Any]:
    """Label ``job.source`` with ``job.model`` into ``job.output``.

    Returns:
        "files": {"rows": path}; "rows", "labelled", "declined": counts; "bad": the first 100 rows that could not be read, each
        {"line", "reason"}; "bad_total"; "columns": names of the added columns; "rows_per_second", "seconds": of this run;
        "resumed"; "counts": rows by label, the 200 most frequent; "device", "precision"; "models": what made it, by name.

    Raises:
        UserError: source, model and output do not fit together, the source changed meanwhile, or the disk is full; what was at
            ``job.output`` is as it was.
        Cancelled: the user ended it; finished parts wait in the scratch folder.
    """
    from desktop.tuning.labelling.work import label_file

    return label_file(job, progress)
