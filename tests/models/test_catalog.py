"""The catalog that ships, and what it says of one that is wrong."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop import paths
from desktop.errors import UserError
from desktop.models import catalog
from desktop.models.catalog import BundledSource, Commercial, HubSource, UrlSource, WheelSource
from desktop.models.files import sha256_of

SHA = "a" * 64


def table(**changes: Any) -> dict[str, Any]:
    """A valid entry, with some fields changed (None removes one)."""
    fields: dict[str, Any] = {
        "id": "tiny",
        "title": "Tiny",
        "task": "test",
        "description": "A test",
        "pack": "piano",
        "revision": "1.0",
        "licence": {"spdx": "MIT", "commercial": "yes", "text": "https://example.org/licence"},
        "files": [{"name": "tiny.onnx", "sha256": SHA, "size": 3}],
        "sources": [{"kind": "url", "members": {"tiny.onnx": "https://example.org/tiny.onnx"}}],
    }
    fields.update(changes)
    return {key: value for key, value in fields.items() if value is not None}


def parse(*tables: dict[str, Any]) -> catalog.Catalog:
    return catalog.parse({"format": 1, "model": list(tables)})


def test_the_shipped_catalog_is_valid_and_complete() -> None:
    entries = {entry.id: entry for entry in catalog.default()}
    assert {"basic-pitch", "timgm6mb"} <= set(entries)
    for entry in entries.values():
        assert entry.licence.text and entry.licence.attribution and entry.size > 0
        assert all(source.label for source in entry.sources)
    assert entries["timgm6mb"].licence.spdx.startswith("GPL-2.0")
    assert isinstance(entries["basic-pitch"].sources[0], WheelSource)
    assert entries["basic-pitch"].download == 758279


def test_what_the_catalog_calls_bundled_is_in_the_resources() -> None:
    for entry in catalog.default():
        for source in entry.sources:
            if isinstance(source, BundledSource):
                for file in entry.files:
                    path = paths.resources() / source.folder / file.name
                    assert (path.stat().st_size, sha256_of(path)) == (file.size, file.sha256), path


def test_every_kind_of_source_can_be_written() -> None:
    text = """
        format = 1
        [[model]]
        id = "all"
        title = "All"
        task = "test"
        description = "Every source"
        pack = "video"
        revision = "2024-01"
        default = false
        export = "desktop.models.export.net:export"
        exported = ["net.onnx"]
        licence = { spdx = "CC-BY-4.0", commercial = "unclear", text = "models/LICENCE" }
        files = [{ name = "net.safetensors", sha256 = "SHA", size = 5 }]
        [[model.sources]]
        kind = "bundled"
        folder = "models/net-1"
        [[model.sources]]
        kind = "package"
        package = "net"
        members = { "net.safetensors" = "net/data/net.safetensors" }
        [[model.sources]]
        kind = "wheel"
        package = "net"
        version = "1.0"
        sha256 = ["SHA"]
        size = 9
        members = { "net.safetensors" = "net/data/net.safetensors" }
        [[model.sources]]
        kind = "hub"
        repo = "someone/net"
        revision = "0123456789012345678901234567890123456789"
        members = { "net.safetensors" = "model.safetensors" }
        [[model.sources]]
        kind = "url"
        members = { "net.safetensors" = "https://example.org/net.safetensors" }
    """.replace("SHA", SHA)
    [entry] = catalog.parse(tomllib.loads(text))
    assert [type(source).__name__[:-6].lower() for source in entry.sources] == ["bundled", "package", "wheel", "hub", "url"]
    assert entry.licence.commercial is Commercial.UNCLEAR and entry.exported == ["net.onnx"] and not entry.default
    assert isinstance(entry.sources[3], HubSource) and isinstance(entry.sources[4], UrlSource)
    assert "example.org" in entry.sources[4].label


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"id": "Not An Id"}, "id"),
        ({"title": None}, "title"),
        ({"colour": "red"}, "colour"),
        ({"revision": "../up"}, "revision"),
        ({"files": []}, "files"),
        ({"files": [{"name": "tiny.onnx", "sha256": "A" * 64, "size": 3}]}, "files[0].sha256"),
        ({"files": [{"name": "tiny.onnx", "sha256": SHA, "size": 0}]}, "files[0].size"),
        ({"files": [{"name": "../tiny.onnx", "sha256": SHA, "size": 3}]}, "files[0]"),
        ({"files": [{"name": "manifest.json", "sha256": SHA, "size": 3}]}, "files[0]"),
        ({"licence": {"spdx": "MIT", "commercial": "perhaps", "text": "x"}}, "licence.commercial"),
        ({"licence": {"spdx": "two words", "commercial": "no", "text": "x"}}, "licence.spdx"),
        ({"sources": []}, "sources"),
        ({"sources": [{"kind": "carrier-pigeon"}]}, "sources[0].kind"),
        ({"sources": [{"kind": "url", "members": {"tiny.onnx": "http://example.org/x"}}]}, "sources[0].members"),
        ({"sources": [{"kind": "url", "members": {"other.onnx": "https://example.org/x"}}]}, "sources[0].members"),
        ({"sources": [{"kind": "bundled", "folder": "/etc"}]}, "sources[0].folder"),
        ({"sources": [{"kind": "hub", "repo": "a/b", "revision": "main", "members": {"tiny.onnx": "x"}}]}, "sources[0].revision"),
        ({"files": [{"name": "tiny.onnx", "sha256": "", "size": 3}]}, "files"),
        (
            {
                "files": [{"name": "tiny.onnx", "sha256": "", "size": 3}],
                "export": "desktop.models.x:y",
                "exported": ["x.onnx"],
                "sources": [{"kind": "url", "members": {"tiny.onnx": "https://example.org/x"}}],
            },
            "sources",
        ),
        ({"options": {"kinds": ["one"]}}, "options"),
        ({"export": "os:remove", "exported": ["x.onnx"]}, "export"),
        ({"export": "desktop.models.x:y"}, "export"),
        ({"export": "desktop.models.x:y", "exported": ["TINY.onnx"]}, "exported[0]"),
    ],
)
def test_what_is_wrong_is_named_by_entry_and_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse(table(id="first"), table(**{"id": "second", **changes}))
    message = str(caught.value)
    assert "model 'second'" in message or "model 'Not An Id'" in message
    assert field in message


def test_an_id_is_used_once_and_an_entry_without_one_is_counted() -> None:
    with pytest.raises(ValueError, match="'tiny': id: used twice"):
        parse(table(), table())
    with pytest.raises(ValueError, match=r"model number 2: .*id"):
        parse(table(), table(id=None))


@pytest.mark.parametrize(
    "content", [b"format = 2", b"not toml [", b"\xff\xfe", b"format = 1\nextra = 1", b"format = 1\nmodel = 3"]
)
def test_a_damaged_catalog_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "catalog.toml"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        catalog.load(path)
    assert str(path) in str(caught.value)


def test_a_missing_catalog_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        catalog.load(tmp_path / "none.toml")


def test_an_unknown_model_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UserError, match="basic-pitch"):
        catalog.default()["nonsense"]


@given(st.text(alphabet="ab./\\:\0 ~", max_size=12))
def test_a_safe_name_stays_inside_its_folder(name: str) -> None:
    if catalog.is_safe_name(name):
        root = Path("/root-of-models")
        inside = (root / name).resolve()
        assert inside != root and inside.is_relative_to(root) and "\\" not in name


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://example.org/x", True),
        ("http://127.0.0.1:80/x", True),
        ("http://localhost/x", True),
        ("http://[::1]:8000/x", True),
        ("http://127.0.0.1.example.org/x", False),
        ("http://localhost@example.org/x", False),
        ("ftp://example.org/x", False),
        ("file:///etc/passwd", False),
        ("https:///x", False),
        ("http://[broken", False),
        ("", False),
    ],
)
def test_only_https_and_loopback_are_safe(url: str, safe: bool) -> None:
    assert catalog.is_safe_url(url) is safe


def test_library_and_catalog_import_nothing_heavy() -> None:
    code = (
        "import sys, desktop.models.library, desktop.models.report;"
        "print(*{'numpy', 'onnxruntime', 'torch', 'httpx', 'huggingface_hub', 'PySide6', 'av'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
