"""Restoring an image, or all images of a folder: each written whole or not at all, those that are done not done again."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from time import perf_counter

import msgspec

from desktop.errors import UsageError, UserError
from desktop.jobs.events import Progressed
from desktop.jobs.job import RestoreJob, Result
from desktop.jobs.progress import Progress
from desktop.malformed import MALFORMED
from desktop.models.library import Library
from desktop.models.session import interrupt_calls
from desktop.paths import atomic_write, make_folder
from desktop.results import results_folder
from desktop.video import identity
from desktop.video.flow import Flow
from desktop.video.kit import DETECTOR, Kit, fetch, open_kit
from desktop.video.media.stills import read_still, write_still
from desktop.video.names import images_in, restored_name
from desktop.video.outputs import check
from desktop.video.restoration.ledger import Ledger
from desktop.video.restoration.watch import Watch
from desktop.video.single import mend

_FETCHED = 0.05


def restore_images(job: RestoreJob, progress: Progress) -> Result:
    """Restore an image, or a folder of them; damaged images of a folder are told at the end.

    Raises:
        UserError: the image (or every image of the folder), the options or the place of the result will not do.
    """
    source, output = Path(job.source), Path(job.output)
    if job.start is not None or job.end is not None:
        raise UsageError("An image has no time", path=source, remedy="Leave --from and --to away.")
    pairs = [(image, output / restored_name(image)) for image in images_in(source)] if source.is_dir() else [(source, output)]
    if not pairs:
        raise UserError("There are no images in this folder", path=source)
    for image, target in pairs:
        check(image, target)
    with results_folder(output if source.is_dir() else output.parent):
        library = Library()
        fetch(job.options, library, progress.part(0.0, _FETCHED))
        work = _Work(job, pairs, open_kit(job.options, job.device, library, progress), library, progress)
        work.run()
    kind = "folder" if source.is_dir() else "image"
    progress.artifact(kind, output, job.title)
    progress.emit(Progressed(1.0, "Done"))
    return {**work.summary({kind: str(output)}), "models": identity.models(job, library, DETECTOR)}


class _Done(msgspec.Struct, frozen=True):
    """A finished image: digests of the source and of what was made of it, and what became of its faces."""

    source: str
    output: str
    faces: list[str]


class _Work:
    """One try at a job's images."""

    def __init__(self, job: RestoreJob, pairs: list[tuple[Path, Path]], kit: Kit, library: Library, progress: Progress) -> None:
        self._job, self._pairs, self._kit, self._progress = job, pairs, kit, progress
        ledger = Ledger(progress.scratch(), identity.facts(job, library, DETECTOR))
        self._records = make_folder(ledger.folder / "images")
        self._is_alone = not Path(job.source).is_dir()
        self._done: list[_Done] = []
        self._skipped = 0
        self._warnings = list(kit.notes)
        self._seconds: dict[str, float] = {}
        self._watch = Watch(progress)

    def run(self) -> None:
        """All images; raises UserError when none could be restored."""
        began = perf_counter()
        flow = Flow(interrupt_calls)
        flow.stage("images", lambda: self._all(flow))
        total = len(self._pairs)
        flow.run(lambda: self._tick(total))
        self._seconds["restore"] = round(perf_counter() - began, 3)
        if not self._done:
            raise UserError("None of the images could be restored", path=self._job.source, remedy=self._warnings[-1])
        if self._skipped:
            self._progress.log(f"{self._skipped} images had been restored before.")

    def summary(self, files: dict[str, str]) -> Result:
        """What is told at the end."""
        faces = [kind for done in self._done for kind in done.faces]
        left = Counter(kind for kind in faces if kind != "restored")
        made, spent = len(self._done) - self._skipped, self._seconds["restore"]
        return {
            "files": files,
            "frames": len(self._done),
            "seconds_of_video": 0.0,
            "faces": {"tracks": len(faces), "restored": faces.count("restored"), "left": dict(sorted(left.items()))},
            "shots": 0,
            "device": self._kit.device,
            "precision": self._kit.restorer.precision,
            "restorer": self._kit.restorer.name,
            "encoder": "image",
            "seconds": self._seconds,
            "frames_per_second": round(made / spent, 2) if spent else 0.0,
            "warnings": self._warnings,
            "resumed": self._skipped > 0,
        }

    def _tick(self, total: int) -> None:
        number = min(len(self._done), total - 1)
        self._progress.at(_FETCHED + (1 - _FETCHED) * number / total, f"Restoring {self._pairs[number][0].name}")

    def _all(self, flow: Flow) -> None:
        for image, target in self._pairs:
            flow.check()
            try:
                self._one(image, target)
            except UserError as error:
                if self._is_alone:
                    raise
                self._warnings.append(f"{image.name} was left out: {error.message}.")
                self._progress.log(self._warnings[-1], "warning")

    def _one(self, image: Path, target: Path) -> None:
        record = self._records / f"{image.name}.json"
        digest = identity.of_source(image)
        before = _read(record)
        if before is not None and before.source == digest and target.is_file() and identity.of_file(target) == before.output:
            self._done.append(before)
            self._skipped += 1
            return
        picture = read_still(image)
        self._warnings += [note if self._is_alone else f"{image.name}: {note}" for note in picture.notes]
        mended = mend(picture, self._kit, self._job.options)
        write_still(mended.after, target)
        self._watch(picture, mended.after, mended.after is not picture)
        done = _Done(digest, identity.of_file(target), [str(patch.verdict.kind) for patch in mended.patches])
        with atomic_write(record) as file:
            file.write(msgspec.json.encode(done))
        self._done.append(done)


def _read(record: Path) -> _Done | None:
    try:
        return msgspec.json.decode(record.read_bytes(), type=_Done)
    except (OSError, *MALFORMED):
        return None
