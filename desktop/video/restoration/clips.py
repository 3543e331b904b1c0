"""Restoring a clip, from its first look to the joined file."""

from __future__ import annotations

import shutil
from pathlib import Path
from time import perf_counter

import msgspec

from desktop.errors import UserError
from desktop.jobs.events import Progressed
from desktop.jobs.guards.space import amount
from desktop.jobs.job import RestoreJob, Result
from desktop.jobs.progress import Progress
from desktop.models.library import Library
from desktop.models.session import interrupt_calls
from desktop.paths import cache_dir
from desktop.video import findings, identity
from desktop.video.enlarge import enlarger
from desktop.video.findings import Look
from desktop.video.kit import DETECTOR, Kit, fetch, open_kit
from desktop.video.look import look
from desktop.video.media.clip import Clip
from desktop.video.media.encoder_table import BY_ID
from desktop.video.media.encoders import Encoder, choose, default_output, estimate_bytes
from desktop.video.media.entry import about_how_many
from desktop.video.media.join import join
from desktop.video.media.picture import Picture
from desktop.video.media.probe import probe
from desktop.video.media.reader import open_reader
from desktop.video.media.writer import SegmentWriter
from desktop.video.names import AUTO
from desktop.video.outputs import output_file
from desktop.video.reading import how_to_read
from desktop.video.restoration import segments
from desktop.video.restoration.copying import can_copy, copy_video
from desktop.video.restoration.ledger import Ledger, Segment
from desktop.video.restoration.pipeline import Pipeline, Plan
from desktop.video.restoration.watch import Watch
from desktop.video.summary import clock, count_faces

_FETCHED, _LOOKED, _RESTORED = 0.02, 0.27, 0.96
_WHAT = {
    "program": "Reprise",
    "clip": "The clip",
    "restorer": "The restorer",
    "background": "The background model",
    "detector": "The face detector",
}


def restore_clip(job: RestoreJob, progress: Progress) -> Result:
    """Restore a clip; see ``RestoreJob``. Previews "frame" while it runs.

    Raises:
        UserError: the clip, the options or the place of the result will not do.
    """
    clip = probe(job.source)
    job = _named(job, clip)
    with output_file(Path(job.source), Path(job.output)) as output:
        encoder = _encoder(job)
        _check_space(job, clip, encoder, output)
        library = Library()
        fetch(job.options, library, progress.part(0.0, _FETCHED))
        kit = open_kit(job.options, job.device, library, progress)
        ledger = Ledger(progress.scratch(), identity.facts(job, library, DETECTOR))
        result = _Work(job, clip, encoder, kit, ledger, progress).run(output)
        result["models"] = identity.models(job, library, DETECTOR)
    progress.artifact("video", output, job.title)
    # No checkpoint: what is in place can no longer be cancelled.
    progress.emit(Progressed(1.0, "Done"))
    return result


