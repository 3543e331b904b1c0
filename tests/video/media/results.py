"""Pictures to encode, clips to take other streams from, and what a result holds, for the tests of writing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from desktop.video.media.clip import Clip, VideoFacts
from desktop.video.media.encoders import Encoder, choose
from desktop.video.media.formats import Format, make_format
from desktop.video.media.picture import Picture
from desktop.video.media.reader import open_reader
from desktop.video.media.unpack import planes_of
from desktop.video.media.writer import SegmentWriter

TICK = Fraction(1, 90_000)


def pictures(
    count: int,
    layout: str = "420",
    bits: int = 8,
    size: tuple[int, int] = (96, 64),
    *,
    first: int = 0,
    tick: Fraction = TICK,
    full: bool = False,
    uneven: bool = True,
) -> list[Picture]:
    """Moving clouds with uneven time stamps (10 to 90 ms apart), the same each time."""
    rng = np.random.default_rng(7)
    form = make_format(layout, bits, full_range=full, matrix="bt601")
    width, height = size
    noise = [rng.random(form.plane_shape(n, width, height), np.float32) for n in range(form.planes)]
    clouds = [cv2.GaussianBlur(plane, (0, 0), 2) for plane in noise]
    base = [((plane - plane.min()) / np.ptp(plane) * ((1 << bits) - 1)).astype(form.dtype) for plane in clouds]
    gaps = (
        rng.integers(round(0.01 / tick), round(0.09 / tick), count) if uneven else np.full(count, round(Fraction(1, 25) / tick))
    )
    stamps = first + np.concatenate([[0], np.cumsum(gaps)])
    return [
        Picture(
            tuple(np.roll(plane, number * 2 >> (form.shift_x if n else 0), 1) for n, plane in enumerate(base)),
            form,
            width,
            height,
            index=number,
            pts=int(stamps[number]),
            time_base=tick,
            duration=int(gaps[number]),
        )
        for number in range(count)
    ]


def facts(width: int, height: int, **more: Any) -> VideoFacts:
    """A source's video stream."""
    return VideoFacts(0, "h264", width, height, time_base=TICK, rate=Fraction(25), **more)


def write_segment(path: Path, shown: Sequence[Picture], encoder: Encoder, quality: int | None = 0, **more: Any) -> Path:
    """One segment of the pictures."""
    one = shown[0]
    colour = more.pop("colour", facts(one.width, one.height))
    settings: dict[str, Any] = {"sar": Fraction(1), "rate": Fraction(20), "threads": 2} | more
    with SegmentWriter(
        path,
        width=one.width,
        height=one.height,
        format=one.format,
        time_base=one.time_base,
        colour=colour,
        encoder=encoder,
        quality=quality,
        **settings,
    ) as writer:
        for picture in shown:
            writer.write(picture)
    return path


def write_segments(
    folder: Path, shown: Sequence[Picture], lengths: Sequence[int], name: str = "x264", quality: int | None = 0, **more: Any
) -> tuple[list[Path], list[int]]:
    """Segments of so many pictures each (the last length repeats), and their offsets."""
    encoder = choose(name, ".mp4" if name != "ffv1" else ".mkv", shown[0].format, quality=quality)
    paths, offsets, place = [], [], 0
    folder.mkdir(exist_ok=True)
    while place < len(shown):
        part = shown[place : place + lengths[min(len(paths), len(lengths) - 1)]]
        paths.append(write_segment(folder / f"{len(paths):04}.seg", part, encoder, quality, **more))
        offsets.append(part[0].pts)
        place += len(part)
    return paths, offsets


def planes_in(path: Path, form: Format, size: tuple[int, int]) -> list[tuple[Any, ...]]:
    """Decoded planes of the file's video, copied."""
    with av.open(str(path)) as container:
        return [tuple(plane.copy() for plane in planes_of(frame, form, *size)) for frame in container.decode(video=0)]


def restored(path: Path) -> tuple[list[Picture], Clip]:
    """All pictures of a clip, as if restored, and what it is."""
    with open_reader(path) as reader:
        return [picture.copy() for picture in reader], reader.clip


def stamps_in(path: Path) -> list[Fraction]:
    """Times of the decoded pictures in seconds."""
    with av.open(str(path)) as container:
        return [frame.pts * frame.time_base for frame in container.decode(video=0)]


def packets_in(path: Path, index: int) -> list[tuple[Fraction, bytes]]:
    """Time and bytes of the packets of a stream."""
    with av.open(str(path)) as container:
        found = container.demux(container.streams[index])
        return [((packet.pts or 0) * packet.time_base, bytes(packet)) for packet in found if packet.size]


