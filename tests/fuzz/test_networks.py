"""Networks from strangers: ncnn's two files, ONNX, safetensors, checkpoints, GGUF, SentencePiece; only numbers come out."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st

from desktop.models import onnxfile, safetensors_head
from desktop.models.export import checkpoint, sentencepiece
from desktop.models.export.ncnn import layers, onnx, weights
from desktop.models.export.weights import Weights
from desktop.models.session import close_sessions, open_session
from tests.fuzz.mutating import NESTED, broken, how_many, refuses, rewritten, tried
from tests.models import graphs
from tests.models.export import ncnn_nets
from tests.video.networks import restorer


def _numbers(read: Weights) -> None:
    for name in read:
        assert read.read(name).shape == read.shape(name)


@how_many
def test_ncnn(tmp_path: Path, examples: int) -> None:
    files = ncnn_nets.srvgg()
    param, binary = tmp_path / "net.param", tmp_path / "net.bin"

    def read() -> None:
        found = layers.read(param)
        onnx.write(tmp_path / "net.onnx", found, weights.read(binary, found), {})

    def check(case: tuple[bytes, bytes]) -> None:
        param.write_bytes(case[0])
        binary.write_bytes(case[1])
        refuses(read)

    check((files.param.encode(), files.data))
    text, data = files.param.encode(), files.data
    head = b"7767517\n2 2\nInput input 0 1 data\n"
    known = [
        (head + b"Convolution c 1 1 data x 0=4096 1=31 11=31 5=1 6=2147483647", data),
        (head + b"Convolution c 1 1 data x 0=nan 1=1e11 6=1", data),
        (head + b"Convolution c 1 1 data x 0=1e400 6=1", data),
        (head + b"Convolution c 1 1 data x -23309=3,1,2,9999999999999", data),
        (head + b"PixelShuffle c 1 1 data x 0=0", data),
        (head + b"Interp c 1 1 data x 0=1 1=1e-9 2=1e-9", data),
        (head + "Split ² ² 1 data x".encode(), data),
        (head + "Split c ² 1 data x".encode(), data),
    ]
    cases = st.tuples(broken([text]), st.just(data)) | st.tuples(st.just(text), broken([data]))
    tried(check, cases, examples, known)


@how_many
def test_onnx(tmp_path: Path, examples: int) -> None:
    plain = graphs.add(graphs.tensor("w", 1, graphs.floats(1, 2, 3, 4), 4))
    outside = graphs.add(graphs.external("w", "../secret.bin", 4))
    whole = [plain, outside, restorer(tmp_path / "net.onnx", size=64).read_bytes()]
    file = tmp_path / "net.onnx"

    def read() -> None:
        for path in onnxfile.external_files(file, onnxfile.read(file)):
            assert path.resolve().is_relative_to(tmp_path)

    def check(data: bytes) -> None:
        file.write_bytes(data)
        refuses(read)

    deep = b""
    for _ in range(60):
        deep = graphs.block(1, graphs.block(5, graphs.block(6, deep)))
    shape = graphs.number(2, 1) + b"".join(graphs.number(1, 2**63 - 1) for _ in range(3_000))
    known = [
        graphs.number(1, 8) + graphs.block(7, deep),
        graphs.number(1, 8) + graphs.block(7, graphs.block(5, shape)) + graphs.block(8, graphs.number(2, 13)),
        graphs.add(graphs.external("w", "a\0b", 4)),
        graphs.add(graphs.external("w", "x" * 3_000, 4)),
        graphs.add(graphs.external("w", "", 4)),
        graphs.add(graphs.external("w", ".", 4)),
    ]
    tried(check, broken(whole), examples, known)


@how_many
def test_onnx_that_is_run(tmp_path: Path, examples: int) -> None:
    """What the reader lets through goes to ONNX Runtime: that must refuse or run it, and the process must live."""
    plain = graphs.add(graphs.tensor("w", 1, graphs.floats(1, 2, 3, 4), 4))
    file = tmp_path / "net.onnx"

    def read() -> None:
        session = open_session(file, device="cpu", threads=1)
        session.run({port.name: np.zeros(4, np.float32) for port in session.inputs})

    def check(data: bytes) -> None:
        file.write_bytes(data)
        try:
            # A run refuses wrong arrays with ValueError: that is its caller's mistake, not the file's.
            refuses(read, ValueError)
        finally:
            close_sessions()

    tried(check, broken([plain]), max(15, examples // 10), [graphs.add(graphs.external("w", "../secret.bin", 4))])


def safetensors_bytes(head: Any, room: int = 24) -> bytes:
    """A file with this head and ``room`` bytes of numbers."""
    text = head if isinstance(head, bytes) else json.dumps(head).encode()
    return struct.pack("<Q", len(text)) + text + bytes(room)


HEAD: dict[str, Any] = {
    "__metadata__": {"format": "pt"},
    "a": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]},
    "b": {"dtype": "F16", "shape": [4], "data_offsets": [16, 24]},
}


def _with(**changes: Any) -> bytes:
    return safetensors_bytes({"a": {**HEAD["a"], **changes}}, 16)


KNOWN_TENSORS = [
    struct.pack("<Q", 2**63) + b"{}",
    struct.pack("<Q", 100 << 20) + b"{}",
    safetensors_bytes(NESTED[0]),
    safetensors_bytes(b'{"a":' + NESTED[0]),
    safetensors_bytes(b'{"\xff": 1}'),
    safetensors_bytes(b"[1]"),
    safetensors_bytes(b'{"a": {"dtype": "F32", "shape": [' + b"9" * 5_000 + b'], "data_offsets": [0, 0]}}'),
    _with(shape=[float("inf")]),
    _with(shape=[2**62, 2**62, 0], data_offsets=[0, 0]),
    _with(shape=[-2, -2]),
    _with(shape=[2.5]),
    _with(shape=[1] * 100 + [4]),
    _with(data_offsets=[0.5, 16.5]),
    _with(data_offsets=[16, 0]),
    _with(data_offsets=[0, 2**70]),
    _with(dtype=["F32"]),
]


@how_many
def test_safetensors(tmp_path: Path, examples: int) -> None:
    file = tmp_path / "model.safetensors"

    def check(data: bytes) -> None:
        file.write_bytes(data)
        refuses(lambda: sum(tensor.numbers for tensor in safetensors_head.read(file).values()))
        refuses(lambda: _numbers(Weights(tmp_path)))

    check(safetensors_bytes(HEAD))
    assert safetensors_head.read(file)["b"].shape == (4,)
    tried(check, broken([safetensors_bytes(HEAD)]) | rewritten(HEAD).map(safetensors_bytes), examples, KNOWN_TENSORS)


@how_many
def test_lists_of_shards(tmp_path: Path, examples: int) -> None:
    (tmp_path / "a.safetensors").write_bytes(safetensors_bytes(HEAD))
    (tmp_path.parent / "outside.safetensors").write_bytes(safetensors_bytes(HEAD))
    index = tmp_path / "model.safetensors.index.json"
    tree = {"metadata": {}, "weight_map": {"a": "a.safetensors", "b": "a.safetensors"}}

    def check(data: bytes) -> None:
        index.write_bytes(data)
        refuses(lambda: _numbers(Weights(tmp_path)))

    check(json.dumps(tree).encode())
    outside = json.dumps({"weight_map": {"a": "../outside.safetensors"}}).encode()
    index.write_bytes(outside)
    assert refuses(lambda: Weights(tmp_path)), "a shard must not be read from another folder"
    odd = rewritten(tree).map(lambda each: json.dumps(each).encode())
    tried(
        check,
        broken([json.dumps(tree).encode()]) | odd,
        examples,
        [outside, NESTED[0], b"\xff", b'{"weight_map": {"a": "\\u0000"}}'],
    )


@how_many
def test_checkpoints(tmp_path: Path, examples: int) -> None:
    file = tmp_path / "net.pth"
    torch.save({"params": {"weight": torch.ones(2, 3), "bias": torch.zeros(2)}}, file)
    whole = file.read_bytes()

    def check(data: bytes) -> None:
        file.write_bytes(data)
        refuses(lambda: {name: value.sum() for name, value in checkpoint.read(file).items()})

    tried(check, broken([whole]), examples)


@how_many
def test_sentencepiece(tmp_path: Path, examples: int) -> None:
    def piece(text: str, kind: int = 1) -> bytes:
        score = struct.pack("<f", -1.0)
        return graphs.block(1, graphs.block(1, text.encode()) + b"\x15" + score + graphs.number(3, kind))

    names = [("<unk>", 2), ("<s>", 3), ("</s>", 3), ("▁a", 1), ("b", 1)]
    whole = b"".join(piece(*each) for each in names) + graphs.block(2, graphs.number(3, 1))
    file = tmp_path / "spiece.model"

    def check(data: bytes) -> None:
        file.write_bytes(data)
        refuses(lambda: sentencepiece.convert(file, seq2seq=True).encode("a b"))

    charsmap = graphs.block(3, graphs.block(2, struct.pack("<I", 16) + b"\0\x04\0\0" * 4 + b"abc\0"))
    tried(
        check,
        broken([whole, whole + charsmap]),
        examples,
        [
            piece("a", 9),
            piece("\0"),
            b"\x0a\x00",
            whole.replace(b"<unk>", b"\xff\xfe\xfd\xfc\xfb"),
            # The table of the normalisation: gigabytes are announced; steps lead out of it.
            whole + graphs.block(3, graphs.block(2, struct.pack("<I", 2**32 - 4) + b"aaaa")),
            whole + graphs.block(3, graphs.block(2, struct.pack("<I", 12) + b"\x01\x02\xff\xff" * 3 + b"abc\0")),
        ],
    )


@how_many
def test_gguf(tmp_path: Path, examples: int) -> None:
    from desktop.jobs.progress import Progress
    from desktop.models.export import gguf

    text = b"general.architecture"
    field = struct.pack("<Q", len(text)) + text + struct.pack("<IQ", 8, 5) + b"llama"
    tensor = struct.pack("<Q", 1) + b"t" + struct.pack("<IQIQ", 1, 4, 0, 0)
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + field + tensor
    whole = head + bytes(-len(head) % 32) + bytes(16)
    file = tmp_path / "net.gguf"

    def check(data: bytes) -> None:
        file.write_bytes(data)
        refuses(lambda: gguf.convert(tmp_path, Progress()))

    many = b"GGUF" + struct.pack("<IQQ", 3, 2**40, 2**40)
    huge = b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 2**40) + b"a"
    tried(check, broken([whole]), examples, [many, huge])
