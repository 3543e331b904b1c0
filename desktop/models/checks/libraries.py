"""System libraries that Qt needs on Linux, which no Python package brings, and the command that installs them."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple


class Library(NamedTuple):
    """A shared library, what stops working without it, and its package on Debian and Ubuntu, on Fedora, and on Arch."""

    name: str
    needed_for: str
    debian: str
    fedora: str
    arch: str


LIBRARIES = (
    Library("libEGL.so.1", "the window", "libegl1", "libglvnd-egl", "libglvnd"),
    Library("libGL.so.1", "the window", "libgl1", "libglvnd-glx", "libglvnd"),
    Library("libglib-2.0.so.0", "the window", "libglib2.0-0", "glib2", "glib2"),
    Library("libfontconfig.so.1", "the window", "libfontconfig1", "fontconfig", "fontconfig"),
    Library("libdbus-1.so.3", "the window", "libdbus-1-3", "dbus-libs", "dbus"),
    Library("libxkbcommon.so.0", "the window", "libxkbcommon0", "libxkbcommon", "libxkbcommon"),
    Library("libxkbcommon-x11.so.0", "the window on X11", "libxkbcommon-x11-0", "libxkbcommon-x11", "libxkbcommon-x11"),
    Library("libxcb-cursor.so.0", "the window on X11", "libxcb-cursor0", "xcb-util-cursor", "xcb-util-cursor"),
    Library("libxcb-icccm.so.4", "the window on X11", "libxcb-icccm4", "xcb-util-wm", "xcb-util-wm"),
    Library("libxcb-image.so.0", "the window on X11", "libxcb-image0", "xcb-util-image", "xcb-util-image"),
    Library("libxcb-keysyms.so.1", "the window on X11", "libxcb-keysyms1", "xcb-util-keysyms", "xcb-util-keysyms"),
    Library("libxcb-render-util.so.0", "the window on X11", "libxcb-render-util0", "xcb-util-renderutil", "xcb-util-renderutil"),
    Library("libpulse.so.0", "sound in the window", "libpulse0", "pulseaudio-libs", "libpulse"),
)


def missing() -> list[Library]:
    """Those that the system's loader does not find; none on other systems than Linux."""
    return [library for library in LIBRARIES if not _loads(library.name)] if sys.platform == "linux" else []


def command(libraries: Collection[Library], families: Collection[str]) -> str:
    """The command that installs them on a distribution of these families; names the libraries where none is known.

    ``families`` as in os-release: its ID and ID_LIKE.
    """
    if not libraries:
        return ""
    if {"debian", "ubuntu"} & set(families):
        return "sudo apt-get install " + _packages(library.debian for library in libraries)
    if {"fedora", "rhel", "centos"} & set(families):
        return "sudo dnf install " + _packages(library.fedora for library in libraries)
    if "arch" in families:
        return "sudo pacman -S --needed " + _packages(library.arch for library in libraries)
    return "Install what your system calls " + ", ".join(library.name for library in libraries)


def families(release: Path = Path("/etc/os-release")) -> list[str]:
    """Name of the distribution and of those it resembles; empty where there is no os-release file."""
    try:
        lines = release.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    return [word for key in ("ID", "ID_LIKE") for word in values.get(key, "").strip("\"' ").lower().split()]


def _packages(names: Iterable[str]) -> str:
    return " ".join(dict.fromkeys(names))


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True
