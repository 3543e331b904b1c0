"""A clip (or image) before and after in numbers, over time; with the truth, where that is known."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import numpy as np

from desktop.errors import UsageError, UserError
from desktop.jobs.events import Progressed
from desktop.jobs.job import MeasureJob, Result
from desktop.jobs.progress import Progress
from desktop.models.library import Library
from desktop.paths import atomic_write
from desktop.results import results_folder
from desktop.video.comparison.charts import AFTER, BEFORE, SECONDARY, Line, Panel, draw_chart
from desktop.video.comparison.measures import BY_KEY, MEASURES, Better
from desktop.video.comparison.walk import Measuring
from desktop.video.faces.detect import open_detector
from desktop.video.kit import DETECTOR
from desktop.video.names import is_image
from desktop.video.outputs import is_same
from desktop.video.quality.naturalness import Naturalness, load_naturalness

_STATISTICS = "niqe"
_COLOURS = {"truth": SECONDARY, "before": BEFORE, "after": AFTER}
_PLOTTED_TO_TRUTH = ("psnr_faces", "ssim_faces", "psnr", "ssim", "warping", "tlme")
_PLOTTED = ("sharpness", "warping", "jitter")
_PANELS = 4
_WITHOUT_COURSE = ("light", "niqe")
_WAYS = {Better.HIGHER: "higher is better", Better.LOWER: "lower is better", Better.NEITHER: ""}


def measure(job: MeasureJob, progress: Progress) -> Result:
    """Compare clips picture by picture, matched by their times; faces are found in the truth, else in the clip before.

    Returns:
        reference, pictures (that all clips have), faces, measures {key: {clip: mean}}, better {key: way}, curves {key: {clip:
        means}}, files, warnings.

    Raises:
        UserError: a file is no clip or image, or cannot be written; clips and images are mixed; no pictures at the same time.
    """
    paths = {name: Path(path) for name, path in (("truth", job.truth), ("before", job.before), ("after", job.after)) if path}
    _check(job, paths)
    with ExitStack() as folders:
        for file in filter(None, (job.plot, job.table)):
            folders.enter_context(results_folder(Path(file).parent))
        return _measure(job, paths, progress)


def _measure(job: MeasureJob, paths: dict[str, Path], progress: Progress) -> Result:
    library = Library()
    library.ensure(DETECTOR, progress.part(0.0, 0.05))
    naturalness, problem = _naturalness(library, progress.part(0.05, 0.08))
    work = Measuring(paths, open_detector(library, DETECTOR, device=job.device), naturalness)
    if is_image(paths["before"]):
        work.images()
    else:
        work.clips(progress.part(0.08, 0.98))
    if not work.compared:
        raise UserError("The clips have no pictures at the same time", path=job.after)
    files = _write(job, work)
    for kind, path in files.items():
        progress.artifact(kind, path, job.title)
    progress.emit(Progressed(1.0, "Done"))
    return _summary(work, files) | {"warnings": [*problem, *work.notes]}


def _check(job: MeasureJob, paths: dict[str, Path]) -> None:
    """Raise UserError for what can never work, before anything is read."""
    if len({is_image(path) for path in paths.values()}) > 1:
        raise UsageError("Clips cannot be compared with images", path=job.after)
    for name, path in paths.items():
        if not path.is_file():
            raise UserError("There is no such file", path=path, remedy=f"Choose another one for {name}.")
    for file, ending, what in ((job.plot, ".svg", "plot"), (job.table, ".csv", "table")):
        if not file:
            continue
        if Path(file).suffix.lower() != ending:
            raise UsageError(f"The {what} is written as {ending}", path=file, remedy=f"Let its name end with {ending}.")
        if any(is_same(Path(file), path) for path in paths.values()):
            raise UsageError(f"The {what} would overwrite a clip", path=file, remedy="Choose another name.")


def _naturalness(library: Library, progress: Progress) -> tuple[Naturalness | None, list[str]]:
    """The statistics that NIQE needs; where they cannot be had it is left out, and why."""
    try:
        return load_naturalness(library.ensure(_STATISTICS, progress) / "niqe_image_params.mat"), []
    except UserError as error:
        return None, [f"NIQE is left out: {error}"]


def _summary(work: Measuring, files: dict[str, Path]) -> Result:
    means = {m.key: work.means(m.key) for m in MEASURES}
    kept = {key: found for key, found in means.items() if "after" in found}
    return {
        "reference": work.reference,
        "pictures": work.compared,
        "faces": work.faces,
        "measures": {key: {name: found.get(name) for name in ("before", "after", "truth")} for key, found in kept.items()},
        "better": {key: str(_better(key, work.reference)) for key in kept},
        "curves": {key: {n: work.series.curve(key, n) for n in kept[key]} for key in kept if key not in _WITHOUT_COURSE},
        "files": {kind: str(path) for kind, path in files.items()},
    }


def _better(key: str, reference: str) -> Better:
    """Being like the clip before is no merit of the clip after."""
    found = BY_KEY[key]
    return Better.NEITHER if found.compared and reference == "before" else found.better


def _write(job: MeasureJob, work: Measuring) -> dict[str, Path]:
    """Write the table and the plot that were asked for."""
    files: dict[str, Path] = {}
    if job.table:
        files["table"] = Path(job.table)
        with atomic_write(files["table"], "w") as file:
            work.series.write(file)
    if job.plot:
        files["plot"] = Path(job.plot)
        with atomic_write(files["plot"], "w") as file:
            file.write(_chart(job, work))
    return files


def _chart(job: MeasureJob, work: Measuring) -> str:
    panels = []
    for key in _plotted(work):
        found = BY_KEY[key]
        columns = {name: work.series.column(key, name) for name in work.series.names}
        lines = [Line(name, values, _COLOURS[name]) for name, values in columns.items() if np.isfinite(values).any()]
        note = ", ".join(text for text in (f"{found.unit} {found.whole}".strip(), _WAYS[found.better]) if text)
        panels.append(Panel(found.title, note, tuple(lines)))
    title = f"{Path(job.before).name} and {Path(job.after).name}"
    return draw_chart(title, work.series.times, panels, work.cuts)


def _plotted(work: Measuring) -> list[str]:
    """Which measures tell most: of the faces where there are some, of the whole else."""
    asked = _PLOTTED if work.reference == "before" else _PLOTTED_TO_TRUTH
    known = [key for key in asked if np.isfinite(work.series.column(key, "after")).any()]
    if "psnr_faces" in known:
        known = [key for key in known if key not in ("psnr", "ssim")]
    return known[:_PANELS]
