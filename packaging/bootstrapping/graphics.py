"""Which build of the numeric libraries fits this computer."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

CPU_WHEELS = "https://download.pytorch.org/whl/cpu"
"""PyTorch's own index of builds without CUDA."""

OLDEST_DRIVER = 580
"""The CUDA 13 libraries of ONNX Runtime and torch need this NVIDIA driver or a newer one (Windows and Linux)."""

_PROC = Path("/proc/driver/nvidia/version")


def cuda_usable() -> bool:
    """Whether an NVIDIA driver that can run the CUDA builds is loaded."""
    if sys.platform == "darwin" or not _driver_library():
        return False
    version = driver_version()
    return version is None or version >= OLDEST_DRIVER


def driver_version() -> int | None:
    """Major version of the NVIDIA driver; None when it does not say."""
    if _PROC.exists():
        found = re.search(r"\s(\d{3,})\.\d+", _PROC.read_text(errors="replace"))
        return int(found[1]) if found else None
    tool = shutil.which("nvidia-smi")
    if not tool:
        return None
    try:
        command = [tool, "--query-gpu=driver_version", "--format=csv,noheader"]
        said = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.match(r"\s*(\d+)", said)
    return int(found[1]) if found else None


def _driver_library() -> bool:
    name = "nvcuda.dll" if os.name == "nt" else "libcuda.so.1"
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return os.name == "nt" or any(Path(device).exists() for device in ("/dev/nvidiactl", "/dev/dxg"))


def cpu_wheels_reachable(seconds: float = 4.0) -> bool:
    """Whether PyTorch's index answers soon."""
    # Slow to import, and needed by a first start only.
    import urllib.request

    try:
        request = urllib.request.Request(f"{CPU_WHEELS}/torch/", method="HEAD")
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError):
        return False
