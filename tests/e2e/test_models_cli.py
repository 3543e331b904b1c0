"""``reprise models`` from start to end: the real command line, worker, package index and files."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from desktop.errors import UserError
from desktop.models.library import Library
from tests.e2e.command import Answer, files, reprise, start
from tests.models.site import running
from tests.waiting import PATIENCE_S, quickest, until

pytestmark = pytest.mark.usefixtures("home")

UNREACHABLE = ("No matching distribution", "onnection", "timed out")


def facts(model: str) -> dict[str, Any]:
    """The line of ``models list`` about one model."""
    [found] = [entry for entry in json.loads(reprise("models", "list", "--json").out) if entry["id"] == model]
    return dict(found)


def installed_from_index() -> Path:
    """Install Basic Pitch with the real command; its folder."""
    answer = reprise("models", "install", "basic-pitch")
    if answer.code and any(text in answer.err for text in UNREACHABLE):
        pytest.skip(f"the package index cannot be reached: {answer.err}")
    assert answer.code == 0, answer.err
    return Path(answer.out.strip().rsplit(" is in ", 1)[1])


def test_install_verify_damage_repair_and_remove(home: Path) -> None:
    folder = installed_from_index()
    assert folder.is_relative_to(home) and files(folder) == ["manifest.json", "nmp.onnx"]
    assert facts("basic-pitch")["status"] == "installed"
    assert reprise("models", "verify", "basic-pitch").code == 0

    weights = folder / "nmp.onnx"
    content, times = weights.read_bytes(), weights.stat()
    weights.write_bytes(content[:-1] + b"!")
    os.utime(weights, ns=(times.st_atime_ns, times.st_mtime_ns))
    damaged = reprise("models", "verify", "basic-pitch")
    assert damaged.code == 1 and "corrupt" in damaged.out and "nmp.onnx was changed" in damaged.out
    assert facts("basic-pitch")["status"] == "corrupt"

    assert reprise("models", "install", "basic-pitch").code == 0
    assert weights.read_bytes() == content

    gone = reprise("models", "remove", "basic-pitch")
    assert gone.code == 0 and not folder.exists() and facts("basic-pitch")["status"] == "missing"
    assert reprise("models", "remove", "basic-pitch").code == 1


def test_two_commands_at_once_install_one_model(home: Path) -> None:
    commands = [start("models", "install", "basic-pitch", "--json") for _ in range(2)]
    answers = []
    for command in commands:
        out, err = command.communicate(timeout=PATIENCE_S)
        answers.append(Answer(command.returncode, out, err))
    if any(text in answers[0].err + answers[0].out for text in UNREACHABLE):
        pytest.skip("the package index cannot be reached")
    assert [answer.code for answer in answers] == [0, 0], answers
    assert reprise("models", "verify", "basic-pitch").code == 0
    assert files(home / "data" / "models" / "basic-pitch") == ["0.4.0"]


def test_import_makes_a_model_of_the_users_file(home: Path, machine_models: Path, tmp_path: Path) -> None:
    try:
        known = Library(machine_models).folder("basic-pitch")
    except UserError as error:
        pytest.skip(f"no copy of the model to import: {error}")
    shutil.copy(known / "nmp.onnx", tmp_path / "from a friend.onnx")
    answer = reprise("models", "import", "basic-pitch", tmp_path / "from a friend.onnx", extra={"REPRISE_OFFLINE": "1"})
    assert answer.code == 0, answer.err
    assert reprise("models", "verify", "basic-pitch").code == 0
    assert (tmp_path / "from a friend.onnx").exists()


def test_an_index_without_the_package_is_explained_and_nothing_is_left(home: Path, tmp_path: Path) -> None:
    empty = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "PIP_CONFIG_FILE": os.devnull}
    answer = reprise("models", "install", "basic-pitch", extra=empty)
    assert answer.code == 1
    assert "package basic-pitch 0.4.0" in answer.err and "reprise models import basic-pitch" in answer.err
    assert "Traceback" not in answer.err
    assert facts("basic-pitch")["status"] == "missing"
    assert not list((home / "data" / "models").rglob("*.onnx"))


def test_a_wrong_file_is_not_imported(home: Path, tmp_path: Path) -> None:
    (tmp_path / "nmp.onnx").write_bytes(b"something else")
    answer = reprise("models", "import", "basic-pitch", tmp_path / "nmp.onnx")
    assert answer.code == 1 and "it has 14 bytes instead of 230444" in answer.err
    assert facts("basic-pitch")["status"] == "missing"


@pytest.mark.skipif(os.name == "nt", reason="sends a POSIX signal")
def test_an_interrupt_ends_a_silent_download_at_once(home: Path) -> None:
    def ended() -> float:
        with running() as site:
            stuck = {"PIP_INDEX_URL": site.url("hang"), "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "0"}
            with start("models", "install", "basic-pitch", extra=stuck) as command:
                until(lambda: site.asked or command.poll() is not None)
                assert command.poll() is None
                pressed = time.monotonic()
                command.send_signal(signal.SIGINT)
                command.communicate(timeout=PATIENCE_S)
                assert command.returncode == 130
                return time.monotonic() - pressed

    assert quickest(ended, 6.0) < 6.0
    assert facts("basic-pitch")["status"] == "missing"
    assert not list((home / "data" / "models").rglob("wheel-*")), "pip's scratch folder is gone"


def test_the_list_says_what_a_model_may_be_used_for() -> None:
    soundfont = facts("timgm6mb")
    assert soundfont["licence"] == "GPL-2.0-only" and soundfont["status"] == "bundled" and soundfont["size"] == 5994284
    table = reprise("models", "list").out
    assert "Apache-2.0" in table and "GPL-2.0-only" in table
