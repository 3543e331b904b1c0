"""Installing, checking and removing models, from real files over a real server."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from desktop.errors import UserError
from desktop.jobs.progress import Cancelled, Progress
from desktop.models.catalog import BundledSource, Catalog, PackageSource, UrlSource
from desktop.models.library import Library, Status
from tests.models.site import CONTENT, OTHER, Recorder, Site, entry, from_url, model_file


def library(root: Path, site: Site, path: str = "good", **fields: Any) -> Library:
    return Library(root, from_url(site.url(path), **fields))


def test_install_leaves_plain_files_and_a_manifest(site: Site, tmp_path: Path) -> None:
    models = library(tmp_path, site)
    assert models.status("tiny") is Status.MISSING
    folder = models.install("tiny", Recorder())
    assert folder == tmp_path / "tiny" / "1"
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.json", "model.bin"]
    assert not any(path.is_symlink() for path in tmp_path.rglob("*"))
    assert models.status("tiny") is Status.INSTALLED
    assert models.folder("tiny") == folder and models.verify("tiny") is Status.INSTALLED
    assert sorted(path.name for path in (tmp_path / "tiny").iterdir()) == ["1"], "no staging folder stays"


def test_install_and_ensure_of_what_is_there_ask_nobody(site: Site, tmp_path: Path) -> None:
    models = library(tmp_path, site)
    folder = models.ensure("tiny", Progress())
    assert models.ensure("tiny", Progress()) == models.install("tiny", Progress()) == folder
    assert len(site.asked) == 1


def test_a_missing_model_names_the_command(site: Site, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        library(tmp_path, site).folder("tiny")
    assert "reprise models install tiny" in caught.value.remedy


@pytest.mark.parametrize("damage", ["flip", "truncate", "grow", "delete", "manifest", "manifest-gone"])
def test_damage_after_install_is_found_before_loading(site: Site, tmp_path: Path, damage: str) -> None:
    models = library(tmp_path, site)
    file = models.install("tiny", Progress()) / "model.bin"
    if damage == "flip":
        file.write_bytes(CONTENT[:-1] + b"!")
    elif damage == "truncate":
        os.truncate(file, 10)
    elif damage == "grow":
        file.write_bytes(CONTENT + b"!")
    elif damage == "delete":
        file.unlink()
    elif damage == "manifest":
        (file.parent / "manifest.json").write_text("{}")
    else:
        (file.parent / "manifest.json").unlink()
    assert models.status("tiny") is Status.CORRUPT and models.problem("tiny")
    for load in (lambda: models.folder("tiny"), lambda: models.ensure("tiny", Progress())):
        with pytest.raises(UserError) as caught:
            load()
        assert "damaged" in str(caught.value) and "reprise models install tiny" in caught.value.remedy
    models.install("tiny", Progress())
    assert models.verify("tiny") is Status.INSTALLED and file.read_bytes() == CONTENT


def test_damage_behind_an_unchanged_time_is_found_by_verify(site: Site, tmp_path: Path) -> None:
    models = library(tmp_path, site)
    file = models.install("tiny", Progress()) / "model.bin"
    before = file.stat()
    file.write_bytes(OTHER)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert models.verify("tiny") is Status.CORRUPT
    assert models.status("tiny") is Status.CORRUPT, "what verify has found is not forgotten"
    assert "model.bin was changed" in models.problem("tiny")
    file.write_bytes(CONTENT)
    assert models.status("tiny") is Status.INSTALLED


def test_a_restored_copy_with_new_times_is_whole(site: Site, tmp_path: Path) -> None:
    models = library(tmp_path, site)
    file = models.install("tiny", Progress()) / "model.bin"
    os.utime(file, (1, 1))
    assert models.status("tiny") is Status.INSTALLED
    assert '"mtime_ns": 1000000000' in (file.parent / "manifest.json").read_text(), "the next check is cheap again"


def test_a_catalog_with_another_hash_for_the_same_revision_wins(site: Site, tmp_path: Path) -> None:
    library(tmp_path, site).install("tiny", Progress())
    site.content = OTHER
    newer = library(tmp_path, site, content=OTHER)
    assert newer.status("tiny") is Status.CORRUPT
    assert (newer.install("tiny", Progress()) / "model.bin").read_bytes() == OTHER


def test_a_new_revision_replaces_the_old_one(site: Site, tmp_path: Path) -> None:
    library(tmp_path, site).install("tiny", Progress())
    newer = library(tmp_path, site, revision="2")
    assert newer.status("tiny") is Status.MISSING and newer.revisions("tiny") == ["1"]
    newer.install("tiny", Progress())
    assert newer.revisions("tiny") == ["2"]


def test_a_failed_install_of_a_new_revision_keeps_the_old_one(site: Site, tmp_path: Path) -> None:
    old = library(tmp_path, site)
    old.install("tiny", Progress())
    with pytest.raises(UserError):
        library(tmp_path, site, "wrong", revision="2").install("tiny", Progress())
    assert old.status("tiny") is Status.INSTALLED


def test_remove_takes_every_trace_of_the_model(site: Site, tmp_path: Path) -> None:
    models = library(tmp_path, site)
    models.install("tiny", Progress())
    models.remove("tiny")
    assert models.status("tiny") is Status.MISSING and not (tmp_path / "tiny").exists()
    with pytest.raises(UserError, match="not installed"):
        models.remove("tiny")


def test_sources_are_tried_in_order_and_the_error_tells_what_each_said(site: Site, tmp_path: Path) -> None:
    file = model_file()
    urls = [UrlSource({file.name: site.url(path)}) for path in ("missing", "wrong")]
    models = Library(tmp_path, Catalog([entry([file], [PackageSource("no_such_package", {file.name: "no/x"}), *urls])]))
    with pytest.raises(UserError) as caught:
        models.install("tiny", Progress())
    message = str(caught.value)
    assert "no_such_package" in message and "404" in message and "SHA-256" in message
    assert message.index("no_such_package") < message.index("404") < message.index("SHA-256")
    assert "reprise models import tiny" in message
    assert models.status("tiny") is Status.MISSING

    better = Library(tmp_path, Catalog([entry([file], [*urls, UrlSource({file.name: site.url("good")})])]))
    progress = Recorder()
    better.install("tiny", progress)
    assert any("404" in line for line in progress.logs)


def test_what_one_source_gave_is_not_fetched_again_from_the_next(site: Site, tmp_path: Path) -> None:
    files = [model_file("one.bin"), model_file("two.bin", OTHER)]
    half = UrlSource({"one.bin": site.url("good"), "two.bin": site.url("missing")})
    whole = UrlSource({"one.bin": site.url("missing"), "two.bin": site.url("wrong")})
    models = Library(tmp_path, Catalog([entry(files, [half, whole])]))
    folder = models.install("tiny", Progress())
    assert (folder / "one.bin").read_bytes() == CONTENT and (folder / "two.bin").read_bytes() == OTHER
    assert [asked[0] for asked in site.asked] == ["good", "missing", "wrong"]


def test_offline_asks_no_server_and_says_so(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPRISE_OFFLINE", "1")
    models = library(tmp_path, site)
    with pytest.raises(UserError, match="offline"):
        models.install("tiny", Progress())
    assert site.asked == []


def test_cancel_leaves_no_model_and_the_next_install_resumes(site: Site, tmp_path: Path) -> None:
    models = library(tmp_path, site, "slow")
    with pytest.raises(Cancelled):
        models.install("tiny", Recorder(stop=lambda heard: any(0 < fraction < 1 for fraction in heard.fractions)))
    assert models.status("tiny") is Status.MISSING and models.revisions("tiny") == []
    models.install("tiny", Progress())
    assert site.ranges()[-1].startswith("bytes=")


def test_two_threads_fetch_a_model_once(site: Site, tmp_path: Path) -> None:
    models = library(tmp_path, site, "slow")
    folders: list[Path] = []
    threads = [threading.Thread(target=lambda: folders.append(models.install("tiny", Progress()))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(folders) == 3 and len(set(folders)) == 1 and len(site.asked) == 1


def bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes = CONTENT) -> Library:
    """A library with one model that lies in the resources, which are a folder of this test."""
    home = tmp_path / "resources" / "models" / "tiny-1"
    home.mkdir(parents=True)
    (home / "model.bin").write_bytes(content)
    monkeypatch.setattr("desktop.models.sources.inplace.resources", lambda: tmp_path / "resources")
    return Library(tmp_path / "models", Catalog([entry([model_file()], [BundledSource("models/tiny-1")])]))


def test_a_bundled_model_is_used_where_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = bundled(tmp_path, monkeypatch)
    assert models.status("tiny") is Status.BUNDLED
    assert models.ensure("tiny", Progress()) == tmp_path / "resources" / "models" / "tiny-1"
    with pytest.raises(UserError, match="comes with Reprise"):
        models.remove("tiny")
    assert not (tmp_path / "models" / "tiny").exists()


@pytest.mark.parametrize("content", [OTHER, CONTENT[:-1]])
def test_a_damaged_bundled_model_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    models = bundled(tmp_path, monkeypatch, content)
    assert models.status("tiny") is Status.CORRUPT
    with pytest.raises(UserError, match="Install Reprise again"):
        models.folder("tiny")


def test_the_soundfont_is_found_in_its_package_without_importing_it(tmp_path: Path) -> None:
    models = Library(tmp_path)
    assert models.status("timgm6mb") is Status.BUNDLED
    assert (models.folder("timgm6mb") / "TimGM6mb.sf2").read_bytes()[:4] == b"RIFF"
    assert models.verify("timgm6mb") is Status.BUNDLED


def test_a_package_with_another_file_counts_as_missing(tmp_path: Path) -> None:
    source = PackageSource("pretty_midi", {"TimGM6mb.sf2": "pretty_midi/TimGM6mb.sf2"})
    models = Library(tmp_path, Catalog([entry([model_file("TimGM6mb.sf2")], [source])]))
    assert models.status("tiny") is Status.MISSING
    with pytest.raises(UserError, match="is larger than"):
        models.install("tiny", Progress())


EXPORTER = """
def export(folder, progress):
    progress.at(0.5, "Exporting")
    (folder / "model.onnx").write_bytes((folder / "model.bin").read_bytes()[:100])
