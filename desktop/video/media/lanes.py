"""How packets of another stream of the source get into the result: copied, cut at the ends, or rewritten where they must be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from av import Packet

from desktop.video.media.timing import LONGEST_GAP

_MILLISECOND = Fraction(1, 1000)
_JUMP = Fraction(1)
"""A clock that is off by so many seconds has jumped."""
_SHORT = Fraction(1, 100)
"""Containers round time stamps and durations by less than this."""
_PCM_BYTES = {"8": 1, "16": 2, "24": 3, "32": 4, "64": 8}


@dataclass(frozen=True)
class Window:
    """The part of the source that the result covers, in seconds of the source's clock.

    Attributes:
        origin: what becomes 0.
        start: packets before it are left out; None keeps them all.
        end: packets from it on are left out; None keeps them all.
        positive: nothing may lie before ``origin``: packets that end there, which only prime a decoder, are left out.
    """

    origin: Fraction
    start: Fraction | None = None
    end: Fraction | None = None
    positive: bool = False

    def primes(self, end: Fraction) -> bool:
        """Whether sound that ends at ``end`` is never heard and cannot be kept."""
        return self.positive and end <= self.origin + _MILLISECOND

    def cuts_before(self, time: Fraction) -> bool:
        """Whether something that begins at ``time`` is before the result."""
        return self.start is not None and time < self.start

    def cuts_after(self, time: Fraction) -> bool:
        """Whether something that begins at ``time`` is after the result."""
        return self.end is not None and time >= self.end


class Lane:
    """A stream of the result that packets of the source go into as they are.

    Args:
        stream: of the result.
        time_base: seconds of a tick to count in.
        frame: ticks of every packet, for sound that is counted in samples; 0 when they differ.
    """

    def __init__(self, stream: Any, time_base: Fraction, window: Window, *, frame: int = 0) -> None:
        self.stream = stream
        self.dropped = 0
        self._frame = frame
        self._time_base, self._window = time_base, window
        self._shift = 0
        self._next: int | None = None
        self._last: int | None = None
        self._ticks: int | None = None

    def feed(self, packet: Any) -> Iterator[Any]:
        """What goes into the result for a packet of the source, timed in the result."""
        stamps = self._stamps(packet)
        if stamps is None:
            self.dropped += 1
            return
        pts, dts, duration = stamps
        begin = pts * packet.time_base
        if self._window.cuts_after(begin) or self._window.cuts_before(begin):
            return
        if self._window.primes((pts + duration) * packet.time_base):
            return
        yield self._placed(packet, begin, (pts - dts) * packet.time_base, duration * packet.time_base)

    def _stamps(self, packet: Any) -> tuple[int, int, int] | None:
        """pts, dts and duration in the source's ticks: gaps filled, a clock that jumped set right as the pictures' is."""
        duration = packet.duration or 0
        dts = packet.dts if packet.dts is not None else packet.pts
        if dts is None:
            if self._next is None:
                return None
            dts = self._next - self._shift
        pts = packet.pts if packet.pts is not None else dts
        if self._next is not None and self._last is not None:
            jump = round(_JUMP / packet.time_base)
            if self._shift and abs(dts - self._next) < jump:
                self._shift = 0
            elif dts + self._shift <= self._last or (dts + self._shift - self._last) * packet.time_base > LONGEST_GAP:
                self._shift = self._next - dts
        lag = pts - dts
        self._last = dts + self._shift
        self._next = self._last + max(1, duration)
        return self._last + lag, self._last, duration

    def _placed(self, packet: Any, begin: Fraction, lag: Fraction, duration: Fraction) -> Any:
        """The packet at its place in the result; sound that runs on keeps exact counts of samples."""
        tick = self._time_base
        pts, length = round((begin - self._window.origin) / tick), round(duration / tick)
        if self._frame and abs(length - self._frame) * tick < _SHORT:
            length = self._frame
            if self._ticks is not None and abs(pts - self._ticks) * tick < _SHORT:
                pts = self._ticks
        packet.stream, packet.time_base = self.stream, tick
        packet.pts, packet.dts, packet.duration = pts, pts - round(lag / tick), length
        self._ticks = pts + length
        return packet


class SampleLane(Lane):
    """Uncompressed sound, whose packets can be cut at any sample.

    Args:
        block: bytes of a sample of all channels.
        rate: samples a second.
    """

    def __init__(self, stream: Any, time_base: Fraction, window: Window, *, block: int, rate: int) -> None:
        super().__init__(stream, time_base, window)
        self._block, self._rate = block, rate

    def feed(self, packet: Any) -> Iterator[Any]:
        stamps = self._stamps(packet)
        if stamps is None:
            self.dropped += 1
            return
        begin = stamps[0] * packet.time_base
        count = packet.size // self._block
        first, last = 0, count
        if self._window.start is not None:
            first = max(0, round((self._window.start - begin) * self._rate))
        if self._window.end is not None:
            last = min(count, round((self._window.end - begin) * self._rate))
        if first >= last:
            return
        if (first, last) != (0, count):
            packet = Packet(bytes(packet)[first * self._block : last * self._block])
            packet.is_keyframe = True
        yield self._placed(packet, begin + Fraction(first, self._rate), Fraction(0), Fraction(last - first, self._rate))


def block_of(context: Any, codec: str) -> int:
    """Bytes of a sample of all channels of plain uncompressed sound; 0 for any other codec."""
    digits = "".join(letter for letter in codec.removeprefix("pcm_") if letter.isdigit())
    if not codec.startswith("pcm_") or codec.removeprefix("pcm_")[0] not in "sfu" or digits not in _PCM_BYTES:
        return 0
    return 0 if codec in ("pcm_s302m", "pcm_s24daud") else _PCM_BYTES[digits] * int(context.layout.nb_channels)


class CaptionLane(Lane):
    """Subtitles: some begin before the result and are seen in it."""

    def feed(self, packet: Any) -> Iterator[Any]:
        place = self._cut(packet)
        if place is not None and packet.size:
            begin, length = place
            yield self._at(packet, begin, length)

    def _cut(self, packet: Any) -> tuple[Fraction, Fraction] | None:
        """When it is shown and for how long, inside the result, in seconds of the source's clock."""
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is None:
            self.dropped += 1
            return None
        begin = stamp * packet.time_base
        end = begin + (packet.duration or 0) * packet.time_base
        if self._window.cuts_after(begin):
            return None
        if self._window.start is not None and begin < self._window.start:
            if end <= self._window.start:
                return None
            begin = self._window.start
        if self._window.end is not None:
            end = min(end, self._window.end)
        return begin, max(Fraction(0), end - begin)

    def _at(self, packet: Any, begin: Fraction, length: Fraction) -> Any:
        pts = round((begin - self._window.origin) / self._time_base)
        if self._ticks is not None and pts <= self._ticks:
            # Two at one time, or one that was out of order.
            pts = self._ticks + 1
        self._ticks = pts
        packet.stream, packet.time_base = self.stream, self._time_base
        packet.pts = packet.dts = pts
        packet.duration = round(length / self._time_base)
        return packet


