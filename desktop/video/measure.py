"""A clip (or image) before and after in numbers, over time; with the truth, where that is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
from desktop.video.charts import AFTER, BEFORE, SECONDARY, Line, Panel, draw_chart
from desktop.video.comparing import Comparison, square
from desktop.video.faces.detect import Detector, open_detector
from desktop.video.findings import FacesByPicture, Look
from desktop.video.kit import DETECTOR
from desktop.video.look import look
from desktop.video.matching import Follower
from desktop.video.measures import BY_KEY, MEASURES, Better
from desktop.video.media.picture import Picture
from desktop.video.media.probe import probe
from desktop.video.media.reader import open_reader
from desktop.video.media.stills import read_still
from desktop.video.names import is_image
from desktop.video.outputs import is_same
from desktop.video.patches import Face
from desktop.video.quality.naturalness import LEAST, Naturalness, load_naturalness
from desktop.video.reading import how_to_read
from desktop.video.series import Series
from desktop.video.single import find_faces

_STATISTICS = "video-demo"
_MOST_NATURE = 200  # pictures whose NIQE is computed
_COLOURS = {"truth": SECONDARY, "before": BEFORE, "after": AFTER}
_PLOTTED_TO_TRUTH = ("psnr_faces", "ssim_faces", "psnr", "ssim", "warping", "tlme")
_PLOTTED = ("sharpness", "warping", "jitter", "niqe")
_PANELS = 4


def measure(job: MeasureJob, progress: Progress) -> Result:
    """Compare clips picture by picture, matched by their times; faces are found in the truth, else in the clip before.

    Returns:
        reference, pictures (compared), faces (tracks), measures {key: {clip: mean}}, better {key: way}, curves, files, warnings.

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
    warnings: list[str] = []
    naturalness = _naturalness(library, progress.part(0.05, 0.08), warnings)
    detector = open_detector(library, DETECTOR, device=job.device)
    work = _Work(paths, detector, naturalness, warnings)
    if is_image(paths["before"]):
        work.images()
    else:
        work.clips(progress.part(0.08, 0.95))
    if not work.compared:
        raise UserError("The clips have no pictures at the same time", path=job.after)
    work.say_what_is_missing()
    files = _write(job, work)
    for kind, path in files.items():
        progress.artifact(kind, path, job.title)
    progress.emit(Progressed(1.0, "Done"))
    return work.summary(files)


