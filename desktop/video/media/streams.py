"""The source's other streams: which of them the result gets, and their packets as they come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.bitstream import BitStreamFilterContext
from av.stream import Discard, Disposition

from desktop.video.media.clip import Clip, StreamFacts
from desktop.video.media.containers import TEXT, Container
from desktop.video.media.decode import open_container
from desktop.video.media.lanes import CaptionLane, DecodedLane, Lane, SampleLane, TextLane, Window, block_of

_GIVE_UP = 50
_AHEAD = Fraction(30)
"""Packets so many seconds after the end are not waited for; so many before the start, captions may begin that are still seen."""
_OWN_TAGS = frozenset(
    {
        "encoder",
        "software",
        "duration",
        "rotate",
        "bps",
        "number_of_frames",
        "number_of_bytes",
        "_statistics_writing_app",
        "_statistics_writing_date_utc",
        "_statistics_tags",
        "vendor_id",
        "major_brand",
        "minor_version",
        "compatible_brands",
    }
)
"""Tags that describe the file they are in, not what it shows."""
_WRITTEN_ANEW = ("bin_data", "dvd_nav_packet")
"""Data that belong to the old file: MP4's chapters, a DVD's jumps."""
_QUICKTIME_LANGUAGES = {
    "deu": "ger",
    "nld": "dut",
    "swe": "sve",
    "ell": "gre",
    "isl": "ice",
    "zho": "chi",
    "sqi": "alb",
    "hrv": "hr ",
}
"""ISO 639's names that QuickTime's own list of languages spells in another way."""
_ASS_HEADER = b"""[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, \
ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""
_PLAIN = {"s16": "pcm_s16le", "s32": "pcm_s24le", "flt": "pcm_f32le", "dbl": "pcm_f64le", "u8": "pcm_u8"}


@dataclass
class Others:
    """The source's other streams on their way into a result.

    Attributes:
        notes: what is left out or changed, one sentence each.
    """

    source: Any
    lanes: dict[int, Lane] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    end: Fraction | None = None

    def packets(self) -> Iterator[tuple[Fraction, Any]]:
        """Time in the result (seconds) and packet, as they come in the source; ends where nothing more can be read."""
        for stream in self.source.streams:
            if stream.index not in self.lanes:
                stream.discard = Discard.all
        wanted = [stream for stream in self.source.streams if stream.index in self.lanes]
        # Subtitles may be silent for any time: they are not waited for.
        steady = {stream.index for stream in wanted if stream.type in ("audio", "video")} or set(self.lanes)
        past: set[int] = set()
        for packet in self._demuxed(wanted) if wanted else ():
            lane = self.lanes[packet.stream.index]
            if self._is_past(packet):
                past.add(packet.stream.index)
                if past >= steady:
                    return
                continue
            if packet.is_corrupt and packet.stream.type == "audio":
                lane.dropped += 1
                continue
            try:
                placed = list(lane.feed(packet))
            except av.FFmpegError:
                lane.dropped += 1
                continue
            for ready in placed:
                yield ready.dts * ready.time_base, ready

    def damage(self) -> list[str]:
        """What could not be carried over because the source is damaged, one sentence each."""
        dropped = sum(lane.dropped for lane in self.lanes.values())
        what = "One damaged packet" if dropped == 1 else f"{dropped} damaged packets"
        return [f"{what} of sound or subtitles left out."] if dropped else []

    def _is_past(self, packet: Any) -> bool:
        if self.end is None or packet.dts is None:
            return False
        return bool(packet.dts * packet.time_base > self.end + _AHEAD)

    def _demuxed(self, wanted: list[Any]) -> Iterator[Any]:
        in_a_row = 0
        while in_a_row < _GIVE_UP:
            try:
                for packet in self.source.demux(wanted):
                    if packet.size:
                        in_a_row = 0
                        yield packet
                return
            except av.FFmpegError:
                in_a_row += 1
        self.notes.append("The source is damaged: sound and subtitles after the damage could not be read.")


def add_streams(clip: Clip, source: Any, output: Any, container: Container, window: Window, *, rare: bool = True) -> Others:
    """Make the result's streams for all streams of the source but its main video.

    Args:
        source, output: the opened containers; nothing may have been written yet.
        rare: also streams that the container holds only by agreement among few programs.
    """
    others = Others(source, end=window.end)
    for stream in source.streams:
        facts = next((known for known in clip.streams if known.index == stream.index), None)
        if facts is None or stream.index == clip.video.index:
            continue
        facts = _exact(facts, stream)
        if not container.holds(facts, rare=rare):
            if facts.kind != "data" or facts.codec not in _WRITTEN_ANEW:
                others.notes.append(f"{_title(facts)} was left out: {container.title} cannot hold it.")
            continue
        try:
            lane = _lane(facts, stream, output, container, window, clip, others.notes)
        except (av.FFmpegError, ValueError, TypeError):
            others.notes.append(f"{_title(facts)} was left out: {container.title} cannot hold it.")
            continue
        if lane is not None:
            others.lanes[stream.index] = lane
    return others


def own_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags that say something about the film; those about the file that they were in are left away."""
    return {key: text for key, text in tags.items() if key.lower().split("-")[0] not in _OWN_TAGS and text}


def mark(stream: Any, source: Any) -> None:
    """Give a stream of the result the source stream's language, title, other tags and dispositions."""
    tags = own_tags(source.metadata)
    # MP4 has a name for each track, Matroska a title.
    name = tags.pop("name", "")
    handler = tags.pop("handler_name", "")
    title = tags.get("title") or name or (handler if handler and not handler.endswith("Handler") else "")
    if title:
        tags["title"] = title
    if stream.container.format.name == "mov" and tags.get("language") in _QUICKTIME_LANGUAGES:
        tags["language"] = _QUICKTIME_LANGUAGES[tags["language"]]
    stream.metadata.update(tags)
    stream.disposition = int(source.disposition)


def _exact(facts: StreamFacts, stream: Any) -> StreamFacts:
    """The facts with the codec's own name, which a decoder's name may differ from."""
    context = stream.codec_context
    codec = context.codec.canonical_name if context is not None else (stream.name or "" if facts.kind == "data" else "")
    return StreamFacts(facts.index, facts.kind, codec, facts.language, facts.title, facts.default, facts.detail)


def _title(facts: StreamFacts) -> str:
    names = {
        "audio": "Sound",
        "subtitle": "Subtitles",
        "attachment": "Attachment",
        "picture": "Cover picture",
        "video": "Second video",
    }
    about = ", ".join(filter(None, (facts.title, facts.language, facts.codec)))
    return f"{names.get(facts.kind, 'Data')} (stream {facts.index}{', ' if about else ''}{about})"


def _lane(
    facts: StreamFacts, stream: Any, output: Any, container: Container, window: Window, clip: Clip, notes: list[str]
) -> Lane | None:
    if facts.kind == "attachment":
        mark(output.add_stream_from_template(stream), stream)
        return None
    if facts.kind == "picture":
        return _cover(stream, output, container, clip)
    if facts.kind == "subtitle" and facts.codec not in container.subtitles | container.rare:
        return _text(facts, stream, output, container, window, notes)
    if facts.kind == "audio" and container.plain_samples(facts.codec):
        made = output.add_stream(_PLAIN[stream.codec_context.format.name], rate=stream.codec_context.sample_rate)
        made.codec_context.layout = stream.codec_context.layout
        mark(made, stream)
        return DecodedLane(made, stream, window)
    made = _same(stream, output)
    mark(made, stream)
    if facts.kind == "subtitle":
        return CaptionLane(made, stream.time_base, window)
    if facts.kind == "video":
        return Lane(made, stream.time_base, window)
    return _sound(facts, stream, made, container, window)


def _same(stream: Any, output: Any) -> Any:
    """A stream of the result for the packets of ``stream`` as they are."""
    try:
        return output.add_stream_from_template(stream, opaque=True)
    except ValueError:
        # PyAV asks the muxer, and that of Matroska denies what it writes with the codec numbers of AVI.
        made = output.add_mux_stream("pcm_s16le", rate=stream.codec_context.sample_rate)
        BitStreamFilterContext("null", in_stream=stream, out_stream=made)
        made.time_base = stream.time_base
        return made


def _sound(facts: StreamFacts, stream: Any, made: Any, container: Container, window: Window) -> Lane:
    rate = stream.codec_context.sample_rate
    block = block_of(stream.codec_context, facts.codec)
    if block:
        return SampleLane(made, Fraction(1, rate), window, block=block, rate=rate)
    if "mov" not in container.family:
        return Lane(made, stream.time_base, window)
    made.time_base = Fraction(1, rate)
    return Lane(made, Fraction(1, rate), window, frame=stream.codec_context.frame_size)


def _text(facts: StreamFacts, stream: Any, output: Any, container: Container, window: Window, notes: list[str]) -> Lane:
    stream.codec_context.open(strict=False)
    made = output.add_stream(container.text)
    made.codec_context.subtitle_header = stream.codec_context.subtitle_header or _ASS_HEADER
    made.time_base = made.codec_context.time_base = Fraction(1, 1000)
    mark(made, stream)
    if facts.codec in ("ass", "ssa") and facts.codec in TEXT:
        notes.append(f"{_title(facts)} became plain text: {container.title} cannot hold its typesetting.")
    return TextLane(made, stream, window)


def _cover(stream: Any, output: Any, container: Container, clip: Clip) -> Lane | None:
    """Cover art: a picture among the streams in MP4, an attached file in Matroska."""
    if "mov" in container.family:
        made = output.add_stream_from_template(stream, opaque=True)
        mark(made, stream)
        made.disposition = int(Disposition.attached_pic)
        return _CoverLane(made, Fraction(1, 1000), Window(Fraction(0)))
    kind = {"png": ("png", "image/png")}.get(stream.codec_context.codec.canonical_name, ("jpg", "image/jpeg"))
    with open_container(Path(clip.path)) as again:
        data = next((bytes(packet) for packet in again.demux(again.streams[stream.index]) if packet.size), b"")
    if data:
        output.add_attachment(f"cover.{kind[0]}", kind[1], data)
    return None


class _CoverLane(Lane):
    """One picture, shown from the beginning."""

    def feed(self, packet: Any) -> Iterator[Any]:
        if self._ticks is None:
            self._ticks = 0
            packet.stream, packet.time_base = self.stream, self._time_base
            packet.pts = packet.dts = 0
            yield packet
