"""What each container that we write can hold, as plain data; and which one suits a clip.

The tables follow the muxers of FFmpeg 7 and 8, without what players cannot be expected to know ("rare" is held when the user has
chosen the container, but never chosen by ourselves).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from desktop.errors import UsageError
from desktop.video.media.clip import Clip, StreamFacts

_PCM_KINDS = (
    "s16le",
    "s16be",
    "s24le",
    "s24be",
    "s32le",
    "s32be",
    "f32le",
    "f32be",
    "f64le",
    "f64be",
    "s8",
    "u8",
    "alaw",
    "mulaw",
)
_PCM = frozenset(f"pcm_{kind}" for kind in (*_PCM_KINDS, "bluray", "dvd", "s24daud", "s302m"))
_PLAIN_PCM = frozenset({"pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be", "pcm_f32le", "pcm_f64le"})
TEXT = frozenset({"subrip", "ass", "ssa", "webvtt", "text", "mov_text"})
"""Subtitles that are text: each can be made from any other, losing no more than its typesetting."""

_MP4_SOUND = frozenset({"aac", "mp3", "mp2", "ac3", "eac3", "alac"})
_MKV_SOUND = _MP4_SOUND | _PLAIN_PCM | {"mp1", "opus", "vorbis", "flac", "dts", "truehd", "mlp", "tta", "wavpack", "pcm_u8"}
_MKV_VIDEO = frozenset(
    {"h264", "hevc", "av1", "vp9", "vp8", "ffv1", "prores", "mpeg4", "mpeg2video", "mpeg1video", "mjpeg", "theora"}
)
_MKV_RARE = frozenset({"wmav1", "wmav2", "wmapro", "wmalossless", "adpcm_ms", "adpcm_ima_wav", "pcm_alaw", "pcm_mulaw"})
_MKV_RARE |= {"gsm_ms", "speex", "cook", "sipr", "atrac1", "atrac3", "ra_144", "ra_288", "qdm2"}


@dataclass(frozen=True)
class Container:
    """A file format that we write.

    Attributes:
        name: ffmpeg's name of its muxer.
        title: its name for people.
        suffixes: the endings that mean it, the usual one first.
        video: codecs (ffmpeg's names) of pictures.
        audio: codecs of sound.
        subtitles: codecs of subtitles that go in as they are.
        rare: codecs of sound and subtitles that go in only when the user has chosen this container.
        text: the codec that other text becomes, "" where there is none.
        attachments: fonts and other files.
        pictures: codecs of cover art.
        family: ffmpeg's names of formats that keep time and tags the same way, in any of their parts.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    video: frozenset[str]
    audio: frozenset[str]
    rare: frozenset[str]
    subtitles: frozenset[str]
    text: str
    attachments: bool
    pictures: frozenset[str]
    family: frozenset[str]

    @property
    def suffix(self) -> str:
        """The usual ending."""
        return self.suffixes[0]

    def holds(self, stream: StreamFacts, *, rare: bool = True) -> bool:
        """Whether the stream can be in it: as it is, or as text or plain samples made from it."""
        if stream.kind == "audio":
            return stream.codec in self.audio or bool(self.plain_samples(stream.codec)) or (rare and stream.codec in self.rare)
        if stream.kind == "subtitle":
            as_text = bool(self.text) and stream.codec in TEXT
            return stream.codec in self.subtitles or as_text or (rare and stream.codec in self.rare)
        if stream.kind == "picture":
            return stream.codec in self.pictures
        if stream.kind == "video":
            return stream.codec in self.video
        return stream.kind == "attachment" and self.attachments

    def plain_samples(self, codec: str) -> str:
        """The codec that uncompressed sound becomes which is not held as it is, bit for bit the same; "" when there is none."""
        if codec not in _PCM or codec in self.audio | self.rare:
            return ""
        deep = {"pcm_s24daud": "pcm_s24le", "pcm_f32be": "pcm_f32le", "pcm_f64be": "pcm_f64le", "pcm_s8": "pcm_s16le"}
        wanted = deep.get(codec, "pcm_s16le" if codec in ("pcm_u8", "pcm_alaw", "pcm_mulaw") else "")
        if codec in ("pcm_dvd", "pcm_bluray", "pcm_s302m"):
            wanted = "pcm_s24le"
        return wanted if wanted in self.audio else ""


_MOV_FAMILY = frozenset({"mov", "mp4", "m4a", "3gp", "3g2", "mj2"})
_MKV_FAMILY = frozenset({"matroska", "webm"})
MP4 = Container(
    name="mp4",
    title="MP4",
    suffixes=(".mp4", ".m4v"),
    video=frozenset({"h264", "hevc", "av1", "vp9", "mpeg4", "mpeg2video", "mpeg1video"}),
    audio=_MP4_SOUND,
    rare=frozenset({"opus", "flac", "dts", "vorbis", "dvd_subtitle"}),
    subtitles=frozenset({"mov_text"}),
    text="mov_text",
    attachments=False,
    pictures=frozenset({"mjpeg", "png"}),
    family=_MOV_FAMILY,
)
MOV = Container(
    name="mov",
    title="QuickTime",
    suffixes=(".mov",),
    video=frozenset({"h264", "hevc", "prores", "mpeg4", "mpeg2video", "mpeg1video", "dvvideo", "mjpeg"}),
    audio=_MP4_SOUND | _PLAIN_PCM | {"pcm_alaw", "pcm_mulaw", "pcm_u8", "pcm_s8", "adpcm_ima_qt"},
    rare=frozenset({"mp1", "dts", "amr_nb", "amr_wb", "qdm2", "qcelp", "gsm"}),
    subtitles=frozenset({"mov_text"}),
    text="mov_text",
    attachments=False,
    pictures=frozenset({"mjpeg", "png"}),
    family=_MOV_FAMILY,
)
MKV = Container(
    name="matroska",
    title="Matroska",
    suffixes=(".mkv",),
    video=frozenset(
        {"h264", "hevc", "av1", "vp9", "vp8", "ffv1", "prores", "mpeg4", "mpeg2video", "mpeg1video", "mjpeg", "theora"}
    ),
    audio=_MKV_SOUND,
    rare=_MKV_RARE,
    subtitles=frozenset({"subrip", "ass", "webvtt", "dvd_subtitle", "dvb_subtitle", "hdmv_pgs_subtitle"}),
    text="subrip",
    attachments=True,
    pictures=frozenset({"mjpeg", "png"}),
    family=_MKV_FAMILY,
)
WEBM = Container(
    name="webm",
    title="WebM",
    suffixes=(".webm",),
    video=frozenset({"vp9", "av1", "vp8"}),
    audio=frozenset({"opus", "vorbis"}),
    rare=frozenset(),
    subtitles=frozenset({"webvtt"}),
    text="webvtt",
    attachments=False,
    pictures=frozenset(),
    family=_MKV_FAMILY,
)
CONTAINERS = (MP4, MOV, MKV, WEBM)
SUFFIXES = tuple(suffix for container in CONTAINERS for suffix in container.suffixes)


def container_of(path: Path | str) -> Container:
    """The container that a file's ending (or the ending alone, such as ".mkv") means; UsageError for any other."""
    suffix = Path(path).suffix.lower() or str(path).lower()
    for container in CONTAINERS:
        if suffix in container.suffixes:
            return container
    known = ", ".join(SUFFIXES)
    raise UsageError(
        f"Video cannot be written as {suffix or 'a file without ending'}", path=path, remedy=f"Choose one of {known}."
    )


def left_out(clip: Clip, container: Container, *, rare: bool = True) -> list[StreamFacts]:
    """The clip's streams that the container cannot hold; data that the container makes anew (time codes) is not among them."""
    return [s for s in clip.streams if not container.holds(s, rare=rare) and s.kind != "data"]


def default_output(clip: Clip, container: str = "auto", codec: str = "") -> str:
    """The ending of the result's name, such as ".mp4".

    Args:
        container: an ending ("mkv", ".mkv") that the user wants; "auto" keeps the source's where we write it and it holds
            everything, else takes MP4 where that holds everything, else Matroska.
        codec: ffmpeg's name of the codec that the pictures will have, where that is settled.

    Raises:
        UsageError: the container is none that we write.
    """
    if container != "auto":
        wanted = f".{container.lower().lstrip('.')}"
        container_of(wanted)
        return wanted
    parts = set(clip.container.split(","))
    suffix = Path(clip.path).suffix.lower()
    for candidate in CONTAINERS:
        same = suffix in candidate.suffixes and bool(parts & candidate.family)
        if same and not left_out(clip, candidate) and (not codec or codec in candidate.video):
            return suffix
    if not left_out(clip, MP4, rare=False) and (not codec or codec in MP4.video):
        return MP4.suffix
    return MKV.suffix
