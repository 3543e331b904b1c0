"""What parent and worker say to each other: typed messages, length-prefixed msgpack, of limited size."""

from __future__ import annotations

import os
import struct
from typing import BinaryIO, TypeVar

import msgspec

from desktop.jobs.events import AnyEvent, Event
from desktop.malformed import MALFORMED

LIMIT = 64 << 20
"""Most bytes of one message; previews of video frames are the largest that are sent."""

_LENGTH = struct.Struct(">I")
_T = TypeVar("_T")


class ProtocolError(Exception):
    """The other side sent something that is not a message."""


class Request(msgspec.Struct, frozen=True, tag_field="request"):
    """Base of what the parent sends."""


class Start(Request, frozen=True, tag="start"):
    """Run a job.

    Attributes:
        serial: number of this run; events of the run and requests about it belong together by it.
        runner: dotted name ``module:function``.
        job: the job as JSON.
        scratch: folder for unfinished work; made when it is first used.
    """

    serial: int
    runner: str
    job: bytes
    scratch: str


class Cancel(Request, frozen=True, tag="cancel"):
    """End run ``serial`` at its next checkpoint."""

    serial: int


class Pause(Request, frozen=True, tag="pause"):
    """Hold run ``serial`` at its next checkpoint."""

    serial: int


class Resume(Request, frozen=True, tag="resume"):
    """Let run ``serial`` go on."""

    serial: int


class Ping(Request, frozen=True, tag="ping"):
    """Say Pong, as a sign of life."""


class Ready(Event, frozen=True, tag="ready"):
    """The worker listens."""


class Pong(Event, frozen=True, tag="pong"):
    """Answer to Ping."""


class Begun(Event, frozen=True, tag="begun"):
    """The run asked for by Start begins."""


class Held(Event, frozen=True, tag="held"):
    """The run stands still at a checkpoint because of Pause."""


class Going(Event, frozen=True, tag="going"):
    """The run goes on after Held."""


AnyRequest = Start | Cancel | Pause | Resume | Ping
AnyReply = AnyEvent | Ready | Pong | Begun | Held | Going

requests = msgspec.msgpack.Decoder(AnyRequest)
replies: msgspec.msgpack.Decoder[AnyReply] = msgspec.msgpack.Decoder(AnyReply)


def _plain(value: object) -> object:
    """What msgpack can hold for paths and NumPy's scalars and arrays, without importing NumPy."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    for convert in ("tolist", "item"):
        if hasattr(value, convert):
            return getattr(value, convert)()
    raise TypeError(f"{type(value).__name__} cannot be sent: only plain data can")


_encoder = msgspec.msgpack.Encoder(enc_hook=_plain)


def pack(message: AnyRequest | AnyReply) -> bytes:
    """A whole message with its length; raises TypeError, ValueError or OverflowError for what cannot be sent."""
    body = _encoder.encode(message)
    if len(body) > LIMIT:
        raise ValueError(f"{len(body)} bytes are too many for one message")
    return _LENGTH.pack(len(body)) + body


def read(stream: BinaryIO, decoder: msgspec.msgpack.Decoder[_T]) -> _T | None:
    """The next message; None at the end of the stream, also in the middle of a message (its sender died).

    Raises:
        ProtocolError: what came is not a message.
    """
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    if length > LIMIT:
        raise ProtocolError(f"a message of {length} bytes was announced")
    body = stream.read(length)
    if len(body) < length:
        return None
    try:
        return decoder.decode(body)
    except MALFORMED as error:
        raise ProtocolError(f"unknown message: {str(error)[:300]}") from error
