"""What a batch, a cluster and the window are given: lists of files, keys, notes of nodes, notes of music, remembered choices."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import strategies as st

from desktop.batch.sources import gather
from desktop.jobs.cluster import keys, wire
from desktop.jobs.events import Done, Previewed
from desktop.jobs.messages import ProtocolError
from desktop.piano.batch import songs
from desktop.piano.editing import clipboard
from tests.fuzz.mutating import NESTED, NUMBERS, broken, how_many, odd_values, refuses, rewritten, tried
from tests.fuzz.test_covers import small_cover

PLAIN = ["# clips\na.mp4\n\nsub/b.mp4\n/c.mp4\n", "#EXTM3U\n#EXTINF:3,A\na.mp4\r\n"]
SONGS = [
    "song,style,difficulty,composer,also,audio,beats,name,output\na.mp3,ballad,easy,3,pdf mp4,yes,x2,N,out\nb.mp3,,,,,,,,\n",
    "file;style\n~/a.mp3;stride\n",
]
KNOWN_LINES = [
    b"~nobody-of-that-name/a.mp4\n",
    b"a\0b.mp4\n",
    b"\xff\xfea\0",
    b"x" * 5_000 + b"\n",
    b"../../../etc/passwd\n",
    b"http://localhost:1/a.mp4\nconcat:a|b\n-rf.mp4\n",
]
KNOWN_SONGS = [
    b"song,composer\na.mp3," + NUMBERS[4] + b"\n",
    "song,composer\na.mp3,²\n".encode(),
    b"song,song,song\na,b,c\n",
    b'song,style\n"' + b"a" * 200_000 + b'",ballad\n',
    b"song\n\0\n",
]


@how_many
def test_lists_of_clips(tmp_path: Path, examples: int) -> None:
    file = tmp_path / "clips.m3u8"

    def check(data: bytes) -> None:
        file.write_bytes(data)
        refuses(lambda: [source.path.suffix for source in gather([file], "restore")])

    tried(check, broken([text.encode() for text in PLAIN]), max(10, examples // 2), KNOWN_LINES)


@how_many
@pytest.mark.parametrize("ending", [".txt", ".csv"])
def test_lists_of_songs(tmp_path: Path, ending: str, examples: int) -> None:
    file = tmp_path / f"songs{ending}"
    whole = [text.encode() for text in (PLAIN if ending == ".txt" else SONGS)]

    def check(data: bytes) -> None:
        file.write_bytes(data)
        refuses(lambda: [entry.source.suffix for entry in songs.gather([file], songs.Entry())])

    tried(check, broken(whole), max(10, examples // 2), KNOWN_LINES if ending == ".txt" else [*KNOWN_LINES, *KNOWN_SONGS])


PARCEL = wire.Parcel(
    token="t", topic="p", title="A", job=b"{}", runner="desktop.x:run", priority=0,
    sources=(wire.SourceFile("/a", "/a", 3, "0" * 64),), targets=(wire.TargetFolder("/b", ".p", "s"),), models=("m",),
)  # fmt: skip
NOTES = [
    wire.Taken("t", "a", "node", "tls://1", "cpu-0", 5),
    wire.Wanted("t", "a", (0, 1)),
    wire.Heard("t", "a", wire.body(Previewed("notes", {"data": b"\0"}))),
    wire.Ended("t", "a", wire.body(Done({"x": 1})), (wire.Made("/b", "c.mid", 3, "0" * 64),), None, ""),
]
DEEP = [
    b"\x91" * 20_000,
    b"\x81\xa1a" * 20_000,
    b"\x84\xa4note\xa5heard\xa5token\xa1t\xa7attempt\xa1a\xa5reply" + b"\x91" * 20_000,
]


@how_many
def test_notes_and_parcels_of_a_cluster(examples: int) -> None:
    packed = [wire.pack(each) for each in (PARCEL, *NOTES)]

    def opened(data: object) -> None:
        note = wire.note(data)
        if isinstance(note, wire.Heard):
            wire.reply(note.reply)
        if isinstance(note, wire.Ended):
            wire.reply(note.last)

    def check(data: object) -> None:
        refuses(lambda: opened(data), ProtocolError)
        refuses(lambda: wire.parcel(data), ProtocolError)

    for data in packed[1:]:
        opened(data)
    plain = [msgspec.msgpack.decode(data) for data in packed]
    odd = st.sampled_from(plain).flatmap(rewritten).map(msgspec.msgpack.encode)
    tried(
        check, broken(packed) | odd | odd_values(), examples, [*DEEP, None, "text", bytearray(b"\x80"), b"\x81\xa4note\xa1\xff"]
    )


@how_many
def test_key_files(tmp_path: Path, examples: int) -> None:
    pytest.importorskip("cryptography", reason="needs the cluster extra")
    file = tmp_path / "cluster.key"
    whole = keys.make_keys().text.encode()

    def check(data: bytes) -> None:
        file.write_bytes(data)
        refuses(lambda: keys.read_keys(file))

    check(whole)
    tried(check, broken([whole]), examples, [whole * 40, b"-----BEGIN A-----\n" * 5_000, whole.replace(b"\n", b"\r\n")])


@how_many
def test_notes_on_the_clipboard(examples: int) -> None:
    notes = small_cover().notes

    def check(data: bytes) -> None:
        refuses(lambda: clipboard.paste(notes, data, 4.0))

    check(packed := clipboard.pack(notes, range(8)))
    tried(check, broken([packed]), examples)


REMEMBERED = {
    "video/clips": '{"/a.mp4": {"options": {"fidelity": 0.5}, "start": 1.0, "end": null, "container": ".mp4"}}',
    "video/last": '{"options": {}, "start": 0.0}',
    "tuning/bases": '{"folders": ["/a"]}',
    "window/geometry": "AAECAw==",
    "window/zoom": 2.0,
}


@how_many
def test_what_the_window_remembers(tmp_path: Path, examples: int) -> None:
    from desktop.ui.state import State
    from desktop.ui.tuning.memory import Memory as TuningMemory
    from desktop.ui.video.choices import Memory as ClipMemory

    file = tmp_path / "window.json"

    def use() -> None:
        state = State(file)
        assert ClipMemory(state).of(tmp_path / "a.mp4") and ClipMemory(state).last.for_others
        assert all(isinstance(folder, str) for folder in TuningMemory(state).folders)
        for key in REMEMBERED:
            assert isinstance(state.text(key), str) and abs(state.number(key, 1.0)) < 1e15
            state.flag(key), state.bytes(key).size()

    def check(data: bytes) -> None:
        file.write_bytes(data)
        refuses(use)

    whole = json.dumps(REMEMBERED).encode()
    inner = st.sampled_from([key for key, value in REMEMBERED.items() if isinstance(value, str)]).flatmap(
        lambda key: broken([str(REMEMBERED[key]).encode()]).map(lambda data: {**REMEMBERED, key: data.decode("latin-1")})
    )
    odd = (rewritten(REMEMBERED) | inner).map(lambda tree: json.dumps(tree).encode())
    nested = [json.dumps({**REMEMBERED, key: NESTED[0].decode()}).encode() for key in REMEMBERED]
    tried(check, broken([whole]) | odd, examples, [*nested, NESTED[1], b'{"window/zoom": NaN}', b'{"window/zoom": 1e999}'])
