"""The bootstrap's decisions that a test machine cannot act out."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGING = Path(__file__).resolve().parents[2] / "packaging"

pytestmark = pytest.mark.usefixtures("bootstrapping")


def test_an_old_python_can_read_the_script_and_is_told_what_is_needed():
    text = (PACKAGING / "bootstrap.py").read_text(encoding="utf-8")
    tree = ast.parse(text, feature_version=(3, 4))
    assert not [node for node in ast.walk(tree) if isinstance(node, (ast.JoinedStr, ast.AnnAssign))]
    assert "from __future__" not in text
    program = "import sys, bootstrap; bootstrap.OLDEST = (9, 1); sys.exit(bootstrap.main(['demo']))"
    done = subprocess.run([sys.executable, "-c", program], cwd=PACKAGING, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "needs Python 9.1" in done.stderr


def test_only_the_standard_library_is_imported():
    for path in [PACKAGING / "bootstrap.py", *(PACKAGING / "bootstrapping").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = (
                [a.name for a in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            assert all(name.split(".")[0] in {*sys.stdlib_module_names, "bootstrapping"} for name in names), path


def test_missing_libraries_become_packages_and_a_command(monkeypatch):
    from bootstrapping import libraries

    names = ["libEGL.so.1", "libxcb-cursor.so.0", "fonts"]
    assert libraries.debian_packages(names) == ["fonts-dejavu-core", "libegl1", "libxcb-cursor0"]
    for tool, start in (
        ("apt-get", "sudo apt-get install fonts-dejavu-core libegl1"),
        ("dnf", "sudo dnf install 'libEGL.so.1()(64bit)'"),
        ("pacman", "sudo pacman -S"),
    ):
        monkeypatch.setattr(libraries.shutil, "which", lambda name, tool=tool: f"/usr/bin/{name}" if name == tool else None)
        assert libraries.command(names).startswith(start)
    monkeypatch.setattr(libraries.shutil, "which", lambda name: None)
    assert "libEGL.so.1" in libraries.command(names)
    assert not libraries.can_install()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for Linux libraries")
def test_a_library_that_is_not_there_is_noticed(monkeypatch):
    from bootstrapping import libraries

    monkeypatch.setitem(libraries.DEBIAN, "libnothing-of-this-name.so.7", "libnothing7")
    assert "libnothing-of-this-name.so.7" in libraries.missing()


def test_the_driver_decides_about_cuda(monkeypatch, tmp_path):
    from bootstrapping import graphics

    version = tmp_path / "version"
    monkeypatch.setattr(graphics, "_PROC", version)
    version.write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 19:39:15 UTC 2024\n")
    assert graphics.driver_version() == 535
    monkeypatch.setattr(graphics, "_driver_library", lambda: True)
    monkeypatch.setattr(graphics.sys, "platform", "linux")
    assert not graphics.cuda_usable()
    version.write_text("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build\n")
    assert graphics.cuda_usable()
    monkeypatch.setattr(graphics, "_driver_library", lambda: False)
    assert not graphics.cuda_usable()


def test_an_index_that_does_not_answer_is_given_up_soon(monkeypatch):
    from bootstrapping import graphics

    monkeypatch.setattr(graphics, "CPU_WHEELS", "http://127.0.0.1:9")
    assert not graphics.cpu_wheels_reachable(1.0)


def test_a_full_disk_is_said_before_anything_is_made(tmp_path):
    from bootstrapping import environment
    from bootstrapping.trouble import Trouble

    with pytest.raises(Trouble, match="GB are free"):
        environment.check_room(tmp_path, 10**18)


def test_the_fingerprint_knows_requirements_from_other_settings(tmp_path):
    from bootstrapping.project import Project, fingerprint

    project = Project(tmp_path)
    file = tmp_path / "pyproject.toml"
    file.write_text('[project]\nname = "a"\ndependencies = ["b"]\n')
    first = fingerprint(project, False)
    file.write_text('[project]\nname = "a"\ndependencies = ["b"]\n[tool.ruff]\nline-length = 99\n')
    assert fingerprint(project, False) == first
    assert fingerprint(project, True) != first
    moved = tmp_path / "moved"
    moved.mkdir()
    (moved / "pyproject.toml").write_bytes(file.read_bytes())
    assert fingerprint(Project(moved), False) != first
    file.write_text('[project]\nname = "a"\ndependencies = ["b>2"]\n')
    assert fingerprint(project, False) != first


def test_pip_lines_become_short_ones():
    from bootstrapping import pip

    assert pip._short("Collecting numpy>=2") == "looking at numpy>=2"
    assert (
        pip._short("Downloading torch-2.13.0-cp311-none-manylinux_2_28_x86_64.whl (555.1 MB)") == "downloading torch (555.1 MB)"
    )
    assert pip._short("Requirement already satisfied: numpy") == ""
    assert "package index" in pip._remedy("HTTPSConnectionPool: Max retries exceeded")
    assert "disk" in pip._remedy("OSError: [Errno 28] No space left on device")


def test_the_bootstrap_knows_every_library_that_the_doctor_looks_for():
    from bootstrapping import libraries

    from desktop.models.checks import libraries as doctor

    known = [row for row in vars(doctor).values() if isinstance(row, tuple) and row and isinstance(row[0], doctor.Library)]
    assert known
    for row in known:
        for library in row:
            assert libraries.DEBIAN[library.name] == library.debian


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for the interpreter is a shell script")
def test_a_few_failed_tests_get_a_second_run_alone_and_only_one(tmp_path, capfd, monkeypatch):
    from bootstrapping import commands
    from bootstrapping.project import Project

    # No other plugins: some take seconds to load.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_PLUGINS", "xdist.plugin")
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\nmarkers = ["slow"]\n')
    once = "from pathlib import Path\ndef test_once():\n    seen = Path('seen')\n    old = seen.exists()\n"
    (tmp_path / "test_once.py").write_text(once + "    seen.touch()\n    assert old\n")
    (tmp_path / "test_good.py").write_text("def test_good():\n    pass\n")
    assert commands.test(Project(tmp_path), [], everything=False) == 0
    said = capfd.readouterr().out
    assert "run once more alone: test_once.py::test_once" in said
    assert said.rstrip().splitlines()[-1].startswith("1 passed")
    bad = "import pytest\n@pytest.mark.parametrize('number', range(NUMBER))\ndef test_bad(number):\n    assert False\n"
    (tmp_path / "test_bad.py").write_text(bad.replace("NUMBER", str(commands.MOST_DISTURBED + 1)))
    assert commands.test(Project(tmp_path), [], everything=False) == 1
    assert "once more" not in capfd.readouterr().out
