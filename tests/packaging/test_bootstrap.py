"""The bootstrap, run for real: environments are made, broken, killed and raced for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.waiting import quickest

posix = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals and links")


def test_a_fresh_start_installs_and_gets_the_models(installed):
    """The caller's PYTHONPATH, PIP_TARGET and PIP_USER have not led anything astray."""
    assert installed.imports("first")
    assert installed.calls()[0] == "models install"
    assert json.loads((installed.environment / "bootstrap.json").read_text())["extras"] == []
    assert not (installed.environment / "bootstrap.unfinished").exists()
    assert not list((installed.root.parent / "stray").iterdir())


def test_a_second_start_runs_no_installer_and_is_quick(installed):
    log = installed.root / ".venv.log"
    before, calls = log.read_bytes(), installed.calls()

    def took():
        started = time.perf_counter()
        assert installed.bootstrap("install").returncode == 0
        return time.perf_counter() - started

    assert quickest(took, 3.0) < 3.0  # 0.2 s on a quiet machine
    assert log.read_bytes() == before
    assert installed.calls() == calls


def test_the_application_gets_the_arguments_and_gives_the_exit_code(installed):
    assert installed.bootstrap("demo", "--style", "ballad").returncode == 0
    assert installed.calls()[-1] == "demo --style ballad"
    assert installed.bootstrap("demo", "fail").returncode == 3
    assert installed.bootstrap("demo", DISPLAY=":9").returncode == 0
    assert installed.calls()[-1] == "demo --open"
    assert installed.bootstrap("window", "a song.mp3", DISPLAY=":9").returncode == 0
    assert installed.calls()[-1] == "window a song.mp3"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems always have a display")
def test_the_window_without_a_display_is_refused(installed):
    done = installed.bootstrap("window")
    assert done.returncode == 1
    assert "display" in done.stdout


def test_the_test_command_adds_its_tools_once(installed):
    done = installed.bootstrap("test", "--", "-k", "beats")
    assert done.returncode == 0
    assert "pytest -q -m not slow -k beats" in done.stdout
    assert done.stdout.rstrip().splitlines()[-1] == "1 passed in 0.01s"
    if sys.platform.startswith("linux"):
        assert "offscreen" in done.stdout
    size = (installed.root / ".venv.log").stat().st_size
    assert "not slow" not in installed.bootstrap("test", "--all").stdout
    assert installed.bootstrap("install").returncode == 0
    assert (installed.root / ".venv.log").stat().st_size == size


def test_changed_requirements_are_installed_into_the_same_environment(installed):
    planted = installed.environment / "planted"
    planted.touch()
    installed.require("first", "second")
    assert installed.bootstrap("install").returncode == 0
    assert installed.imports("second")
    assert planted.exists()


def test_wrong_usage_is_exit_code_2(installed):
    assert installed.bootstrap("dance").returncode == 2
    assert installed.bootstrap("demo", "--all").returncode == 2


@posix
def test_a_killed_installation_and_a_broken_interpreter_are_made_again(toy):
    process = subprocess.Popen(
        toy.command("install"), env=toy.surroundings(TOY_DELAY="60"), start_new_session=True, stdout=subprocess.DEVNULL
    )
    until = time.monotonic() + 60
    while not (toy.root / ".venv.log").exists() and time.monotonic() < until:
        time.sleep(0.1)
    assert (toy.environment / "bootstrap.unfinished").exists()
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    (toy.environment / "planted").touch()
    done = toy.bootstrap("install")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "again" in done.stdout
    assert toy.imports("first")
    assert not (toy.environment / "planted").exists()
    assert not list(toy.root.glob(".venv.old*"))

    toy.python.unlink()
    toy.python.symlink_to("/nowhere/python3")
    assert toy.bootstrap("install").returncode == 0
    assert toy.imports("first")


def test_an_environment_without_pip_is_made_again(toy):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(toy.environment)], check=True)
    done = toy.bootstrap("install")
    assert done.returncode == 0, done.stdout + done.stderr
    assert toy.imports("first")


def test_two_at_once_share_one_environment(toy):
    both = [
        subprocess.Popen(
            toy.command("install"), env=toy.surroundings(TOY_DELAY="2"), stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=110)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sum("Installing Reprise" in text for text in said) == 1
    assert sum("waiting" in text for text in said) == 1
    assert toy.imports("first")


def test_a_folder_that_is_no_environment_is_left_alone(toy):
    toy.environment.mkdir()
    (toy.environment / "letters.txt").write_text("mine")
    done = toy.bootstrap("install")
    assert done.returncode == 1
    assert "no Python environment" in done.stdout
    assert (toy.environment / "letters.txt").read_text() == "mine"


def test_a_failing_pip_shows_the_end_of_its_log_and_breaks_nothing(installed):
    planted = installed.environment / "kept"
    planted.touch()
    installed.require("no-such-thing-at-all")
    done = installed.bootstrap("install")
    assert done.returncode == 1
    assert "no-such-thing-at-all" in done.stdout
    assert str(installed.root / ".venv.log") in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    installed.require("first")
    assert installed.bootstrap("install").returncode == 0
    assert planted.exists()
