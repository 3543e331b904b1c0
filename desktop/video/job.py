"""The video panel's jobs, each handed to the module that does it."""

from __future__ import annotations

from pathlib import Path

from desktop.jobs.job import FilmstripJob, FramesJob, InspectJob, MeasureJob, PreviewJob, RestoreJob, Result
from desktop.jobs.progress import Progress


def run_restore(job: RestoreJob, progress: Progress) -> Result:
    """Restore a clip, an image or a folder of images."""
    from desktop.video.names import is_image

    if Path(job.source).is_dir() or is_image(Path(job.source)):
        from desktop.video.restoration.images import restore_images

        return restore_images(job, progress)
    from desktop.video.restoration.clips import restore_clip

    return restore_clip(job, progress)


def run_preview(job: PreviewJob, progress: Progress) -> Result:
    """Restore one picture of a clip."""
    from desktop.video.preview import preview

    return preview(job, progress)


def run_frames(job: FramesJob, progress: Progress) -> Result:
    """Pictures in a row, for showing."""
    from desktop.video.media.view import frames_for_view

    return frames_for_view(job, progress)


def run_filmstrip(job: FilmstripJob, progress: Progress) -> Result:
    """Thumbnails and shots of a clip."""
    from desktop.video.media.view import filmstrip

    return filmstrip(job, progress)


def run_inspect(job: InspectJob, progress: Progress) -> Result:
    """What a clip holds, and how long restoring it would take."""
    from desktop.video.inspect import inspect

    return inspect(job, progress)


def run_measure(job: MeasureJob, progress: Progress) -> Result:
    """A clip before and after in numbers."""
    from desktop.video.comparison.measure import measure

    return measure(job, progress)
