"""The rules that hold for the whole repository: style, types, layers, sizes, and what a wheel carries."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MEGABYTE = 1024**2
LONGEST = 500


def run(*command: str) -> None:
    """Run a tool in the repository; what it says is the failure."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False)
    if done.returncode:
        pytest.fail(f"{' '.join(command[1:])}\n{done.stdout[-6000:]}{done.stderr[-2000:]}", pytrace=False)


def tracked() -> list[Path]:
    """The repository's files; all but ignored ones."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout")
    said = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    return [ROOT / name for name in said.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def test_style():
    run(sys.executable, "-m", "ruff", "check", ".")


def test_format():
    run(sys.executable, "-m", "ruff", "format", "--check", ".")


@pytest.mark.timeout(600)
def test_types():
    run(sys.executable, "-m", "mypy")


def test_layers():
    run(sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache")


def test_modules_are_short():
    long = {
        str(path.relative_to(ROOT)): lines
        for path in (ROOT / "desktop").rglob("*.py")
        if (lines := len(path.read_bytes().splitlines())) > LONGEST
    }
    assert not long, f"over {LONGEST} lines"


def test_top_level_holds_what_the_design_names():
    names = {path.relative_to(ROOT).parts[0] for path in tracked()}
    known = {"pyproject.toml", "desktop", "resources", "tests", "packaging", "README.md", "LICENSE", "NOTICE"}
    assert {name for name in names if not name.startswith(".")} <= known


def test_shipped_weights_and_media_are_small():
    sizes: dict[str, int] = {}
    for path in tracked():
        parts = path.relative_to(ROOT).parts
        if parts[0] == "resources" and len(parts) > 2:
            sizes[parts[1]] = sizes.get(parts[1], 0) + path.stat().st_size
    assert sizes.get("models", 0) <= 40 * MEGABYTE
    assert sizes["demo"] <= 4 * MEGABYTE
    pictures = [
        path for path in tracked() if path.parent == ROOT / "resources" / "screenshots" and path.stat().st_size > 300 * 1024
    ]
    assert not pictures


def test_readme_pictures_and_files_exist():
    import re

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:|#)([^)]+)\)|src=\"(?!https?:)([^\"]+)\"", text):
        path = (target[0] or target[1]).split("#")[0]
        assert (ROOT / path).exists(), path


def test_a_wheel_holds_the_resources_and_starts_without_the_checkout(tmp_path):
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path))
    (wheel,) = tmp_path.glob("*.whl")
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(installed)
    for path in ("resources/catalog.toml", "resources/demo/six-oclock-ferry.opus", "resources/icons/reprise.svg"):
        assert f"desktop/_{path}" in names
    licences = [name for name in names if ".dist-info/licenses/" in name]
    assert {Path(name).name for name in licences} >= {"LICENSE", "NOTICE"}
    entry = next(name for name in names if name.endswith("entry_points.txt"))
    commands = (installed / entry).read_text()
    assert set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]) == {"reprise"}
    assert "reprise = desktop.__main__:main" in commands
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); from desktop import paths; "
        "print(paths.resources()); assert (paths.resources() / 'catalog.toml').is_file()"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, str(installed)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert str(installed) in done.stdout
