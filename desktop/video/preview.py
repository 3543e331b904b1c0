"""One picture of a clip restored, quickly: models and the last pictures stay warm between calls in one process."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from time import perf_counter
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from desktop.jobs.job import PreviewJob, Result
from desktop.jobs.progress import Progress
from desktop.models.library import Library, Status
from desktop.models.session import interrupt_calls
from desktop.video.faces.data import Floats
from desktop.video.flow import apart
from desktop.video.kit import fetch, warm_kit
from desktop.video.media.cache import keep
from desktop.video.media.entry import number_of
from desktop.video.media.picture import Picture
from desktop.video.media.probe import probe
from desktop.video.media.shown import pictures_from
from desktop.video.media.state import FileState
from desktop.video.media.view import shown
from desktop.video.names import is_image
from desktop.video.patches import Face, Patch
from desktop.video.quality.naturalness import Naturalness, load_naturalness
from desktop.video.quality.sharpness import sharpness
from desktop.video.reading import how_to_read
from desktop.video.single import find_faces, mend

RGB = npt.NDArray[np.uint8]

_KEPT_BYTES = 128 << 20
_KEPT = 8
_STATISTICS = "niqe"


@dataclass
class _Seen:
    """A decoded picture and the faces in it, once they were looked for."""

    picture: Picture
    faces: list[Face] | None = None

    @property
    def size(self) -> int:
        """Bytes that it holds."""
        return sum(plane.nbytes for plane in self.picture.planes)


_seen: OrderedDict[tuple[Any, ...], _Seen] = OrderedDict()


def preview(job: PreviewJob, progress: Progress) -> Result:
    """Restore the picture that is shown at ``job.time``.

    Raises:
        UserError: the clip or the options will not do.
    """
    library = Library()
    fetch(job.options, library, progress.part(0.0, 0.1))
    return apart(lambda: _preview(job, library), lambda: progress.at(0.2, "Restoring the picture"), interrupt_calls)


def _preview(job: PreviewJob, library: Library) -> Result:
    began = perf_counter()
    seconds: dict[str, float] = {}
    kit = warm_kit(job.options, job.device, library)
    seconds["open"] = round(perf_counter() - began, 4)
    began = perf_counter()
    key = _key(job)
    seen = _decoded(job, key)
    seconds["decode"] = round(perf_counter() - began, 4)
    began = perf_counter()
    if seen.faces is None:
        seen.faces = find_faces(seen.picture, kit.detector)
    detected = round(perf_counter() - began, 4)
    mended = mend(seen.picture, kit, job.options, seen.faces)
    seconds |= mended.seconds | {"detect": detected}
    began = perf_counter()
    width, height = seen.picture.square_size
    before, after = shown(seen.picture), _enlarged(shown(mended.after), width, height, job.options.scale)
    result = {
        "before": str(keep(before, "before", key)),
        "after": str(keep(after, "after", key, job.options)),
        "time": seen.picture.time,
        "index": _number(job, seen.picture),
        "width": width,
        "height": height,
        "faces": [_facts(patch) for patch in mended.patches],
        "metrics": _metrics(library, before, after, job.options.scale, mended.patches),
    }
    seconds["show"] = round(perf_counter() - began, 4)
    return result | {"seconds": seconds, "device": kit.device, "precision": kit.restorer.precision}


def _key(job: PreviewJob) -> tuple[Any, ...]:
    """What the decoded picture depends on."""
    return (FileState.of(Path(job.source)), job.time, job.options.deinterlace)


def _decoded(job: PreviewJob, key: tuple[Any, ...]) -> _Seen:
    """The picture, from memory when it was asked for lately."""
    found = _seen.get(key)
    if found is None:
        found = _seen[key] = _Seen(_decode(Path(job.source), job))
    _seen.move_to_end(key)
    while len(_seen) > 1 and (len(_seen) > _KEPT or sum(one.size for one in _seen.values()) > _KEPT_BYTES):
        _seen.popitem(last=False)
    return found


def _decode(path: Path, job: PreviewJob) -> Picture:
    clip = None if is_image(path) else probe(path)
    how = how_to_read(path, clip, job.options.deinterlace) if clip else "off"
    with pictures_from(path, clip, how, job.time) as pictures:
        return next(pictures).copy()


def _enlarged(rgb: RGB, width: int, height: int, scale: int) -> RGB:
    """The picture at exactly ``scale`` times ``width`` x ``height``, from which rounding of the pixel aspect may differ."""
    size = width * scale, height * scale
    return rgb if rgb.shape[1::-1] == size else np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def _number(job: PreviewJob, picture: Picture) -> int | None:
    """Number of the picture in its clip; None where only going through all of it would tell."""
    if is_image(Path(job.source)):
        return 0
    return number_of(probe(job.source), picture.pts, 2 if job.options.deinterlace == "double" else 1)


def _facts(patch: Patch) -> dict[str, Any]:
    face = patch.face
    return {
        "track": face.track,
        "box": [round(float(value), 2) for value in face.box],
        "points": [[round(float(x), 2), round(float(y), 2)] for x, y in face.points],
        "size": round(face.size, 1),
        "kind": str(patch.verdict.kind),
        "reason": patch.verdict.reason,
    }


def _metrics(library: Library, before: RGB, after: RGB, scale: int, patches: list[Patch]) -> dict[str, list[float]]:
    """Sharpness and naturalness of the largest restored face, before and after; {} when there is none."""
    restored = [patch.face for patch in patches if patch.restored is not None]
    if not restored:
        return {}
    box = max(restored, key=lambda face: face.size).box
    cuts = (_box(before, box, 1), _box(after, box, scale))
    found = {"sharpness": [round(sharpness(one), 3) for one in cuts]}
    natural = _naturalness(library)
    if natural is not None:
        values = [natural.niqe(one) for one in cuts]
        if all(np.isfinite(values)):
            found["niqe"] = [round(value, 3) for value in values]
    return found


def _naturalness(library: Library) -> Naturalness | None:
    """The statistics of natural pictures, where they are installed."""
    if library.status(_STATISTICS) is not Status.INSTALLED:
        return None
    return _loaded(library.folder(_STATISTICS) / "niqe_image_params.mat")


_loaded = lru_cache(maxsize=1)(load_naturalness)


def _box(rgb: RGB, box: Floats, scale: int) -> RGB:
    height, width = rgb.shape[:2]
    low = np.clip(np.floor(box[:2] * scale).astype(int), 0, (width - 1, height - 1))
    high = np.clip(np.ceil(box[2:] * scale).astype(int), low + 1, (width, height))
    return rgb[low[1] : high[1], low[0] : high[0]]
