"""The result: the segments' pictures in one file, with everything else that the source holds beside them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.paths import atomic_write
from desktop.video.media.clip import Clip
from desktop.video.media.containers import Container, container_of
from desktop.video.media.decode import open_container
from desktop.video.media.lanes import Window
from desktop.video.media.matroska_aspect import FILLER, set_aspect
from desktop.video.media.packets import SegmentFacts, facts_of, joined_packets, length_of, open_segment
from desktop.video.media.streams import Others, add_streams, mark, own_tags
from desktop.video.outputs import check

_SPARE = 4 << 20
_OFTEN = 64
_EARLY = Fraction(30)
"""So many seconds before a cut subtitles may begin that are still seen after it."""


@dataclass(frozen=True)
class _Plan:
    """What goes where.

    Attributes:
        facts: of the segments.
        origin: the time stamp that becomes 0, in the segments' ticks.
        window: the same for the other streams, and what they are cut to.
    """

    segments: tuple[Path, ...]
    offsets: tuple[int, ...]
    source: Clip
    container: Container
    facts: SegmentFacts
    origin: int
    window: Window


class _RefusedError(Exception):
    """The container does not take these streams together."""


def join(
    segments: Sequence[Path],
    source: Clip,
    output: Path,
    *,
    offsets: Sequence[int],
    start: float | None = None,
    end: float | None = None,
    progress: Progress | None = None,
) -> list[str]:
    """Write the result; it appears when it is complete and synced.

    Time stamps are those of the source. With ``start`` the result begins at 0 and all streams are cut to fit; without, a source
    whose clock may begin anywhere (MPEG streams) is moved to 0 as a whole when the container is of another family.

    Args:
        segments: finished files of ``SegmentWriter``, in order.
        output: its ending chooses the container.
        offsets: time stamp of each segment's first picture, in ticks of its pictures.
        start, end: the part of the clip that the segments cover, in seconds from its beginning; None where it is not cut.

    Returns:
        what the container could not hold or the source could not give, one sentence each.

    Raises:
        UserError: the output is the source, cannot be written, does not fit on the disk; a segment is damaged.
    """
    container = container_of(output)
    check(Path(source.path), output)
    with open_segment(segments[0]) as first:
        facts = facts_of(first)
    same_family = bool(set(source.container.split(",")) & container.family)
    origin = offsets[0] if start is not None else 0 if same_family else max(0, round(source.start / facts.time_base))
    zero = origin * facts.time_base
    shown_until = None if end is None else (offsets[-1] + length_of(segments[-1])) * facts.time_base
    window = Window(
        zero, None if start is None else zero, shown_until, positive="matroska" in container.family and not same_family
    )
    plan = _Plan(tuple(segments), tuple(offsets), source, container, facts, origin, window)
    _check_space(plan, output)
    # An absolute name: ffmpeg would take what comes before a colon in another for a protocol.
    with atomic_write(output.absolute()) as file:
        hidden = Path(file.name)
        try:
            notes = _write(plan, hidden, progress or Progress(), rare=True)
        except _RefusedError:
            notes = _write(plan, hidden, progress or Progress(), rare=False)
        notes += _aspect(hidden, plan) + _lost_tags(hidden, plan)
    return notes


def _write(plan: _Plan, hidden: Path, progress: Progress, *, rare: bool) -> list[str]:
    options = {"fflags": "+bitexact", "max_interleave_delta": "500000"}
    if "mov" in plan.container.family:
        options["movflags"] = "faststart"
        # When a stream begins late is told in ticks of the whole film; a thousandth of a second would be too coarse.
        ticks = plan.facts.time_base.denominator
        options["movie_timescale"] = str(ticks * -(-1000 // ticks))
    with open_container(plan.source.path) as source, open_segment(plan.segments[0]) as first:
        output: Any = av.open(str(hidden), "w", format=plan.container.name, container_options=options)
        try:
            pictures, others = _lay_out(plan, source, first, output, rare=rare)
            _mux(output, pictures, others, plan, progress)
            output.close()
        except BaseException:
            _discard(output)
            raise
    return [*others.notes, *others.damage()]


def _lay_out(plan: _Plan, source: Any, first: Any, output: Any, *, rare: bool) -> tuple[Any, Others]:
    """Make the result's streams, tags and chapters, and write its head; the source stands where reading begins."""
    pictures = _add_pictures(output, first, source.streams[plan.source.video.index], plan)
    others = add_streams(plan.source, source, output, plan.container, plan.window, rare=rare)
    output.metadata.update(own_tags(source.metadata))
    output.set_chapters(list(_chapters(source.chapters(), plan.window)))
    try:
        output.start_encoding()
    except (av.error.InvalidDataError, av.error.ArgumentError, av.error.PatchWelcomeError, ValueError) as error:
        if rare and others.lanes:
            raise _RefusedError from error
        raise UserError(f"{plan.container.title} does not take these streams: {error}", remedy="Choose .mkv.") from error
    if plan.window.start is not None and plan.window.start > _EARLY:
        _seek(source, plan)
    return pictures, others


