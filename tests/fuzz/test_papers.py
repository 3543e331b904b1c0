"""Small structured files and messages: jobs, messages of workers, the catalog, cards, manifests and entries, settings."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import strategies as st

from desktop import settings
from desktop.errors import UsageError
from desktop.jobs import job, messages
from desktop.jobs.events import Done, Failed, Previewed, Progressed
from desktop.jobs.messages import ProtocolError, Start, pack
from desktop.models import catalog, classifier_head, hub_folder, manifest, own, pop2piano_card, sidecar, upscaler_card
from desktop.paths import resources
from desktop.tuning import model_card, prompt_card
from tests.fuzz.mutating import NESTED, broken, how_many, refuses, rewritten, tried

JOBS: list[dict[str, Any]] = [
    {"kind": "cover", "source": "/a.mp3"},
    {"kind": "restore", "source": "/a.mp4", "output": "/b.mp4"},
    {"kind": "install", "model": "basic-pitch"},
    {"kind": "doctor"},
]
NOT_TEXT = [b'{"kind": "\xff"}', b'{"kind":"doctor","x":"\xc3\x28"}', b'{"kind":"doctor","x":' + NESTED[0]]


@how_many
def test_jobs(examples: int) -> None:
    whole = [json.dumps(each).encode() for each in JOBS]

    def check(data: bytes) -> None:
        refuses(lambda: job.encode(job.decode(data)), UsageError)

    odd = st.sampled_from(JOBS).flatmap(rewritten).map(msgspec.json.encode)
    tried(check, broken(whole) | odd, examples, NOT_TEXT)


SENT = [
    Start(1, "desktop.x:run", b"{}", "/s"),
    Progressed(0.5, "half"),
    Previewed("notes", {"data": b"\0"}),
    Done({"a": [1]}),
    Failed("no"),
]


def framed(body: bytes) -> bytes:
    """A message with a right length."""
    return struct.pack(">I", len(body)) + body


@how_many
def test_messages(examples: int) -> None:
    whole = [pack(each) for each in SENT]

    def check(data: bytes) -> None:
        for decoder in (messages.requests, messages.replies):
            refuses(lambda decoder=decoder: _drained(data, decoder), ProtocolError)  # type: ignore[misc]

    bodies = broken([data[4:] for data in whole]).map(framed)
    deep = framed(b"\x82\xa4kind\xa4done\xa6result" + b"\x91" * 20_000)
    text = framed(msgspec.msgpack.encode({"event": "failed", "message": "good"}).replace(b"good", b"\xff\xff\xff\xff"))
    nested = framed(b"\x82\xa5event\xa4done\xa6result\x81\xa1a" + b"\x91" * 20_000)
    tried(
        check, broken(whole) | bodies, examples, [deep, text, nested, b"\xff" * 8, struct.pack(">I", messages.LIMIT) + b"short"]
    )


def _drained(data: bytes, decoder: msgspec.msgpack.Decoder[Any]) -> None:
    stream = io.BytesIO(data)
    for _ in range(100):
        if messages.read(stream, decoder) is None:
            return


def test_the_catalog_of_reprise_is_a_good_start() -> None:
    assert len(catalog.load(resources() / "catalog.toml")) > 3


@how_many
def test_catalogs(tmp_path: Path, examples: int) -> None:
    text = (resources() / "catalog.toml").read_text(encoding="utf-8")
    head, *models = text.split("[[model]]")
    # The first model and one with every kind of field are enough: parsing all of them takes long.
    whole = ["[[model]]".join([head, each]).encode() for each in sorted(models, key=len)[:: max(1, len(models) // 3)]]
    file = tmp_path / "catalog.toml"

    def check(data: bytes) -> None:
        file.write_bytes(data)
        refuses(lambda: list(catalog.load(file)))

    known = [b"format = 1\nx = " + b"[" * 20_000, b"format = " + b"9" * 5_000, b"format = 1\nx = {a = " * 2_000]
    tried(check, broken(whole), examples, known)


FACE = {"format": 1, "file": "network.onnx", "size": 512, "range": [0.0, 1.0], "image": "x", "restored": "y"}
UPSCALER = {
    "file": "n.onnx",
    "family": "srvgg",
    "scale": 4,
    "reach": 8,
    "margin": 4,
    "bytes_per_pixel": 900.0,
    "denoise": {"0.5": "m.onnx"},
}
HASH = "0" * 64
MANIFEST = {
    "format": 1,
    "id": "a",
    "revision": "1",
    "source": "s",
    "installed": "2026-01-01T00:00:00+00:00",
    "files": [{"name": "a.bin", "sha256": HASH, "size": 3, "mtime_ns": 1}],
}
ENTRY = {
    "id": "mine",
    "title": "Mine",
    "task": "face-restorer",
    "description": "d",
    "pack": "video",
    "revision": "r",
    "licence": {"spdx": "LicenseRef-Unknown", "commercial": "unclear", "text": "unknown"},
    "files": [{"name": "network.onnx", "sha256": HASH, "size": 3}],
    "sources": [{"kind": "own", "place": "/a"}],
}
CONFIG = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 8, "hidden_size": 4, "num_hidden_layers": 1}

READERS: dict[str, tuple[str, dict[str, Any], Callable[[Path], object]]] = {
    "restorer": (sidecar.NAME, FACE, sidecar.read),
    "upscaler": (upscaler_card.NAME, UPSCALER, lambda folder: upscaler_card.read(folder).file_for(0.4)),
    "pop2piano": (pop2piano_card.NAME, {"activations": ["fp32"], "composers": 2, "width": 8}, pop2piano_card.read_card),
    "manifest": (manifest.MANIFEST, MANIFEST, manifest.read),
    "entry": (f"mine/r/{own.NAME}", ENTRY, lambda folder: own.entries(folder, ())),
    "config": ("config.json", CONFIG, hub_folder.read),
    "classes": (classifier_head.FACTS, {"format": 1, "labels": ["a", "b"]}, classifier_head.read_facts),
    "model card": (model_card.NAME, {"format": 1, "family": "classifier", "files": {"a.onnx": 1}}, model_card.read_card),
    "prompt card": (prompt_card.NAME, {"format": 1, "inputs": ["text"], "output": "label"}, prompt_card.read),
    "settings": ("settings.json", {"version": 1, "theme": "dark", "workers": 2}, lambda folder: settings.load()),
}


@how_many
@pytest.mark.parametrize("kind", READERS)
def test_papers_beside_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, examples: int) -> None:
    name, tree, read = READERS[kind]
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    monkeypatch.setenv("REPRISE_HOME", str(tmp_path))

    def check(data: bytes) -> None:
        file.write_bytes(data)
        refuses(lambda: read(tmp_path))

    whole = json.dumps(tree).encode()
    known = [whole.replace(b'"', b'"\xff', 1), NESTED[0], b'{"a":' + NESTED[0], b'{"format":' + b"9" * 5_000, b"\xff"]
    tried(check, broken([whole]) | rewritten(tree).map(msgspec.json.encode), max(20, examples // 2), known)
