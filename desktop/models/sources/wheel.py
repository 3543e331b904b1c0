"""Files inside a wheel of the Python package index, fetched by pip with hashes and without dependencies.

pip is a child process, so that it can be ended at once; the wheel is opened as a zip archive and never installed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models.catalog import ModelFile, WheelSource
from desktop.models.files import check_space, explain_write, megabytes
from desktop.models.sources import archive

SCRATCH = "wheel-"
_POLL_S = 0.1
_END_S = 1.0
_DOWNLOAD_SHARE = 0.9
_SLACK_BYTES = 8 << 20


def fetch(source: WheelSource, files: Sequence[ModelFile], folder: Path, progress: Progress) -> None:
    """Put ``files`` into ``folder``, verified; the user's pip settings (mirrors, proxies, certificates) apply.

    Raises:
        UserError: pip is not there, the index cannot be reached or has no such wheel, or the wheel is not the expected one.
    """
    for left in folder.glob(f"{SCRATCH}*"):
        shutil.rmtree(left, ignore_errors=True)
    check_space(folder, source.size + sum(file.size for file in files))
    scratch = Path(tempfile.mkdtemp(prefix=SCRATCH, dir=folder))
    try:
        wheel = _download(source, scratch, progress.part(0.0, _DOWNLOAD_SHARE))
        archive.extract(wheel, source.members, files, folder, progress.part(_DOWNLOAD_SHARE, 1.0))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _download(source: WheelSource, scratch: Path, progress: Progress) -> Path:
    if getattr(sys, "frozen", False) or find_spec("pip") is None:
        raise UserError(
            "pip, which fetches Python packages, is not installed here",
            remedy=f"Run `{sys.executable} -m ensurepip`, or fetch the package {source.package} {source.version} elsewhere.",
        )
    requirement = scratch / "requirement.txt"
    hashes = " ".join(f"--hash=sha256:{value}" for value in source.sha256)
    requirement.write_text(f"{source.package}=={source.version} {hashes}\n", encoding="utf-8")
    target = scratch / "wheels"
    target.mkdir()
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:"]
    command += ["--no-input", "--disable-pip-version-check", "--no-cache-dir", "--progress-bar=off", "--retries=2"]
    for option, value in (("--python-version", source.python), ("--platform", source.platform)):
        command += [option, value] if value else []
    command += ["--dest", str(target), "--requirement", str(requirement)]
    _run(command, source, scratch, progress)
    wheels = list(target.glob("*.whl"))
    if len(wheels) != 1:
        raise UserError(f"pip gave {len(wheels)} wheels for {source.label} where one is expected")
    return wheels[0]


def _run(command: list[str], source: WheelSource, scratch: Path, progress: Progress) -> None:
    """Run pip, showing how much of the wheel has come; ends it when the user cancels."""
    # pip keeps a download in the temporary folder until it is complete, so that its growth can be watched there.
    environment = {**os.environ, "TMPDIR": str(scratch), "TEMP": str(scratch), "TMP": str(scratch), "PYTHONUNBUFFERED": "1"}
    # A constraint file cannot go with hashes; the exact version is asked for anyway.
    for name in ("PIP_CONSTRAINT", "PIP_REQUIREMENT", "PIP_TARGET", "PIP_NO_BINARY"):
        environment.pop(name, None)
    log = scratch / "pip.log"
    with log.open("wb") as out:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=scratch,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        done = 0
        try:
            while child.poll() is None:
                here = _bytes_below(scratch)
                # pip compares hashes after the download only; twice, because it copies the wheel to its place.
                if here > 2 * source.size + _SLACK_BYTES:
                    raise UserError(f"the index sends more than the {source.size} bytes that the catalog expects")
                # Less is there again once pip has removed its own copy.
                done = max(done, min(source.size, here))
                progress.at(done / source.size, f"Fetching {source.label}: {megabytes(done)} of {megabytes(source.size)}")
                time.sleep(_POLL_S)
        finally:
            _end(child)
    if child.returncode:
        text = log.read_text(encoding="utf-8", errors="replace")
        if any(os.strerror(code) in text for code in (errno.ENOSPC, errno.EFBIG)):
            raise explain_write(OSError(errno.ENOSPC, ""), scratch)
        raise UserError(f"pip could not fetch {source.label}: {_reason(text)}")


def _bytes_below(folder: Path) -> int:
    total = 0
    # pip makes and removes folders meanwhile: what is gone when it is looked at does not count.
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.stat(os.path.join(place, name)).st_size  # noqa: PTH116, PTH118
    return total


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(_END_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _reason(log: str) -> str:
    """The part of pip's output that says why: its errors, else its last line."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    return " ".join(errors or lines[-1:] or ["it said nothing"])
