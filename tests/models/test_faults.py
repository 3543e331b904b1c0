"""Power cuts, full disks and crowds: what is left behind, and whether the next try gets through."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from desktop.jobs.progress import Progress
from desktop.models import files
from desktop.models.files import NoSpaceError
from desktop.models.library import Library, Status
from tests.models.site import CONTENT, Recorder, Site, from_url

INSTALLER = Path(__file__).with_name("installer.py")
needs_posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals and limits")


def start(root: Path, url: str, *limit: str, before: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    command = [*before, sys.executable, str(INSTALLER), str(root), url, *limit]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def part_of(root: Path) -> Path | None:
    return next(root.glob("tiny/.1.staging/*.part"), None)


@needs_posix
def test_kill_9_in_the_middle_leaves_a_part_that_the_next_install_resumes(site: Site, tmp_path: Path) -> None:
    with start(tmp_path, site.url("slow")) as child:
        deadline = time.monotonic() + 30
        while not ((part := part_of(tmp_path)) and part.stat().st_size > 500_000):
            assert child.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        child.send_signal(signal.SIGKILL)
        child.communicate()
    models = Library(tmp_path, from_url(site.url("good")))
    assert models.status("tiny") is Status.MISSING
    folder = models.install("tiny", Progress())
    assert (folder / "model.bin").read_bytes() == CONTENT
    start_byte = int(site.ranges()[-1].removeprefix("bytes=").removesuffix("-"))
    assert start_byte > 500_000
    assert models.revisions("tiny") == ["1"] and part_of(tmp_path) is None


def test_two_processes_fetch_a_model_once(site: Site, tmp_path: Path) -> None:
    with start(tmp_path, site.url("slow")) as first, start(tmp_path, site.url("slow")) as second:
        answers = {child.communicate(timeout=60)[0].strip() for child in (first, second)}
    assert answers == {str(tmp_path / "tiny" / "1")}
    assert len(site.asked) == 1
    assert Library(tmp_path, from_url(site.url("good"))).verify("tiny") is Status.INSTALLED


@needs_posix
def test_a_file_size_limit_in_the_middle_is_a_full_disk(site: Site, tmp_path: Path) -> None:
    with start(tmp_path, site.url("good"), "1000000") as child:
        out, err = child.communicate(timeout=60)
    assert child.returncode == 1, err
    assert out.startswith("NoSpaceError The disk is full") and "Free some space" in out
    models = Library(tmp_path, from_url(site.url("good")))
    assert models.status("tiny") is Status.MISSING and models.revisions("tiny") == []
    models.install("tiny", Progress())
    assert site.ranges()[-1].startswith("bytes="), "what fitted is kept for the next try"


@pytest.fixture
def small_disk(disk_of: Callable[[str], Path]) -> Path:
    """A disk of 24 MB of its own."""
    return disk_of("24m")


def test_a_disk_that_fills_up_in_the_middle(site: Site, small_disk: Path) -> None:
    models = Library(small_disk, from_url(site.url("slow")))
    filler = small_disk / "filler"

    def fill(heard: Recorder) -> bool:
        if heard.fractions and not filler.exists():
            with filler.open("wb", buffering=0) as out, contextlib.suppress(OSError):
                while out.write(bytes(1 << 16)):
                    pass
        return False

    with pytest.raises(NoSpaceError, match="The disk is full"):
        models.install("tiny", Recorder(stop=fill))
    assert models.status("tiny") is Status.MISSING
    filler.unlink()
    models.install("tiny", Progress())
    assert models.verify("tiny") is Status.INSTALLED


def test_a_disk_that_is_too_small_is_seen_before_the_first_byte(site: Site, small_disk: Path) -> None:
    (small_disk / "filler").write_bytes(bytes(10 << 20))
    with pytest.raises(NoSpaceError, match=r"3\.07 MB are needed, .* free"):
        Library(small_disk, from_url(site.url("good"))).install("tiny", Progress())
    assert site.asked == []


def test_space_is_checked_on_any_machine(tmp_path: Path) -> None:
    with pytest.raises(NoSpaceError, match="are needed") as caught:
        files.check_space(tmp_path, 1 << 60)
    assert caught.value.path == str(tmp_path) and "REPRISE_MODELS" in caught.value.remedy


@needs_posix
def test_a_folder_without_permission_is_named(site: Site, tmp_path: Path) -> None:
    place = tmp_path / "mine"
    place.mkdir()
    before: tuple[str, ...] = ()
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("the superuser may write anywhere, and there is no setpriv to take that away")
        rights = "-dac_override,-dac_read_search"
        before = ("setpriv", "--bounding-set", rights, "--inh-caps", rights)
    place.chmod(0o500)
    with start(place, site.url("good"), before=before) as child:
        out, err = child.communicate(timeout=60)
    place.chmod(0o700)
    assert child.returncode == 1 and out.startswith("UserError") and "permission" in out and str(place) in out, err
    assert list(place.iterdir()) == [] and site.asked == []


def test_a_file_where_the_models_should_be_is_named(site: Site, tmp_path: Path) -> None:
    (tmp_path / "models").write_text("not a folder")
    with pytest.raises(Exception, match="not a folder"):
        Library(tmp_path / "models", from_url(site.url("good"))).install("tiny", Progress())
