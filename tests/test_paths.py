"""Folders, and writing that leaves a whole file or none."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from desktop import paths
from desktop.alive import is_alive, own_token, start_token
from desktop.errors import UserError
from tests.waiting import PATIENCE_S


def test_everything_lies_below_reprise_home(home: Path) -> None:
    folders = [paths.data_dir(), paths.config_dir(), paths.cache_dir(), paths.log_dir(), paths.models_dir()]
    assert all(folder.is_dir() and folder.is_relative_to(home) for folder in folders)
    assert len(set(folders)) == len(folders)


def test_models_can_be_elsewhere(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPRISE_MODELS", str(tmp_path / "big disk"))
    assert paths.models_dir() == tmp_path / "big disk"


def test_resources_are_found() -> None:
    assert (paths.resources()).is_dir()


def test_make_folder_says_what_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="not a folder"):
        paths.make_folder(tmp_path / "file")
    with pytest.raises(UserError, match="file, not a folder"):
        paths.make_folder(tmp_path / "file" / "below")


@pytest.mark.parametrize("mode", ["wb", "w"])
def test_writes_the_whole_file(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "a file ☃.mid"
    with paths.atomic_write(path, mode) as file:
        file.write(b"one" if mode == "wb" else "one")
        assert not path.exists()
    assert path.read_text() == "one"
    assert list(tmp_path.iterdir()) == [path]


def test_text_is_written_as_it_is(tmp_path: Path) -> None:
    with paths.atomic_write(tmp_path / "t", "w") as file:
        file.write("é\n")
    assert (tmp_path / "t").read_bytes() == b"\xc3\xa9\n"


def test_an_exception_keeps_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), paths.atomic_write(path) as file:
        file.write(b"new")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_about_another_file_is_not_changed(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), paths.atomic_write(tmp_path / "file"):
        (tmp_path / "missing").read_text()
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name != "posix", reason="permissions and links as POSIX has them")
def test_keeps_permissions_and_links(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    with paths.atomic_write(link) as file:
        file.write(b"new")
    assert link.is_symlink() and real.read_text() == "new"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


def test_longest_names_work(tmp_path: Path) -> None:
    path = tmp_path / ("ü" * 127)
    with paths.atomic_write(path) as file:
        file.write(b"x")
    assert path.read_bytes() == b"x"


def test_errors_say_what_and_where(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="folder with that name") as caught, paths.atomic_write(tmp_path):
        pass
    assert caught.value.path == str(tmp_path)
    with pytest.raises(UserError, match="folder does not exist"), paths.atomic_write(tmp_path / "no" / "file"):
        pass
    with pytest.raises(UserError, match="too long"), paths.atomic_write(tmp_path / ("a" * 300)) as file:
        file.write(b"x")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name != "posix", reason="permissions as POSIX has them")
def test_no_permission(tmp_path: Path) -> None:
    me = os.geteuid()
    tmp_path.chmod(0o500)
    if me == 0:
        os.seteuid(65534)  # the superuser may write anywhere
    try:
        with pytest.raises(UserError, match="permission"), paths.atomic_write(tmp_path / "file"):
            pass
    finally:
        os.seteuid(me)
        tmp_path.chmod(0o700)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name != "posix", reason="permissions as POSIX has them")
def test_permission_lost_in_the_middle_leaves_nothing_for_long() -> None:
    me = os.geteuid()
    # Not below pytest's folder, which only its owner may enter.
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        try:
            with pytest.raises(UserError, match="permission"), paths.atomic_write(folder / "file") as file:
                file.write(b"x")
                folder.chmod(0o555)
                if me == 0:
                    os.seteuid(65534)  # the superuser may write anywhere
        finally:
            os.seteuid(me)
            folder.chmod(0o700)
        assert len(list(folder.iterdir())) == 1, "it could not be removed"
        with paths.atomic_write(folder / "another") as file:
            file.write(b"y")
        assert [path.name for path in folder.iterdir()] == ["another"]


@pytest.mark.skipif(os.name != "posix", reason="limits as POSIX has them")
def test_disk_full_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(UserError, match="larger than the system allows"), paths.atomic_write(path) as file:
            for _ in range(100):
                file.write(bytes(10_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


KILLED = """
import os, signal, sys
from desktop.paths import atomic_write
with atomic_write(sys.argv[1]) as file:
    file.write(bytes(1 << 20))
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9")
def test_what_a_killed_writer_leaves_is_cleared(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    child = subprocess.Popen([sys.executable, "-c", KILLED, str(folder / "song.mid")])
    assert child.wait() == -9
    (left,) = folder.iterdir()
    mine = folder / f".other.{os.getpid()}-0123abcd.part"
    mine.write_bytes(b"x")
    assert paths.clear_leftovers(folder) == []  # too fresh to judge by the process number alone
    os.utime(left, (time.time() - 3600,) * 2)
    os.utime(mine, (time.time() - 3600,) * 2)
    assert paths.clear_leftovers(folder) == [left]
    assert list(folder.iterdir()) == [mine]
    assert paths.clear_leftovers(folder, pid=os.getpid()) == [mine]
    assert paths.clear_leftovers(folder / "missing") == []


def test_a_process_is_told_from_another_with_its_number() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    token = start_token(child.pid)
    assert token and token != own_token() and is_alive(child.pid, token)
    assert not is_alive(os.getpid(), token)
    child.kill()
    deadline = time.monotonic() + PATIENCE_S
    while is_alive(child.pid, token) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not is_alive(child.pid, token)  # also while it is a zombie
    child.communicate()
    assert not is_alive(child.pid) and not is_alive(0) and not is_alive(-5)
