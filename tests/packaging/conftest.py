"""A small project of its own kind that the bootstrap can install in seconds and without a network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGING = Path(__file__).resolve().parents[2] / "packaging"

PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "toy-project"
version = "1"
dependencies = {dependencies}

[project.optional-dependencies]
test = ["pytest"]
"""

BACKEND = """
import os, time, zipfile
from pathlib import Path

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    time.sleep(float(os.environ.get("TOY_DELAY", "0")))
    import tomllib
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    lines = ["Metadata-Version: 2.1", "Name: toy-project", "Version: 1", "Provides-Extra: test"]
    lines += [f"Requires-Dist: {d}" for d in project["dependencies"]] + ['Requires-Dist: pytest; extra == "test"']
    name = "toy_project-1-py3-none-any.whl"
    with zipfile.ZipFile(Path(wheel_directory, name), "w") as wheel:
        wheel.writestr("toy_project.pth", str(Path.cwd()) + "\\n")
        wheel.writestr("toy_project-1.dist-info/METADATA", "\\n".join(lines) + "\\n")
        wheel.writestr("toy_project-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("toy_project-1.dist-info/RECORD", "")
    return name
"""

APPLICATION = """
import pathlib, sys
with open(pathlib.Path(__file__).parents[1] / "calls.txt", "a") as calls:
    calls.write(" ".join(sys.argv[1:]) + "\\n")
sys.exit(3 if "fail" in sys.argv else 0)
"""

RUNNER = 'import os, sys; print("pytest", *sys.argv[1:], os.environ.get("QT_QPA_PLATFORM", "-")); print("1 passed in 0.01s")\n'


@dataclass(frozen=True)
class Toy:
    """The project and how to start its bootstrap."""

    root: Path
    wheels: Path

    @property
    def environment(self) -> Path:
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        return self.environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def require(self, *names: str) -> None:
        """Set the project's requirements."""
        (self.root / "pyproject.toml").write_text(PYPROJECT.format(dependencies=list(names)), encoding="utf-8")

    def surroundings(self, **more: str) -> dict[str, str]:
        keep = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "DISPLAY", "WAYLAND", "QT_"))}
        return {**keep, "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": self.wheels.as_uri(), **more}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, str(self.root / "packaging" / "bootstrap.py"), *arguments]

    def bootstrap(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run bootstrap.py and wait for it."""
        return subprocess.run(
            self.command(*arguments),
            env=self.surroundings(**more),
            cwd=self.root.parent,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=110,
            check=False,
        )

    def imports(self, module: str) -> bool:
        """Whether the environment has the module."""
        done = subprocess.run([str(self.python), "-c", f"import {module}"], capture_output=True, check=False)
        return done.returncode == 0

    def calls(self) -> list[str]:
        """Command lines that the application was started with."""
        path = self.root / "calls.txt"
        return path.read_text().splitlines() if path.exists() else []


def make_wheel(folder: Path, name: str, files: dict[str, str]) -> None:
    """A pure Python wheel, version 1."""
    with zipfile.ZipFile(folder / f"{name}-1-py3-none-any.whl", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
        wheel.writestr(f"{name}-1.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        wheel.writestr(f"{name}-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{name}-1.dist-info/RECORD", "")


def make_toy(folder: Path) -> Toy:
    """A fresh project in a folder whose name has a space and a letter outside ASCII."""
    root = folder / "mein Stück"
    wheels = folder / "wheels"
    wheels.mkdir(parents=True)
    make_wheel(wheels, "first", {"first.py": ""})
    make_wheel(wheels, "second", {"second.py": ""})
    make_wheel(wheels, "pytest", {"pytest.py": RUNNER})
    (root / "desktop").mkdir(parents=True)
    (root / "desktop" / "__init__.py").touch()
    (root / "desktop" / "__main__.py").write_text(APPLICATION)
    (root / "resources").mkdir()
    (root / "resources" / "catalog.toml").write_text("models = []\n")
    (root / "backend.py").write_text(BACKEND)
    (root / "packaging").mkdir()
    shutil.copy(PACKAGING / "bootstrap.py", root / "packaging")
    shutil.copytree(
        PACKAGING / "bootstrapping", root / "packaging" / "bootstrapping", ignore=shutil.ignore_patterns("__pycache__")
    )
    toy = Toy(root, wheels)
    toy.require("first")
    return toy


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    """A project that nothing has been installed for."""
    return make_toy(tmp_path)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """A project whose installation is done; tests that share it leave it sound."""
    toy = make_toy(tmp_path_factory.mktemp("installed"))
    stray = toy.root.parent / "stray"
    stray.mkdir()
    done = toy.bootstrap("install", PYTHONPATH=str(stray), PIP_TARGET=str(stray), PIP_USER="1")
    assert done.returncode == 0, done.stdout + done.stderr
    return toy


@pytest.fixture
def bootstrapping(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a test import the bootstrap's modules."""
    monkeypatch.syspath_prepend(str(PACKAGING))
