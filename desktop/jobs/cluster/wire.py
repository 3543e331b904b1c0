"""What a client and a node say to each other about a job: typed structs as msgpack, of limited size."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from desktop.jobs import messages
from desktop.jobs.messages import AnyReply, ProtocolError
from desktop.malformed import MALFORMED

CHUNK = 4 << 20
"""Bytes of a file that are sent at once."""

_T = TypeVar("_T")


class SourceFile(msgspec.Struct, frozen=True):
    """A file that the job reads.

    Attributes:
        path: where the client has it.
        root: which of the job's sources it belongs to: its path, or that of the folder around it.
        size: bytes.
        sha256: of its content, hex.
    """

    path: str
    root: str
    size: int
    sha256: str


class TargetFolder(msgspec.Struct, frozen=True):
    """A folder that the job writes into.

    Attributes:
        path: where the client has it.
        probe, secret: name and content of a file in it, by which a node knows that it sees the same folder.
    """

    path: str
    probe: str
    secret: str


class Parcel(msgspec.Struct, frozen=True):
    """A job on its way to a node.

    Attributes:
        token: names this job in requests and notes.
        topic: where its notes go.
        title: for people.
        job: as JSON.
        runner: dotted name ``module:function``.
        priority: as in the queue.
        sources, targets: its files and folders.
        models: what must be installed first.
    """

    token: str
    topic: str
    title: str
    job: bytes
    runner: str
    priority: int
    sources: tuple[SourceFile, ...] = ()
    targets: tuple[TargetFolder, ...] = ()
    models: tuple[str, ...] = ()


class Made(msgspec.Struct, frozen=True):
    """A result that waits on the node: ``name`` is its path relative to the client's folder ``target``."""

    target: str
    name: str
    size: int
    sha256: str


class Note(msgspec.Struct, frozen=True, tag_field="note"):
    """Base of what a node tells: ``token`` of the job, ``attempt`` names this try of it."""

    token: str
    attempt: str


class Taken(Note, frozen=True, tag="taken"):
    """A node runs the job: its name and address, the slot, and the worker's process number there."""

    node: str
    address: str
    slot: str
    pid: int


class Wanted(Note, frozen=True, tag="wanted"):
    """Files (positions in ``Parcel.sources``) that are not on the node and must be sent before the job can begin."""

    files: tuple[int, ...]


class Heard(Note, frozen=True, tag="heard"):
    """The job's worker said ``reply`` (a message as between parent and worker)."""

    reply: msgspec.Raw


class Ended(Note, frozen=True, tag="ended"):
    """The job has ended with ``last``; ``made`` waits to be fetched.

    Attributes:
        last: Done or Failed.
        code: the worker's exit code when it died of the job, else None.
        fault: what the worker was ended for, if anything.
        lacks: the model that the node does not have and could not install, so that the job never began; "" for none.
    """

    last: msgspec.Raw
    made: tuple[Made, ...] = ()
    code: int | None = None
    fault: str = ""
    lacks: str = ""


AnyNote = Taken | Wanted | Heard | Ended

_notes: msgspec.msgpack.Decoder[AnyNote] = msgspec.msgpack.Decoder(AnyNote)
_parcels = msgspec.msgpack.Decoder(Parcel)


def pack(message: AnyNote | Parcel) -> bytes:
    """As msgpack; raises ValueError when it is too large to be sent."""
    data = msgspec.msgpack.encode(message)
    if len(data) > messages.LIMIT:
        raise ValueError(f"{len(data)} bytes are too many for one message")
    return data


def note(data: object) -> AnyNote:
    """A note from msgpack; raises ProtocolError."""
    return _unpack(_notes, data)


def parcel(data: object) -> Parcel:
    """A parcel from msgpack; raises ProtocolError."""
    return _unpack(_parcels, data)


def body(reply: AnyReply) -> msgspec.Raw:
    """A worker's message inside a note."""
    return msgspec.Raw(msgspec.msgpack.encode(reply))


def reply(data: msgspec.Raw) -> AnyReply:
    """A worker's message out of a note; raises ProtocolError."""
    return _unpack(messages.replies, data)


def _unpack(decoder: msgspec.msgpack.Decoder[_T], data: object) -> _T:
    if not isinstance(data, bytes | msgspec.Raw) or len(bytes(data)) > messages.LIMIT:
        raise ProtocolError("not a message, or one that is too large")
    try:
        return decoder.decode(data)
    except MALFORMED as error:
        raise ProtocolError(f"unknown message: {str(error)[:300]}") from error
