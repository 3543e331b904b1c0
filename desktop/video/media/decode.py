"""Decoded frames of a file's main video stream, whatever the damage: what does not decode is counted and passed over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
from av.error import FFmpegError

from desktop.containers import open_media
from desktop.errors import UserError
from desktop.plain_files import check_plain
from desktop.video.media.order import SortedStamps, needs_sorting

_GIVE_UP = 50
"""So many demuxing errors in a row are the end of the file."""


def open_container(path: Path | str) -> Any:
    """The opened container; raises UserError, naming the file and what to do, when it is none."""
    path = Path(path)
    try:
        check_plain(path)
        if path.stat().st_size == 0 and path.is_file():
            raise UserError("This file is empty (0 bytes)", path=path, remedy="Copy it again from where it came from.")
        with path.open("rb"):
            pass
    except IsADirectoryError as error:
        raise UserError("This is a folder, not a clip", path=path, remedy="Choose a file.") from error
    except OSError as error:
        raise UserError(f"The clip cannot be read: {error.strerror or error}", path=path, remedy="Check the path.") from error
    try:
        # A clock that jumps back is seen to by ourselves: ffmpeg would take it for one that ran over after 26 hours.
        return open_media(path, correct_ts_overflow="0")
    except (FFmpegError, ValueError) as error:
        remedy = "Choose a video file, such as MP4, MKV, AVI or MPEG; if it was cut off while it was copied, copy it again."
        raise UserError("This file is not a video that can be read", path=path, remedy=remedy) from error


def is_cover(stream: Any) -> bool:
    """Whether a video stream is a cover picture."""
    return bool(int(stream.disposition) & int(av.stream.Disposition.attached_pic))


def main_video(container: Any, path: Path | str) -> Any:
    """The stream to restore: no cover; the default one, then the largest; raises UserError when there is none."""
    streams = [stream for stream in container.streams.video if not is_cover(stream)]
    if streams:
        return max(streams, key=_rank)
    remedy = "Choose a file with moving pictures."
    if container.streams.video:
        raise UserError("This file has no video, only a cover picture", path=path, remedy=remedy)
    what = "only sound" if container.streams.audio else "nothing that can be shown"
    raise UserError(f"This file has no video, {what}", path=path, remedy=remedy)


def _rank(stream: Any) -> tuple[bool, bool, int, int]:
    context = stream.codec_context
    default = bool(int(stream.disposition) & int(av.stream.Disposition.default))
    return context is not None, default, (context.width * context.height) if context else 0, -int(stream.index)


class Decoder:
    """Frames of the main video stream, in the order in which they are shown.

    Attributes:
        errors: places where demuxing or decoding failed so far.
        damaged: frames that came out although part of them is wrong.
        sorts: whether frames get their time stamps by their order, because the container states no others.
    """

    def __init__(self, path: Path | str, *, threads: int | None = None) -> None:
        self.container = open_container(path)
        self.errors = 0
        self.damaged = 0
        try:
            self.stream = main_video(self.container, path)
            if self.stream.codec_context is None:
                remedy = "Convert the clip with another program first."
                raise UserError("There is no decoder for this video", path=path, remedy=remedy)
        except BaseException:
            self.container.close()
            raise
        for other in self.container.streams:
            if other.index != self.stream.index:
                other.discard = av.stream.Discard.all
        self.stream.codec_context.thread_type = "AUTO"
        self.stream.codec_context.thread_count = threads or 0
        self.sorts = needs_sorting(self.container.format.name, self.stream.codec_context.codec.canonical_name)
        self._order = SortedStamps()

    @property
    def faults(self) -> int:
        """Errors and damaged frames so far."""
        return self.errors + self.damaged

    def close(self) -> None:
        """Free the file and the decoder's memory."""
        self.container.close()

    def seek(self, stamp: int) -> bool:
        """Go to a key frame at or before the time stamp; ``frames`` and ``packets`` go on there. False when the file refuses."""
        try:
            self.container.seek(stamp, stream=self.stream, backward=True)
        except FFmpegError:
            return False
        self._order.clear()
        return True

    def packets(self) -> Iterator[Any]:
        """The stream's packets; damaged ones are counted, not raised."""
        in_a_row = 0
        while in_a_row < _GIVE_UP:
            try:
                for packet in self.container.demux(self.stream):
                    if packet.size or packet.dts is not None:
                        in_a_row = 0
                        yield packet
                return
            except FFmpegError:
                self.errors += 1
                in_a_row += 1

    def decoded(self, packet: Any) -> list[Any]:
        """The frames that come out when ``packet`` (None: no more follow) goes in."""
        stamp = packet.pts if packet is not None else None
        if self.sorts:
            self._order.sent(stamp)
        try:
            frames: list[Any] = self.stream.codec_context.decode(packet)
        except FFmpegError:
            self.errors += 1
            self._order.lost(stamp)
            return []
        if self.sorts:
            for frame in frames:
                self._order.apply(frame)
        self.damaged += sum(frame.is_corrupt for frame in frames)
        return frames

    def frames(self, *, since_key: bool = False) -> Iterator[Any]:
        """All frames from here to the end; with ``since_key``, what comes before the next key frame is not decoded."""
        for packet in self.packets():
            if not since_key or packet.is_keyframe:
                since_key = False
                yield from self.decoded(packet)
        yield from self.flush()

    def flush(self) -> Iterator[Any]:
        """The frames that the decoder still holds at the end."""
        for _ in range(_GIVE_UP):
            before = self.errors
            yield from self.decoded(None)
            if self.errors == before:
                return
