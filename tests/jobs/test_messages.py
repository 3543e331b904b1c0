"""Messages between parent and worker: whole, typed, of limited size, whatever comes."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.jobs import messages
from desktop.jobs.events import Done, Failed, Logged, Measured, Previewed, Produced, Progressed
from desktop.jobs.messages import Begun, Cancel, Going, Held, Pause, Ping, Pong, ProtocolError, Ready, Resume, Start, pack, read

REQUESTS = [Start(1, "desktop.x:run", b'{"kind": "listen"}', "/scratch"), Cancel(1), Pause(2), Resume(3), Ping()]
REPLIES = [
    Ready(),
    Pong(),
    Begun(),
    Held(),
    Going(),
    Progressed(0.5, "half"),
    Previewed("notes", {"data": b"\x00", "bar": 1}),
    Measured("loss", 0.25, 3),
    Produced("midi", "/a.mid", "A"),
    Logged("info", "line"),
    Done({"a": [1, 2.5, None, True, {"b": "c"}]}),
    Failed("no", cancelled=True),
]


def test_every_message_arrives_as_it_was() -> None:
    for sent, decoder in ((REQUESTS, messages.requests), (REPLIES, messages.replies)):
        stream = io.BytesIO(b"".join(map(pack, sent)))
        assert [read(stream, decoder) for _ in sent] == sent
        assert read(stream, decoder) is None


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_cut_message_is_the_end(cut: int) -> None:
    assert read(io.BytesIO(pack(Cancel(70000))[:-cut]), messages.requests) is None


@given(st.binary(min_size=4, max_size=200))
def test_garbage_is_an_end_or_an_error(data: bytes) -> None:
    try:
        found = read(io.BytesIO(data), messages.replies)
    except ProtocolError:
        return
    assert found is None or isinstance(found, messages.Event)


def test_a_message_that_is_too_large_is_neither_sent_nor_read(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ProtocolError, match="was announced"):
        read(io.BytesIO(struct.pack(">I", messages.LIMIT + 1)), messages.replies)
    monkeypatch.setattr(messages, "LIMIT", 1000)
    with pytest.raises(ValueError, match="too many"):
        pack(Previewed("frame", {"pixels": bytes(1000)}))


def test_numpy_and_paths_become_plain_data() -> None:
    packed = pack(Done({"a": np.float32(0.5), "b": np.arange(3, dtype=np.int16), "c": Path("x")}))
    assert read(io.BytesIO(packed), messages.replies) == Done({"a": 0.5, "b": [0, 1, 2], "c": "x"})
    with pytest.raises(TypeError, match="object cannot be sent"):
        pack(Done({"a": object()}))


def test_requests_are_not_replies() -> None:
    with pytest.raises(ProtocolError, match="unknown message"):
        read(io.BytesIO(pack(Ping())), messages.replies)
    assert msgspec.msgpack.decode(pack(Ping())[4:]) == {"request": "ping"}
