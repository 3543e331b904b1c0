"""Clips for the tests, made on the spot, and what is in a clip, read plainly with PyAV: apart from the code under test."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt

RGB = npt.NDArray[np.uint8]


def drawn(count: int = 30, width: int = 160, height: int = 120) -> Iterator[RGB]:
    """Pictures without a face: bars that move over a gradient."""
    y, x = np.mgrid[:height, :width]
    for number in range(count):
        red = (x * 255 // max(1, width - 1)).astype(np.uint8)
        green = ((y * 2 + number * 3) % 256).astype(np.uint8)
        blue = np.where((x + number * 2) // 16 % 2, 200, 40).astype(np.uint8)
        yield np.ascontiguousarray(np.stack([red, green, blue], axis=2))


def write(
    path: Path,
    pictures: Iterable[RGB],
    *,
    codec: str = "libx264",
    rate: int = 25,
    stamps: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    pixel_format: str = "yuv420p",
    sound: bool = False,
    format: str | None = None,
    **options: str,
) -> Path:
    """Encode pictures; ``stamps`` in ticks of ``time_base`` make the rate variable, ``format`` is
    that of the file where its name does not say it."""
    base = time_base or Fraction(1, rate)
    with av.open(str(path), "w", format=format) as file:
        stream = file.add_stream(codec, rate=rate)
        stream.pix_fmt, stream.options = pixel_format, {**({"crf": "12", "bf": "0"} if codec == "libx264" else {}), **options}
        stream.codec_context.time_base = base
        audio = file.add_stream("aac", rate=32000, layout="mono") if sound else None
        count = 0
        for number, rgb in enumerate(pictures):
            if not count:
                stream.height, stream.width = rgb.shape[:2]
            frame = av.VideoFrame.from_ndarray(rgb).reformat(format=pixel_format)
            frame.pts, frame.time_base = (stamps[number] if stamps else number), base
            file.mux(stream.encode(frame))
            count += 1
        file.mux(stream.encode(None))
        if audio is not None:
            _hum(file, audio, count / rate)
    return path


def _hum(file: Any, audio: Any, seconds: float) -> None:
    samples = np.sin(np.arange(int(seconds * 32000)) * 440 * 2 * np.pi / 32000) * 8000
    frame = av.AudioFrame.from_ndarray(samples.astype(np.int16)[None], format="s16", layout="mono")
    frame.sample_rate = 32000
    resampler = av.AudioResampler(audio.format, "mono", 32000)
    for part in [*resampler.resample(frame), *resampler.resample(None)]:
        file.mux(audio.encode(part))
    file.mux(audio.encode(None))


def image(path: Path, rgb: RGB) -> Path:
    """Write one image."""
    cv2.imwrite(str(path), rgb[..., ::-1])
    return path


def pictures(path: Path) -> Iterator[Any]:
    """All decoded frames of the video."""
    with av.open(str(path)) as file:
        stream = next(one for one in file.streams.video)
        yield from file.decode(stream)


def rgb(path: Path) -> list[RGB]:
    """All pictures as RGB."""
    return [frame.to_ndarray(format="rgb24") for frame in pictures(path)]


def times(path: Path) -> list[Fraction]:
    """Time stamp of every picture in seconds, from the first picture's."""
    found = [frame.pts * frame.time_base for frame in pictures(path)]
    return [time - found[0] for time in found]


def packets(path: Path, kind: str = "video", number: int = 0) -> list[tuple[Fraction, bytes]]:
    """Time stamp (from the first one) and contents of every packet of a stream that has any."""
    with av.open(str(path)) as file:
        stream = [one for one in file.streams if one.type == kind][number]
        found = [(packet.pts * packet.time_base, bytes(packet)) for packet in file.demux(stream) if packet.size]
    return [(time - found[0][0], content) for time, content in found]


def contents(path: Path, kind: str, number: int = 0) -> list[bytes]:
    """Contents of every packet of a stream."""
    return [content for _, content in packets(path, kind, number)]


def planes(path: Path) -> list[tuple[npt.NDArray[Any], ...]]:
    """Luma and chroma of every picture as they are stored."""
    found = []
    for frame in pictures(path):
        found.append(tuple(_plane(plane) for plane in frame.planes))
    return found


def _plane(plane: Any) -> npt.NDArray[Any]:
    lines = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
    return lines[:, : plane.width].copy()


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _bytes(name: str, content: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return make


def _folder(folder: Path) -> Path:
    (folder / "empty").mkdir()
    return folder / "empty"


def _sound_only(folder: Path) -> Path:
    path = folder / "sound.m4a"
    with av.open(str(path), "w") as file:
        _hum(file, file.add_stream("aac", rate=32000, layout="mono"), 1.0)
    return path


def _cover_only(folder: Path) -> Path:
    """Sound with a cover picture and no other video."""
    path = folder / "song.mp3"
    image = av.CodecContext.create("mjpeg", "w")
    image.width, image.height, image.pix_fmt, image.time_base = 64, 64, "yuvj420p", Fraction(1, 25)
    frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 90, np.uint8)).reformat(format="yuvj420p")
    frame.pts = 0
    cover = bytes(image.encode(frame)[0])
    with av.open(str(path), "w", format="mp3") as file:
        audio = file.add_stream("libmp3lame", rate=32000, layout="mono")
        picture = file.add_stream("mjpeg", rate=25)
        picture.width, picture.height, picture.pix_fmt = 64, 64, "yuvj420p"
        picture.disposition = av.stream.Disposition.attached_pic
        packet = av.Packet(cover)
        packet.stream, packet.pts, packet.dts, packet.time_base = picture, 0, 0, Fraction(1, 25)
        file.start_encoding()
        file.mux(packet)
        _hum(file, audio, 1.0)
    return path


BAD: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing": (lambda folder: folder / "missing.mp4", "cannot be read"),
    "empty": (_bytes("empty.mp4", b""), "0 bytes"),
    "text": (_bytes("text.mp4", b"This is no film at all. " * 50), "not a video"),
    "an empty folder": (_folder, "no clips"),
    "sound only": (_sound_only, "no video"),
    "a cover picture only": (_cover_only, "cover picture"),
}
"""Input that cannot be restored, and what must be said of it."""
