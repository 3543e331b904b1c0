"""Which files the Video panel opens, and where results go."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import platformdirs

from desktop import paths
from desktop.batch.sources import files_in

VIDEOS = (
    ".mp4", ".m4v", ".mkv", ".mov", ".avi", ".mpg", ".mpeg", ".mpe", ".m1v", ".m2v", ".ts", ".m2ts", ".mts", ".vob", ".dv",
    ".wmv", ".asf", ".flv", ".webm", ".3gp", ".3g2", ".ogv", ".mxf", ".rm", ".rmvb", ".divx", ".y4m",
)  # fmt: skip
STILLS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp")
CONTAINERS = {
    ".mp4": "MP4",
    ".mkv": "Matroska (MKV)",
    ".mov": "QuickTime (MOV)",
    ".webm": "WebM",
    ".avi": "AVI",
}
"""Containers a result can be written to."""


def is_video(path: Path) -> bool:
    """Whether a file is a video by its name."""
    return path.suffix.lower() in VIDEOS


def is_still(path: Path) -> bool:
    """Whether a file is an image by its name."""
    return path.suffix.lower() in STILLS


def takes(path: Path) -> bool:
    """Whether the panel opens it: a video, an image, or a folder with such in it."""
    return is_video(path) or is_still(path) or bool(path.is_dir() and clips_in(path))


def clips_in(folder: Path) -> list[Path]:
    """What of a folder can be restored: its videos, and the folder itself when there are images in it."""
    try:
        inside = sorted(child for child in folder.iterdir() if not child.name.startswith("."))
    except OSError:
        return []
    videos = [child for child in inside if is_video(child) and child.is_file()]
    return [*videos, *([folder] if any(is_still(child) for child in inside) else [])]


def all_below(folder: Path) -> list[Path]:
    """The clips of a folder and all below it, and every folder that has images in it, by name; no results of ours."""
    found = files_in(folder, "restore")
    stills = dict.fromkeys(one.path.parent for one in found if is_still(one.path))
    return [*(one.path for one in found if not is_still(one.path)), *stills]


def gather(paths: Iterable[Path]) -> list[Path]:
    """Clips, images and folders of images among files and folders, each once, in their order."""
    found: dict[Path, None] = {}
    for path in paths:
        for clip in clips_in(path) if path.is_dir() else [path] if takes(path) else []:
            found[clip.absolute()] = None
    return list(found)


def output_for(source: Path, suffix: str = "", folder: str = "") -> Path:
    """Where the result of a clip goes: beside it, or into ``folder``, under a name that nothing has yet.

    From a folder that takes no files, and for the clips that come along, the user's folder for videos.
    """
    place = Path(folder) if folder else _beside(source)
    if source.is_dir():
        return _free(place / f"{source.name}-restored")
    suffix = suffix or (source.suffix.lower() if is_still(source) or source.suffix.lower() in CONTAINERS else ".mkv")
    return _free(place / f"{source.stem}-restored{suffix}")


def _beside(source: Path) -> Path:
    if source.is_relative_to(paths.resources()) or not os.access(source.parent, os.W_OK):
        return platformdirs.user_videos_path()
    return source.parent


def _free(path: Path) -> Path:
    number, tried = 2, path
    while tried.exists():
        tried = path.with_name(f"{path.stem} {number}{path.suffix}")
        number += 1
    return tried
