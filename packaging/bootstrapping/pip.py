"""Runs pip quietly: short lines on the terminal, everything in the log."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from bootstrapping.trouble import Trouble, say

# Settings of the caller's shell that would send files elsewhere or load other people's packages.
_LEAKS = (
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "VIRTUAL_ENV",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_ROOT",
    "PIP_DRY_RUN",
    "PIP_LOG",
)

_REMEDIES = (
    (r"No space left on device|not enough space|disk full", "Free some disk space and start again."),
    (
        r"NewConnectionError|name resolution|getaddrinfo|Network is unreachable|timed out|Max retries|ConnectionError",
        "The package index cannot be reached. Check the network (or pip's own configuration) and start again.",
    ),
    (r"CERTIFICATE_VERIFY_FAILED|SSLError", "A proxy may be replacing certificates: set PIP_CERT to its certificate file."),
    (r"Permission denied|Access is denied", "Close programs that use this folder, check who owns it, and start again."),
)


def clean_environment() -> dict[str, str]:
    """The caller's environment without what would leak into ours."""
    environment = {key: value for key, value in os.environ.items() if key not in _LEAKS}
    return {**environment, "PYTHONNOUSERSITE": "1", "PYTHONUTF8": "1", "PIP_USER": "0", "PIP_NO_INPUT": "1"}


def pip(python: Path, arguments: list[str], log: Path, *, quiet: bool = False) -> None:
    """Run ``python -m pip``; raises Trouble with the end of what it said when it fails.

    With ``quiet`` nothing is shown, which suits a question that may well be answered with no.
    """
    command = [str(python), "-m", "pip", *arguments, "--progress-bar", "off", "--disable-pip-version-check"]
    said: list[str] = []
    with log.open("a", encoding="utf-8", errors="replace") as file:
        file.write(f"\n$ {' '.join(command)}\n")
        process = subprocess.Popen(
            command,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        assert process.stdout is not None
        try:
            for line in process.stdout:
                file.write(line)
                said.append(line.rstrip())
                if not quiet:
                    _show(line)
        except BaseException:
            process.kill()
            raise
        finally:
            process.stdout.close()
            code = process.wait()
            if not quiet:
                _show("")
    if code:
        raise Trouble(_why(said, log), _remedy("\n".join(said)))


def _why(said: list[str], log: Path) -> str:
    tail = "\n".join(f"    {line}" for line in said[-12:])
    return f"pip failed:\n{tail}\n  The whole log: {log}"


def _remedy(text: str) -> str:
    return next((remedy for pattern, remedy in _REMEDIES if re.search(pattern, text, re.IGNORECASE)), "")


def _show(line: str) -> None:
    """One changing line on a terminal; elsewhere only what takes long."""
    text = _short(line.strip())
    if sys.stdout.isatty():
        sys.stdout.write(f"\r\x1b[K  {text[:76]}" if text else "\r\x1b[K" if not line else "")
        sys.stdout.flush()
    elif text and (text.startswith("installing") or re.search(r"\d{3}\.\d MB|GB", text)):
        say(f"  {text}")


def _short(line: str) -> str:
    if found := re.match(r"Collecting (\S+)", line):
        return f"looking at {found[1]}"
    if found := re.match(r"Downloading (?:\S*/)?(\S+?)-\d\S* \((.+)\)", line):
        return f"downloading {found[1]} ({found[2]})"
    if found := re.match(r"Installing collected packages: (.+)", line):
        count = found[1].count(",") + 1
        return f"installing {count} packages" + (", which takes a minute or two" if count > 20 else "")
    return ""
