"""System libraries that the window and the sound need and that no wheel brings (Linux)."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

from bootstrapping.trouble import say

DEBIAN = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libdbus-1.so.3": "libdbus-1-3",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libpulse.so.0": "libpulse0",
}
"""Library -> Debian's and Ubuntu's package. (Old names of packages that Debian 13 renamed are still provided there.)"""

ARCH = (
    "libglvnd glib2 fontconfig freetype2 dbus libxkbcommon libxkbcommon-x11 xcb-util-cursor xcb-util-wm xcb-util-image "
    "xcb-util-keysyms xcb-util-renderutil libpulse ttf-dejavu"
)
FONTS = "fonts-dejavu-core"


def missing() -> list[str]:
    """Names of absent libraries; "fonts" when there is no font at all."""
    if not sys.platform.startswith("linux"):
        return []
    absent = [name for name in DEBIAN if not _loads(name)]
    places = (
        Path("/usr/share/fonts"),
        Path("/usr/local/share/fonts"),
        Path.home() / ".local/share/fonts",
        Path.home() / ".fonts",
    )
    if not any(_has_font(folder) for folder in places):
        absent.append("fonts")
    return absent


def provide(names: list[str]) -> bool:
    """Install what is missing when that can be done unasked (root on Debian or Ubuntu), else say how; whether all is there."""
    if not names:
        return True
    say(f"Missing system libraries: {', '.join(names)}")
    if can_install():
        packages = debian_packages(names)
        say(f"  installing {' '.join(packages)} ...")
        if apt_install(packages):
            return True
        say("  that did not work.")
    say(f"  Without them the window or its sound may not start. To install them:\n    {command(names)}")
    return False


def debian_packages(names: list[str]) -> list[str]:
    """The packages that bring ``names``."""
    return sorted({DEBIAN.get(name, FONTS) for name in names})


def command(names: list[str]) -> str:
    """What to type to install ``names`` on this system."""
    if shutil.which("apt-get"):
        return f"sudo apt-get install {' '.join(debian_packages(names))}"
    for tool in ("dnf", "zypper"):
        if shutil.which(tool):
            wanted = ["dejavu-sans-fonts" if name == "fonts" else f"'{name}()(64bit)'" for name in names]
            return f"sudo {tool} install {' '.join(wanted)}"
    if shutil.which("pacman"):
        return f"sudo pacman -S --needed {ARCH}"
    return f"(your system's package manager) the packages that hold {' '.join(names)}"


def can_install() -> bool:
    """Root on Debian or one of its children."""
    return hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get") is not None


def apt_install(packages: list[str]) -> bool:
    """Install Debian packages without a question; whether it worked."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "-o", "DPkg::Lock::Timeout=120", "install", "-y", "--no-install-recommends", *packages]
    for step in (["apt-get", "update"], install):
        done = subprocess.run(step, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        say("\n".join((done.stdout + done.stderr).strip().splitlines()[-5:]))
    return done.returncode == 0


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _has_font(folder: Path) -> bool:
    return any(name.lower().endswith((".ttf", ".otf", ".ttc", ".pfb")) for _, _, names in os.walk(folder) for name in names)
