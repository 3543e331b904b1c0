"""What a clip holds, and how long restoring it would take on this machine."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from time import perf_counter
from typing import Any

from desktop.jobs.job import InspectJob, Result
from desktop.jobs.progress import Progress
from desktop.models.library import Library
from desktop.models.session import interrupt_calls
from desktop.video.flow import apart
from desktop.video.kit import Kit, fetch, warm_kit
from desktop.video.media.clip import PROGRESSIVE, Clip
from desktop.video.media.encoders import default_output
from desktop.video.media.entry import about_how_many
from desktop.video.media.picture import Picture
from desktop.video.media.probe import find_interlacing, probe
from desktop.video.media.reader import open_reader
from desktop.video.media.stills import read_still
from desktop.video.names import is_image, suffix_for
from desktop.video.patches import Face
from desktop.video.reading import how_to_read
from desktop.video.single import find_faces, mend

_PLACES = 8
_IN_A_ROW = 6
_ENCODE_S = 0.02
"""Seconds that encoding a picture of 720x576 takes, beside what runs at the same time; a guess, as the trial encodes nothing."""


def inspect(job: InspectJob, progress: Progress) -> Result:
    """Look at a clip or image.

    Raises:
        UserError: the file is neither.
    """
    path = Path(job.source)
    progress.at(0.0, "Opening")
    clip = probe(path)
    library = Library()
    fetch(job.options, library, progress.part(0.0, 0.2))
    return apart(lambda: _inspect(job, clip, library), lambda: progress.at(0.3, "Looking at some pictures"), interrupt_calls)


def _inspect(job: InspectJob, clip: Clip, library: Library) -> Result:
    path = Path(job.source)
    kit = warm_kit(job.options, job.device, library)
    order = PROGRESSIVE if clip.is_still else find_interlacing(path)
    sample = _Sample(path, clip, job, kit)
    places = [0.0] if clip.is_still or not clip.duration else [clip.duration * (n + 0.5) / _PLACES for n in range(_PLACES)]
    for place in places:
        sample.take(place)
    return _facts(clip, order) | {
        "faces": sample.faces(),
        "estimate_s": sample.estimate(),
        "output": suffix_for(path) if is_image(path) else default_output(clip),
        "problems": list(dict.fromkeys([*clip.problems, *sample.problems])),
        "device": kit.device,
    }


class _Sample:
    """Pictures from several places, looked at and timed."""

    def __init__(self, path: Path, clip: Clip, job: InspectJob, kit: Kit) -> None:
        self.problems: list[str] = []
        self._path, self._clip, self._job, self._kit = path, clip, job, kit
        self._how = how_to_read(path, clip, job.options.deinterlace)
        self._found: list[list[Face]] = []
        self._decoding: list[float] = []
        self._detecting: list[float] = []
        self._restoring: list[float] = []

    def take(self, place: float) -> None:
        """Look at the picture at ``place`` (seconds); nothing is noted where none can be decoded."""
        picture = self._decode(place)
        if picture is None:
            return
        began = perf_counter()
        faces = find_faces(picture, self._kit.detector)
        self._detecting.append(perf_counter() - began)
        self._found.append(faces)
        if faces and len(self._restoring) < 3:
            began = perf_counter()
            mend(picture, self._kit, self._job.options, faces)
            self._restoring.append((perf_counter() - began) / len(faces))

    def faces(self) -> dict[str, Any]:
        """How many of the pictures have faces, and how large those are."""
        sizes = [face.size for faces in self._found for face in faces]
        counts = {"sampled": len(self._found), "with_faces": sum(bool(faces) for faces in self._found)}
        if not sizes:
            return counts
        return counts | {"largest_px": round(max(sizes), 1), "smallest_px": round(min(sizes), 1)}

    def estimate(self) -> float | None:
        """Seconds for all of the clip; None when its length is unknown."""
        pictures = 1 if self._clip.is_still else about_how_many(self._clip)
        if pictures is None or not self._found:
            return None
        faces = sum(len(found) for found in self._found) / len(self._found)
        area = self._clip.video.width * self._clip.video.height / (720 * 576)
        # The first pass and the second overlap with nothing but their own decoding.
        look = max(_least(self._decoding), 0.3 * _least(self._detecting))
        second = max(_least(self._decoding), faces * _least(self._restoring), _ENCODE_S * area * self._job.options.scale**2)
        return round(pictures * (look + second) + 1.0, 1)

    def _decode(self, place: float) -> Picture | None:
        if self._clip.is_still:
            return read_still(self._path)
        with open_reader(self._path, deinterlace=self._how, start=place or None, quick=True) as reader:
            picture = next(iter(reader), None)
            began = perf_counter()
            following = sum(1 for _ in zip(range(_IN_A_ROW), reader, strict=False))
            if following:
                self._decoding.append((perf_counter() - began) / following)
            self.problems += reader.problems
        return picture


def _least(times: list[float]) -> float:
    """The least disturbed of some timings; 0 without any."""
    return min(times, default=0.0)


def _facts(clip: Clip, order: str) -> dict[str, Any]:
    video = clip.video
    width, height = clip.display_size
    return {
        "container": clip.container,
        "duration": clip.duration,
        "video": {
            "codec": video.codec,
            "width": video.width,
            "height": video.height,
            "pixel_format": video.pixel_format,
            "bits": video.bits,
            "frames": video.frames,
        },
        "streams": [
            {
                "index": stream.index,
                "kind": stream.kind,
                "codec": stream.codec,
                "language": stream.language,
                "title": stream.title,
                "default": stream.default,
                "detail": stream.detail,
            }
            for stream in clip.streams
        ],
        "chapters": clip.chapters,
        "rate": float(video.rate) if video.rate else None,
        "constant_rate": video.constant_rate,
        "interlaced": order != PROGRESSIVE,
        "field_order": order,
        "rotation": video.rotation,
        "sar": _ratio(video.sar),
        "display_size": [width, height],
        "colour": {
            "range": video.color_range,
            "matrix": video.matrix,
            "primaries": video.primaries,
            "transfer": video.transfer,
        },
        "is_still": clip.is_still,
    }


def _ratio(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else f"{value.numerator}:{value.denominator}"
