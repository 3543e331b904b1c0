"""Exported models by whatever names them: a run, an exported folder, or a base. Made once, then found again."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
from pathlib import Path
from typing import Any

from desktop.errors import UsageError, UserError
from desktop.jobs.progress import Progress
from desktop.jobs.tuning_jobs import ExportJob
from desktop.models.files import locked
from desktop.models.library import Library
from desktop.paths import cache_dir, make_folder
from desktop.tuning.bases import Base, find_base
from desktop.tuning.export_folder import check_place, copy_into, replacing
from desktop.tuning.making import Tuned, make
from desktop.tuning.model_card import NAME, ModelCard, is_export, read_card
from desktop.tuning.origins import fingerprint, of_base
from desktop.tuning.predict import close_models
from desktop.tuning.runs import Run, Runs, RunState

_KEPT = 4
"""Exported bases in the cache."""

_WEIGHTS = ("head.json", "adapter_model.safetensors", "model.safetensors", "model.safetensors.index.json")
_FINDING = 0.1


def onnx_of(model: str, progress: Progress, *, library: Library, weights: str = "best", precision: str = "fp32") -> Path:
    """Folder of an exported model, made when there is none yet: a run's lies in the run's folder, a base's in the cache.

    Args:
        model: exported folder; id or name of a run; or a base as in ``Recipe.base``.
        weights: of a run, "best" or "last".
        precision: "fp32", "fp16" or "int8"; an exported folder is taken as it is.

    Raises:
        UserError: there is no such model, a run has no weights yet, or the export failed.
    """
    place = Path(model).expanduser()
    if place.is_dir():
        if is_export(place):
            read_card(place)
            return place
        return _of_base(find_base(model, library, progress.part(0.0, _FINDING)), precision, progress.part(_FINDING, 1.0))
    runs = Runs()
    try:
        run = runs.find(model)
        if run is not None:
            return _of_run(run, runs.folder(run.id), weights, precision, library, progress)
    finally:
        runs.close()
    return _of_base(find_base(model, library, progress.part(0.0, _FINDING)), precision, progress.part(_FINDING, 1.0))


def export(job: ExportJob, progress: Progress) -> dict[str, Any]:
    """Write ``job.model`` as a folder of its own, with all that is needed to use it.

    Returns:
        "files": {"folder": path}; "sizes": bytes by file; "precision"; "check": what was compared; "device" that compared it.

    Raises:
        UserError: the folder holds something else, the model cannot be had, or the disk is full.
    """
    target = Path(job.output).expanduser().absolute()
    check_place(target)
    made = onnx_of(job.model, progress.part(0.0, 0.9), library=Library(), weights=job.weights, precision=job.precision)
    card = read_card(made)
    if card.precision != job.precision:
        raise UsageError(
            f"precision: this folder was exported as {card.precision}, so it cannot become {job.precision}",
            remedy=f"Export the run {card.run} instead." if card.run else f"Export {card.base} instead.",
        )
    if target.exists() and made.samefile(target):
        raise UsageError("output: this is the model's own folder", remedy="Choose another folder.")
    progress.at(0.9, "Copying the model")
    with replacing(target) as hidden:
        # The card comes last: a folder that has it is whole.
        copy_into(hidden, [*(made / name for name in card.files), made / NAME], progress)
    sizes = {path.name: path.stat().st_size for path in sorted(target.iterdir()) if path.is_file()}
    progress.artifact("model", target, card.title)
    progress.at(1.0, "Done")
    return {"files": {"folder": str(target)}, "sizes": sizes, "precision": card.precision, "check": card.check, "device": "CPU"}


def _of_run(run: Run, folder: Path, weights: str, precision: str, library: Library, progress: Progress) -> Path:
    tuned = Tuned(run, folder, weights)
    if not any((tuned.place / name).is_file() for name in _WEIGHTS):
        raise _no_weights(tuned)
    target = folder / f"onnx-{weights}-{precision}"
    origin = fingerprint(path for path in tuned.place.iterdir() if path.is_file())
    if not _is_whole(target, origin):
        base = find_base(run.recipe.base, library, progress.part(0.0, _FINDING))
        _make(target, base, precision, origin, progress.part(_FINDING, 1.0), tuned)
    return target


def _make(target: Path, base: Base, precision: str, origin: str, progress: Progress, tuned: Tuned | None = None) -> None:
    """Make an export, unless another process has made it meanwhile."""
    with locked(target.with_name(f".{target.name}.lock"), progress, "Waiting for another export of this model"):
        if not _is_whole(target, origin):
            # Open files cannot be replaced everywhere, and exporting needs the memory.
            close_models()
            make(target, base, precision, origin, progress, tuned)


def _no_weights(tuned: Tuned) -> UserError:
    name = tuned.run.name or tuned.run.id
    if tuned.run.state in (RunState.RUNNING, RunState.PAUSED):
        remedy = "Wait for its first evaluation." if tuned.weights == "best" else "Wait until it has ended."
    else:
        remedy = f"Go on with `reprise tune resume {tuned.run.id}`."
    return UserError(f"The run {name} has no {tuned.weights} weights yet", remedy=remedy)


def _of_base(base: Base, precision: str, progress: Progress) -> Path:
    origin = of_base(base.folder)
    folder = make_folder(cache_dir() / "onnx")
    slug = re.sub(r"[^a-z0-9]+", "-", Path(base.id).name.lower()).strip("-") or "base"
    key = hashlib.sha256(str(base.folder).encode()).hexdigest()[:12]
    target = folder / f"{slug[:40]}-{key}-{precision}"
    if not _is_whole(target, origin):
        _make(target, base, precision, origin, progress)
    with contextlib.suppress(OSError):
        os.utime(target)
    _forget_old(folder, target)
    return target


def _forget_old(folder: Path, keep: Path) -> None:
    """Remove the bases that were not used for longest."""
    found = sorted((path for path in folder.iterdir() if is_export(path)), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in found[_KEPT:]:
        if path != keep:
            shutil.rmtree(path, ignore_errors=True)


def _is_whole(folder: Path, origin: str) -> bool:
    """Whether ``folder`` holds an export of the weights with this fingerprint."""
    card: ModelCard | None = None
    with contextlib.suppress(UserError):
        card = read_card(folder)
    return card is not None and card.origin == origin