"""


def test_an_export_is_part_of_the_installation(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tiny_exporter.py").write_text(EXPORTER)
    monkeypatch.syspath_prepend(tmp_path)
    models = library(tmp_path / "models", site, export="tiny_exporter:export", exported=["model.onnx"])
    folder = models.install("tiny", Progress())
    assert (folder / "model.onnx").read_bytes() == CONTENT[:100]
    (folder / "model.onnx").write_bytes(b"!" * 100)
    assert models.status("tiny") is Status.CORRUPT


def test_an_export_that_writes_nothing_is_an_error(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lazy_exporter.py").write_text("def export(folder, progress):\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    models = library(tmp_path / "models", site, export="lazy_exporter:export", exported=["model.onnx"])
    with pytest.raises(UserError, match="did not write"):
        models.install("tiny", Progress())
    assert models.status("tiny") is Status.MISSING


FORBID = """
import sys
def forbid(event, arguments):
    if event.startswith(("socket.", "subprocess.", "os.posix_spawn", "os.fork", "os.exec", "os.system")):
        raise PermissionError("forbidden: " + event)
sys.addaudithook(forbid)
from pathlib import Path
from desktop.jobs.progress import Progress
from desktop.models.library import Library
from desktop.models.session import open_session
library = Library(Path(sys.argv[1]))
session = open_session(library.ensure("basic-pitch", Progress()) / "nmp.onnx")
print(session.device, library.verify("basic-pitch"), library.folder("timgm6mb").name)
"""


def test_an_installed_model_opens_without_a_network(basic_pitch: Path, tmp_path: Path) -> None:
    Library(tmp_path).import_folder("basic-pitch", basic_pitch, Progress())
    done = subprocess.run([sys.executable, "-c", FORBID, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[1:] == ["installed", "pretty_midi"]
