"""What a clip holds, as plain data that the window and the command line may import.

Two clocks: time stamps (``pts``, ``VideoFacts.start``, packets) are the container's own and stay as they are, so that all streams
keep their places beside one another; seconds that people see (``Picture.time``, a job's ``start`` and ``end``, a timeline) count
from ``Clip.start``, where the container's first stream begins.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from desktop.video.media.hdr import Hdr

PROGRESSIVE, TOP_FIRST, BOTTOM_FIRST, UNKNOWN_ORDER = "progressive", "tff", "bff", "unknown"


@dataclass(frozen=True)
class VideoFacts:
    """The main video stream.

    Attributes:
        index: number of the stream in its container.
        codec: ffmpeg's name of its codec.
        width, height: of the pictures as they are stored, before they are turned upright, in pixels.
        sar: width of a stored pixel over its height.
        rotation: degrees clockwise that turn the pictures upright: 0, 90, 180 or 270.
        pixel_format: ffmpeg's name for how pixels are stored.
        bits: of a sample.
        color_range: "tv", "pc" or "" (unknown).
        matrix, primaries, transfer: ffmpeg's names, "" where the stream does not say.
        time_base: seconds of one tick of its time stamps.
        rate: pictures a second on average; None when unknown.
        constant_rate: whether the pictures are evenly spaced; None when that could not be seen.
        field_order: "progressive", "tff", "bff" or "unknown", as the stream says (see ``probe.find_interlacing``).
        frames: number of pictures that the container promises; None when it does not.
        start: time stamp of the first picture in seconds of the container's clock.
        mirrored: the picture is flipped left to right after it is turned by ``rotation``.
        chroma: where chroma samples lie beside luma: "left" (most video) or "center" (MPEG-1, JPEG).
        hdr: the screen that it was graded on, where the stream tells.
    """

    index: int
    codec: str
    width: int
    height: int
    sar: Fraction = Fraction(1)
    rotation: int = 0
    pixel_format: str = ""
    bits: int = 8
    color_range: str = ""
    matrix: str = ""
    primaries: str = ""
    transfer: str = ""
    time_base: Fraction = Fraction(1, 1000)
    rate: Fraction | None = None
    constant_rate: bool | None = None
    field_order: str = UNKNOWN_ORDER
    frames: int | None = None
    start: float = 0.0
    mirrored: bool = False
    chroma: str = "left"
    hdr: Hdr | None = None

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height in stored pixels after turning."""
        return (self.height, self.width) if self.rotation % 180 else (self.width, self.height)

    @property
    def upright_sar(self) -> Fraction:
        """Width of a pixel over its height after turning."""
        return 1 / self.sar if self.rotation % 180 else self.sar


@dataclass(frozen=True)
class StreamFacts:
    """Another stream of the container.

    Attributes:
        index: its number in the container.
        kind: "audio", "subtitle", "data", "attachment", "video" or "picture" (cover art).
        codec: ffmpeg's name, "" when unknown.
        language, title: as tagged, else "".
        default: the container marks it as the one to play.
        detail: a few words, such as "48 kHz, stereo".
    """

    index: int
    kind: str
    codec: str
    language: str = ""
    title: str = ""
    default: bool = False
    detail: str = ""


@dataclass(frozen=True)
class Clip:
    """A file with moving pictures (or a still), and everything else that is in it.

    Attributes:
        path: the file.
        container: ffmpeg's name of the format, such as "mov,mp4,m4a,3gp,3g2,mj2".
        duration: in seconds, None when unknown.
        video: the stream that is restored.
        streams: all others, in order.
        chapters: how many there are.
        metadata: the container's tags.
        problems: what is odd about the file, one sentence each.
        is_still: it is a picture, not a clip.
        start: the time of the container's clock, in seconds, that people call 0.
    """

    path: str
    container: str
    duration: float | None
    video: VideoFacts
    streams: tuple[StreamFacts, ...] = ()
    chapters: int = 0
    metadata: dict[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    is_still: bool = False
    start: Fraction = Fraction(0)

    @property
    def display_size(self) -> tuple[int, int]:
        """Width and height upright in square pixels."""
        return square_size(*self.video.upright_size, self.video.upright_sar)


def square_size(width: int, height: int, sar: Fraction) -> tuple[int, int]:
    """Width and height in square pixels of pictures of ``width`` x ``height`` pixels with the aspect ``sar``.

    The width changes and the height stays, as face geometry assumes (x of a stored pixel times ``sar``).
    """
    return max(1, round(width * sar)), height