def _add_pictures(output: Any, first: Any, original: Any, plan: _Plan) -> Any:
    encoded = first.streams.video[0]
    stream = output.add_stream_from_template(encoded, opaque=True)
    stream.time_base = plan.facts.time_base
    context = stream.codec_context
    context.framerate = plan.facts.rate
    context.sample_aspect_ratio = encoded.sample_aspect_ratio or Fraction(1)
    if encoded.codec_context.codec.canonical_name == "hevc" and "mov" in plan.container.family:
        # Apple's players know H.265 by this name alone.
        context.codec_tag = "hvc1"
    mark(stream, original)
    if plan.container.name == "webm" and context.sample_aspect_ratio != 1:
        stream.metadata.setdefault("title", FILLER)
    return stream


def _mux(output: Any, pictures: Any, others: Others, plan: _Plan, progress: Progress) -> None:
    """Write both kinds of packets in the order of their decoding times; neither is held for long."""
    total = sum(path.stat().st_size for path in plan.segments) or 1
    done = count = 0
    video = joined_packets(plan.segments, plan.offsets, plan.origin)
    waiting = next(video, None)
    for time, other in _and_end(others.packets()):
        while waiting is not None and (time is None or waiting.dts * waiting.time_base <= time):
            waiting.stream = pictures
            done, count = done + waiting.size, count + 1
            output.mux(waiting)
            waiting = next(video, None)
            if count % _OFTEN == 0:
                progress.at(done / total, "Putting the result together")
        if other is not None:
            output.mux(other)


def _and_end(packets: Iterator[tuple[Fraction, Any]]) -> Iterator[tuple[Fraction | None, Any]]:
    yield from packets
    yield None, None


def _chapters(chapters: Sequence[Any], window: Window) -> Iterator[Any]:
    """The chapters in the result's time; those that end before it or begin after it are left out."""
    for number, chapter in enumerate(chapters):
        tick = chapter["time_base"]
        begin, end = chapter["start"] * tick, chapter["end"] * tick
        if window.start is not None:
            begin = max(begin, window.start)
        if window.end is not None:
            end = min(end, window.end)
        if end > begin or (begin == end and window.start is None and window.end is None):
            shifted = round((begin - window.origin) * 1000), round((end - window.origin) * 1000)
            tags = {"id": number + 1, "metadata": chapter["metadata"], "time_base": Fraction(1, 1000)}
            yield {**tags, "start": max(0, shifted[0]), "end": max(0, shifted[1])}


def _seek(source: Any, plan: _Plan) -> None:
    """Skip what is long before a cut, in containers with an index."""
    indexed = {"mov", "mp4", "matroska", "webm"} & set(plan.source.container.split(","))
    if indexed and plan.window.start is not None:
        source.seek(int((plan.window.start - _EARLY) * 1_000_000))


def _check_space(plan: _Plan, output: Path) -> None:
    """The segments' size and that of the copied streams must be free beside the output."""
    copied = 0
    with open_container(plan.source.path) as source:
        seconds = float(plan.source.duration or 0)
        for stream in source.streams.audio:
            copied += int((stream.codec_context.bit_rate or 0) * seconds / 8)
    needed = sum(path.stat().st_size for path in plan.segments) + min(copied, Path(plan.source.path).stat().st_size) + _SPARE
    try:
        free = shutil.disk_usage(output.absolute().parent).free
    except OSError:
        return
    if free < needed:
        what = f"The disk is too full for the result: {needed >> 20} MB are needed, {free >> 20} MB are free"
        raise UserError(what, path=output, remedy="Free some space or choose another folder; finished parts are kept.")


def _aspect(hidden: Path, plan: _Plan) -> list[str]:
    """See to it that a Matroska result says how wide its pictures are shown."""
    with open_segment(plan.segments[0]) as first:
        stream = first.streams.video[0]
        sar = Fraction(stream.sample_aspect_ratio or 1)
        width, height = stream.codec_context.width, stream.codec_context.height
    if "matroska" not in plan.container.family or sar == 1:
        return []
    with open_container(hidden) as result:
        track = next(stream.index for stream in result.streams if stream.type == "video") + 1
    if set_aspect(hidden, track, width, height, sar):
        return []
    return [f"{plan.container.title} could not be told the pixels' aspect, {sar.numerator}:{sar.denominator}."]


def _lost_tags(hidden: Path, plan: _Plan) -> list[str]:
    """Tags of the source that are not in the result, as it reads back."""
    with open_container(hidden) as result:
        kept = {key.lower() for key in result.metadata}
    lost = sorted(key for key in own_tags(plan.source.metadata) if key.lower() not in kept)
    return [f"{plan.container.title} has no place for these tags: {', '.join(lost)}."] if lost else []


def _discard(output: Any) -> None:
    """Free what the unfinished file holds; it is removed by whoever made it."""
    try:
        output.close()
    except (av.FFmpegError, ValueError):
        return