class _Work:
    """One try at a job: what it has, what it has found, how long each part took."""

    def __init__(self, job: RestoreJob, clip: Clip, encoder: Encoder, kit: Kit, ledger: Ledger, progress: Progress) -> None:
        self._job, self._clip, self._encoder, self._kit = job, clip, encoder, kit
        self._ledger, self._progress = ledger, progress
        self._source = Path(job.source)
        self._seconds: dict[str, float] = {}
        self._warnings = [*clip.problems, *kit.notes]
        self._resumed = False
        self._made = 0

    def run(self, output: Path) -> Result:
        """All of it."""
        if self._ledger.changed:
            what = _WHAT.get(self._ledger.changed[0], "What the job asks for")
            self._warn(f"{what} has changed since this job was begun, so it starts anew.")
        began = perf_counter()
        found = self._look()
        self._seconds["look"] = round(perf_counter() - began, 3)
        self._warnings += found.problems
        copied = None if found.tracks else self._copied(found, output, {})
        if copied is not None:
            return copied
        began = perf_counter()
        made = self._restore(found)
        self._seconds["restore"] = round(perf_counter() - began, 3)
        restored = any(segment.restored for segment in made.values())
        copied = None if restored else self._copied(found, output, made)
        if copied is not None:
            return copied
        if not restored:
            self._warnings.append("No face was restored." if found.tracks else "No faces were found.")
        began = perf_counter()
        order = [made[number] for number in sorted(made)]
        self._join([self._ledger.video(one.number) for one in order], [one.offset for one in order], output)
        self._seconds["join"] = round(perf_counter() - began, 3)
        return self._summary(found, output, made)

    def _look(self) -> Look:
        found = findings.load(self._ledger.folder)
        if found is not None:
            return found
        job = self._job
        found = look(
            self._source,
            self._kit.detector,
            self._progress.part(_FETCHED, _LOOKED),
            deinterlace=how_to_read(self._source, self._clip, job.options.deinterlace),
            start=job.start,
            end=job.end,
            promised=_promised(self._clip, job),
            interrupt=interrupt_calls,
        )
        findings.save(found, self._ledger.folder)
        return found

    def _restore(self, found: Look) -> dict[int, Segment]:
        progress, total = self._progress.part(_LOOKED, _RESTORED), len(found.times)
        plan = self._plan(found)
        pipeline = Pipeline(plan, self._ledger)
        finished = self._ledger.finished()
        self._resumed = bool(finished)
        if finished:
            ready = sum(segment.count for segment in finished.values())
            progress.log(f"Going on after {clock(found.at(min(ready, total - 1)))}.")

        what = "Restoring faces" if plan.enlarge is None else "Restoring pictures"

        def tick(done: int) -> None:
            progress.at(done / total, what)

        made = pipeline.run(finished, tick)
        self._seconds |= {f"restore.{name}": round(spent, 3) for name, spent in pipeline.seconds.items()}
        self._made = total - sum(segment.count for segment in finished.values())
        return made

    def _plan(self, found: Look) -> Plan:
        job, clip, options = self._job, self._clip, self._job.options
        encoder = self._encoder
        woven = options.deinterlace == "off" and options.scale == 1 and clip.video.rotation % 180 == 0

        def open_writer(path: Path, first: Picture) -> SegmentWriter:
            return SegmentWriter(
                path,
                width=first.width,
                height=first.height,
                sar=first.sar,
                format=first.format,
                time_base=found.time_base,
                rate=found.rate,
                colour=clip.video,
                encoder=encoder,
                quality=job.quality,
                fields=clip.video.field_order if woven else "progressive",
            )

        return Plan(
            path=self._source,
            look=found,
            length=segments.length(found.rate),
            restorer=self._kit.restorer,
            fidelity=options.fidelity,
            only_largest=options.faces == "largest",
            steadiness=options.steadiness,
            open_writer=open_writer,
            start=job.start,
            end=job.end,
            scale=options.scale,
            enlarge=enlarger(options, self._kit.upscaler),
            watch=Watch(self._progress),
            interrupt=interrupt_calls,
        )

    def _copied(self, found: Look, output: Path, made: dict[int, Segment]) -> Result | None:
        """The result with the clip's own pictures, where nothing else was asked for; None where that cannot be."""
        began = perf_counter()
        segment = self._ledger.folder / "copied.mov"
        times = [int(time) for time in found.times]
        if not self._may_copy(found) or not copy_video(self._clip, times, segment):
            return None
        why = "No face was to be restored" if found.tracks else "No faces were found"
        self._warnings.append(f"{why}, so the pictures were copied as they are.")
        self._join([segment], times[:1], output)
        self._seconds["copy"] = round(perf_counter() - began, 3)
        return self._summary(found, output, made) | {"encoder": "copy"}

    def _may_copy(self, found: Look) -> bool:
        job, options = self._job, self._job.options
        plain = options.background == "none" and options.scale == 1 and found.deinterlace == "off" and not found.problems
        whole = job.start is None and job.end is None
        return plain and whole and job.encoder == "auto" and job.quality is None and can_copy(self._clip, Path(job.output))

    def _join(self, parts: list[Path], offsets: list[int], output: Path) -> None:
        self._warnings += join(
            parts,
            self._clip,
            output,
            offsets=offsets,
            start=self._job.start,
            end=self._job.end,
            progress=self._progress.part(_RESTORED, 0.99),
        )

    def _summary(self, found: Look, output: Path, made: dict[int, Segment]) -> Result:
        spent = self._seconds.get("restore", 0.0)
        return {
            "files": {"video": str(output)},
            "frames": len(found.times),
            "seconds_of_video": round(found.seconds, 3),
            "faces": count_faces((track.id for track in found.tracks), made.values()),
            "shots": len(found.shots),
            "device": self._kit.device,
            "precision": self._kit.restorer.precision,
            "restorer": self._kit.restorer.name,
            "encoder": self._encoder.id,
            "seconds": self._seconds,
            "frames_per_second": round(self._made / spent, 2) if spent and self._made else 0.0,
            "warnings": list(dict.fromkeys(self._warnings)),
            "resumed": self._resumed,
        }

    def _warn(self, text: str) -> None:
        self._warnings.append(text)
        self._progress.log(text, "warning")


def _named(job: RestoreJob, clip: Clip) -> RestoreJob:
    """The job with an ending for its result, where that was left open."""
    output = Path(job.output)
    if output.suffix != AUTO:
        return job
    codec = "" if job.encoder == "auto" else BY_ID[job.encoder].stream
    return msgspec.structs.replace(job, output=str(output.with_suffix(default_output(clip, codec=codec))))


def _encoder(job: RestoreJob) -> Encoder:
    """The encoder of the result, looked for before any work is spent."""
    with open_reader(job.source) as reader:
        form, width, height = reader.format, reader.width * job.options.scale, reader.height * job.options.scale
    return choose(job.encoder, job.output, form, width=width, height=height, quality=job.quality)


def _check_space(job: RestoreJob, clip: Clip, encoder: Encoder, output: Path) -> None:
    """Raise UserError before any work when there is not even a quarter of the room that the result will take."""
    pictures, rate = _promised(clip, job), float(clip.video.rate or 25)
    if pictures is None:
        return
    width, height = (side * job.options.scale for side in clip.video.upright_size)
    needed = estimate_bytes(encoder.id, job.quality, width, height, rate, pictures / rate) // 4
    for folder in (output.parent, cache_dir()):
        free = shutil.disk_usage(folder).free
        if free < needed:
            raise UserError(
                f"There is not enough space: about {amount(4 * needed)} are needed, {amount(free)} are free",
                path=folder,
                remedy="Free some space, choose another folder, or an encoder that makes smaller files.",
            )


def _promised(clip: Clip, job: RestoreJob) -> int | None:
    """About how many pictures the job reads."""
    pictures, seconds = about_how_many(clip), clip.duration
    if pictures is None or (seconds is None and (job.start is not None or job.end is not None)):
        return None
    if seconds:
        part = min(seconds, job.end if job.end is not None else seconds) - (job.start or 0.0)
        pictures *= part / seconds
    return max(1, round(pictures * (2 if job.options.deinterlace == "double" else 1)))
