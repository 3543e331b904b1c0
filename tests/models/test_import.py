"""Models from files that the user has."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models.catalog import Catalog, UrlSource, WheelSource
from desktop.models.library import Library, Status
from tests.models.site import CONTENT, OTHER, entry, model_file


@pytest.fixture
def models(tmp_path: Path) -> Library:
    files = [model_file("net.onnx"), model_file("parts/more.onnx", OTHER)]
    nowhere = UrlSource({file.name: "http://127.0.0.1:9/x" for file in files})
    return Library(tmp_path / "models", Catalog([entry(files, [nowhere])]))


def test_files_are_found_by_name_and_by_content_below_a_folder(models: Library, tmp_path: Path) -> None:
    place = tmp_path / "mine"
    (place / "deep" / "er").mkdir(parents=True)
    (place / "deep" / "er" / "net.onnx").write_bytes(CONTENT)
    (place / "renamed (1).bin").write_bytes(OTHER)
    (place / "more.onnx").write_bytes(b"another file with a wanted name")
    folder = models.import_folder("tiny", place, Progress())
    assert (folder / "net.onnx").read_bytes() == CONTENT and (folder / "parts" / "more.onnx").read_bytes() == OTHER
    assert models.verify("tiny") is Status.INSTALLED
    assert (place / "deep" / "er" / "net.onnx").read_bytes() == CONTENT, "the user's files stay"


def test_a_wrong_file_is_named_with_its_difference(models: Library, tmp_path: Path) -> None:
    place = tmp_path / "mine"
    place.mkdir()
    (place / "net.onnx").write_bytes(CONTENT[:-1] + b"!")
    with pytest.raises(UserError, match=r"net\.onnx is not the file.*SHA-256 differs"):
        models.import_folder("tiny", place, Progress())
    (place / "net.onnx").write_bytes(b"short")
    with pytest.raises(UserError, match=r"it has 5 bytes instead of"):
        models.import_folder("tiny", place, Progress())
    assert models.status("tiny") is Status.MISSING


def test_what_is_missing_is_listed(models: Library, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(CONTENT)
    with pytest.raises(UserError, match=r"parts/more\.onnx"):
        models.import_folder("tiny", tmp_path, Progress())
    with pytest.raises(UserError, match="no such file"):
        models.import_folder("tiny", tmp_path / "nowhere", Progress())


def test_a_failed_import_keeps_the_installed_model(models: Library, tmp_path: Path) -> None:
    place = tmp_path / "mine"
    place.mkdir()
    (place / "a").write_bytes(CONTENT)
    (place / "b").write_bytes(OTHER)
    models.import_folder("tiny", place, Progress())
    (place / "a").write_bytes(b"gone")
    with pytest.raises(UserError):
        models.import_folder("tiny", place, Progress())
    assert models.verify("tiny") is Status.INSTALLED


def test_one_file_is_enough_for_a_model_of_one_file(tmp_path: Path) -> None:
    file = model_file("net.onnx")
    models = Library(tmp_path / "models", Catalog([entry([file], [UrlSource({file.name: "http://127.0.0.1:9/x"})])]))
    (tmp_path / "download.tmp").write_bytes(CONTENT)
    models.import_folder("tiny", tmp_path / "download.tmp", Progress())
    assert models.status("tiny") is Status.INSTALLED
    (tmp_path / "song.mp3").write_bytes(b"not a model")
    with pytest.raises(UserError, match=r"song\.mp3 is not net\.onnx"):
        models.import_folder("tiny", tmp_path / "song.mp3", Progress())


def test_a_wheel_that_was_brought_along_counts_as_what_it_holds(tmp_path: Path) -> None:
    wheel = tmp_path / "net-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("net/net.onnx", CONTENT)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    source = WheelSource("net", "1.0", [digest], wheel.stat().st_size, {"net.onnx": "net/net.onnx"})
    models = Library(tmp_path / "models", Catalog([entry([model_file("net.onnx")], [source])]))
    assert (models.import_folder("tiny", tmp_path, Progress()) / "net.onnx").read_bytes() == CONTENT