class _Work:
    """One comparison."""

    def __init__(self, paths: dict[str, Path], detector: Detector, naturalness: Naturalness | None, warnings: list[str]) -> None:
        self._paths, self._detector, self._naturalness = paths, detector, naturalness
        self.reference = next(iter(paths))
        self.series = Series(tuple(paths))
        self.cuts: list[float] = []
        self.compared = 0
        self._faces = 0
        self._warnings = warnings
        self._sizes: dict[str, tuple[int, int]] = {}

    def images(self) -> None:
        """Compare images."""
        pictures = {name: read_still(path) for name, path in self._paths.items()}
        found = find_faces(pictures[self.reference], self._detector)
        faces = [Face(face.points, face.box, number) for number, face in enumerate(found)]
        self._faces = len(faces)
        comparison = self._comparison()
        self._moment(comparison, pictures[self.reference], pictures, faces, cut=True, nature=True)
        self._say_sizes()

    def clips(self, progress: Progress) -> None:
        """Compare clips: one pass for the reference's faces, one over all of them side by side."""
        ways = {name: self._way(name, path) for name, path in self._paths.items()}
        promised = probe(self._paths[self.reference]).video.frames
        found = look(
            self._paths[self.reference],
            self._detector,
            progress.part(0.0, 0.35),
            deinterlace=ways[self.reference],
            start=None,
            end=None,
            promised=promised,
        )
        self._faces = len(found.tracks)
        if not found.tracks:
            self._warnings.append("No face was found; whole pictures are measured instead.")
        with ExitStack() as stack:
            readers = {n: stack.enter_context(open_reader(p, deinterlace=ways[n])) for n, p in self._paths.items()}
            followers: dict[str, Follower[Picture]] = {name: Follower(iter(reader)) for name, reader in readers.items()}
            for picture, pictures in _moments(followers, self.reference, found):
                progress.at(0.35 + 0.65 * picture.index / len(found.times), "Measuring")
                self._picture(found, picture, pictures)
            self._say_counts({name: follower.seen for name, follower in followers.items()})
            for name, reader in readers.items():
                self._warnings += [f"{name.capitalize()}: {problem}" for problem in reader.problems]
        self._say_sizes()

    def say_what_is_missing(self) -> None:
        """Why there is no NIQE although it could be computed."""
        if self._naturalness is not None and not self.series.means("niqe"):
            self._warnings.append(f"NIQE is left out: it needs pictures of {LEAST} px at least.")

    def summary(self, files: dict[str, Path]) -> Result:
        """What the job returns."""
        means = {m.key: self.series.means(m.key) for m in MEASURES}
        kept = {key: found for key, found in means.items() if "after" in found}
        return {
            "reference": self.reference,
            "pictures": self.compared,
            "faces": self._faces,
            "measures": {key: {name: found.get(name) for name in ("before", "after", "truth")} for key, found in kept.items()},
            "better": {key: str(self._better(key)) for key in kept},
            "curves": {key: {name: self.series.curve(key, name) for name in means[key]} for key in kept if key != "light"},
            "files": {kind: str(path) for kind, path in files.items()},
            "warnings": self._warnings,
        }

    def _better(self, key: str) -> Better:
        """Being like the clip before is no merit of the clip after."""
        found = BY_KEY[key]
        return Better.NEITHER if found.compared and self.reference == "before" else found.better

    def _way(self, name: str, path: Path) -> str:
        way = how_to_read(path, probe(path), "auto")
        if way != "off":
            self._warnings.append(f"{name.capitalize()} is interlaced; its pictures are made of both fields.")
        return way

    def _picture(self, found: Look, picture: Picture, pictures: dict[str, Picture | None]) -> None:
        if not picture.index:
            self._faces_at, self._cuts = FacesByPicture(found.tracks), set(found.shots)
            self._steps = self._comparison()
        cut = picture.index in self._cuts
        if cut and picture.index:
            self.cuts.append(picture.time)
        every = max(1, -(-len(found.times) // _MOST_NATURE))
        faces = self._faces_at(picture.index)
        self._moment(self._steps, picture, pictures, faces, cut=cut, nature=picture.index % every == 0)

    def _comparison(self) -> Comparison:
        return Comparison(tuple(self._paths), self.reference, self._detector, self._naturalness, has_faces=self._faces > 0)

    def _moment(
        self,
        comparison: Comparison,
        picture: Picture,
        pictures: Mapping[str, Picture | None],
        faces: Sequence[Face],
        *,
        cut: bool,
        nature: bool,
    ) -> None:
        shown = {name: None if one is None else square(one.rgb(), one.square_size) for name, one in pictures.items()}
        for name, rgb in shown.items():
            if rgb is not None:
                self._sizes.setdefault(name, (rgb.shape[1], rgb.shape[0]))
        numbers = comparison.feed(shown, faces, cut=cut, nature=nature)
        whose = max(faces, key=lambda face: face.size).track if faces else None
        self.compared += all(rgb is not None for rgb in shown.values())
        self.series.add(picture.time, picture.index, numbers, (whose, len(self.cuts)))

    def _say_counts(self, seen: dict[str, int]) -> None:
        if len(set(seen.values())) > 1 or self.compared < min(seen.values()):
            counts = ", ".join(f"{name} {count}" for name, count in seen.items())
            self._warnings.append(f"The clips do not have the same pictures ({counts}); {self.compared} are at the same time.")

    def _say_sizes(self) -> None:
        if len(set(self._sizes.values())) > 1:
            sizes = ", ".join(f"{name} {width}x{height}" for name, (width, height) in self._sizes.items())
            width, height = self._sizes[self.reference]
            self._warnings.append(
                f"The pictures differ in size ({sizes}); likeness and steadiness are judged at {width}x{height}."
            )


def _moments(
    followers: dict[str, Follower[Picture]], reference: str, found: Look
) -> Iterator[tuple[Picture, dict[str, Picture | None]]]:
    """Each picture of the reference with those of the other clips at its time, within half a step."""
    steps = np.diff(found.times) if len(found.times) > 1 else np.array([found.last_duration])
    tolerance = 0.5 * float(np.median(steps) * found.time_base) + 1e-6
    others = {name: follower for name, follower in followers.items() if name != reference}
    for picture in followers[reference]:
        shown: dict[str, Picture | None] = {reference: picture}
        for name, follower in others.items():
            shown[name] = follower.at(picture.time, tolerance)
        yield picture, shown
    for follower in others.values():
        follower.finish()


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


def _naturalness(library: Library, progress: Progress, warnings: list[str]) -> Naturalness | None:
    """The statistics that NIQE needs; where they cannot be had it is left out, and that is said."""
    try:
        library.ensure(_STATISTICS, progress)
        return load_naturalness(library.folder(_STATISTICS) / "niqe_image_params.mat")
    except UserError as error:
        warnings.append(f"NIQE is left out: {error}")
        return None


def _write(job: MeasureJob, work: _Work) -> dict[str, Path]:
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


def _chart(job: MeasureJob, work: _Work) -> str:
    panels = []
    for key in _plotted(work):
        found = BY_KEY[key]
        columns = {name: work.series.column(key, name) for name in reversed(work.series.names)}
        lines = [Line(name, values, _COLOURS[name]) for name, values in columns.items() if np.isfinite(values).any()]
        ways = {Better.HIGHER: "higher is better", Better.LOWER: "lower is better", Better.NEITHER: ""}
        note = ", ".join(text for text in (f"{found.unit} {found.whole}".strip(), ways[found.better]) if text)
        panels.append(Panel(found.title, note, tuple(lines)))
    title = f"{Path(job.before).name} and {Path(job.after).name}"
    return draw_chart(title, work.series.times, panels, work.cuts)


def _plotted(work: _Work) -> list[str]:
    """Which measures tell most: of the faces where there are some, of the whole else."""
    asked = _PLOTTED if work.reference == "before" else _PLOTTED_TO_TRUTH
    known = [key for key in asked if np.isfinite(work.series.column(key, "after")).any()]
    if "psnr_faces" in known:
        known = [key for key in known if key not in ("psnr", "ssim")]
    return known[:_PANELS]
