"""What workers and nodes are told and tell: of limited size and known kinds in every direction; paths and programs stay ours."""

from __future__ import annotations

import io
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from desktop.errors import UserError
from desktop.jobs import messages
from desktop.jobs.cluster import files, wire
from desktop.jobs.events import Done, Previewed
from desktop.jobs.job import DoctorJob, encode
from desktop.jobs.messages import Ping, ProtocolError, Ready, Start, pack
from desktop.jobs.worker import find_runner
from tests.e2e.command import command, environment


def _sent(decoder: msgspec.msgpack.Decoder[Any]) -> Callable[[bytes], object]:
    return lambda body: messages.read(io.BytesIO(struct.pack(">I", len(body)) + body), decoder)


DIRECTIONS: dict[str, Callable[[bytes], object]] = {
    "parent to worker": _sent(messages.requests),
    "worker to parent": _sent(messages.replies),
    "client to node": wire.parcel,
    "node to client": wire.note,
    "worker to client by a node": lambda body: wire.reply(msgspec.Raw(body)),
}
MEANT: dict[str, object] = {
    "parent to worker": Ping(),
    "worker to parent": Ready(),
    "client to node": wire.Parcel("t", "p", "A", b"{}", "", 0),
    "node to client": wire.Wanted("t", "a", (0,)),
    "worker to client by a node": Done({}),
}


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_each_direction_takes_its_own_messages_of_limited_size(direction: str, monkeypatch: pytest.MonkeyPatch) -> None:
    take = DIRECTIONS[direction]
    meant = msgspec.msgpack.encode(MEANT[direction])
    assert take(meant) == MEANT[direction]
    plain = msgspec.msgpack.decode(meant)
    odd: list[object] = [
        1,
        None,
        "x",
        [],
        {},
        {**plain, "request": "run"},
        {"event": "x"},
        {"note": "x"},
        b"\x80\x04cos\nsystem\n.",
    ]
    others = [each for name, each in MEANT.items() if type(each) is not type(MEANT[direction]) and "worker to" not in name]
    if "worker to" in direction:
        others = [each for name, each in MEANT.items() if "worker to" not in name]
    for body in [*map(msgspec.msgpack.encode, [*odd[:5], *odd[6:], *others]), b"\x91" * 20_000, b"\xc1", b""]:
        with pytest.raises(ProtocolError):
            take(body)
    monkeypatch.setattr(messages, "LIMIT", 1_000)
    with pytest.raises(ProtocolError):
        take(msgspec.msgpack.encode({**plain, "more": bytes(1_000)}))


def test_nothing_too_large_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "LIMIT", 1_000)
    large = Previewed("frame", {"pixels": bytes(1_000)})
    for send in (
        lambda: pack(large),
        lambda: pack(Start(1, "desktop.x:run", bytes(1_000), "/s")),
        lambda: wire.pack(wire.Parcel("t", "p", "A", bytes(1_000), "", 0)),
        lambda: wire.pack(wire.Heard("t", "a", wire.body(large))),
    ):
        with pytest.raises(ValueError, match="too many"):
            send()


@pytest.mark.parametrize(
    "name",
    ["os:system", "subprocess:run", "builtins:eval", "desktop.jobs.worker:os.system", "desktop:x", "desktop.x", "..x:y", ""],
)
def test_a_worker_runs_runners_of_reprise_alone(name: str) -> None:
    with pytest.raises((ValueError, ImportError, AttributeError)):
        find_runner(name)


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "..\\x", "", ".", "a/..", "\0"])
def test_a_node_s_results_stay_below_the_job_s_folders(tmp_path: Path, name: str) -> None:
    targets = (wire.TargetFolder(str(tmp_path), ".p", "s"),)
    with pytest.raises(UserError):
        files.landing(wire.Made(str(tmp_path), name, 1, "0" * 64), targets)
    with pytest.raises(UserError):
        files.landing(wire.Made("/etc", "a.mid", 1, "0" * 64), targets)
    assert files.landing(wire.Made(str(tmp_path), "a/b.mid", 1, "0" * 64), targets) == tmp_path / "a" / "b.mid"


ATTACKS = {
    "gigabytes": struct.pack(">I", 2**32 - 1),
    "garbage": struct.pack(">I", 64) + b"\xc1" * 64,
    "pickle": struct.pack(">I", 17) + b"cos\nsystem\n(S'a'\n",
    "nested": struct.pack(">I", 20_000) + b"\x91" * 20_000,
    "cut": pack(Start(1, "desktop.doctor:run", encode(DoctorJob()), "/s"))[:-3],
}


@pytest.mark.parametrize("attack", ["gigabytes", "pickle", pytest.param("nested", marks=pytest.mark.slow)])
def test_a_real_worker_ends_when_it_is_told_nonsense(tmp_path: Path, attack: str) -> None:
    words = [*command(), "--worker"]
    with subprocess.Popen(
        words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment({"REPRISE_HOME": str(tmp_path)}),
    ) as worker:
        assert worker.stdin is not None
        worker.stdin.write(ATTACKS[attack])
        worker.stdin.flush()
        # Its input stays open: it must end by itself.
        code = worker.wait(60)
        worker.kill()
    assert code != 0