class TextLane(CaptionLane):
    """Subtitles that are rewritten for the result's container; typesetting it has no words for is lost.

    Args:
        source: the source's stream.
    """

    def __init__(self, stream: Any, source: Any, window: Window) -> None:
        super().__init__(stream, Fraction(1, 1000), window)
        self._source = source

    def feed(self, packet: Any) -> Iterator[Any]:
        place = self._cut(packet)
        shown = self._source.codec_context.decode2(packet) if place is not None and packet.size else None
        if place is not None and shown is not None and len(shown):
            yield self._at(self.stream.codec_context.encode_subtitle(shown), *place)


class DecodedLane(Lane):
    """Uncompressed sound in an odd packing, written as plain samples of the same values.

    Args:
        source: the source's stream.
    """

    def __init__(self, stream: Any, source: Any, window: Window) -> None:
        rate = source.codec_context.sample_rate
        super().__init__(stream, Fraction(1, rate), window)
        self._source, self._rate = source, rate
        self._written = 0

    def feed(self, packet: Any) -> Iterator[Any]:
        stamps = self._stamps(packet)
        if stamps is None:
            self.dropped += 1
            return
        begin = stamps[0] * packet.time_base
        if self._window.cuts_after(begin) or self._window.cuts_before(begin):
            return
        for frame in self._source.codec_context.decode(packet):
            frame.pts, frame.time_base = self._written, Fraction(1, self._rate)
            self._written += frame.samples
            length = Fraction(frame.samples, self._rate)
            for encoded in self.stream.codec_context.encode(frame):
                yield self._placed(encoded, begin, Fraction(0), length)
            begin += length
