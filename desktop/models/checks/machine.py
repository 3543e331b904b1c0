"""Versions, processor, memory, NVIDIA driver, folders."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from desktop import __version__
from desktop.models import cpu

PACKAGES = (
    "PySide6", "pyqtgraph", "onnxruntime-gpu", "onnxruntime", "torch", "transformers", "av", "numpy", "scipy",
    "pretty_midi", "mido", "opencv-python", "huggingface_hub", "httpx", "msgspec", "pip",
)  # fmt: skip
_FEATURES = ("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512_vnni", "amx_tile", "asimd", "asimddp", "i8mm")
_SMI_TIMEOUT_S = 5.0


def versions() -> dict[str, str]:
    """Of Reprise, Python and every package that matters and is installed; imports none of them."""
    found = {"reprise": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def system() -> dict[str, Any]:
    """Operating system, processor and memory (bytes; 0 where the system does not tell)."""
    total, available = _memory()
    name, features = _processor()
    return {
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpu": {"name": name, "cores": cpu.cores(), "threads": len(cpu.allowed()), "features": features},
        "memory": {"total": total, "available": available},
    }


def gpus() -> list[dict[str, Any]]:
    """NVIDIA GPUs as their driver's tool lists them (memory in bytes); empty without the tool."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    query = "name,memory.total,memory.free,driver_version,compute_cap"
    try:
        done = subprocess.run(
            [tool, f"--query-gpu={query}", "--format=csv,noheader,nounits"],
            capture_output=True, text=True, timeout=_SMI_TIMEOUT_S, check=True, stdin=subprocess.DEVNULL,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return []
    return parse_gpus(done.stdout)


def parse_gpus(text: str) -> list[dict[str, Any]]:
    """Lines of ``name, MiB, MiB free, driver, compute capability``."""
    found = []
    for line in text.splitlines():
        fields = [field.strip() for field in line.split(",")]
        if len(fields) == 5:
            name, total, free, driver, capability = fields
            memory = {"memory": _mebibytes(total), "free": _mebibytes(free)}
            found.append({"name": name, **memory, "driver": driver, "capability": capability})
    return found


def folder(name: str, path: Path) -> dict[str, Any]:
    """A folder of the user: free bytes, and whether a file can really be written there ("" or the reason why not)."""
    try:
        free = shutil.disk_usage(path).free
        with tempfile.NamedTemporaryFile(dir=path, prefix=".reprise-check-") as file:
            file.write(b"x")
            file.flush()
    except OSError as error:
        return {"name": name, "path": str(path), "free": 0, "problem": error.strerror or str(error)}
    return {"name": name, "path": str(path), "free": free, "problem": ""}


def _mebibytes(text: str) -> int:
    return int(text) << 20 if text.isdigit() else 0


def _processor() -> tuple[str, list[str]]:
    if sys.platform == "darwin":
        return _ask("sysctl", "-n", "machdep.cpu.brand_string") or platform.processor(), []
    info: Mapping[str, str] = {}
    if sys.platform == "linux":
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split("\n\n")[0].splitlines()
        info = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    flags = (info.get("flags") or info.get("Features") or "").split()
    name = info.get("model name") or platform.processor() or platform.machine()
    return name, [feature for feature in _FEATURES if feature in flags]


def _ask(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=_SMI_TIMEOUT_S, check=False).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def _memory() -> tuple[int, int]:
    if sys.platform == "win32":
        return _windows_memory()
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    available = 0
    if sys.platform == "linux":
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                available = int(line.split()[1]) * 1024
    return total, available


def _windows_memory() -> tuple[int, int]:
    class Status(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ulong), ("load", ctypes.c_ulong)] + [
            (name, ctypes.c_ulonglong) for name in ("total", "available", "page", "free", "virtual", "unused", "extended")
        ]

    status = Status()
    status.length = ctypes.sizeof(status)
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009 - the attribute exists on Windows only
    if not kernel.GlobalMemoryStatusEx(ctypes.byref(status)):
        return 0, 0
    return int(status.total), int(status.available)