def tone(seconds: float, rate: int = 44_100) -> Iterator[Any]:
    """Sound in frames."""
    samples = (np.sin(np.arange(int(seconds * rate)) * 0.05) * 12_000).astype(np.int16)
    for start in range(0, len(samples), 1024):
        part = samples[start : start + 1024]
        frame = av.AudioFrame.from_ndarray(np.stack([part, part], 1).reshape(1, -1), "s16", "stereo")
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        yield frame


def make_source(
    path: Path,
    *,
    seconds: float = 3.0,
    sound: Sequence[str] = ("aac",),
    words: str = "",
    chapters: Sequence[tuple[float, float, str]] = (),
    tags: dict[str, str] | None = None,
    attachment: bytes = b"",
    cover: bool = False,
    video: str = "libx264",
    start: float = 0.0,
    container: str | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """A clip with a plain picture and the given other streams; lines of ``words`` ("srt" or "ass") every second."""
    with av.open(str(path), "w", format=container, options=options or {}) as output:
        pictures_ = output.add_stream(video, rate=25, width=64, height=48, pix_fmt="yuv420p")
        tracks = []
        for number, codec in enumerate(sound):
            track = output.add_stream(codec, rate=48_000 if codec in ("libopus", "pcm_dvd") else 44_100, layout="stereo")
            track.codec_context.bit_rate = 128_000
            track.metadata.update(language=("eng", "deu", "fra")[number], title=f"Track {number}")
            tracks.append(track)
        lines = None
        if words:
            lines = output.add_stream(words)
            lines.codec_context.subtitle_header = ASS_HEADER
            lines.time_base = lines.codec_context.time_base = Fraction(1, 1000)
            lines.metadata.update(language="fra", title="Paroles")
        if attachment:
            output.add_attachment("Font.ttf", "application/x-truetype-font", attachment)
        picture = _cover(output) if cover else None
        output.metadata.update(tags or {})
        if chapters:
            output.set_chapters(
                [
                    {
                        "id": n + 1,
                        "start": int(a * 1000),
                        "end": int(b * 1000),
                        "time_base": Fraction(1, 1000),
                        "metadata": {"title": t},
                    }
                    for n, (a, b, t) in enumerate(chapters)
                ]
            )
        if picture:
            output.mux(picture)
        for packet in _packets(pictures_, tracks, lines, seconds, start):
            output.mux(packet)
    return path


ASS_HEADER = b"""[Script Info]
ScriptType: v4.00+
[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, \
ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1
[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


def _cover(output: Any) -> Any:
    from av.codec.context import CodecContext

    context: Any = CodecContext.create("png", "w")
    context.width = context.height = 32
    context.pix_fmt, context.time_base = "rgb24", Fraction(1, 25)
    frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 90, np.uint8), "rgb24")
    packet = [*context.encode(frame), *context.encode(None)][0]
    stream = output.add_stream("png", width=32, height=32, pix_fmt="rgb24")
    stream.disposition = int(av.stream.Disposition.attached_pic)
    packet.stream, packet.pts, packet.dts, packet.time_base = stream, 0, 0, Fraction(1, 25)
    return packet


def _packets(video: Any, tracks: Sequence[Any], lines: Any, seconds: float, start: float) -> list[Any]:
    """All packets in the order of time."""
    made: list[Any] = []
    for number in range(round(seconds * 25)):
        frame = av.VideoFrame.from_ndarray(np.full((72, 64), 40 + number % 150, np.uint8), "yuv420p")
        frame.pts, frame.time_base = round(start * 25) + number, Fraction(1, 25)
        made += video.encode(frame)
    made += video.encode(None)
    for track in tracks:
        rate = track.codec_context.sample_rate
        for frame in tone(seconds, rate):
            frame.pts += round(start * rate)
            made += track.encode(frame)
        made += track.encode(None)
    if lines is not None:
        for number in range(int(seconds)):
            text = b"0,0,Default,,0,0,0,,{\\i1}Line " + str(number).encode() + b"{\\i0}"
            packet = lines.codec_context.encode_subtitle(av.subtitles.subtitle.SubtitleSet.create(text, 0, 800))
            packet.stream, packet.time_base = lines, Fraction(1, 1000)
            packet.pts = packet.dts = round(start * 1000) + number * 1000 + 100
            packet.duration = 800
            made.append(packet)
    return sorted(made, key=lambda packet: (packet.dts if packet.dts is not None else packet.pts) * packet.time_base)
