"""The hub source, by the real huggingface_hub against a hub on loopback."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from desktop.errors import UserError
from desktop.models.catalog import HubSource
from desktop.models.sources import hub
from tests.models.hub_site import COMMIT, Hub, running
from tests.models.site import CONTENT, OTHER, Recorder, model_file
from tests.waiting import quickest, until

INSTALLER = Path(__file__).with_name("hub_installer.py")
FILES = {"pytorch_model.bin": CONTENT, "model.safetensors": CONTENT[:5000]}


def install(site: Hub, tmp_path: Path, *more: str, repo: str = "someone/tiny") -> subprocess.CompletedProcess[str]:
    settings = {"HF_ENDPOINT": site.address, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_DISABLE_XET": "1", "NO_PROXY": "127.0.0.1"}
    environment = {**os.environ, **settings}
    environment.pop("HF_HUB_OFFLINE", None)
    command = [sys.executable, str(INSTALLER), str(tmp_path / "models"), repo, *more]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90, check=False)


def test_files_of_the_hub_become_plain_files_safe_formats_first(tmp_path: Path) -> None:
    with running(FILES) as site:
        done = install(site, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    listing, rising = done.stdout.splitlines()
    assert listing == "manifest.json model.safetensors weights weights/model.bin False"
    assert rising.startswith("True")
    fetched = [path.rsplit("/", 1)[1] for path in site.asked if path.startswith("GET /someone/")]
    assert fetched == ["model.safetensors", "pytorch_model.bin"]


def test_offline_takes_what_the_hubs_own_cache_has_and_nothing_else(tmp_path: Path) -> None:
    cache = tmp_path / "hf" / "hub" / "models--someone--tiny"
    snapshot, blobs = cache / "snapshots" / COMMIT, cache / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    with running(FILES) as site:
        for name, content in FILES.items():
            missing = install(site, tmp_path, "offline")
            assert missing.returncode == 1 and "offline" in missing.stdout
            (blobs / name).write_bytes(content)
            (snapshot / name).symlink_to(blobs / name)
        done = install(site, tmp_path, "offline")
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.splitlines()[0].endswith("False"), "links of the cache became plain files"
        assert site.asked == []


@pytest.mark.parametrize(
    ("files", "repo", "said"),
    [
        ({**FILES, "model.safetensors": OTHER[:5000]}, "someone/tiny", "SHA-256 differs"),
        ({"pytorch_model.bin": CONTENT}, "someone/tiny", "the hub answered: 404"),
        (FILES, "someone/gated", "accepted its terms"),
        (FILES, "someone/else", "the hub answered"),
    ],
)
def test_what_the_hub_refuses_is_said(tmp_path: Path, files: dict[str, bytes], repo: str, said: str) -> None:
    with running(files) as site:
        done = install(site, tmp_path, repo=repo)
    assert done.returncode == 1, done.stderr
    assert said in done.stdout and "reprise models import tiny" in done.stdout


@pytest.mark.slow
def test_a_hub_that_is_not_there(tmp_path: Path) -> None:
    """Slow, because the hub's library asks five times before it gives up."""
    with running(FILES) as site:
        pass
    done = install(site, tmp_path)
    assert done.returncode == 1 and "cannot be reached" in done.stdout, done.stdout + done.stderr


def test_cancel_does_not_wait_for_a_hub_that_is_silent(tmp_path: Path) -> None:
    mark = tmp_path / "cancel"

    def took() -> float:
        mark.unlink(missing_ok=True)
        pressed: list[float] = []
        with running(FILES) as site:
            site.silent.clear()

            def press() -> None:
                until(lambda: site.asked)
                pressed.append(time.monotonic())
                mark.touch()

            presser = threading.Thread(target=press)
            presser.start()
            done = install(site, tmp_path, str(mark))
            presser.join()
            assert "Cancelled" in done.stderr
            return time.monotonic() - pressed[0]

    assert quickest(took, 10.0) < 10.0


def test_offline_without_a_cache_makes_no_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = HubSource("someone/tiny-that-nobody-has", COMMIT, {"model.bin": "model.bin"})
    with pytest.raises(UserError, match="not in the hub's cache"):
        hub.fetch(source, [model_file()], tmp_path, Recorder(), offline=True)
